/* SPDX-License-Identifier: MIT */
#include "http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "curlerror.h"
#include "error.h"
#include "http_inner.h"
#include "origin.h"
#include "retry.h"
#include "util/cleanup.h"

enum { MAX_HOPS = 5 };

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

/* It waits for its turn at the host that it goes to now. */
static int enter(struct http *h, struct http_request *q)
{
	struct http_host *host = http_host_take(&h->hosts, http_url(q), h->connections);

	if (!host)
		return -ENOMEM;
	if (queue_push(&host->queue, &q->item, q->group, q->ahead, q->again) < 0) {
		http_host_drop(&h->hosts, host, loop_now());
		return -ENOMEM;
	}
	q->host = host;
	q->queued = loop_now();
	return 0;
}

static void leave(struct http *h, struct http_request *q)
{
	if (!q->host)
		return;
	h->running -= q->item.running;
	queue_drop(&q->host->queue, &q->item);
	http_host_drop(&h->hosts, q->host, loop_now());
	q->host = NULL;
}

static void finish(struct http *h, struct http_request *q)
{
	if (q->handle)
		release(h, q->handle);
	leave(h, q);
	free(q->hop);
	q->hop = NULL;
	q->done(q);
}

/* ---- starting ---- */

static void begin(struct http *h, struct http_request *q)
{
	struct transfer *t = calloc(1, sizeof(*t));
	CURLcode r;

	q->begun = loop_now();
	if (!q->hops && !q->renewed)
		q->started = q->begun;
	h->running++;
	pace_start(&q->host->pace, q->begun);
	q->err = -ENOMEM;
	q->handle = t;
	if (!t)
		return;
	t->q = q;
	t->easy = h->nidle ? h->idle[--h->nidle] : curl_easy_init();
	if (!t->easy)
		return;
	curl_easy_reset(t->easy);
	r = http_setup(h, t);
	if (r != CURLE_OK) {
		q->err = curl_error(&q->error, r, 0, 0, curl_easy_strerror(r));
		return;
	}
	if (curl_multi_add_handle(h->multi, t->easy) == CURLM_OK)
		q->err = 0;
}

/* Answered without being asked: the host cannot be reached, or wants to be left alone for too long. */
static void give_up(struct http *h, struct http_request *q, bool dead)
{
	const struct pace *const p = &q->host->pace;
	const uint64_t now = loop_now();
	const uint64_t seconds = p->until > now ? (p->until - now + 999) / 1000 : 0;

	q->started = q->hops ? q->started : now;
	if (dead) {
		q->error = p->last;
		q->err = p->last.err;
	} else if (seconds) {
		q->err = reg_fail(&q->error, -EAGAIN,
				  "too many requests: the registry wants none for another %llu s",
				  (unsigned long long)seconds);
	} else {
		q->err = reg_fail(&q->error, -EAGAIN, "too many requests: the registry took none for %llu s",
				  (unsigned long long)q->timeout_ms / 1000);
	}
	finish(h, q);
}

/* The next request to a host starts, or is given up. False: there is none, or it has to wait. */
static bool start_next(struct http *h, struct http_host *host)
{
	const uint64_t now = loop_now();
	struct queue_item *item;
	struct http_request *q;
	enum pace_verdict verdict;
	uint64_t wait;

	host->queue.taken = h->running - host->queue.running;
	item = queue_peek(&host->queue);
	if (!item)
		return false;
	q = container_of(item, struct http_request, item);
	verdict = pace_ask(&host->pace, now, &wait);
	if (verdict == PACE_DEAD || pace_hopeless(&host->pace, now, q->queued, q->timeout_ms)) {
		give_up(h, q, verdict == PACE_DEAD);
		return true;
	}
	if (verdict == PACE_WAIT) {
		h->wait = wait < h->wait ? wait : h->wait;
		return false;
	}
	if (q->leaving && !q->away && !q->leaving(q)) {
		q->err = -ESTALE;
		finish(h, q);
		return true;
	}
	(void)queue_next(&host->queue);
	begin(h, q);
	if (q->err < 0) {
		pace_ended(&host->pace, false);
		finish(h, q);
	}
	return true;
}

static bool start_one(struct http *h)
{
	for (unsigned left = h->hosts.count; left; left--) {
		struct http_host *host = container_of(h->hosts.turn.next, struct http_host, link);

		/* Or a registry with much to be asked would keep all places from where it redirects to. */
		list_remove(&host->link);
		list_append(&h->hosts.turn, &host->link);
		if (start_next(h, host)) /* the host may have gone with its last request; so may others */
			return true;
	}
	return false;
}

static bool start_ready(struct http *h)
{
	bool any = false;

	h->wait = 1000;
	while (start_one(h))
		any = true;
	return any;
}

/* ---- answers ---- */

static bool never_reached(const struct transfer *t, CURLcode code)
{
	return !t->reached && !t->no_socket &&
	       (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_RESOLVE_PROXY ||
			       code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT);
}

/* What the answer says about the host, beyond this request. */
static void learn(const struct transfer *t, CURLcode code)
{
	const struct http_request *q = t->q;
	struct pace *p = &q->host->pace;
	const uint64_t now = loop_now();
	const int64_t asked = retry_asked(q->retry_after, time(NULL));
	struct reg_error error = {0};

	if (never_reached(t, code))
		pace_unreachable(p, now, &q->error);
	else if (q->status == 429 || (q->status == 503 && asked >= 0))
		pace_refused(p, now, q->begun, asked);
	else if (q->status == 503 && reg_error_from_response(&error, 503, q->body.data, q->body.size) < 0)
		pace_unavailable(p, now, q->begun, &error);
	else if (q->status)
		pace_served(p, now, q->begun);
	else
		pace_ended(p, t->reached);
	if (q->exhausted_ms > 0)
		pace_exhausted(p, now, (uint64_t)q->exhausted_ms);
}

/* The same request somewhere else, or there once more; never without having left the place it had. */
static int move(struct http *h, struct http_request *q, char *hop)
{
	release(h, q->handle);
	leave(h, q);
	free(q->hop);
	q->hop = hop;
	q->again = true;
	q->status = 0;
	buf_clear(&q->body);
	return enter(h, q);
}

static int follow(struct http *h, struct http_request *q, const char *location)
{
	auto_free char *to = NULL, *own = NULL, *other = NULL;
	int r;

	if (++q->hops > MAX_HOPS)
		return reg_fail(&q->error, -EIO, "the registry redirects more than %d times", MAX_HOPS);
	r = origin_redirect(http_url(q), location, &to, &q->error);
	if (r < 0)
		return r;
	own = origin_of(q->url);
	other = origin_of(to);
	if (!own || !other)
		return reg_fail(&q->error, -ENOMEM, "out of memory");
	/* Whoever leads back does not say what the registry is asked with our login. */
	q->away = q->away || strcmp(own, other) != 0;
	r = move(h, q, steal(&to));
	return r < 0 ? reg_fail(&q->error, r, "out of memory") : 0;
}

/* A signed address lives for minutes: where it is refused the registry is asked for another, once. */
static bool renew(struct http *h, struct http_request *q)
{
	if (!q->away || q->renewed || (q->status != 400 && q->status != 401 && q->status != 403))
		return false;
	q->renewed = true;
	q->away = false;
	q->hops = 0;
	q->err = move(h, q, NULL);
	return q->err == 0;
}

static void complete(struct http *h, struct transfer *t, CURLcode code)
{
	struct http_request *q = t->q;
	const char *location;

	http_read_answer(t, code);
	learn(t, code);
	location = q->err == 0 ? http_redirect(t) : NULL;
	if (location) {
		q->err = follow(h, q, location);
		q->error.status = q->status;
		if (q->err == 0)
			return;
	} else if (renew(h, q)) {
		return;
	}
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

	curl_multi_poll(h->multi, NULL, 0, (uint64_t)timeout < h->wait ? timeout : (int)h->wait, NULL);
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
	q->transient = q->away = q->renewed = false;
	q->unsent = true;
	q->status = 0;
	q->hops = 0;
	q->exhausted_ms = 0;
	q->handle = NULL;
	q->host = NULL;
	q->hop = NULL;
	buf_clear(&q->body);
	q->body.max = q->max_body > MAX_ERROR_BODY ? q->max_body : MAX_ERROR_BODY;
	if (enter(h, q) == 0)
		return;
	list_init(&q->item.link);
	q->err = reg_fail(&q->error, -ENOMEM, "out of memory");
	list_append(&h->failed, &q->item.link);
}

static void http_cancel(struct transport *transport, struct http_request *q)
{
	struct http *h = container_of(transport, struct http, transport);

	if (q->host && q->item.running)
		pace_ended(&q->host->pace, false);
	if (q->handle)
		release(h, q->handle);
	if (q->host)
		leave(h, q);
	else
		list_remove(&q->item.link);
	free(q->hop);
	q->hop = NULL;
}

static void http_urge(struct transport *transport, struct http_request *q)
{
	q->ahead = false;
	(void)transport;
	if (q->host)
		queue_urge(&q->host->queue, &q->item);
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

int http_new(const struct reg_options *o, const struct reg_source *source, struct http **ret,
	     struct reg_error *error)
{
	struct http *h = calloc(1, sizeof(*h));
	char url[400];
	int r;

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(h);
		return reg_fail(error, -ENOMEM, "out of memory");
	}
	h->transport = (struct transport){http_start, http_cancel, http_urge};
	http_hosts_init(&h->hosts);
	list_init(&h->failed);
	h->connections = o->connections;
	r = tls_init(&h->tls, o, source->host, error);
	h->tls.insecure_own = source->insecure;
	if (r == 0)
		r = proxies_init(&h->proxies, error);
	if (r < 0) {
		http_free(h);
		return r;
	}
	snprintf(url, sizeof(url), "https://%s/", source->host);
	h->origin = origin_of(url);
	h->idle = calloc(h->connections, sizeof(*h->idle));
	h->multi = curl_multi_init();
	if (!h->multi || !h->idle || !h->origin) {
		http_free(h);
		return reg_fail(error, -ENOMEM, "out of memory");
	}
	curl_multi_setopt(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)h->connections);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)h->connections + 8);
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
	http_hosts_done(&h->hosts);
	tls_done(&h->tls);
	proxies_done(&h->proxies);
	free(h->origin);
	free(h->idle);
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
