/* SPDX-License-Identifier: MIT */
#include "storage/store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/utf8.h"

void store_init(struct store *s)
{
	*s = (struct store){0};
	map_init(&s->by_digest);
}

static void repository_done(struct store_repository *r)
{
	for (uint32_t i = 0; i < r->ntags; i++) {
		free(r->tags[i].name);
		free(r->tags[i].entries);
	}
	for (uint32_t i = 0; i < r->nuploads; i++)
		free(r->uploads[i].id);
	free(r->tags);
	free(r->uploads);
	free(r->aliases);
	free(r->name);
	free(r->unsure);
}

static void blob_free(struct store_blob *b)
{
	if (b->manifest) {
		free(b->manifest->type);
		free(b->manifest->platform);
		free(b->manifest);
	}
	free(b);
}

void store_done(struct store *s)
{
	for (uint32_t i = 0; i < s->nblobs; i++)
		blob_free(s->blobs[i]);
	for (uint32_t i = 0; i < s->nrepositories; i++)
		repository_done(&s->repositories[i]);
	map_done(&s->by_digest);
	problems_done(&s->problems);
	free(s->blobs);
	free(s->links);
	free(s->repositories);
	free(s->blind);
	free(s->root);
	store_init(s);
}

/* Room for one more in an array that doubles, of as many as a number can name. */
static int grow(void **items, uint32_t count, uint32_t *room, size_t size)
{
	const uint32_t more = *room ? *room * 2 : 16;
	void *grown;

	if (count < *room)
		return 0;
	if (more <= *room || more >= STORE_NONE / 2)
		return -ENOMEM;
	grown = reallocarray(*items, more, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	*room = more;
	return 0;
}

/* ---- blobs ---- */

static const struct store_blob *find(const struct store *s, const struct reg_digest *d, uint64_t hash)
{
	map_for_each_match(&s->by_digest, hash, node)
	{
		const struct store_blob *b = container_of(node, struct store_blob, node);

		if (reg_digest_equal(&b->digest, d))
			return b;
	}
	return NULL;
}

uint32_t store_blob_find(const struct store *s, const struct reg_digest *d)
{
	const struct store_blob *b = find(s, d, map_hash(d, sizeof(*d)));

	return b ? b->number : STORE_NONE;
}

int store_blob_add(struct store *s, const struct reg_digest *d, uint32_t *ret)
{
	const uint64_t hash = map_hash(d, sizeof(*d));
	const struct store_blob *known = find(s, d, hash);
	struct store_blob *b;

	if (known) {
		*ret = known->number;
		return 0;
	}
	if (grow((void **)&s->blobs, s->nblobs, &s->room_blobs, sizeof(struct store_blob *)) < 0)
		return -ENOMEM;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->digest = *d;
	b->number = s->nblobs;
	if (map_add(&s->by_digest, &b->node, hash) < 0) {
		free(b);
		return -ENOMEM;
	}
	s->blobs[s->nblobs++] = b;
	*ret = b->number;
	return 0;
}

/* ---- repositories ---- */

struct store_repository *store_repository_add(struct store *s, const char *name)
{
	struct store_repository *r;
	char *own;

	if (grow((void **)&s->repositories, s->nrepositories, &s->room_repositories,
		 sizeof(*s->repositories)) < 0)
		return NULL;
	own = strdup(name);
	if (!own)
		return NULL;
	r = &s->repositories[s->nrepositories++];
	*r = (struct store_repository){.name = own, .first_link = s->nlinks};
	return r;
}

int store_link_add(struct store *s, struct store_repository *r, const struct store_link *link)
{
	if (grow((void **)&s->links, s->nlinks, &s->room_links, sizeof(*s->links)) < 0)
		return -ENOMEM;
	s->links[s->nlinks++] = *link;
	r->nlinks++;
	return 0;
}

/* For arrays without a room of their own: it doubles at each power of two. */
static int grow_by_count(void **items, uint32_t count, size_t size)
{
	void *grown;

	if (count & (count - 1))
		return 0;
	if (count >= STORE_NONE / 2)
		return -ENOMEM;
	grown = reallocarray(*items, count ? (size_t)count * 2 : 1, size);
	if (!grown)
		return -ENOMEM;
	*items = grown;
	return 0;
}

int store_tag_add(struct store_repository *r, const char *name, uint32_t blob, time_t changed)
{
	char *own;

	if (grow_by_count((void **)&r->tags, r->ntags, sizeof(*r->tags)) < 0)
		return -ENOMEM;
	own = strdup(name);
	if (!own)
		return -ENOMEM;
	r->tags[r->ntags++] = (struct store_tag){.name = own, .blob = blob, .changed = changed};
	return 0;
}

int store_entry_add(struct store_tag *t, uint32_t blob, time_t pushed)
{
	if (grow_by_count((void **)&t->entries, t->nentries, sizeof(*t->entries)) < 0)
		return -ENOMEM;
	t->entries[t->nentries++] = (struct store_entry){.blob = blob, .pushed = pushed};
	return 0;
}

int store_upload_add(struct store_repository *r, const struct store_upload *u)
{
	char *own;

	if (grow_by_count((void **)&r->uploads, r->nuploads, sizeof(*r->uploads)) < 0)
		return -ENOMEM;
	own = strdup(u->id);
	if (!own)
		return -ENOMEM;
	r->uploads[r->nuploads] = *u;
	r->uploads[r->nuploads++].id = own;
	return 0;
}

int store_alias_add(struct store_repository *r, uint32_t blob, uint32_t target)
{
	if (grow_by_count((void **)&r->aliases, r->naliases, sizeof(*r->aliases)) < 0)
		return -ENOMEM;
	r->aliases[r->naliases++] = (struct store_alias){.blob = blob, .target = target};
	return 0;
}

static int compare_aliases(const void *left, const void *right)
{
	const struct store_alias *a = left, *b = right;

	return (a->blob > b->blob) - (a->blob < b->blob);
}

uint32_t store_target(const struct store_repository *r, uint32_t blob)
{
	const struct store_alias key = {.blob = blob};
	const struct store_alias *found = NULL;

	if (r->naliases)
		found = bsearch(&key, r->aliases, r->naliases, sizeof(key), compare_aliases);
	return found ? found->target : blob;
}

static int compare_links(const void *left, const void *right)
{
	const struct store_link *a = left, *b = right;

	if (a->blob != b->blob)
		return a->blob < b->blob ? -1 : 1;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return (a->flags & LINK_ASIDE) - (b->flags & LINK_ASIDE); /* the one in its place first */
}

static int compare_tags(const void *left, const void *right)
{
	const struct store_tag *a = left, *b = right;

	return strcmp(a->name, b->name);
}

void store_repository_sort_aliases(struct store_repository *r)
{
	if (r->naliases)
		qsort(r->aliases, r->naliases, sizeof(*r->aliases), compare_aliases);
}

void store_repository_end(struct store *s, struct store_repository *r)
{
	struct store_link *links = s->links + r->first_link;
	uint32_t n = 0;

	if (r->ntags)
		qsort(r->tags, r->ntags, sizeof(*r->tags), compare_tags);
	store_repository_sort_aliases(r);
	if (r->nlinks)
		qsort(links, r->nlinks, sizeof(*links), compare_links);
	for (uint32_t i = 0; i < r->nlinks; i++) {
		if (n && links[n - 1].blob == links[i].blob && links[n - 1].type == links[i].type) {
			if (links[i].flags & LINK_ASIDE && !(links[n - 1].flags & LINK_ASIDE))
				links[n - 1].flags |= LINK_ASIDE_TOO;
		} else {
			links[n++] = links[i];
		}
	}
	s->nlinks -= r->nlinks - n;
	r->nlinks = n;
}

uint32_t store_link_find(const struct store *s, const struct store_repository *r, uint32_t blob,
			 enum store_link_type type)
{
	const struct store_link key = {.blob = blob, .type = (uint8_t)type};
	uint32_t low = r->first_link, high = r->first_link + r->nlinks;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const struct store_link *l = &s->links[middle];

		if (l->blob == key.blob && l->type == key.type)
			return middle;
		if (l->blob < key.blob || (l->blob == key.blob && l->type < key.type))
			low = middle + 1;
		else
			high = middle;
	}
	return STORE_NONE;
}

int store_compare_names(const char *a, const char *b)
{
	for (;; a++, b++) {
		const unsigned char x = *a == '/' ? 1 : (unsigned char)*a,
				    y = *b == '/' ? 1 : (unsigned char)*b;

		if (x != y)
			return x < y ? -1 : 1;
		if (!x)
			return 0;
	}
}

uint32_t store_repository_find(const struct store *s, const char *name)
{
	uint32_t low = 0, high = s->nrepositories;

	while (low < high) {
		const uint32_t middle = low + (high - low) / 2;
		const int r = store_compare_names(s->repositories[middle].name, name);

		if (r == 0)
			return middle;
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return STORE_NONE;
}

/* ---- what is not known ---- */

static int say(char **ret, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* The first reason stays: the others are problems of their own. */
static int say(char **ret, const char *format, va_list args)
{
	char *text;

	if (*ret)
		return 0;
	if (vasprintf(&text, format, args) < 0)
		return -ENOMEM;
	utf8_make_printable(text);
	*ret = text;
	return 0;
}

int store_unsure(struct store_repository *r, const char *format, ...)
{
	va_list args;
	int e;

	va_start(args, format);
	e = say(&r->unsure, format, args);
	va_end(args);
	return e;
}

int store_blind(struct store *s, const char *format, ...)
{
	va_list args;
	int e;

	va_start(args, format);
	e = say(&s->blind, format, args);
	va_end(args);
	return e;
}
