/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "auth_inner.h"
#include "error.h"
#include "loop.h"
#include "origin.h"
#include "token.h"
#include "util/cleanup.h"

/* Milliseconds. EARLY: how long before its end a token is replaced. */
enum { EARLY = 10000, LEAST = 1000, SHUT = 10000 };

bool auth_token_good(const struct token *t)
{
	return t->header && loop_now() < t->until;
}

static int send(struct auth *a, struct token *t)
{
	const struct reg_credentials *const c = &a->credentials;
	const struct grant g = {
		.kind = a->grant,
		.realm = a->realm,
		.service = a->service,
		.scopes = t->asked ? t->asked : t->scope,
		.user = c->user,
		.password = c->password,
		.identity_token = a->refresh ? a->refresh : c->identity_token,
	};
	struct auth_request q = {0};
	struct buf url, form;
	int r;

	buf_init(&url, 8192);
	buf_init(&form, (size_t)128 << 10);
	r = grant_write(&g, &url, &form);
	q.url = url.data;
	if (g.kind == GRANT_GET)
		q.authorization = auth_basic(a);
	else
		q.form = form.data;
	if (r == 0)
		r = a->fetch(a->fetch_data, a, &q, t);
	if (form.data)
		explicit_bzero(form.data, form.size);
	buf_done(&form);
	buf_done(&url);
	t->login = a->login;
	t->grant = g.kind;
	t->tried |= 1U << g.kind;
	return r;
}

static int begin(struct auth *a, struct token *t, struct reg_error *error)
{
	int r;

	if (loop_now() < a->shut) {
		*error = a->refusal;
		return error->err;
	}
	t->busy = true;
	if (a->grant == GRANT_REFRESH && a->refreshing && !a->parallel) {
		list_append(&a->turn, &t->link);
		return 0;
	}
	r = send(a, t);
	if (r < 0) {
		t->busy = false;
		return reg_fail(error, r, "no token could be asked for");
	}
	a->refreshing += t->grant == GRANT_REFRESH;
	return 0;
}

int auth_ask(struct auth *a, struct token *t, struct reg_error *error)
{
	t->tried = 0;
	return begin(a, t, error);
}

void auth_call_all(struct list *waiters, int err, const struct reg_error *error)
{
	struct list now, *node;

	list_init(&now);
	list_splice(&now, waiters);
	for (node = list_pop(&now); node; node = list_pop(&now)) {
		struct auth_waiter *w = container_of(node, struct auth_waiter, link);

		w->ready(w, err, error);
	}
}

static void finish(struct token *t, int err, const struct reg_error *error)
{
	t->busy = false;
	auth_call_all(&t->waiters, err, error);
}

/* Once more, with what is new; those who wait go on waiting. */
static void ask_again(struct auth *a, struct token *t)
{
	struct reg_error error = {0};
	const int r = begin(a, t, &error);

	if (r < 0)
		finish(t, r, &error);
}

static void keep_refresh(struct auth *a, struct reg_token *got)
{
	const char *const shown = a->refresh ? a->refresh : a->credentials.identity_token;

	a->parallel = !got->refresh || strcmp(got->refresh, shown) == 0;
	if (a->parallel)
		return;
	reg_wipe(a->refresh);
	free(a->refresh);
	a->refresh = steal(&got->refresh);
	a->login++;
}

static void keep(struct auth *a, struct token *t, struct reg_token *got, uint64_t started)
{
	const uint64_t life = got->life_ms, now = loop_now();

	if (auth_has_login(a))
		a->accepted = true;
	/* One that lives no longer than the margin is used for half its life. */
	t->since = now;
	t->until = started + (life > 2 * EARLY ? life - EARLY : life / 2);
	if (t->until < now + LEAST)
		t->until = now + LEAST; /* or those who wait for it would ask for another one at once */
	tokens_set_header(&a->tokens, t, steal(&got->header));
	if (t->grant == GRANT_REFRESH && t->login == a->login)
		keep_refresh(a, got);
}

/* A server without the method that we asked by may have another one; each is tried once. */
static bool other_grant(struct auth *a, const struct token *t, int status)
{
	const enum grant_kind next = t->grant == GRANT_GET ? GRANT_PASSWORD : GRANT_GET;

	if ((status != 404 && status != 405) || !a->credentials.user)
		return false;
	if (t->tried & 1U << next) {
		a->grant = auth_first_grant(a);
		return false;
	}
	a->grant = next;
	return true;
}

static bool is_refusal(const struct token *t, int status)
{
	/* RFC 6749, 5.2: invalid_grant is 400. */
	return status == 401 || (status == 400 && t->grant != GRANT_GET);
}

/* That the token server has no such page, or no such method, says nothing about what the token is for. */
static int token_errno(int err)
{
	return err == -ENOENT || err == -EPERM || err == -EROFS || err == -EBUSY ? -EIO : err;
}

/* The token server does not take what we showed. */
static void refused(struct auth *a, struct token *t, const struct auth_answer *answer)
{
	struct reg_error error = {0};
	char realm[80];

	if (t->login != a->login) {
		ask_again(a, t);
		return;
	}
	auth_fail_login(a, &error);
	origin_words(a->realm, realm, sizeof(realm));
	reg_fail(&a->refusal, -EACCES, "no token from %s: %.60s (%s)", realm, answer->error->msg, error.msg);
	a->refusal.status = answer->status;
	if (!auth_has_login(a) || !auth_look_again(a)) {
		if (auth_has_login(a) && !a->accepted)
			a->shut = loop_now() + SHUT;
		error = a->refusal;
		finish(t, -EACCES, &error);
		return;
	}
	list_append(&a->stranded, &t->link);
}

static void next_turn(struct auth *a)
{
	while (!list_empty(&a->turn) && !a->renewing && (a->parallel || !a->refreshing))
		ask_again(a, container_of(list_pop(&a->turn), struct token, link));
}

/* A server that does not answer is not waited for by one after another. */
static void fail_turn(struct auth *a, int err, const struct reg_error *error)
{
	struct list now, *node;

	list_init(&now);
	list_splice(&now, &a->turn);
	for (node = list_pop(&now); node; node = list_pop(&now))
		finish(container_of(node, struct token, link), err, error);
}

void auth_unstrand(struct auth *a, int err)
{
	const struct reg_error error = a->refusal;
	struct list now, *node;

	if (err < 0 && !list_empty(&a->stranded) && !a->accepted)
		a->shut = loop_now() + SHUT;
	list_init(&now);
	list_splice(&now, &a->stranded);
	for (node = list_pop(&now); node; node = list_pop(&now)) {
		struct token *t = container_of(node, struct token, link);

		t->tried = 0;
		if (err < 0)
			finish(t, err, &error);
		else
			ask_again(a, t);
	}
	next_turn(a);
}

static void settle(struct auth *a, struct token *t, const struct auth_answer *answer)
{
	struct reg_error error = {0};
	struct reg_token got = {0};
	char realm[100];
	int r = answer->err;

	if (r < 0 && other_grant(a, t, answer->status)) {
		ask_again(a, t);
		return;
	}
	if (r < 0 && is_refusal(t, answer->status)) {
		refused(a, t, answer);
		return;
	}
	if (r == 0) {
		r = reg_token_read(answer->body, &got, &error);
		if (r == 0)
			keep(a, t, &got, answer->started);
		reg_token_done(&got);
	} else {
		r = token_errno(r);
		origin_words(a->realm, realm, sizeof(realm));
		reg_fail(&error, r, "no token from %s: %s", realm, answer->error->msg);
		if (!answer->status)
			fail_turn(a, r, &error);
	}
	finish(t, r, &error);
}

void auth_token_answer(struct auth *a, void *token, const struct auth_answer *answer)
{
	struct token *const t = token;

	a->refreshing -= t->grant == GRANT_REFRESH;
	settle(a, t, answer);
	next_turn(a);
}
