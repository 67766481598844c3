/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "http_inner.h"
#include "util/buf.h"

/* Seconds after which the file of cacert= is read anew, for connections made from then on. */
#define CA_RENEWED_S 10L

/* A failed option is a bug or a lack of memory: the transfer does not start half configured. */
static void set_long(CURL *easy, CURLoption option, long value, CURLcode *r)
{
	if (*r == CURLE_OK)
		*r = curl_easy_setopt(easy, option, value);
}

static void set_ptr(CURL *easy, CURLoption option, const void *value, CURLcode *r)
{
	if (*r == CURLE_OK)
		*r = curl_easy_setopt(easy, option, value);
}

static void add_header(struct transfer *t, const char *name, const char *value, CURLcode *r)
{
	struct buf line;
	struct curl_slist *more = NULL;

	if (*r != CURLE_OK)
		return;
	buf_init(&line, 128 << 10); /* a token of token.c fits */
	if (buf_printf(&line, "%s: %s", name, value) == 0)
		more = curl_slist_append(t->headers, line.data);
	if (line.data)
		explicit_bzero(line.data, line.size); /* it may be an Authorization */
	buf_done(&line);
	if (more)
		t->headers = more;
	else
		*r = CURLE_OUT_OF_MEMORY;
}

static bool is_own(const struct http *h, const struct transfer *t)
{
	return strcmp(t->q->host->origin, h->origin) == 0;
}

/* Who trusts us is asked for nobody else's sake: our certificate is for the registry alone. */
static void set_identity(const struct http *h, const struct transfer *t, CURLcode *r)
{
	if (!h->tls.cert || !is_own(h, t))
		return;
	set_ptr(t->easy, CURLOPT_SSLCERT, h->tls.cert, r);
	set_ptr(t->easy, CURLOPT_SSLKEY, h->tls.key, r);
	set_ptr(t->easy, CURLOPT_KEYPASSWD, "", r); /* or OpenSSL asks on the terminal */
}

static CURLcode set_security(const struct http *h, struct transfer *t, bool https)
{
	const bool insecure = h->tls.insecure || (h->tls.insecure_own && is_own(h, t));
	const char *const proxy = proxies_choose(&h->proxies, t->q->host->origin);
	CURL *easy = t->easy;
	CURLcode r = CURLE_OK;

	set_ptr(easy, CURLOPT_PROTOCOLS_STR, "http,https", &r);
	set_long(easy, CURLOPT_FOLLOWLOCATION, 0L, &r); /* http.c does: other hosts are not shown all */
	if (h->tls.cafile) {
		set_ptr(easy, CURLOPT_CAINFO, h->tls.cafile, &r);
		set_ptr(easy, CURLOPT_CAPATH, NULL, &r); /* or the system's folder is trusted beside it */
		/* libcurl keeps for a day what it has read: a mount stands for longer than an authority may. Not
		 * all TLS libraries keep it, and have this option. */
		if (h->tls.cafd < 0)
			(void)curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_RENEWED_S);
	}
	set_long(easy, CURLOPT_SSL_VERIFYPEER, insecure ? 0L : 1L, &r);
	set_long(easy, CURLOPT_SSL_VERIFYHOST, insecure ? 0L : 2L, &r);
	set_identity(h, t, &r);
	t->proxied = proxy;
	set_ptr(easy, CURLOPT_PROXY, proxy ? proxy : "", &r);
	if (proxy && strncasecmp(proxy, "http://", 7) == 0)
		set_long(easy, CURLOPT_PROXYPORT, 80L, &r); /* as docker and Go have it: libcurl's own is 1080 */
	set_ptr(easy, CURLOPT_NOPROXY, "", &r); /* proxy.c has looked */
	if (https)
		set_long(easy, CURLOPT_PIPEWAIT, 1L, &r);
	return r;
}

/*
 * A connection is there, and the request is about to leave. libcurl sends it again, unasked, where a
 * connection that was used before turns out to be closed; whether the registry saw it the first time is not
 * known then. Nothing that changes something is repeated like that: session.c decides.
 */
static int on_ready(void *arg, char *address, char *local, int port, int local_port)
{
	struct transfer *t = arg;
	struct http_request *q = t->q;
	long before = 0; /* what HTTP Digest is the answer to */

	(void)address, (void)local, (void)port, (void)local_port;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &before);
	if (!q->unsent && http_method_changes(q->method) && !(q->digest_user && before == 401))
		return CURL_PREREQFUNC_ABORT;
	q->unsent = false;
	t->reached = true;
	return CURL_PREREQFUNC_OK;
}

/* libcurl itself does not say why there is no socket, and has programs that we start inherit it. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct transfer *t = arg;
	const int fd = socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);

	(void)purpose;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		t->no_socket = errno;
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static void set_method(struct transfer *t, CURLcode *r)
{
	const struct http_request *q = t->q;

	set_long(t->easy, CURLOPT_NOBODY, q->method == HTTP_HEAD, r);
	if (http_method_changes(q->method))
		set_ptr(t->easy, CURLOPT_CUSTOMREQUEST, http_method_name(q->method), r);
	if (q->method != HTTP_PUT && q->method != HTTP_POST)
		return;
	set_ptr(t->easy, CURLOPT_POSTFIELDS, q->upload, r);
	if (*r == CURLE_OK)
		*r = curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->upload_size);
	add_header(t, "Content-Type", q->upload_type, r);
	add_header(t, "Expect", "", r); /* none: few servers answer 100, and the others are waited for */
}

static void set_time(struct transfer *t, CURLcode *r)
{
	const struct http_request *q = t->q;
	const uint64_t spent = q->hops || q->renewed ? loop_now() - q->started : 0;
	const uint64_t ms = q->timeout_ms > spent ? q->timeout_ms - spent : 1;

	set_long(t->easy, CURLOPT_TIMEOUT_MS, (long)ms, r);
	set_long(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(ms < 10000 ? ms : 10000), r);
}

/* libcurl sends the request without a login first, and answers the 401 by itself. */
static void set_digest(struct transfer *t, CURLcode *r)
{
	set_long(t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_DIGEST, r);
	set_ptr(t->easy, CURLOPT_USERNAME, t->q->digest_user, r);
	set_ptr(t->easy, CURLOPT_PASSWORD, t->q->digest_password, r);
}

static CURLcode set_request(struct transfer *t)
{
	struct http_request *q = t->q;
	CURL *easy = t->easy;
	CURLcode r = CURLE_OK;
	char range[64];

	set_ptr(easy, CURLOPT_URL, http_url(q), &r);
	set_method(t, &r);
	if (q->accept)
		add_header(t, "Accept", q->accept, &r);
	if (q->authorization && !q->away)
		add_header(t, "Authorization", q->authorization, &r);
	if (q->digest_user && !q->away)
		set_digest(t, &r);
	if (q->if_none_match)
		add_header(t, "If-None-Match", q->if_none_match, &r);
	if (q->no_cache)
		add_header(t, "Cache-Control", "no-cache", &r);
	set_ptr(easy, CURLOPT_HTTPHEADER, t->headers, &r);
	if (q->ranged) {
		snprintf(range, sizeof(range), "%llu-%llu", (unsigned long long)q->range_offset,
			 (unsigned long long)(q->range_offset + q->range_length - 1));
		set_ptr(easy, CURLOPT_RANGE, range, &r);
	}
	set_time(t, &r);
	return r;
}

CURLcode http_setup(const struct http *h, struct transfer *t)
{
	CURL *easy = t->easy;
	CURLcode r = CURLE_OK;

	set_long(easy, CURLOPT_NOSIGNAL, 1L, &r);
	/* A name server that does not answer is not waited for once its request is over: nothing else moves
	 * meanwhile. */
	set_long(easy, CURLOPT_QUICK_EXIT, 1L, &r);
	set_long(easy, CURLOPT_TCP_KEEPALIVE, 1L, &r);
	set_long(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS, &r);
	set_ptr(easy, CURLOPT_USERAGENT, "regfs/" REGFS_VERSION, &r);
	set_ptr(easy, CURLOPT_ERRORBUFFER, t->message, &r);
	set_ptr(easy, CURLOPT_PRIVATE, t, &r);
	if (r == CURLE_OK)
		r = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, http_on_body);
	set_ptr(easy, CURLOPT_WRITEDATA, t, &r);
	if (r == CURLE_OK)
		r = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, http_on_header);
	set_ptr(easy, CURLOPT_HEADERDATA, t, &r);
	if (r == CURLE_OK)
		r = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
	set_ptr(easy, CURLOPT_PREREQDATA, t, &r);
	if (r == CURLE_OK)
		r = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	set_ptr(easy, CURLOPT_OPENSOCKETDATA, t, &r);
	if (r == CURLE_OK)
		r = set_security(h, t, strncmp(t->q->host->origin, "https:", 6) == 0);
	return r == CURLE_OK ? set_request(t) : r;
}
