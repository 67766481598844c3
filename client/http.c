/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "curlerror.h"
#include "error.h"
#include "util/cleanup.h"

/* What is kept of the body of an error, for its message. */
#define MAX_ERROR_BODY ((size_t)64 << 10)

struct http {
	struct transport transport;
	struct queue queue;
	CURLM *multi;
	CURL **idle; /* easy handles at rest */
	unsigned nidle, connections;
	char *cacert;
	bool insecure;
	struct list failed; /* requests that could not start: answered in the next step */
};

/* What belongs to a request while its transfer runs. */
struct transfer {
	struct http_request *q;
	CURL *easy;
	struct curl_slist *headers;
	bool overflow, enough;
	uint64_t skipped;
	char message[CURL_ERROR_SIZE];
};

static size_t on_body(char *data, size_t one, size_t size, void *arg)
{
	struct transfer *t = arg;
	struct http_request *q = t->q;
	const size_t all = size;
	long status = 0;

	(void)one;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
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

static void copy_header(CURL *easy, const char *name, char *ret, size_t size)
{
	struct curl_header *h;

	ret[0] = '\0';
	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK && strlen(h->value) < size)
		strcpy(ret, h->value);
}

static void read_answer(struct transfer *t)
{
	struct http_request *q = t->q;
	long status = 0, redirects = 0;
	char length[32];

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	q->status = (int)status;
	copy_header(t->easy, "Content-Type", q->content_type, sizeof(q->content_type));
	copy_header(t->easy, "Docker-Content-Digest", q->digest, sizeof(q->digest));
	copy_header(t->easy, "Link", q->link, sizeof(q->link));
	/* Where a redirect led is not the registry: what it wants to know is not for it. */
	q->challenge[0] = '\0';
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_COUNT, &redirects);
	if (redirects == 0)
		copy_header(t->easy, "WWW-Authenticate", q->challenge, sizeof(q->challenge));
	copy_header(t->easy, "Retry-After", q->retry_after, sizeof(q->retry_after));
	copy_header(t->easy, "Content-Range", q->content_range, sizeof(q->content_range));
	copy_header(t->easy, "Location", q->location, sizeof(q->location));
	copy_header(t->easy, "Content-Length", length, sizeof(length));
	q->content_length = UINT64_MAX;
	if (length[0] >= '0' && length[0] <= '9')
		q->content_length = strtoull(length, NULL, 10);
}

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
	buf_init(&line, 64 << 10);
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

static CURLcode set_security(const struct http *h, CURL *easy, bool https, bool follow)
{
	CURLcode r = CURLE_OK;

	set_ptr(easy, CURLOPT_PROTOCOLS_STR, "http,https", &r);
	set_ptr(easy, CURLOPT_REDIR_PROTOCOLS_STR, https ? "https" : "http,https", &r);
	set_long(easy, CURLOPT_FOLLOWLOCATION, follow ? 1L : 0L, &r);
	set_long(easy, CURLOPT_MAXREDIRS, 5L, &r);
	set_long(easy, CURLOPT_UNRESTRICTED_AUTH, 0L, &r);
	if (h->cacert)
		set_ptr(easy, CURLOPT_CAINFO, h->cacert, &r);
	set_long(easy, CURLOPT_SSL_VERIFYPEER, h->insecure ? 0L : 1L, &r);
	set_long(easy, CURLOPT_SSL_VERIFYHOST, h->insecure ? 0L : 2L, &r);
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
	struct http_request *q = ((struct transfer *)arg)->q;

	(void)address, (void)local, (void)port, (void)local_port;
	if (!q->unsent && http_method_changes(q->method))
		return CURL_PREREQFUNC_ABORT;
	q->unsent = false;
	return CURL_PREREQFUNC_OK;
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

static CURLcode set_request(struct transfer *t)
{
	struct http_request *q = t->q;
	CURL *easy = t->easy;
	CURLcode r = CURLE_OK;
	char range[64];

	set_ptr(easy, CURLOPT_URL, q->url, &r);
	set_method(t, &r);
	if (q->accept)
		add_header(t, "Accept", q->accept, &r);
	if (q->authorization)
		add_header(t, "Authorization", q->authorization, &r);
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
	set_long(easy, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms, &r);
	set_long(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(q->timeout_ms < 10000 ? q->timeout_ms : 10000), &r);
	return r;
}

static CURLcode configure(const struct http *h, struct transfer *t)
{
	CURL *easy = t->easy;
	CURLcode r = CURLE_OK;

	set_long(easy, CURLOPT_NOSIGNAL, 1L, &r);
	set_long(easy, CURLOPT_TCP_KEEPALIVE, 1L, &r);
	set_long(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS, &r);
	set_ptr(easy, CURLOPT_USERAGENT, "regfs/" REGFS_VERSION, &r);
	set_ptr(easy, CURLOPT_ERRORBUFFER, t->message, &r);
	set_ptr(easy, CURLOPT_PRIVATE, t, &r);
	if (r == CURLE_OK)
		r = curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	set_ptr(easy, CURLOPT_WRITEDATA, t, &r);
	if (r == CURLE_OK)
		r = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_ready);
	set_ptr(easy, CURLOPT_PREREQDATA, t, &r);
	if (r == CURLE_OK)
		r = set_security(h, easy, strncmp(t->q->url, "https:", 6) == 0,
				 !http_method_changes(t->q->method));
	return r == CURLE_OK ? set_request(t) : r;
}

static void release(struct http *h, struct transfer *t)
{
	if (t->easy) {
		curl_multi_remove_handle(h->multi, t->easy);
		if (h->nidle < h->connections)
			h->idle[h->nidle++] = t->easy;
		else
			curl_easy_cleanup(t->easy);
	}
	for (struct curl_slist *s = t->headers; s; s = s->next)
		explicit_bzero(s->data, strlen(s->data));
	curl_slist_free_all(t->headers);
	t->q->handle = NULL;
	free(t);
}

static void finish(struct http *h, struct http_request *q)
{
	struct transfer *t = q->handle;

	if (t)
		release(h, t);
	queue_drop(&h->queue, &q->item);
	q->done(q);
}

static void begin(struct http *h, struct http_request *q)
{
	struct transfer *t = calloc(1, sizeof(*t));
	CURLcode r;

	q->started = loop_now();
	q->err = -ENOMEM;
	q->handle = t;
	if (!t)
		return;
	t->q = q;
	t->easy = h->nidle ? h->idle[--h->nidle] : curl_easy_init();
	if (!t->easy)
		return;
	curl_easy_reset(t->easy);
	r = configure(h, t);
	if (r != CURLE_OK) {
		q->err = curl_error(&q->error, r, 0, curl_easy_strerror(r));
		return;
	}
	if (curl_multi_add_handle(h->multi, t->easy) == CURLM_OK)
		q->err = 0;
}

static bool start_ready(struct http *h)
{
	struct queue_item *item;
	bool any = false;

	while ((item = queue_next(&h->queue))) {
		struct http_request *q = container_of(item, struct http_request, item);

		any = true;
		begin(h, q);
		if (q->err < 0)
			finish(h, q);
	}
	return any;
}

static void complete(struct http *h, struct transfer *t, CURLcode code)
{
	struct http_request *q = t->q;
	long os_error = 0;

	if (t->enough)
		code = CURLE_OK;
	read_answer(t);
	if (t->overflow || code == CURLE_FILESIZE_EXCEEDED) {
		q->err = reg_fail(&q->error, -EFBIG, "the answer is larger than %zu bytes", q->max_body);
	} else if (code == CURLE_ABORTED_BY_CALLBACK) {
		q->err = curl_error(&q->error, CURLE_GOT_NOTHING, 0,
				    "the connection was closed before the answer");
		q->transient = true;
	} else if (code != CURLE_OK) {
		curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_error);
		q->err = curl_error(&q->error, code, (int)os_error,
				    t->message[0] ? t->message : curl_easy_strerror(code));
		q->transient = curl_error_transient(code);
	}
	q->error.status = q->status;
	finish(h, q);
}

static bool drain(struct http *h)
{
	CURLMsg *message;
	bool any = false;
	int left;

	while ((message = curl_multi_info_read(h->multi, &left))) {
		struct transfer *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		complete(h, t, message->data.result);
		any = true;
	}
	return any;
}

static void http_step(void *data)
{
	struct http *h = data;
	bool started, finished;
	int running;

	/* What finishes frees places and wakes callers who start more: wait only when neither has happened.
	 */
	do {
		started = start_ready(h);
		curl_multi_perform(h->multi, &running);
		finished = drain(h);
	} while (started || finished);
}

static void http_poll(void *data, int timeout)
{
	struct http *h = data;

	curl_multi_poll(h->multi, NULL, 0, timeout, NULL);
}

static void http_wake(void *data)
{
	struct http *h = data;

	curl_multi_wakeup(h->multi);
}

static void http_start(struct transport *transport, struct http_request *q)
{
	struct http *h = container_of(transport, struct http, transport);

	q->err = 0;
	q->error = (struct reg_error){0};
	q->transient = false;
	q->unsent = true;
	q->status = 0;
	q->handle = NULL;
	buf_clear(&q->body);
	q->body.max = q->max_body > MAX_ERROR_BODY ? q->max_body : MAX_ERROR_BODY;
	if (queue_push(&h->queue, &q->item, q->group, q->ahead) == 0)
		return;
	list_init(&q->item.link);
	q->err = -ENOMEM;
	list_append(&h->failed, &q->item.link);
}

static void http_cancel(struct transport *transport, struct http_request *q)
{
	struct http *h = container_of(transport, struct http, transport);

	if (q->handle)
		release(h, q->handle);
	if (q->item.group)
		queue_drop(&h->queue, &q->item);
	else
		list_remove(&q->item.link);
}

static void http_urge(struct transport *transport, struct http_request *q)
{
	struct http *h = container_of(transport, struct http, transport);

	q->ahead = false;
	queue_urge(&h->queue, &q->item);
}

static void fail_starts(struct http *h)
{
	for (struct list *node = list_pop(&h->failed); node; node = list_pop(&h->failed)) {
		struct http_request *q = container_of(node, struct http_request, item.link);

		q->done(q);
	}
}

static void step_all(void *data)
{
	fail_starts(data);
	http_step(data);
}

int http_new(unsigned connections, const char *cacert, bool insecure, struct http **ret,
	     struct reg_error *error)
{
	struct http *h;

	if (cacert && access(cacert, R_OK) < 0) {
		const int e = errno;

		return reg_fail(error, -e, "cacert=%s cannot be read: %s", cacert, strerror(e));
	}
	h = calloc(1, sizeof(*h));
	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(h);
		return reg_fail(error, -ENOMEM, "out of memory");
	}
	h->transport = (struct transport){http_start, http_cancel, http_urge};
	queue_init(&h->queue, connections);
	list_init(&h->failed);
	h->connections = connections;
	h->insecure = insecure;
	h->cacert = cacert ? strdup(cacert) : NULL;
	h->idle = calloc(connections, sizeof(*h->idle));
	h->multi = curl_multi_init();
	if (!h->multi || !h->idle || (cacert && !h->cacert)) {
		http_free(h);
		return reg_fail(error, -ENOMEM, "out of memory");
	}
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)connections);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)connections + 8);
	*ret = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	while (h->nidle)
		curl_easy_cleanup(h->idle[--h->nidle]);
	if (h->multi)
		curl_multi_cleanup(h->multi);
	queue_done(&h->queue);
	free(h->idle);
	free(h->cacert);
	free(h);
	curl_global_cleanup();
}

struct transport *http_transport(struct http *h)
{
	return &h->transport;
}

struct loop_poller http_poller(struct http *h)
{
	return (struct loop_poller){step_all, http_poll, http_wake, h};
}
