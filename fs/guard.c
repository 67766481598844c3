/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include <stdlib.h>

#include "newest.h"
#include "pinned.h"
#include "protect.h"
#include "util/cleanup.h"

/* Nobody nests indexes so deep: what is below is taken for protected. */
enum { MAX_DEPTH = 64 };

static const char in_use[] = "it is in use (protect_from)";

/* ---- keep=N ---- */

/* Signatures live and die with their images: they do not count, and are kept as these are. */
static bool counts(const struct tag *tag)
{
	return tag->listed && tag->image && !(tag->subject.algorithm && !tag->no_subject);
}

static struct timespec age_of(const struct tag *tag)
{
	const struct timespec newest = {.tv_sec = INT64_MAX};
	enum created_from from;
	const struct timespec date = tag_mtime(tag, &from);

	return from == CREATED_UNDATED ? newest : date;
}

static int newest_first(const void *a, const void *b)
{
	return date_compare(b, a);
}

/* What is at least as new as the Nth newest stays: of several with the same date all do. */
static bool find_cutoff(struct repository *r)
{
	const size_t keep = r->tree->options.keep;
	auto_free struct timespec *dates = NULL;
	size_t n = 0;

	if (r->cutoff_of == r->ages + 1)
		return true;
	dates = calloc(r->ntags + 1, sizeof(*dates));
	if (!dates || !r->listed)
		return false;
	for (size_t k = 0; k < r->ntags; k++) {
		if (r->tags[k]->listed && !tag_is_dated(r->tags[k]))
			return false;
		if (counts(r->tags[k]))
			dates[n++] = age_of(r->tags[k]);
	}
	qsort(dates, n, sizeof(*dates), newest_first);
	r->cutoff = n > keep ? dates[keep - 1] : (struct timespec){.tv_sec = INT64_MIN};
	r->cutoff_of = r->ages + 1;
	return true;
}

static const char *is_new(struct tag *tag)
{
	const struct repository *r = tag->repository;
	const struct timespec age = age_of(tag);

	if (!r->tree->options.keep || !counts(tag))
		return NULL;
	if (r->cutoff_of != r->ages + 1 || date_compare(&age, &r->cutoff) >= 0)
		return "it is one of the newest (keep)";
	return NULL;
}

bool guard_is_certain(struct tag *tag)
{
	return !tag->repository->tree->options.keep || find_cutoff(tag->repository);
}

/* ---- by name and digest ---- */

/* An image, its config, and for an index all that it lists, as far as they have been read. Each once. */
static bool finds_in_use(const struct repository *r, const struct reg_digest *digest, int depth)
{
	const struct protect *p = r->tree->protect;
	struct image *i = image_get(r->tree, digest);

	if (protect_has_digest(p, r->name, digest) || depth == MAX_DEPTH)
		return true;
	if (!i || !i->known || i->mark == r->tree->mark)
		return false;
	i->mark = r->tree->mark;
	if (i->config.algorithm && protect_has_digest(p, r->name, &i->config))
		return true;
	for (size_t k = 0; k < i->nitems; k++)
		if (finds_in_use(r, &i->items[k].digest, depth + 1))
			return true;
	return false;
}

static bool is_in_use(const struct repository *r, const struct reg_digest *digest)
{
	if (!r->tree->protect)
		return false;
	r->tree->mark++;
	return finds_in_use(r, digest, 0);
}

const char *guard_name(const struct tag *tag)
{
	const struct repository *r = tag->repository;

	return protect_has_tag(r->tree->protect, r->name, tag->name) ? "it is protected by name" : NULL;
}

/* Of an image itself, without looking for what it signs. */
static const char *guard_image(struct tag *tag)
{
	const char *why = guard_name(tag);

	if (!why && tag->image && is_in_use(tag->repository, &tag->image->digest))
		why = in_use;
	return why ? why : is_new(tag);
}

const char *guard_digest(struct repository *r, const struct reg_digest *digest)
{
	return is_in_use(r, digest) || pinned_lists(r, digest) ? in_use : NULL;
}

static bool lists(struct tree *t, struct image *i, const struct reg_digest *digest, int depth)
{
	if (depth == MAX_DEPTH)
		return true;
	if (!i || !i->known || i->mark == t->mark)
		return false;
	i->mark = t->mark;
	for (size_t k = 0; k < i->nitems; k++)
		if (reg_digest_equal(&i->items[k].digest, digest) ||
		    (i->items[k].index && lists(t, image_get(t, &i->items[k].digest), digest, depth + 1)))
			return true;
	return false;
}

static bool is_listed_by(struct tag *tag, const struct reg_digest *digest)
{
	tag->repository->tree->mark++;
	return lists(tag->repository->tree, tag->image, digest, 0);
}

/* A signature stays with its image, and with an index that lists it. */
static const char *guard_subject(struct repository *r, const struct reg_digest *subject)
{
	struct holder *h = repository_holder(r, subject);
	const struct manifest *m;

	if (guard_digest(r, subject))
		return in_use;
	for (struct list *node = h ? h->tags.next : NULL; node && node != &h->tags; node = node->next)
		if (guard_image(container_of(node, struct tag, held)))
			return "what it belongs to is protected";
	m = h ? NULL : repository_manifest(r, subject);
	for (size_t k = 0; m && m->nparents && k < r->ntags; k++)
		if (is_listed_by(r->tags[k], subject) && guard_image(r->tags[k]))
			return "what it belongs to is protected";
	return NULL;
}

const char *guard_tag(struct tag *tag)
{
	const struct tree *t = tag->repository->tree;
	const char *why = t->protect || t->options.keep ? guard_image(tag) : NULL;

	if (!why && tag->subject.algorithm && (t->protect || t->options.keep))
		why = guard_subject(tag->repository, &tag->subject);
	return why;
}
