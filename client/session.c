/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "error.h"
#include "retry.h"
#include "util/cleanup.h"

static void attempt(struct exchange *x);

static void forget_used(struct exchange *x)
{
	reg_wipe(x->used);
	free(x->used);
	x->used = NULL;
}

void exchange_done(struct exchange *x)
{
	forget_used(x);
	free(x->url);
	x->url = NULL;
	buf_done(&x->req.body);
}

static void answer(struct exchange *x, int err)
{
	x->state = EXCHANGE_IDLE;
	x->err = err;
	x->done(x);
}

/* Answers from the loop, not from within the call that started it. */
static void fail_later(struct exchange *x, int err)
{
	x->err = err;
	x->state = EXCHANGE_PAUSE;
	loop_timer_set(x->session->loop, &x->timer, 0);
}

static void on_timer(struct loop_timer *timer)
{
	struct exchange *x = container_of(timer, struct exchange, timer);

	if (x->err < 0)
		answer(x, x->err);
	else
		attempt(x);
}

static void on_token(struct auth_waiter *w, int err, const struct reg_error *error)
{
	struct exchange *x = container_of(w, struct exchange, waiter);

	if (err < 0) {
		x->error = *error;
		answer(x, err);
	} else {
		attempt(x);
	}
}

static bool pause_and_retry(struct exchange *x)
{
	const uint64_t now = loop_now();
	struct timespec noise;
	struct retry_facts facts = {
		.tries = x->tries,
		.status = x->req.status,
		.transient = x->req.transient,
		.retry_after = x->req.retry_after,
		.now = time(NULL),
		.left_ms = x->deadline > now ? x->deadline - now : 0,
	};
	int64_t delay;

	clock_gettime(CLOCK_MONOTONIC, &noise);
	facts.jitter = (unsigned)noise.tv_nsec / 64;
	delay = retry_delay(&facts);
	if (delay < 0)
		return false;
	reg_log(&x->session->log, REG_LOG_DEBUG, "%s: status %d, %s; again in %lld ms", x->path,
		x->req.status, x->req.err < 0 ? x->req.error.msg : "the registry asks to wait",
		(long long)delay);
	x->state = EXCHANGE_PAUSE;
	loop_timer_set(x->session->loop, &x->timer, (uint64_t)delay);
	return true;
}

/*
 * What the registry refused is replaced once; a second refusal is an answer. A challenge to a request that
 * showed nothing comes on top.
 */
static bool may_answer(struct exchange *x)
{
	bool *const before = x->used ? &x->refused : &x->challenged;

	if (x->plain || *before)
		return false;
	*before = true;
	return true;
}

/* A token's request is not told: its URL is the token server's, and may hold more than a path. */
static void tell(const struct exchange *x)
{
	const struct http_request *q = &x->req;

	if (!x->plain)
		reg_log(&x->session->log, REG_LOG_DEBUG, "%s %s: %d, %zu bytes, %llu ms%s%s",
			http_method_name(q->method), x->path, q->status, q->body.size,
			(unsigned long long)(loop_now() - q->started), q->err < 0 ? ", " : "",
			q->err < 0 ? q->error.msg : "");
}

/*
 * May a failed attempt have done what it asked for? Not if nothing left, nor if the registry says that it may
 * not (4xx) or cannot now (503).
 */
static bool in_doubt(const struct http_request *q)
{
	return q->err < 0 ? !q->unsent : q->status >= 500 && q->status != 503;
}

static int fail_redirect(struct exchange *x)
{
	const int r = reg_fail(&x->error, -EIO,
			       "the registry redirects a %s, which is not followed: name the registry by the "
			       "address that it redirects to",
			       http_method_name(x->req.method));

	x->error.status = x->req.status;
	return r;
}

static void on_answer(struct http_request *q)
{
	struct exchange *x = container_of(q, struct exchange, req);
	bool doubt;
	int r;

	tell(x);
	/* Waiting in the queue is not the registry's fault: its time runs from the first attempt. */
	if (x->tries++ == 0)
		x->deadline = q->started + x->timeout_ms;
	if (q->err == 0 && q->status == 401 && may_answer(x)) {
		r = auth_challenged(x->session->auth, x->scope, x->used, q->challenge, &x->error);
		x->error.status = 401;
		if (r < 0)
			answer(x, r);
		else
			attempt(x);
		return;
	}
	doubt = in_doubt(q);
	if (x->single && q->err == 0 && (q->status == 429 || q->status == 503)) {
		/* The caller wants to look again first; when the time is over, and not before. */
		x->err = reg_error_from_response(&x->error, q->status, q->body.data, q->body.size);
		if (!pause_and_retry(x))
			answer(x, x->err);
		return;
	}
	if ((q->err < 0 || q->status >= 400) && !x->single && !(x->once && doubt) && pause_and_retry(x)) {
		x->doubt |= doubt;
		return;
	}
	if (q->err < 0) {
		x->error = q->error;
		answer(x, q->err);
	} else if (q->status >= 400) {
		answer(x, reg_error_from_response(&x->error, q->status, q->body.data, q->body.size));
	} else if (q->status >= 300 && http_method_changes(q->method)) {
		answer(x, fail_redirect(x));
	} else {
		answer(x, 0);
	}
}

static int authorize(struct exchange *x)
{
	const char *header = x->plain_authorization;
	int r;

	forget_used(x);
	if (!x->plain) {
		r = auth_header(x->session->auth, x->scope, &x->waiter, &header, &x->error);
		if (r != 0)
			return r;
	}
	if (header) {
		x->used = strdup(header);
		if (!x->used)
			return reg_fail(&x->error, -ENOMEM, "out of memory");
	}
	x->req.authorization = x->used;
	return 0;
}

static void attempt(struct exchange *x)
{
	const uint64_t now = loop_now();
	int r;

	if (x->tries && now >= x->deadline) {
		answer(x, reg_fail(&x->error, -ETIMEDOUT, "no answer in %llu s",
				   (unsigned long long)x->timeout_ms / 1000));
		return;
	}
	r = authorize(x);
	if (r > 0) {
		x->state = EXCHANGE_TOKEN;
		return;
	}
	if (r < 0) {
		fail_later(x, r);
		return;
	}
	x->req.timeout_ms = x->tries ? x->deadline - now : x->timeout_ms;
	x->req.done = on_answer;
	x->state = EXCHANGE_SENT;
	x->session->transport->start(x->session->transport, &x->req);
}

void exchange_start(struct session *s, struct exchange *x)
{
	const size_t size = strlen(s->base) + strlen(x->path) + 1;

	x->session = s;
	x->err = 0;
	x->error = (struct reg_error){0};
	x->tries = 0;
	x->challenged = x->refused = x->doubt = false;
	list_init(&x->waiter.link);
	x->waiter.ready = on_token;
	loop_timer_init(&x->timer, on_timer);
	x->req.group = x->group;
	free(x->url);
	x->url = malloc(size);
	if (!x->url) {
		fail_later(x, reg_fail(&x->error, -ENOMEM, "out of memory"));
		return;
	}
	snprintf(x->url, size, "%s%s", x->plain ? "" : s->base, x->path);
	x->req.url = x->url;
	attempt(x);
}

void exchange_cancel(struct exchange *x)
{
	if (x->state == EXCHANGE_TOKEN)
		auth_forget_waiter(&x->waiter);
	else if (x->state == EXCHANGE_SENT)
		x->session->transport->cancel(x->session->transport, &x->req);
	else if (x->state == EXCHANGE_PAUSE)
		loop_timer_clear(&x->timer);
	x->state = EXCHANGE_IDLE;
}

void exchange_urge(struct exchange *x)
{
	if (x->state == EXCHANGE_SENT)
		x->session->transport->urge(x->session->transport, &x->req);
	x->req.ahead = false;
}

/* ---- tokens ---- */

struct token_exchange {
	struct exchange x;
	struct list link; /* in the session's tokens */
	void *token;
	char *path, *authorization;
};

static void token_exchange_free(struct token_exchange *t)
{
	reg_wipe(t->authorization);
	free(t->authorization);
	free(t->path);
	exchange_done(&t->x);
	free(t);
}

static void on_token_answer(struct exchange *x)
{
	struct token_exchange *t = container_of(x, struct token_exchange, x);

	list_remove(&t->link);
	auth_token_answer(x->session->auth, t->token, x->err, &x->error, &x->req.body);
	if (x->req.body.data)
		explicit_bzero(x->req.body.data, x->req.body.size);
	token_exchange_free(t);
}

int session_fetch_token(void *data, const char *url, const char *authorization, void *token)
{
	struct session *s = data;
	struct token_exchange *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->token = token;
	t->path = strdup(url);
	t->authorization = authorization ? strdup(authorization) : NULL;
	if (!t->path || (authorization && !t->authorization)) {
		token_exchange_free(t);
		return -ENOMEM;
	}
	t->x.path = t->path;
	t->x.plain = true;
	t->x.plain_authorization = t->authorization;
	t->x.scope = t->x.group = "";
	t->x.timeout_ms = s->token_timeout_ms;
	t->x.req.max_body = 256 << 10;
	t->x.done = on_token_answer;
	list_append(&s->tokens, &t->link);
	exchange_start(s, &t->x);
	return 0;
}

void session_cancel_tokens(struct session *s)
{
	for (struct list *node = list_pop(&s->tokens); node; node = list_pop(&s->tokens)) {
		struct token_exchange *t = container_of(node, struct token_exchange, link);

		exchange_cancel(&t->x);
		token_exchange_free(t);
	}
}
