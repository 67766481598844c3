/* SPDX-License-Identifier: MIT */
/* The tokens that are at hand, by what they are for. Those that were used least lately are forgotten first.
 */
#ifndef REG_TOKENS_H
#define REG_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "util/list.h"
#include "util/map.h"

struct token {
	struct map_node node;
	struct list used; /* in tokens->used */
	char *scope; /* the key: what we need */
	char *asked; /* what the registry said to ask for, or NULL: the same */
	char *header; /* "Bearer ...", NULL: none yet */
	uint64_t since, until; /* loop_now(): when it was asked for, and when the next one is */
	bool busy; /* being asked for: it is not forgotten */
	unsigned login; /* of auth.c: which credentials it was asked for with */
	unsigned grant, tried; /* of auth.c: and how; in how many ways so far */
	struct list waiters;
	struct list link; /* of auth.c: waits for credentials */
};

struct tokens {
	struct map map;
	struct list used; /* the latest last */
	size_t bytes;
	size_t max; /* bytes, beside what is busy */
};

void tokens_init(struct tokens *t, size_t max);
void tokens_done(struct tokens *t);

/* The one for this scope, made if it is not there; NULL: no memory. It lives until the next call, unless
 * busy. */
struct token *tokens_get(struct tokens *t, const char *scope);
struct token *tokens_find(const struct tokens *t, const char *scope); /* NULL: not there */

/* Takes strings over; NULL: none any more. */
void tokens_set_header(struct tokens *t, struct token *token, char *header);
void tokens_set_asked(struct tokens *t, struct token *token, char *asked);

#endif
