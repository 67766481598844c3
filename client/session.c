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
	if (err < 0) {
		auth_hide(x->auth, x->used, &x->error);
		logins_hide(x->session->logins, &x->error);
	}
	x->done(x);
}

/*
 * The time is over: the last that was said tells more than that. False: nothing was; or a change was asked
 * for, of which the last attempt decides whether it may have been made.
 */
static bool answer_as_told(struct exchange *x)
{
	if (!x->told.err || http_method_changes(x->req.method))
		return false;
	x->error = x->told;
	x->req.status = x->told.status;
	answer(x, x->told.err);
	return true;
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
	reg_log(&x->session->log, REG_LOG_DEBUG, "%s: status %d, %s; again in %lld ms",
		x->plain ? "a token" : x->path, x->req.status,
		x->req.err < 0 ? x->req.error.msg : "the registry asks to wait", (long long)delay);
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
	const bool may = !*before;

	*before = true;
	return may;
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

/* What comes with a 3xx is not what was asked for, unless that was whether anything has changed. */
static bool leads_nowhere(const struct http_request *q)
{
	return q->status >= 300 && !(q->status == 304 && q->if_none_match);
}

static int fail_redirect(struct exchange *x)
{
	const char *const who = x->plain ? "token server" : "registry";
	int r;

	if (http_method_changes(x->req.method))
		r = reg_fail(&x->error, -EIO, "the %s redirects a %s, which is not followed%s", who,
			     http_method_name(x->req.method),
			     x->plain ? "" : ": name the registry by the address that it redirects to");
	else
		r = reg_fail(&x->error, -EIO, "the %s redirects, and does not say where to", who);
	x->error.status = x->req.status;
	return r;
}

/* The 401's own words come behind what is known of its reason. */
static void explain(struct exchange *x)
{
	const struct http_request *q = &x->req;
	const struct reg_error why = x->error;
	struct reg_error told = {0};

	reg_error_from_response(&told, q->status, q->body.data, q->body.size);
	if (q->body.size && told.msg[0])
		reg_fail(&x->error, why.err, "%s: %s", why.msg, told.msg);
	x->error.status = q->status;
	memcpy(x->error.code, told.code, sizeof(x->error.code));
}

static void on_challenge(struct exchange *x)
{
	const struct auth_refusal refusal = {
		.scope = x->scope,
		.used = x->used,
		.challenge = x->req.challenge,
		.last = !may_answer(x),
	};
	const int r = auth_challenged(x->auth, &refusal, &x->waiter, &x->error);

	if (r > 0) {
		x->state = EXCHANGE_TOKEN;
	} else if (r == 0) {
		attempt(x);
	} else {
		explain(x);
		answer(x, r);
	}
}

static void on_answer(struct http_request *q)
{
	struct exchange *x = container_of(q, struct exchange, req);
	bool doubt, final;

	if (q->err == -ESTALE) { /* what it was to show ended before it left */
		attempt(x);
		return;
	}
	tell(x);
	/* Waiting in the queue is not the registry's fault: its time runs from the first attempt. */
	if (x->tries++ == 0)
		x->deadline = q->started + x->timeout_ms;
	if (q->err == 0 && q->status == 401 && !x->plain && !x->bare) {
		on_challenge(x);
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
	final = x->single || (x->once && doubt) ||
		(x->gateway && q->err == 0 && (q->status == 502 || q->status == 504));
	if ((q->err < 0 || q->status >= 400) && !final && pause_and_retry(x)) {
		x->doubt |= doubt;
		if (q->err == 0)
			(void)reg_error_from_response(&x->told, q->status, q->body.data, q->body.size);
		return;
	}
	if (q->err == -ETIMEDOUT && answer_as_told(x))
		return;
	if (q->err < 0) {
		x->error = q->error;
		answer(x, q->err);
	} else if (q->status >= 400) {
		answer(x, reg_error_from_response(&x->error, q->status, q->body.data, q->body.size));
	} else if (leads_nowhere(q)) {
		answer(x, fail_redirect(x));
	} else {
		answer(x, 0);
	}
}

static int show(struct exchange *x, const struct auth_shown *shown)
{
	if (!x->used || !shown->header || strcmp(x->used, shown->header) != 0) {
		forget_used(x);
		x->used = shown->header ? strdup(shown->header) : NULL;
	}
	if (shown->header && !x->used)
		return reg_fail(&x->error, -ENOMEM, "out of memory");
	x->req.authorization = shown->user ? NULL : x->used;
	x->req.digest_user = shown->user;
	x->req.digest_password = shown->password;
	return 0;
}

static int authorize(struct exchange *x)
{
	struct auth_shown shown = {.header = x->plain_authorization};
	const bool own = x->plain || x->bare;
	const int r = own ? 0 : auth_show(x->auth, x->scope, &x->waiter, &shown, &x->error);

	return r == 0 ? show(x, &shown) : r;
}

/* Requests may queue for longer than a token lives. */
static bool on_leaving(struct http_request *q)
{
	struct exchange *x = container_of(q, struct exchange, req);
	struct auth_shown shown;

	if (x->plain || x->bare)
		return true;
	return auth_show_now(x->auth, x->scope, &shown) && show(x, &shown) == 0;
}

static void attempt(struct exchange *x)
{
	const uint64_t now = loop_now();
	int r;

	if (x->tries && now >= x->deadline) {
		if (answer_as_told(x))
			return;
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
	x->req.again = x->tries > 0;
	x->req.done = on_answer;
	x->req.leaving = on_leaving;
	x->state = EXCHANGE_SENT;
	x->session->transport->start(x->session->transport, &x->req);
}

void exchange_start(struct session *s, struct exchange *x)
{
	const size_t size = strlen(s->base) + strlen(x->path) + 1;

	x->session = s;
	if (!x->auth)
		x->auth = logins_for(s->logins, x->scope);
	x->err = 0;
	x->error = x->told = (struct reg_error){0};
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
