/* SPDX-License-Identifier: MIT */
#include "wanted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "util/cleanup.h"

/* ---- names ---- */

int wanted_name_parse(const char *text, struct wanted_name *ret, struct reg_error *error)
{
	struct wanted_name name = {0};
	const size_t n = strcspn(text, ":@");
	bool good = true;

	name.repository = strndup(text, n);
	if (text[n] == ':') {
		name.tag = strdup(text + n + 1);
		good = reg_name_is_tag(name.tag);
	} else if (text[n] == '@') {
		good = reg_digest_parse(text + n + 1, &name.digest);
	}
	if (!name.repository || (text[n] == ':' && !name.tag)) {
		wanted_name_done(&name);
		return reg_fail(error, -ENOMEM, "out of memory");
	}
	if (!good || !reg_name_is_repository(name.repository)) {
		wanted_name_done(&name);
		return reg_fail(error, -EINVAL,
				"'%s' is no REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST (the registry is "
				"chosen by --registry)",
				text);
	}
	*ret = name;
	return 0;
}

void wanted_name_done(struct wanted_name *name)
{
	free(name->repository);
	free(name->tag);
	*name = (struct wanted_name){0};
}

/* ---- the filter ---- */

static bool is_below(const char *repository, const char *prefix)
{
	const size_t n = strlen(prefix);

	return !n || (strncmp(repository, prefix, n) == 0 && (!repository[n] || repository[n] == '/'));
}

bool wanted_passes(const struct wanted_filter *f, const struct restore_entry *e)
{
	if (e->time.tv_sec < f->since.tv_sec ||
	    (e->time.tv_sec == f->since.tv_sec && e->time.tv_nsec < f->since.tv_nsec))
		return false;
	return (!f->host || strcmp(f->host, e->host) == 0) &&
	       (!f->prefix || is_below(e->repository, f->prefix));
}

static bool item_has_tag(const struct restore_item *item, const char *tag)
{
	for (size_t i = 0; i < item->ntags; i++)
		if (strcmp(item->tags[i], tag) == 0)
			return true;
	return false;
}

static bool entry_has(const struct restore_entry *e, const struct wanted_name *name)
{
	if (strcmp(e->repository, name->repository) != 0)
		return false;
	for (size_t i = 0; i < e->nitems; i++)
		if (name->tag ? item_has_tag(&e->items[i], name->tag)
			      : reg_digest_equal(&e->items[i].digest, &name->digest))
			return true;
	return !name->tag && !name->digest.algorithm;
}

bool wanted_concerns(const struct wanted_filter *f, const struct restore_entry *e)
{
	for (size_t i = 0; i < f->nnames; i++)
		if (entry_has(e, &f->names[i]))
			return true;
	return !f->nnames;
}

/* ---- the newest removal of each tag ---- */

static int compare_digests(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct reg_digest));
}

bool wanted_is_placeholder(const struct wanted_list *list, const struct reg_digest *digest)
{
	return list->nplaceholders &&
	       bsearch(digest, list->placeholders, list->nplaceholders, sizeof(*digest), compare_digests);
}

static int find_placeholders(const struct restore_journal *j, struct wanted_list *list)
{
	list->placeholders = calloc(j->count + 1, sizeof(*list->placeholders));
	if (!list->placeholders)
		return -ENOMEM;
	for (size_t i = 0; i < j->count; i++)
		if (j->entries[i]->placeholder.algorithm)
			list->placeholders[list->nplaceholders++] = j->entries[i]->placeholder;
	qsort(list->placeholders, list->nplaceholders, sizeof(*list->placeholders), compare_digests);
	return 0;
}

/* Everything in the journal that a tag, or an entry without one, names. */
struct candidate {
	struct wanted wanted;
	size_t age; /* its entry's place in the journal */
	bool chosen;
};

struct candidates {
	struct candidate *items;
	size_t count, room;
};

static int add(struct candidates *c, const struct wanted *wanted, size_t age)
{
	const size_t room = c->room ? c->room * 2 : 256;
	struct candidate *items;

	if (c->count == c->room) {
		items = reallocarray(c->items, room, sizeof(*items));
		if (!items)
			return -ENOMEM;
		c->items = items;
		c->room = room;
	}
	c->items[c->count++] = (struct candidate){.wanted = *wanted, .age = age};
	return 0;
}

/* A placeholder that somebody removed after all is nothing to have back. */
static int add_entry(const struct wanted_list *list, struct candidates *c, const struct restore_entry *e,
		     size_t age)
{
	int r = 0;

	for (size_t i = 0; i < e->nitems; i++) {
		struct wanted w = {
			.entry = e, .item = &e->items[i], .along = e->items[i].role != JOURNAL_IMAGE};

		if (wanted_is_placeholder(list, &w.item->digest))
			continue;
		for (size_t k = 0; r == 0 && k < w.item->ntags; k++) {
			w.tag = w.item->tags[k];
			r = add(c, &w, age);
		}
		if (r == 0 && !w.item->ntags) {
			w.tag = NULL;
			r = add(c, &w, age);
		}
	}
	return r;
}

/* By registry, repository, and tag or digest; what has no tag last. */
static int compare_targets(const struct wanted *x, const struct wanted *y)
{
	int order = strcmp(x->entry->host, y->entry->host);

	if (order == 0)
		order = strcmp(x->entry->repository, y->entry->repository);
	if (order == 0)
		order = !x->tag - !y->tag;
	if (order == 0)
		order = x->tag ? strcmp(x->tag, y->tag) : compare_digests(&x->item->digest, &y->item->digest);
	return order;
}

/* The newest of each target first. */
static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	const int order = compare_targets(&x->wanted, &y->wanted);

	return order ? order : x->age > y->age ? -1 : x->age < y->age;
}

static void drop_older(struct candidates *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++)
		if (!n || compare_targets(&c->items[n - 1].wanted, &c->items[i].wanted) != 0)
			c->items[n++] = c->items[i];
	c->count = n;
}

/* ---- what the user asked for ---- */

enum named { NAMED_NOT, NAMED_REPOSITORY, NAMED_ITSELF };

static enum named is_named(const struct wanted_filter *f, const struct wanted *w)
{
	enum named named = f->nnames ? NAMED_NOT : NAMED_REPOSITORY;

	for (size_t i = 0; i < f->nnames; i++) {
		struct wanted_name *name = &f->names[i];
		enum named how = NAMED_ITSELF;

		if (strcmp(name->repository, w->entry->repository) != 0)
			continue;
		if (name->tag ? !w->tag || strcmp(name->tag, w->tag) != 0
			      : name->digest.algorithm && !reg_digest_equal(&name->digest, &w->item->digest))
			continue;
		if (!name->tag && !name->digest.algorithm)
			how = NAMED_REPOSITORY;
		name->found = true;
		named = how > named ? how : named;
	}
	return named;
}

static bool may_want(const struct wanted *w, enum named named)
{
	return named == NAMED_ITSELF || (named && w->entry->outcome != JOURNAL_KEPT);
}

static int compare_ages(const void *a, const void *b)
{
	const size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return x < y ? -1 : x > y;
}

/* What hung from something goes along with it, and is not wanted without it unless it is named itself. */
static int choose(struct candidates *c, const struct wanted_filter *f)
{
	auto_free size_t *ages = calloc(c->count + 1, sizeof(*ages));
	size_t n = 0;

	if (!ages)
		return -ENOMEM;
	for (size_t i = 0; i < c->count; i++) {
		struct candidate *x = &c->items[i];
		const enum named named = is_named(f, &x->wanted);

		if (named == NAMED_ITSELF)
			x->wanted.along = false;
		x->chosen = may_want(&x->wanted, named) && !x->wanted.along;
		if (x->chosen && x->wanted.item->role == JOURNAL_IMAGE)
			ages[n++] = x->age;
	}
	qsort(ages, n, sizeof(*ages), compare_ages);
	for (size_t i = 0; i < c->count; i++) {
		struct candidate *x = &c->items[i];

		if (x->wanted.along)
			x->chosen = bsearch(&x->age, ages, n, sizeof(*ages), compare_ages) != NULL;
	}
	return 0;
}

static void copy_chosen(const struct candidates *c, struct wanted_list *list)
{
	for (int along = 0; along < 2; along++)
		for (size_t i = 0; i < c->count; i++)
			if (c->items[i].chosen && c->items[i].wanted.along == (along == 1))
				list->items[list->count++] = c->items[i].wanted;
}

int wanted_new(const struct restore_journal *j, const struct wanted_filter *f, struct wanted_list *ret)
{
	struct wanted_list list = {0};
	struct candidates c = {0};
	int r;

	r = find_placeholders(j, &list);
	for (size_t i = 0; r == 0 && i < j->count; i++)
		if (wanted_passes(f, j->entries[i]))
			r = add_entry(&list, &c, j->entries[i], i);
	if (r == 0) {
		if (c.count)
			qsort(c.items, c.count, sizeof(*c.items), compare_candidates);
		drop_older(&c);
		r = choose(&c, f);
	}
	if (r == 0) {
		list.items = calloc(c.count + 1, sizeof(*list.items));
		r = list.items ? 0 : -ENOMEM;
	}
	if (r == 0)
		copy_chosen(&c, &list);
	free(c.items);
	if (r < 0)
		wanted_done(&list);
	else
		*ret = list;
	return r;
}

void wanted_done(struct wanted_list *list)
{
	free(list->items);
	free(list->placeholders);
	*list = (struct wanted_list){0};
}
