/* SPDX-License-Identifier: MIT */
#include "curlerror.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static const struct {
	const char *why;
	CURLcode code;
	int os_error, want;
	bool transient;
	const char *hint; /* words that must be there, or NULL */
} cases[] = {
	{"no such name", CURLE_COULDNT_RESOLVE_HOST, 0, -EHOSTUNREACH, false, "registry's name"},
	{"no such proxy", CURLE_COULDNT_RESOLVE_PROXY, 0, -EHOSTUNREACH, false, "proxy's name"},
	{"refused", CURLE_COULDNT_CONNECT, ECONNREFUSED, -ECONNREFUSED, false, "running"},
	{"not connected, nobody says why", CURLE_COULDNT_CONNECT, 0, -ECONNREFUSED, false, NULL},
	{"no route to the host", CURLE_COULDNT_CONNECT, EHOSTUNREACH, -EHOSTUNREACH, false, NULL},
	{"no route to the network", CURLE_COULDNT_CONNECT, ENETUNREACH, -EHOSTUNREACH, false, NULL},
	{"no answer to the connection", CURLE_COULDNT_CONNECT, ETIMEDOUT, -ETIMEDOUT, false, NULL},
	{"time-out", CURLE_OPERATION_TIMEDOUT, 0, -ETIMEDOUT, false, NULL},
	{"an errno does not count elsewhere", CURLE_OPERATION_TIMEDOUT, EHOSTUNREACH, -ETIMEDOUT, false,
	 NULL},
	{"a certificate that nobody trusts", CURLE_PEER_FAILED_VERIFICATION, 0, -EPROTO, false, "cacert="},
	{"no TLS", CURLE_SSL_CONNECT_ERROR, 0, -EPROTO, false, "http://"},
	{"a bad file of certificates", CURLE_SSL_CACERT_BADFILE, 0, -EPROTO, false, "PEM"},
	{"no HTTP", CURLE_WEIRD_SERVER_REPLY, 0, -EPROTO, false, NULL},
	{"no http, by a redirect", CURLE_UNSUPPORTED_PROTOCOL, 0, -EPROTO, false, NULL},
	{"memory", CURLE_OUT_OF_MEMORY, 0, -ENOMEM, false, NULL},
	{"too large", CURLE_FILESIZE_EXCEEDED, 0, -EFBIG, false, NULL},
	{"closed without an answer", CURLE_GOT_NOTHING, 0, -EIO, true, NULL},
	{"reset", CURLE_RECV_ERROR, ECONNRESET, -EIO, true, NULL},
	{"broken pipe", CURLE_SEND_ERROR, EPIPE, -EIO, true, NULL},
	{"broke off", CURLE_PARTIAL_FILE, 0, -EIO, true, NULL},
	{"HTTP/2 framing", CURLE_HTTP2, 0, -EIO, true, NULL},
	{"HTTP/2 stream", CURLE_HTTP2_STREAM, 0, -EIO, true, NULL},
	{"too many redirects", CURLE_TOO_MANY_REDIRECTS, 0, -EIO, false, NULL},
	{"what is not in the table", CURLE_TELNET_OPTION_SYNTAX, 0, -EIO, false, NULL},
};

static void table(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct reg_error e = {0};

		check_int(curl_error(&e, cases[k].code, cases[k].os_error, "what curl said"), cases[k].want,
			  cases[k].why);
		check_int(e.err, cases[k].want, cases[k].why);
		check(strncmp(e.msg, "what curl said", 14) == 0, cases[k].why);
		check(!cases[k].hint || strstr(e.msg, cases[k].hint), cases[k].why);
		check_int(curl_error_transient(cases[k].code), cases[k].transient, cases[k].why);
	}
	assert_int_equal(curl_error(NULL, CURLE_GOT_NOTHING, 0, "nothing"), -EIO);
}

/* A message may hold what a server sent. */
static void one_line(void **state)
{
	struct reg_error e = {0};

	(void)state;
	curl_error(&e, CURLE_RECV_ERROR, 0, "one\r\ntwo\x1b[31m");
	assert_null(strpbrk(e.msg, "\r\n\x1b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(one_line)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
