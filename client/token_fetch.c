/* SPDX-License-Identifier: MIT */
/* Requests to a token server: exchanges of their own, which carry a login rather than a token. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "util/cleanup.h"

/* What is kept of an answer. */
#define MAX_ANSWER ((size_t)256 << 10)

struct token_exchange {
	struct exchange x;
	struct list link; /* in the session's tokens */
	void *token;
	char *path, *authorization, *form;
};

static void token_exchange_free(struct token_exchange *t)
{
	char *const secrets[] = {t->authorization, t->form, t->path};
	const struct buf *body = &t->x.req.body;

	if (body->data)
		explicit_bzero(body->data, body->size);
	for (size_t k = 0; k < ARRAY_SIZE(secrets); k++) {
		reg_wipe(secrets[k]);
		free(secrets[k]);
	}
	exchange_done(&t->x);
	free(t);
}

static void on_token_answer(struct exchange *x)
{
	struct token_exchange *t = container_of(x, struct token_exchange, x);
	const struct auth_answer answer = {
		.err = x->err,
		.status = x->req.status,
		.error = &x->error,
		.body = &x->req.body,
		.started = x->req.started,
	};

	list_remove(&t->link);
	auth_token_answer(x->auth, t->token, &answer);
	token_exchange_free(t);
}

/* strdup() of what may be NULL. */
static bool copy(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return *ret || !text;
}

int session_fetch_token(void *data, struct auth *a, const struct auth_request *q, void *token)
{
	struct session *s = data;
	struct token_exchange *t = calloc(1, sizeof(*t));
	bool copied;

	if (!t)
		return -ENOMEM;
	t->token = token;
	copied = copy(q->url, &t->path) && copy(q->authorization, &t->authorization) &&
		 copy(q->form, &t->form);
	if (!copied) {
		token_exchange_free(t);
		return -ENOMEM;
	}
	t->x.path = t->path;
	t->x.plain = true;
	t->x.auth = a;
	t->x.plain_authorization = t->authorization;
	t->x.scope = t->x.group = "";
	t->x.timeout_ms = s->token_timeout_ms;
	t->x.req.max_body = MAX_ANSWER;
	if (t->form) {
		t->x.req.method = HTTP_POST;
		t->x.req.upload = t->form;
		t->x.req.upload_size = strlen(t->form);
		t->x.req.upload_type = "application/x-www-form-urlencoded";
	}
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
