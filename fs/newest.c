/* SPDX-License-Identifier: MIT */
#include "newest.h"

#include <errno.h>
#include <stdlib.h>

#include "util/cleanup.h"

int date_compare(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

struct dated_tag {
	struct timespec date;
	const struct tag *tag;
};

static int newest_first(const void *a, const void *b)
{
	return date_compare(&((const struct dated_tag *)b)->date, &((const struct dated_tag *)a)->date);
}

/* Newest tags come first, so the first date that reaches a manifest is the one. */
static void hand_down(struct repository *r, struct manifest *m, const struct timespec *date, int depth)
{
	const struct image *i = image_get(r->tree, &m->digest);

	if (m->dated || depth > 16)
		return;
	m->dated = true;
	m->newest = *date;
	for (size_t k = 0; i && i->known && k < i->nitems; k++) {
		struct manifest *item = repository_manifest(r, &i->items[k].digest);

		if (item)
			hand_down(r, item, date, depth + 1);
	}
}

int newest_find(struct repository *r, struct manifest *const *found, size_t nfound)
{
	auto_free struct dated_tag *tags = calloc(r->ntags + 1, sizeof(*tags));
	enum created_from from;
	size_t n = 0;

	if (!tags)
		return -ENOMEM;
	for (size_t k = 0; k < r->ntags; k++)
		if (r->tags[k]->listed && r->tags[k]->resolved && tag_is_dated(r->tags[k]))
			tags[n++] = (struct dated_tag){tag_mtime(r->tags[k], &from), r->tags[k]};
	qsort(tags, n, sizeof(*tags), newest_first);
	for (size_t k = 0; k < r->nmanifests; k++)
		r->manifests[k]->dated = false;
	for (size_t k = 0; k < n; k++)
		hand_down(r, repository_manifest(r, &tags[k].tag->image->digest), &tags[k].date, 0);
	/* A referrer is held by what holds its subject, which was found before it. */
	for (size_t k = 0; k < nfound; k++) {
		struct manifest *m = found[k];

		if (!m->dated && m->subject && m->subject->dated)
			hand_down(r, m, &m->subject->newest, 0);
	}
	return 0;
}
