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
	{"no socket", CURLE_COULDNT_CONNECT, EMFILE, -EMFILE, false, "ulimit -n"},
	{"no socket for anybody", CURLE_COULDNT_CONNECT, ENFILE, -ENFILE, false, "ulimit -n"},
	{"time-out", CURLE_OPERATION_TIMEDOUT, 0, -ETIMEDOUT, false, NULL},
	{"an errno does not count elsewhere", CURLE_OPERATION_TIMEDOUT, EHOSTUNREACH, -ETIMEDOUT, false,
	 NULL},
	{"a certificate that nobody trusts", CURLE_PEER_FAILED_VERIFICATION, 0, -EPROTO, false, "cacert="},
	{"no TLS", CURLE_SSL_CONNECT_ERROR, 0, -EPROTO, false, "http://"},
	{"a bad file of certificates", CURLE_SSL_CACERT_BADFILE, 0, -EPROTO, false, "PEM"},
	{"no HTTP", CURLE_WEIRD_SERVER_REPLY, 0, -EPROTO, false, NULL},
	{"no line of HTTP", CURLE_UNSUPPORTED_PROTOCOL, 0, -EPROTO, false, "no web server"},
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

		check_int(curl_error(&e, cases[k].code, cases[k].os_error, 0, "what curl said"),
			  cases[k].want, cases[k].why);
		check_int(e.err, cases[k].want, cases[k].why);
		check(strncmp(e.msg, "what curl said", 14) == 0, cases[k].why);
		check(!cases[k].hint || strstr(e.msg, cases[k].hint), cases[k].why);
		check_int(curl_error_transient(cases[k].code), cases[k].transient, cases[k].why);
	}
	assert_int_equal(curl_error(NULL, CURLE_GOT_NOTHING, 0, 0, "nothing"), -EIO);
}

static const struct {
	CURLcode code;
	long verified;
	const char *message;
	int want;
	const char *words;
} tls_cases[] = {
	{CURLE_PEER_FAILED_VERIFICATION, 10, "SSL certificate problem: certificate has expired", -EPROTO,
	 "renewed"},
	{CURLE_PEER_FAILED_VERIFICATION, 9, "SSL certificate problem: certificate is not yet valid", -EPROTO,
	 "clock"},
	{CURLE_PEER_FAILED_VERIFICATION, 18, "SSL certificate problem: self-signed certificate", -EPROTO,
	 "its own authority"},
	{CURLE_PEER_FAILED_VERIFICATION, 20,
	 "SSL certificate problem: unable to get local issuer certificate", -EPROTO, "cacert="},
	{CURLE_PEER_FAILED_VERIFICATION, 0,
	 "SSL: no alternative certificate subject name matches target host name 'a'", -EPROTO,
	 "as its certificate"},
	/* GnuTLS says why in bits. */
	{CURLE_PEER_FAILED_VERIFICATION, 0x42,
	 "server certificate verification failed. CAfile: none CRLfile: none", -EPROTO, "cacert="},
	{CURLE_PEER_FAILED_VERIFICATION, 0x402,
	 "server certificate verification failed. CAfile: none CRLfile: none", -EPROTO, "has expired"},
	{CURLE_PEER_FAILED_VERIFICATION, 0x202,
	 "server certificate verification failed. CAfile: none CRLfile: none", -EPROTO, "not yet valid"},
	/* TLS 1.3 refuses after the handshake: libcurl takes it for a broken connection. */
	{CURLE_RECV_ERROR, 0,
	 "OpenSSL SSL_read: error:0A00045C:SSL routines::tlsv13 alert certificate required", -EACCES,
	 "client certificate"},
	{CURLE_SSL_CONNECT_ERROR, 0, "error:0A00010B:SSL routines::wrong version number", -EPROTO, "http://"},
	{CURLE_SSL_CONNECT_ERROR, 0, "error:0A00014D:SSL routines::legacy sigalg disallowed or unsupported", -EPROTO,
	 "too old"},
	{CURLE_SSL_CONNECT_ERROR, 0, "error:0A00042E:SSL routines::tlsv1 alert protocol version", -EPROTO, "too old"},
	{CURLE_SSL_CONNECT_ERROR, 0, "error:0A000102:SSL routines::unsupported protocol", -EPROTO, "too old"},
	{CURLE_SSL_CONNECT_ERROR, 0, "gnutls_handshake() failed: A packet with illegal or unsupported version was received.",
	 -EPROTO, "too old"},
	{CURLE_SSL_CONNECT_ERROR, 0, "gnutls_handshake() failed: An unexpected TLS packet was received.",
	 -EPROTO, "http://"},
};

static void tls(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(tls_cases); k++) {
		struct reg_error e = {0};

		check_int(curl_error(&e, tls_cases[k].code, 0, tls_cases[k].verified, tls_cases[k].message),
			  tls_cases[k].want, tls_cases[k].message);
		check(strstr(e.msg, tls_cases[k].words), tls_cases[k].message);
	}
}

/* A message may hold what a server sent. */
static void one_line(void **state)
{
	struct reg_error e = {0};

	(void)state;
	curl_error(&e, CURLE_RECV_ERROR, 0, 0, "one\r\ntwo\x1b[31m");
	assert_null(strpbrk(e.msg, "\r\n\x1b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table), cmocka_unit_test(tls),
					   cmocka_unit_test(one_line)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
