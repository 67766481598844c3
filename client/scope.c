/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct part {
	const char *text;
	size_t size;
};

/* The next part of a list, and where the one after it begins; false at the end. */
static bool next_part(const char **p, const char *separators, const char *end, struct part *ret)
{
	while (*p < end && strchr(separators, **p))
		(*p)++;
	ret->text = *p;
	while (*p < end && !strchr(separators, **p))
		(*p)++;
	ret->size = (size_t)(*p - ret->text);
	return ret->size > 0;
}

/* A name may hold a colon, an action does not. False: no scope. */
static bool split(const struct part *scope, struct part *ret_thing, struct part *ret_actions)
{
	size_t n = scope->size;

	while (n && scope->text[n - 1] != ':')
		n--;
	if (n < 2)
		return false;
	*ret_thing = (struct part){scope->text, n - 1};
	*ret_actions = (struct part){scope->text + n, scope->size - n};
	return true;
}

static bool same(const struct part *a, const struct part *b)
{
	return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static bool has_action(const struct part *actions, const struct part *wanted)
{
	const char *p = actions->text;
	struct part one;

	while (next_part(&p, ",", actions->text + actions->size, &one))
		if (same(&one, wanted) || (one.size == 1 && *one.text == '*'))
			return true;
	return false;
}

static bool allows(const char *scopes, const struct part *thing, const struct part *action)
{
	const char *const end = scopes + strlen(scopes), *p = scopes;
	struct part scope, one, actions;

	while (next_part(&p, " ", end, &scope))
		if (split(&scope, &one, &actions) && same(&one, thing) && has_action(&actions, action))
			return true;
	return false;
}

bool reg_scope_covers(const char *scopes, const char *wanted)
{
	const char *const end = wanted + strlen(wanted), *p = wanted, *q;
	struct part scope, thing, actions, action;

	while (next_part(&p, " ", end, &scope)) {
		if (!split(&scope, &thing, &actions))
			continue;
		q = actions.text;
		while (next_part(&q, ",", actions.text + actions.size, &action))
			if (!allows(scopes, &thing, &action))
				return false;
	}
	return true;
}

char *reg_scope_join(const char *theirs, const char *ours)
{
	char *both;

	if (reg_scope_covers(theirs, ours))
		return strdup(theirs);
	if (asprintf(&both, "%s%s%s", theirs, *theirs ? " " : "", ours) < 0)
		return NULL;
	return both;
}

static bool starts(const struct part *thing, const char *type)
{
	const size_t n = strlen(type);

	return thing->size > n && memcmp(thing->text, type, n) == 0;
}

static const char *repository_of(const struct part *thing, size_t *ret_size)
{
	static const char type[] = "repository:";

	if (!starts(thing, type))
		return NULL;
	*ret_size = thing->size - strlen(type);
	return thing->text + strlen(type);
}

const char *reg_scope_repository(const char *scope, size_t *ret_size)
{
	const struct part all = {scope, strlen(scope)};
	struct part thing, actions;

	return split(&all, &thing, &actions) ? repository_of(&thing, ret_size) : NULL;
}

void reg_scope_words(const char *scope, char *ret, size_t size)
{
	const struct part all = {scope, strlen(scope)};
	struct part thing, actions;
	const char *name;
	size_t n;

	if (!split(&all, &thing, &actions))
		snprintf(ret, size, "to do this");
	else if (starts(&thing, "registry:"))
		snprintf(ret, size, "to list the repositories (%s)", scope);
	else if ((name = repository_of(&thing, &n)))
		snprintf(ret, size, "to %.*s in %.*s", (int)actions.size, actions.text, (int)n, name);
	else
		snprintf(ret, size, "for %s", scope);
}

void reg_scope_held(const char *scopes, const char *wanted, char *ret, size_t size)
{
	const struct part all = {wanted, strlen(wanted)};
	const char *const end = scopes + strlen(scopes), *p = scopes;
	struct part thing, actions, scope, one, held;

	snprintf(ret, size, "nothing");
	if (!split(&all, &thing, &actions))
		return;
	while (next_part(&p, " ", end, &scope)) {
		if (!split(&scope, &one, &held) || !same(&one, &thing) || !held.size)
			continue;
		snprintf(ret, size, "%.*s", (int)held.size, held.text);
		return;
	}
}
