/* SPDX-License-Identifier: MIT */
#include "storage/holders.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/grow.h"

/* A manifest is here: linked as a revision, or by a tag (its number in the repository). */
struct place {
	uint32_t repository, tag; /* STORE_NONE: as a revision */
};

/* A place of something that holds the blob in question. */
struct hit {
	struct place place;
	uint32_t blob, distance; /* in the order in which they are found: nearest first */
};

/* Two tables by the number of a blob, n: its rows are at [first[n], first[n + 1]). */
struct holders {
	const struct store *store;
	size_t *first_parent, *first_place;
	uint32_t *parents; /* manifests that name it */
	struct place *places;
	uint32_t *epoch, number; /* of a query */
	uint32_t *found;
	struct hit *hits;
	size_t nhits, room;
};

/* ---- building ---- */

/* Calls back for each row, in any order; twice: to count, then to fill. */
typedef void row_fn(struct holders *h, uint32_t blob, uint32_t manifest, const struct place *place);

static void each_parent(struct holders *h, row_fn *fn)
{
	for (uint32_t i = 0; i < h->store->nblobs; i++) {
		const struct store_manifest *m = h->store->blobs[i]->manifest;

		for (size_t k = 0; m && k < m->nrefs; k++)
			if (m->refs[k].role != ROLE_SUBJECT)
				fn(h, m->refs[k].blob, i, NULL);
	}
}

/* A blob that is kept under another digest stands between that one and what names it. */
static void each_alias(struct holders *h, row_fn *fn)
{
	for (uint32_t i = 0; i < h->store->nrepositories; i++) {
		const struct store_repository *r = &h->store->repositories[i];

		for (uint32_t k = 0; k < r->naliases; k++)
			fn(h, r->aliases[k].target, r->aliases[k].blob, NULL);
	}
}

static void each_place(struct holders *h, row_fn *fn)
{
	for (uint32_t i = 0; i < h->store->nrepositories; i++) {
		const struct store_repository *r = &h->store->repositories[i];
		struct place p = {i, STORE_NONE};

		for (uint32_t l = r->first_link; l < r->first_link + r->nlinks; l++)
			if (h->store->links[l].type == LINK_REVISION &&
			    !(h->store->links[l].flags & LINK_ASIDE))
				fn(h, h->store->links[l].blob, STORE_NONE, &p);
		for (p.tag = 0; p.tag < r->ntags; p.tag++)
			if (r->tags[p.tag].blob != STORE_NONE)
				fn(h, r->tags[p.tag].blob, STORE_NONE, &p);
	}
}

static void count(struct holders *h, uint32_t blob, uint32_t manifest, const struct place *place)
{
	(void)manifest;
	(place ? h->first_place : h->first_parent)[blob]++;
}

/* From the end of its rows down, so that `first` is where it belongs afterwards. */
static void fill(struct holders *h, uint32_t blob, uint32_t manifest, const struct place *place)
{
	if (place)
		h->places[--h->first_place[blob]] = *place;
	else
		h->parents[--h->first_parent[blob]] = manifest;
}

/* Counts become the ends of the rows. Returns how many rows there are. */
static size_t sum(size_t *first, uint32_t n)
{
	size_t all = 0;

	for (uint32_t i = 0; i < n; i++)
		first[i] = all += first[i];
	return first[n] = all;
}

static int build(struct holders *h)
{
	const uint32_t n = h->store->nblobs;

	h->first_parent = calloc((size_t)n + 1, sizeof(*h->first_parent));
	h->first_place = calloc((size_t)n + 1, sizeof(*h->first_place));
	h->epoch = calloc((size_t)n + 1, sizeof(*h->epoch));
	h->found = calloc((size_t)n + 1, sizeof(*h->found));
	if (!h->first_parent || !h->first_place || !h->epoch || !h->found)
		return -ENOMEM;
	each_parent(h, count);
	each_alias(h, count);
	each_place(h, count);
	h->parents = calloc(sum(h->first_parent, n) + 1, sizeof(*h->parents));
	h->places = calloc(sum(h->first_place, n) + 1, sizeof(*h->places));
	if (!h->parents || !h->places)
		return -ENOMEM;
	each_parent(h, fill);
	each_alias(h, fill);
	each_place(h, fill);
	return 0;
}

int holders_new(const struct store *s, struct holders **ret)
{
	struct holders *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->store = s;
	r = build(h);
	if (r < 0)
		holders_free(h);
	else
		*ret = h;
	return r;
}

void holders_free(struct holders *h)
{
	if (!h)
		return;
	free(h->first_parent);
	free(h->first_place);
	free(h->parents);
	free(h->places);
	free(h->epoch);
	free(h->found);
	free(h->hits);
	free(h);
}

/* ---- asking ---- */

static int add_hits(struct holders *h, uint32_t blob, uint32_t distance)
{
	for (size_t i = h->first_place[blob]; i < h->first_place[blob + 1]; i++) {
		struct hit *grown = grow(h->hits, h->nhits, &h->room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		h->hits = grown;
		h->hits[h->nhits++] = (struct hit){h->places[i], blob, distance};
	}
	return 0;
}

/* Itself, and whatever leads to it. */
static int find(struct holders *h, uint32_t blob)
{
	uint32_t nfound = 0;
	int r = 0;

	if (++h->number == 0) { /* all the way round */
		memset(h->epoch, 0, h->store->nblobs * sizeof(*h->epoch));
		h->number = 1;
	}
	h->nhits = 0;
	h->epoch[blob] = h->number;
	h->found[nfound++] = blob;
	for (uint32_t i = 0; r == 0 && i < nfound; i++) {
		const uint32_t at = h->found[i];

		r = add_hits(h, at, i);
		/* Rows are filled from their end: this is the order in which they were met. */
		for (size_t k = h->first_parent[at + 1]; k-- > h->first_parent[at];) {
			if (h->epoch[h->parents[k]] == h->number)
				continue;
			h->epoch[h->parents[k]] = h->number;
			h->found[nfound++] = h->parents[k];
		}
	}
	return r;
}

/* Repositories by name, as they are numbered; tags by name, likewise, before revisions, nearest first. */
static int compare(const void *left, const void *right)
{
	const struct hit *a = left, *b = right;

	if (a->place.repository != b->place.repository)
		return a->place.repository < b->place.repository ? -1 : 1;
	if (a->place.tag != b->place.tag)
		return a->place.tag < b->place.tag ? -1 : 1;
	return (a->distance > b->distance) - (a->distance < b->distance);
}

/* The hits of one repository, from `first` on; *ret_next: those of the next one. */
static int tell(struct holders *h, size_t first, size_t max, const char **tags, uint32_t *revisions,
		holders_fn *fn, void *data, size_t *ret_next)
{
	const struct store_repository *r = &h->store->repositories[h->hits[first].place.repository];
	struct holders_one one = {.repository = r, .tags = tags, .revisions = revisions};
	size_t i;

	for (i = first; i < h->nhits && h->hits[i].place.repository == h->hits[first].place.repository; i++) {
		const struct hit *hit = &h->hits[i];

		if (hit->place.tag != STORE_NONE) {
			one.all_tags++;
			if (one.ntags < max)
				tags[one.ntags++] = r->tags[hit->place.tag].name;
		} else {
			one.all_revisions++;
			if (one.nrevisions < max)
				revisions[one.nrevisions++] = hit->blob;
		}
	}
	*ret_next = i;
	return fn(data, &one);
}

int holders_of(struct holders *h, uint32_t blob, size_t max, holders_fn *fn, void *data)
{
	auto_free const char **tags = NULL;
	auto_free uint32_t *revisions = NULL;
	size_t next = 0;
	int r = find(h, blob);

	if (r < 0 || !h->nhits)
		return r;
	if (max > h->nhits)
		max = h->nhits;
	tags = reallocarray(NULL, max + 1, sizeof(*tags));
	revisions = reallocarray(NULL, max + 1, sizeof(*revisions));
	if (!tags || !revisions)
		return -ENOMEM;
	qsort(h->hits, h->nhits, sizeof(*h->hits), compare);
	while (r == 0 && next < h->nhits)
		r = tell(h, next, max, tags, revisions, fn, data, &next);
	return r;
}
