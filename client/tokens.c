/* SPDX-License-Identifier: MIT */
#include "tokens.h"

#include <stdlib.h>
#include <string.h>

#include "credentials.h"
#include "util/cleanup.h"

void tokens_init(struct tokens *t, size_t max)
{
	*t = (struct tokens){.max = max};
	map_init(&t->map);
	list_init(&t->used);
}

static size_t weight(const struct token *token)
{
	return sizeof(*token) + strlen(token->scope) + (token->asked ? strlen(token->asked) : 0) +
	       (token->header ? strlen(token->header) : 0);
}

static void token_free(struct token *token)
{
	reg_wipe(token->header);
	free(token->header);
	free(token->scope);
	free(token->asked);
	free(token);
}

static void forget(struct tokens *t, struct token *token)
{
	t->bytes -= weight(token);
	list_remove(&token->used);
	map_remove(&t->map, &token->node);
	token_free(token);
}

void tokens_done(struct tokens *t)
{
	while (!list_empty(&t->used))
		forget(t, container_of(t->used.next, struct token, used));
	map_done(&t->map);
}

struct token *tokens_find(const struct tokens *t, const char *scope)
{
	map_for_each_match(&t->map, map_hash(scope, strlen(scope)), node)
	{
		struct token *token = container_of(node, struct token, node);

		if (strcmp(token->scope, scope) == 0)
			return token;
	}
	return NULL;
}

static void make_room(struct tokens *t)
{
	struct list *node = t->used.next;

	while (t->bytes > t->max && node != &t->used) {
		struct token *token = container_of(node, struct token, used);

		node = node->next;
		if (!token->busy)
			forget(t, token);
	}
}

struct token *tokens_get(struct tokens *t, const char *scope)
{
	struct token *token = tokens_find(t, scope);

	if (token) {
		list_remove(&token->used);
		list_append(&t->used, &token->used);
		return token;
	}
	make_room(t);
	token = calloc(1, sizeof(*token));
	if (!token)
		return NULL;
	list_init(&token->waiters);
	list_init(&token->link);
	token->scope = strdup(scope);
	if (!token->scope || map_add(&t->map, &token->node, map_hash(scope, strlen(scope))) < 0) {
		token_free(token);
		return NULL;
	}
	list_append(&t->used, &token->used);
	t->bytes += weight(token);
	return token;
}

void tokens_set_header(struct tokens *t, struct token *token, char *header)
{
	t->bytes -= weight(token);
	reg_wipe(token->header);
	free(token->header);
	token->header = header;
	t->bytes += weight(token);
}

void tokens_set_asked(struct tokens *t, struct token *token, char *asked)
{
	t->bytes -= weight(token);
	free(token->asked);
	token->asked = asked;
	t->bytes += weight(token);
}
