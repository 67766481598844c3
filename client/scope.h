/* SPDX-License-Identifier: MIT */
/* What a token allows: "TYPE:NAME:ACTION,ACTION" (token scope specification), several with spaces between. */
#ifndef REG_SCOPE_H
#define REG_SCOPE_H

#include <stdbool.h>
#include <stddef.h>

/* Is every action of each scope in `wanted` in one of `scopes`? The action "*" holds all of them. */
bool reg_scope_covers(const char *scopes, const char *wanted);

/*
 * What to ask for: the registry's own words first, since some token servers look at the first scope alone;
 * then what we need, unless that is in it. Allocated; NULL: no memory.
 */
char *reg_scope_join(const char *theirs, const char *ours);

/* The name in a scope of a repository, which is not copied, and its size; NULL: it is of something else. */
const char *reg_scope_repository(const char *scope, size_t *ret_size);

/* "to delete in a/b", "to list the repositories", for messages. */
void reg_scope_words(const char *scope, char *ret, size_t size);

/* The actions that scopes hold for what `wanted` is about: "pull,push", or "nothing". */
void reg_scope_held(const char *scopes, const char *wanted, char *ret, size_t size);

#endif
