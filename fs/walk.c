/* SPDX-License-Identifier: MIT */
#include "walk.h"

#include <stdlib.h>

/*
 * Milliseconds after which a walker that is not heard of has gone; how many tags in a row make a walk; the
 * first window of tags fetched ahead, which doubles while the walk goes on; how many repositories are listed
 * ahead; how many tags a walker may pass over (what was known was not asked for).
 */
enum { GONE_MS = 2000, IN_A_ROW = 3, SKIP = 4, FIRST_WINDOW = 32, LISTS_AHEAD = 16, MAX_WALKS = 8 };

struct walk {
	int pid;
	uint64_t heard; /* tree_now() */
	struct repository *listed; /* the last one it listed */
	bool across; /* it went from one repository to the next */
	bool dates; /* it asks for dates, not only for names */
	struct repository *repository; /* of the last tag it asked about */
	uint32_t index;
	unsigned row;
	struct repository *tags_at; /* up to here dates were asked for, so many tags ahead of the walker */
	uint32_t tags_index;
	unsigned tags_ahead, window;
	struct repository *lists_at; /* up to here repositories were listed */
	unsigned lists_ahead;
};

struct walks {
	struct walk all[MAX_WALKS];
	uint64_t heard; /* of any */
	bool dates; /* the last that was heard of asks for dates */
};

struct walks *walks_new(void)
{
	return calloc(1, sizeof(struct walks));
}

void walks_free(struct walks *w)
{
	free(w);
}

bool walk_is_alive(const struct tree *t)
{
	return tree_now() - t->walks->heard < GONE_MS;
}

bool walk_wants_dates(const struct tree *t)
{
	return walk_is_alive(t) && t->walks->dates;
}

/* The walker's own record; a new one takes the place of who was not heard of for longest. */
static struct walk *find_walk(struct tree *t, int pid)
{
	struct walk *oldest = &t->walks->all[0];
	const uint64_t now = tree_now();

	t->walks->heard = now;
	for (int k = 0; k < MAX_WALKS; k++) {
		struct walk *w = &t->walks->all[k];

		if (w->pid == pid && w->heard && now - w->heard < GONE_MS) {
			w->heard = now;
			return w;
		}
		if (w->heard < oldest->heard)
			oldest = w;
	}
	*oldest = (struct walk){.pid = pid, .heard = now};
	return oldest;
}

static struct directory *first_listed(const struct directory *d, size_t from)
{
	for (size_t k = from; k < d->nchildren; k++)
		if (d->children[k]->listed)
			return d->children[k];
	return NULL;
}

/* Where a depth-first walk goes after a directory: below it, else beside it, else beside what it is in. */
static struct directory *next_directory(const struct directory *d)
{
	struct directory *next = first_listed(d, 0);

	for (; !next && d->parent; d = d->parent)
		next = first_listed(d->parent, d->position + 1);
	return next;
}

static struct repository *next_repository(struct tree *t, const struct repository *r)
{
	struct directory *d = next_directory(r->directory);

	while (d && !d->is_repository)
		d = next_directory(d);
	return d ? repository_of(t, d) : NULL;
}

/* Moves on to the next repository whose tags are here. False: there is none yet, or no more. */
static bool next_tags(struct tree *t, struct walk *w)
{
	struct repository *next = w->across ? next_repository(t, w->tags_at) : NULL;
	struct fetch *f;
	int r;

	if (!next)
		return false;
	r = repository_list(next, NULL, &f);
	if (r == 1)
		return false;
	w->tags_at = next;
	w->tags_index = r == 0 ? 0 : (uint32_t)next->ntags;
	return true;
}

/* Asks for dates until the window is full. */
static void fetch_dates(struct tree *t, struct walk *w)
{
	struct fetch *f;

	while (w->tags_ahead < w->window) {
		struct repository *r = w->tags_at;

		if (w->tags_index >= r->ntags) {
			if (!next_tags(t, w))
				return;
			continue;
		}
		if (r->tags[w->tags_index++]->listed) {
			(void)tag_date(r->tags[w->tags_index - 1], NULL, &f);
			w->tags_ahead++;
		}
	}
}

static void fetch_lists(struct tree *t, struct walk *w)
{
	struct fetch *f;

	while (w->lists_ahead < LISTS_AHEAD) {
		struct repository *next = next_repository(t, w->lists_at);

		if (!next)
			return;
		(void)repository_list(next, NULL, &f);
		w->lists_at = next;
		w->lists_ahead++;
	}
}

/* Notes where the walker is now. False: it has jumped. */
static bool keep_pace(struct walk *w, const struct tag *tag)
{
	const bool next =
		w->repository == tag->repository && tag->index > w->index && tag->index - w->index <= SKIP;
	const bool entered = w->repository != tag->repository && w->listed == tag->repository && w->across;
	const bool again = w->repository == tag->repository && tag->index == w->index;

	if (next || entered) {
		w->row++;
		w->tags_ahead -= w->tags_ahead ? 1 : 0;
	} else if (!again) {
		w->row = 1;
	}
	w->repository = tag->repository;
	w->index = tag->index;
	return next || entered || again;
}

void walk_stat(struct tree *t, int pid, struct tag *tag)
{
	const unsigned widest = 4 * t->options.connections;
	struct walk *w = find_walk(t, pid);

	if (!keep_pace(w, tag) || !w->tags_at ||
	    (w->tags_at == tag->repository && w->tags_index <= tag->index)) {
		w->tags_at = tag->repository;
		w->tags_index = tag->index + 1;
		w->tags_ahead = 0;
	}
	if (w->row < IN_A_ROW)
		return;
	w->dates = t->walks->dates = true;
	w->window = w->window ? w->window * 2 : FIRST_WINDOW;
	if (w->window > widest)
		w->window = widest;
	fetch_dates(t, w);
}

void walk_pass(struct tree *t, int pid, struct tag *tag)
{
	if (find_walk(t, pid)->dates)
		walk_stat(t, pid, tag);
}

void walk_list(struct tree *t, int pid, struct repository *r)
{
	struct walk *w = find_walk(t, pid);
	struct repository *before = w->listed;

	t->walks->dates = w->dates;
	if (before == r)
		return;
	w->listed = r;
	/* One repository after the other in the order of the catalog: the next ones will be wanted as well.
	 */
	w->across = before && next_repository(t, before) == r;
	if (!w->across) {
		w->lists_at = r;
		w->lists_ahead = 0;
		return;
	}
	w->lists_ahead -= w->lists_ahead ? 1 : 0;
	fetch_lists(t, w);
	if (w->dates && w->tags_at)
		fetch_dates(t, w);
}
