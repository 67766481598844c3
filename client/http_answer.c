/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "curlerror.h"
#include "error.h"
#include "http_inner.h"
#include "retry.h"
#include "util/cleanup.h"

static long status_of(const struct transfer *t)
{
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static bool is_redirect(const struct transfer *t, long status)
{
	return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
	       !http_method_changes(t->q->method);
}

/* An interim answer, or a proxy's, has a header of its own; what follows a body is no part of any. */
size_t http_on_header(char *line, size_t one, size_t size, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	if (size > 5 && memcmp(line, "HTTP/", 5) == 0)
		t->whole = false;
	else if (size && (line[0] == '\r' || line[0] == '\n'))
		t->whole = true;
	return size;
}

size_t http_on_body(char *data, size_t one, size_t size, void *arg)
{
	struct transfer *t = arg;
	struct http_request *q = t->q;
	const size_t all = size;
	const long status = status_of(t);

	(void)one;
	if (is_redirect(t, status))
		return all;
	if (status >= 400) {
		/* Enough for the message; the rest is read so that the connection can be used again. */
		const size_t room = q->body.size < MAX_ERROR_BODY ? MAX_ERROR_BODY - q->body.size : 0;

		(void)buf_add(&q->body, data, size < room ? size : room);
		return all;
	}
	if (q->ranged && status == 200) {
		/* The range was ignored: everything comes, and only our part is kept. */
		const uint64_t skip = q->range_offset - t->skipped;
		const size_t drop = skip < size ? (size_t)skip : size;

		t->skipped += drop;
		data += drop;
		size -= drop;
		if (size > q->range_length - q->body.size)
			size = q->range_length - q->body.size;
	}
	/* The buffer itself may hold more: the body of an error. */
	if (size > q->max_body - q->body.size) {
		t->overflow = true;
		return 0;
	}
	if (buf_add(&q->body, data, size) < 0)
		return 0;
	t->enough = q->ranged && status == 200 && q->body.size == q->range_length;
	return t->enough ? 0 : all;
}

static const char *header(const struct transfer *t, const char *name)
{
	struct curl_header *h;

	return curl_easy_header(t->easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? h->value : "";
}

static void copy_header(const struct transfer *t, const char *name, char *ret, size_t size)
{
	const char *const value = header(t, name);

	snprintf(ret, size, "%s", strlen(value) < size ? value : "");
}

/* All that have this name; one that does not fit is left out. */
static void join_headers(const struct transfer *t, const char *name, const char *between, char *ret,
			 size_t size)
{
	struct curl_header *h;
	size_t n = 0;

	ret[0] = '\0';
	for (size_t k = 0; curl_easy_header(t->easy, name, k, CURLH_HEADER, -1, &h) == CURLHE_OK; k++)
		if (n + strlen(between) + strlen(h->value) < size)
			n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? between : "", h->value);
}

const char *http_redirect(const struct transfer *t)
{
	const char *const location = is_redirect(t, t->q->status) ? header(t, "Location") : "";

	return location[0] ? location : NULL;
}

static void read_headers(struct transfer *t)
{
	struct http_request *q = t->q;
	char length[32];

	copy_header(t, "Content-Type", q->content_type, sizeof(q->content_type));
	copy_header(t, "Docker-Content-Digest", q->digest, sizeof(q->digest));
	join_headers(t, "Link", ", ", q->link, sizeof(q->link));
	/* Another host that a redirect led to is not the registry: what it wants to know is not for it. */
	q->challenge[0] = '\0';
	if (!q->away)
		join_headers(t, "WWW-Authenticate", "\n", q->challenge, sizeof(q->challenge));
	copy_header(t, "Retry-After", q->retry_after, sizeof(q->retry_after));
	q->exhausted_ms = retry_exhausted(header(t, "RateLimit"), header(t, "RateLimit-Remaining"),
					  header(t, "RateLimit-Reset"), time(NULL));
	if (q->facts) {
		http_facts_read(t->easy, q->facts);
		q->facts->redirects = q->hops;
	}
	copy_header(t, "Content-Range", q->content_range, sizeof(q->content_range));
	copy_header(t, "Location", q->location, sizeof(q->location));
	copy_header(t, "Content-Length", length, sizeof(length));
	q->content_length = UINT64_MAX;
	if (length[0] >= '0' && length[0] <= '9')
		q->content_length = strtoull(length, NULL, 10);
}

/* What servers and proxies say in their own words, before a registry has seen the request. */
static int read_refusal(const struct transfer *t)
{
	static const struct {
		int status, err;
		const char *words, *say;
	} refusals[] = {
		{400, -EACCES, "No required SSL certificate",
		 "the registry wants a client certificate: name one with -o cert=FILE and key=FILE, or put it into "
		 "certs.d"},
		{400, -EACCES, "The SSL certificate error",
		 "the registry does not accept the client certificate of cert= or certs.d: has it expired, or did "
		 "another authority sign it?"},
		{400, -EPROTO, "plain HTTP request was sent to HTTPS",
		 "it speaks https there: write https:// before its name"},
		{400, -EPROTO, "HTTP request to an HTTPS server",
		 "it speaks https there: write https:// before its name"},
		{400, -EPROTO, "plain HTTP to an SSL-enabled",
		 "it speaks https there: write https:// before its name"},
		{407, -EACCES, "",
		 "the proxy wants a user name and a password: write http://USER:PASSWORD@HOST:PORT in HTTP_PROXY"},
	};
	struct http_request *q = t->q;

	for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
		if (q->status == refusals[i].status &&
		    (!refusals[i].words[0] || (q->body.data && strstr(q->body.data, refusals[i].words))))
			return reg_fail(&q->error, refusals[i].err, "%s", refusals[i].say);
	/* A 401 of another host must not look like one of the registry. */
	if (q->away && (q->status == 401 || q->status == 403))
		return reg_fail(&q->error, -EACCES,
				"%s, where the registry redirects to, refuses with status %d",
				q->host->origin, q->status);
	return 0;
}

static int read_failure(const struct transfer *t, CURLcode code)
{
	struct http_request *q = t->q;
	const char *const words = t->message[0] ? t->message : curl_easy_strerror(code);
	long os_error = 0, verified = 0, connect = 0, proxy_verified = 0;

	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_error);
	curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &verified);
	curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &connect);
	curl_easy_getinfo(t->easy, CURLINFO_PROXY_SSL_VERIFYRESULT, &proxy_verified);
	if (connect == 407)
		return reg_fail(&q->error, -EACCES,
				"the proxy wants a user name and a password: write "
				"http://USER:PASSWORD@HOST:PORT in HTTPS_PROXY");
	if (connect >= 400)
		return reg_fail(&q->error, connect == 403 ? -EACCES : -EHOSTUNREACH,
				"the proxy does not connect to the registry: it answers %ld", connect);
	if (t->no_socket && code == CURLE_COULDNT_CONNECT)
		return curl_error(&q->error, code, t->no_socket, 0, "no connection can be made");
	if (t->proxied && code == CURLE_COULDNT_CONNECT)
		return reg_fail(&q->error, curl_error(NULL, code, (int)os_error, 0, words),
				"%s (is the proxy running there?)", words);
	if (t->proxied && code == CURLE_PEER_FAILED_VERIFICATION && proxy_verified)
		return reg_fail(&q->error, -EPROTO,
				"%s (of the proxy: only what this machine's own certificates sign is trusted there)",
				words);
	return curl_error(&q->error, code, (int)os_error, verified, words);
}

/* Whatever is wrong there, it is not wrong with the registry's own address. */
static int tell_where(struct http_request *q)
{
	const struct reg_error why = q->error;

	return reg_fail(&q->error, why.err, "%s, where the registry redirects to: %s", q->host->origin, why.msg);
}

void http_read_answer(struct transfer *t, CURLcode code)
{
	struct http_request *q = t->q;

	q->err = 0;
	q->status = (int)status_of(t);
	read_headers(t);
	if (t->enough)
		code = CURLE_OK;
	/* libcurl is content with what came of a header before the connection ended: a status without its meaning. */
	if (code == CURLE_OK && !t->whole) {
		code = CURLE_GOT_NOTHING;
		snprintf(t->message, sizeof(t->message), "the connection was closed within the header of the answer");
		q->status = 0;
	}
	if (t->overflow || code == CURLE_FILESIZE_EXCEEDED) {
		q->err = reg_fail(&q->error, -EFBIG, "the answer is larger than %zu bytes", q->max_body);
	} else if (code == CURLE_ABORTED_BY_CALLBACK) {
		q->err = curl_error(&q->error, CURLE_GOT_NOTHING, 0, 0,
				    "the connection was closed before the answer");
		q->transient = true;
	} else if (code != CURLE_OK) {
		q->err = read_failure(t, code);
		q->transient = q->err == -EIO && curl_error_transient(code);
		if (q->away)
			q->err = tell_where(q);
	} else if (q->status >= 400) {
		q->err = read_refusal(t);
	}
	q->error.status = q->status;
}
