/* SPDX-License-Identifier: MIT */
#include "logins.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "namelist.h"
#include "renew.h"
#include "scope.h"
#include "util/cleanup.h"
#include "util/list.h"
#include "util/map.h"

struct login {
	struct map_node node; /* in logins->spaces, but for the source's own */
	char *space; /* NULL: the source's own */
	unsigned file; /* where it was found */
	struct map_node who; /* in logins->known */
	bool repeated; /* one before it is the same user's, or the same stranger's */
	bool used; /* a request may have shown it */
	struct auth *auth;
	struct renew *renew;
	struct logins *logins;
	struct list link; /* in logins->waiting */
};

struct logins {
	struct map spaces;
	struct map known; /* by who(): one of each */
	/*
	 * One is looked for at a time. Thousands may be refused in one walk, and a search has a thread and a file in
	 * memory; at the end, what a search hands over to the loop stays in its list, where the next one's would be
	 * linked to it after it was freed.
	 */
	bool searching;
	struct list waiting;
	size_t count;
	struct login all[]; /* the source's own, then as they were found */
};

void logins_free(struct logins *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++) {
		renew_free(l->all[i].renew); /* first: its search hands over to the login */
		auth_free(l->all[i].auth);
		free(l->all[i].space);
	}
	map_done(&l->spaces);
	map_done(&l->known);
	free(l);
}

/* The source's own, and room for more. */
static struct logins *allocate(size_t more)
{
	struct logins *l = calloc(1, sizeof(*l) + (1 + more) * sizeof(l->all[0]));

	if (l) {
		map_init(&l->spaces);
		map_init(&l->known);
		list_init(&l->waiting);
		l->count = 1;
	}
	return l;
}

int logins_new_single(struct auth *a, struct logins **ret)
{
	*ret = allocate(0);
	if (!*ret)
		return -ENOMEM;
	(*ret)->all[0].auth = a;
	return 0;
}

static void look_again(void *data)
{
	struct login *const own = data;
	struct logins *const l = own->logins;

	if (l->searching) {
		list_append(&l->waiting, &own->link);
	} else {
		l->searching = true;
		renew_start(own->renew);
	}
}

static void on_renewed(void *data, struct reg_credentials *found, int err)
{
	const struct login *const own = data;
	struct logins *const l = own->logins;
	struct list *const next = list_pop(&l->waiting);

	/* First: whoever is refused again by what follows comes behind those who wait. */
	l->searching = next;
	if (next)
		renew_start(container_of(next, struct login, link)->renew);
	auth_renewed(own->auth, found, err);
}

/* A hash stands for a login, so that there is no other copy of the secret. */
static uint64_t who(const struct reg_credentials *c)
{
	const char *const all[] = {c->user, c->password, c->identity_token, c->registry_token};
	uint64_t parts[ARRAY_SIZE(all)] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i])
			parts[i] = map_hash(all[i], strlen(all[i]));
	return map_hash(parts, sizeof(parts));
}

static int note_who(struct login *own, struct logins *l, const struct reg_credentials *c)
{
	const uint64_t hash = who(c);

	own->repeated = map_next(&l->known, hash, NULL);
	return own->repeated ? 0 : map_add(&l->known, &own->who, hash);
}

/* Takes the credentials over. */
static int set_up(struct login *own, struct logins *l, const struct logins_options *o, const struct reg_lookup *lookup,
		  struct reg_credentials *credentials)
{
	const struct auth_options auth = {
		.https = lookup->source->https,
		.digest = o->digest,
		.credentials = credentials,
		.fetch = o->fetch,
		.fetch_data = o->fetch_data,
		.renew = look_again,
		.renew_data = own,
		.log = o->log,
	};
	int r = note_who(own, l, credentials);

	if (r == 0)
		r = auth_new(&auth, &own->auth);
	own->logins = l;
	list_init(&own->link);
	reg_credentials_done(credentials);
	return r < 0 ? r : renew_new(lookup, o->loop, o->log, on_renewed, own, &own->renew);
}

/* The login of the longest name space that name, of size bytes, is in. NULL: it has none of its own. */
static struct login *closest(const struct logins *l, const char *name, size_t size)
{
	while (size) {
		map_for_each_match(&l->spaces, map_hash(name, size), node)
		{
			struct login *own = container_of(node, struct login, node);

			if (strlen(own->space) == size && memcmp(own->space, name, size) == 0)
				return own;
		}
		do
			size--;
		while (size && name[size] != '/');
	}
	return NULL;
}

static int add_space(struct logins *l, const struct logins_options *o, const char *space, struct reg_space *found)
{
	const struct login *const above = closest(l, space, strlen(space));
	struct login *const own = &l->all[l->count];
	struct reg_source source = *o->lookup.source;
	struct reg_lookup lookup = o->lookup;

	if (above && above->file < found->file) /* who mounted this would be shown that one */
		return 0;
	if (found->credentials.lacking)
		reg_log(o->log, REG_LOG_WARN, "%s: %s", space, found->credentials.lacking);
	l->count++;
	own->file = found->file;
	own->space = strdup(space);
	if (!own->space || map_add(&l->spaces, &own->node, map_hash(space, strlen(space))) < 0)
		return -ENOMEM;
	snprintf(source.prefix, sizeof(source.prefix), "%s", space);
	lookup.source = &source;
	lookup.no_helpers = true;
	return set_up(own, l, o, &lookup, &found->credentials);
}

static int make(const struct logins_options *o, const struct namelist *deeper, struct reg_spaces *found,
		struct reg_credentials *credentials, struct logins *ret)
{
	int r = set_up(&ret->all[0], ret, o, &o->lookup, credentials);

	for (size_t i = 0; r == 0 && i < deeper->count; i++)
		r = add_space(ret, o, deeper->items[i], &found->items[i]);
	if (r == 0 && ret->count > 1)
		reg_log(o->log, REG_LOG_DEBUG, "logins of their own: for %zu name spaces", ret->count - 1);
	return r;
}

int logins_new(const struct logins_options *o, struct logins **ret, struct reg_error *error)
{
	struct reg_credentials credentials = {0};
	struct reg_lookup lookup = o->lookup;
	struct reg_spaces found = {0};
	struct namelist deeper;
	struct logins *l;
	int r;

	namelist_init(&deeper);
	lookup.deeper = &deeper;
	lookup.spaces = &found;
	r = reg_credentials_find(&lookup, &credentials, error);
	if (r == 0) {
		l = allocate(deeper.count);
		r = l ? make(o, &deeper, &found, &credentials, l) : -ENOMEM;
		if (r < 0) {
			reg_fail(error, r, "no memory for credentials");
			logins_free(l);
		} else {
			*ret = l;
		}
		reg_credentials_done(&credentials);
	}
	reg_spaces_done(&found);
	namelist_done(&deeper);
	return r;
}

static struct auth *use(struct login *own)
{
	own->used = true;
	return own->auth;
}

struct auth *logins_for(struct logins *l, const char *scope)
{
	size_t size;
	const char *const name = reg_scope_repository(scope, &size);
	struct login *const own = name ? closest(l, name, size) : NULL;

	return use(own ? own : &l->all[0]);
}

struct auth *logins_at(struct logins *l, size_t i)
{
	return i < l->count ? use(&l->all[i]) : NULL;
}

struct auth *logins_next(struct logins *l, size_t *i)
{
	while (++*i < l->count)
		if (!l->all[*i].repeated)
			return use(&l->all[*i]);
	return NULL;
}

void logins_set_https(struct logins *l, bool https)
{
	for (size_t i = 0; i < l->count; i++)
		auth_set_https(l->all[i].auth, https);
}

void logins_offered(struct logins *l, const char *challenge)
{
	for (size_t i = 0; i < l->count; i++)
		auth_offered(l->all[i].auth, challenge);
}

void logins_hide(const struct logins *l, struct reg_error *error)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->all[i].used)
			auth_hide(l->all[i].auth, NULL, error);
}
