/* SPDX-License-Identifier: MIT */
#include "curlerror.h"

#include <errno.h>
#include <string.h>

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
	{CURLE_UNSUPPORTED_PROTOCOL, EPROTO, false, "no web server answers there"},
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

#define OLD_TLS "it speaks a TLS that is too old: at least 1.2 is wanted"

/*
 * What TLS libraries say, which the code alone does not: OpenSSL's words, then GnuTLS's. A server that ends the
 * conversation because of our certificate is heard of as if the connection had failed.
 */
static const struct {
	const char *words;
	int err;
	const char *hint;
} tls_table[] = {
	{"certificate has expired", EPROTO, "it must be renewed, or the clock of this machine is wrong"},
	{"certificate expiration date has passed", EPROTO, "it must be renewed, or the clock of this machine is wrong"},
	{"certificate is not yet valid", EPROTO, "is the clock of this machine right?"},
	{"certificate not activated yet", EPROTO, "is the clock of this machine right?"},
	{"subject name", EPROTO, "name the registry as its certificate does"},
	{"self-signed certificate in certificate chain", EPROTO,
	 "an authority signed it that this machine does not know: trust that with -o cacert=FILE"},
	{"self signed certificate in certificate chain", EPROTO,
	 "an authority signed it that this machine does not know: trust that with -o cacert=FILE"},
	{"self-signed certificate", EPROTO, "it is its own authority: trust it with -o cacert=FILE"},
	{"self signed certificate", EPROTO, "it is its own authority: trust it with -o cacert=FILE"},
	{"unable to get local issuer certificate", EPROTO,
	 "an authority signed it that this machine does not know, or the registry does not send the whole chain: trust "
	 "that with -o cacert=FILE"},
	{"certificate required", EACCES,
	 "the registry wants a client certificate: -o cert=FILE and key=FILE, or certs.d"},
	{"alert unknown ca", EACCES, "the registry does not know who signed our client certificate"},
	{"alert bad certificate", EACCES, "the registry does not accept our client certificate"},
	{"alert certificate expired", EACCES, "our client certificate has expired: renew the file of cert="},
	{"alert handshake failure", EPROTO, "it may want a client certificate: -o cert=FILE and key=FILE"},
	{"unsupported protocol", EPROTO, OLD_TLS},
	{"alert protocol version", EPROTO, OLD_TLS},
	{"legacy sigalg", EPROTO, OLD_TLS},
	{"illegal or unsupported version", EPROTO, OLD_TLS},
	{"wrong version number", EPROTO, "if it speaks plain http, write http:// before its name"},
	{"packet length too long", EPROTO, "if it speaks plain http, write http:// before its name"},
	{"unexpected TLS packet", EPROTO, "if it speaks plain http, write http:// before its name"},
	{"unable to set private key", EPROTO, "is the file of key= the key of cert=, without a passphrase?"},
	{"does not match the certificate", EPROTO, "is the file of key= the key of cert=?"},
	{"could not load", EPROTO, "are the files of cert= and key= in PEM form, and belong together?"},
};

/* Of GnuTLS, which says why in bits alone (gnutls_certificate_status_t). */
static const char *verify_hint(long verified)
{
	enum { SIGNER_NOT_FOUND = 1 << 6, NOT_ACTIVATED = 1 << 9, EXPIRED = 1 << 10 };

	if (verified & EXPIRED)
		return "it has expired: it must be renewed, or the clock of this machine is wrong";
	if (verified & NOT_ACTIVATED)
		return "it is not yet valid: is the clock of this machine right?";
	return "an authority signed it that this machine does not know: trust that with -o cacert=FILE";
}

static int tls_error(struct reg_error *error, long verified, const char *message)
{
	if (strstr(message, "server certificate verification failed"))
		return reg_fail(error, -EPROTO, "the registry's certificate is not accepted: %s",
				verify_hint(verified));
	for (size_t i = 0; i < ARRAY_SIZE(tls_table); i++)
		if (strstr(message, tls_table[i].words))
			return reg_fail(error, -tls_table[i].err, "%s (%s)", message, tls_table[i].hint);
	return 0;
}

static int connect_errno(int os_error)
{
	switch (os_error) {
	case EHOSTUNREACH:
	case ENETUNREACH:
		return EHOSTUNREACH;
	case ETIMEDOUT:
	case EMFILE:
	case ENFILE:
		return os_error;
	default:
		return ECONNREFUSED;
	}
}

int curl_error(struct reg_error *error, CURLcode code, int os_error, long verified, const char *message)
{
	const int r = tls_error(error, verified, message);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		int err = table[i].err;
		const char *hint = table[i].hint;

		if (table[i].code != code)
			continue;
		if (code == CURLE_COULDNT_CONNECT)
			err = connect_errno(os_error);
		if (err == EMFILE || err == ENFILE)
			hint = "too many files are open: raise ulimit -n, or lower connections=";
		if (hint)
			return reg_fail(error, -err, "%s (%s)", message, hint);
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
