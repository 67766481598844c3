/* SPDX-License-Identifier: MIT */
#include "curlerror.h"

#include <errno.h>

#include "error.h"
#include "util/cleanup.h"

static const struct {
	CURLcode code;
	int err;
	bool transient;
	const char *hint; /* how to mend it, or NULL */
} table[] = {
	{CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH, false, "check the registry's name"},
	{CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH, false, "check the proxy's name"},
	{CURLE_COULDNT_CONNECT, ECONNREFUSED, false, "is the registry running there?"},
	{CURLE_OPERATION_TIMEDOUT, ETIMEDOUT, false, NULL},
	{CURLE_PEER_FAILED_VERIFICATION, EPROTO, false, "trust its certificate with -o cacert=FILE"},
	{CURLE_SSL_CONNECT_ERROR, EPROTO, false, "if it speaks plain http, write http:// before its name"},
	{CURLE_SSL_CERTPROBLEM, EPROTO, false, NULL},
	{CURLE_SSL_CIPHER, EPROTO, false, NULL},
	{CURLE_SSL_CACERT_BADFILE, EPROTO, false, "is the file of cacert= a PEM certificate?"},
	{CURLE_SSL_ISSUER_ERROR, EPROTO, false, NULL},
	{CURLE_UNSUPPORTED_PROTOCOL, EPROTO, false, NULL},
	{CURLE_WEIRD_SERVER_REPLY, EPROTO, false, "no web server answers there"},
	{CURLE_OUT_OF_MEMORY, ENOMEM, false, NULL},
	{CURLE_FILESIZE_EXCEEDED, EFBIG, false, NULL},
	{CURLE_GOT_NOTHING, EIO, true, NULL},
	{CURLE_RECV_ERROR, EIO, true, NULL},
	{CURLE_SEND_ERROR, EIO, true, NULL},
	{CURLE_PARTIAL_FILE, EIO, true, NULL},
	{CURLE_HTTP2, EIO, true, NULL},
	{CURLE_HTTP2_STREAM, EIO, true, NULL},
};

static int connect_errno(int os_error)
{
	switch (os_error) {
	case EHOSTUNREACH:
	case ENETUNREACH:
		return EHOSTUNREACH;
	case ETIMEDOUT:
		return ETIMEDOUT;
	default:
		return ECONNREFUSED;
	}
}

int curl_error(struct reg_error *error, CURLcode code, int os_error, const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int err = table[i].err;

		if (table[i].code != code)
			continue;
		if (code == CURLE_COULDNT_CONNECT)
			err = connect_errno(os_error);
		if (table[i].hint)
			return reg_fail(error, -err, "%s (%s)", message, table[i].hint);
		return reg_fail(error, -err, "%s", message);
	}
	return reg_fail(error, -EIO, "%s", message);
}

bool curl_error_transient(CURLcode code)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].code == code)
			return table[i].transient;
	return false;
}
