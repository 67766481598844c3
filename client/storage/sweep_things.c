/* SPDX-License-Identifier: MIT */
/* What a run does to blobs and links: taken away, put back, deleted. */
#include "storage/sweep_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

/* ---- one after the other ---- */

static int each_blob(struct sweep *w, struct store *s, const struct mark *m, seen_fn *fn)
{
	int r = 0;

	for (uint32_t i = 0; i < s->nblobs && r == 0; i++) {
		const struct store_blob *b = s->blobs[i];
		const struct seen seen = {
			.thing = {.digest = b->digest, .type = THING_BLOB},
			.number = i,
			.owner = STORE_NONE,
			.changed = b->changed,
			.size = b->size,
			.state = m->blobs[i],
			.here = b->flags & BLOB_PRESENT,
			.aside = b->flags & BLOB_ASIDE,
		};

		r = fn(w, s, &seen);
	}
	return r;
}

static int each_link(struct sweep *w, struct store *s, const struct mark *m, uint32_t owner,
		     enum thing_type type, seen_fn *fn)
{
	const struct store_repository *repository = &s->repositories[owner];
	int r = 0;

	for (uint32_t i = repository->first_link; i < repository->first_link + repository->nlinks && r == 0;
	     i++) {
		const struct store_link *l = &s->links[i];
		const struct seen seen = {
			.thing = {.digest = s->blobs[l->blob]->digest,
				  .type = l->type,
				  .repository = repository->name},
			.number = i,
			.owner = owner,
			.changed = l->changed,
			.size = -1,
			.state = m->links[i],
			.here = !(l->flags & LINK_ASIDE),
			.aside = l->flags & (LINK_ASIDE | LINK_ASIDE_TOO),
		};

		if (l->type == type)
			r = fn(w, s, &seen);
	}
	return r;
}

int sweep_each(struct sweep *w, struct store *s, const struct mark *m, enum thing_type type, seen_fn *fn)
{
	int r = 0;

	if (type == THING_BLOB)
		return each_blob(w, s, m, fn);
	for (uint32_t i = 0; i < s->nrepositories && r == 0; i++)
		r = each_link(w, s, m, i, type, fn);
	return r;
}

void sweep_moved(struct store *s, const struct seen *seen, bool here, bool aside)
{
	if (seen->thing.type == THING_BLOB) {
		uint8_t *flags = &s->blobs[seen->number]->flags;

		*flags &= (uint8_t) ~(BLOB_PRESENT | BLOB_ASIDE);
		*flags |= (uint8_t)((here ? BLOB_PRESENT : 0) | (aside ? BLOB_ASIDE : 0));
	} else {
		uint8_t *flags = &s->links[seen->number].flags;

		*flags &= (uint8_t) ~(LINK_ASIDE | LINK_ASIDE_TOO);
		/* One that is deleted is not here either, and a store has no flag for nowhere. */
		*flags |= (uint8_t)(!here ? LINK_ASIDE : aside ? LINK_ASIDE_TOO : 0);
	}
}

static void count_link(struct sweep *w, const struct thing *t)
{
	if (t->type == THING_REVISION)
		w->result.revision_links++;
	else if (t->type == THING_LAYER)
		w->result.layer_links++;
}

static void log_thing(struct sweep *w, const char *what, const struct thing *t, int64_t bytes)
{
	char text[THING_TEXT_MAX];

	if (!w->o->log)
		return;
	thing_text(t, text);
	if (t->type == THING_BLOB)
		sweep_log(w, "%s: %s (%lld bytes)", what, text, (long long)bytes);
	else
		sweep_log(w, "%s: %s", what, text);
}

/* ---- taking ---- */

/*
 * A link stayed that was to go. What it promises must stay as well, so its repository holds all that it links
 * until the next run.
 */
static int left(struct sweep *w, struct store *s, const struct seen *seen)
{
	const struct thing repository = {.repository = seen->thing.repository};
	int r;

	if (seen->thing.type == THING_BLOB)
		return 0;
	if (w->unsure.count &&
	    strcmp(w->unsure.items[w->unsure.count - 1].repository, seen->thing.repository) == 0)
		return 0;
	r = things_add(&w->unsure, &repository);
	return r < 0 ? r
		     : store_unsure(&s->repositories[seen->owner], "a link in it could not be taken away");
}

static int take_one(struct sweep *w, struct store *s, const struct seen *seen)
{
	int64_t bytes = 0;
	bool gone;
	int r;

	if (seen->state != MARK_GARBAGE || !seen->here)
		return 0;
	if (sweep_interrupted(w))
		return -EINTR;
	/* So young that a later change could not be told by its date. */
	if (seen->changed >= w->since)
		return left(w, s, seen);
	/* In the list before it is away, or it would be forgotten when memory ends. */
	r = things_add(&w->taken, &seen->thing);
	if (r < 0)
		return r;
	r = quarantine_take(w->storage, w->aside, &seen->thing, seen->changed, seen->size, &bytes, &gone);
	if (r <= 0)
		w->taken.count--;
	if (r < 0) {
		if (sweep_is_fatal(r))
			return r;
		r = sweep_failed(w, PROBLEM_ACCESS, &seen->thing, NULL, "cannot be taken away", r);
		return r < 0 ? r : left(w, s, seen);
	}
	if (r == 0)
		return gone ? 0 : left(w, s, seen);
	log_thing(w, "taken", &seen->thing, bytes);
	sweep_moved(s, seen, false, true);
	if (seen->thing.type == THING_BLOB) {
		w->result.taken.count++;
		w->result.taken.bytes += (uint64_t)bytes;
	}
	progress_add(w->o->progress, 1);
	return 0;
}

static int compare(const void *left_thing, const void *right_thing)
{
	const struct thing *a = left_thing, *b = right_thing;
	const int r = memcmp(&a->digest, &b->digest, sizeof(a->digest));

	if (r)
		return r;
	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	return a->type == THING_BLOB ? 0 : strcmp(a->repository, b->repository);
}

static bool is_taken(const struct sweep *w, const struct thing *t)
{
	return w->taken.count && bsearch(t, w->taken.items, w->taken.count, sizeof(*w->taken.items), compare);
}

int sweep_take(struct sweep *w, struct store *s, struct mark *m)
{
	int r = sweep_each(w, s, m, THING_REVISION, take_one);

	if (r == 0)
		r = sweep_each(w, s, m, THING_LAYER, take_one);
	if (r == 0 && w->unsure.count) {
		struct mark again;

		r = sweep_mark(w, s, w->recent, &again);
		if (r < 0)
			return r;
		mark_done(m);
		*m = again;
	}
	if (r == 0)
		r = sweep_each(w, s, m, THING_BLOB, take_one);
	if (w->taken.count)
		qsort(w->taken.items, w->taken.count, sizeof(*w->taken.items), compare);
	return r;
}

/* ---- putting back ---- */

static int put_back(struct sweep *w, const struct thing *t, bool *ret_moved)
{
	int64_t bytes = 0;
	const int r = quarantine_put_back(w->storage, w->aside, t, &bytes);

	*ret_moved = r >= 0;
	if (r == -EEXIST) /* nothing else hangs on it, so the others can go on: delete_one() tells of it */
		return 0;
	if (r < 0) {
		w->stuck = true;
		return sweep_failed(w, PROBLEM_ASIDE, t, NULL, "cannot be put back", r);
	}
	if (r == 0)
		return 0;
	log_thing(w, "put back", t, bytes);
	if (t->type == THING_BLOB) {
		w->result.put_back.count++;
		w->result.put_back.bytes += (uint64_t)bytes;
	}
	return 1;
}

static int put_back_one(struct sweep *w, struct store *s, const struct seen *seen)
{
	bool moved;
	int r;

	if (!seen->aside || seen->state < MARK_YOUNG)
		return 0;
	if (sweep_interrupted(w))
		return -EINTR;
	r = put_back(w, &seen->thing, &moved);
	if (moved)
		sweep_moved(s, seen, true, false);
	return r < 0 ? r : 0;
}

/* A link to nothing would be worse than nothing without a link: so blobs come first. */
int sweep_put_back(struct sweep *w, struct store *s, const struct mark *m)
{
	int r = sweep_each(w, s, m, THING_BLOB, put_back_one);

	if (r == 0)
		r = sweep_each(w, s, m, THING_LAYER, put_back_one);
	if (r == 0)
		r = sweep_each(w, s, m, THING_REVISION, put_back_one);
	return r;
}

int sweep_undo(struct sweep *w)
{
	static const enum thing_type order[] = {THING_BLOB, THING_LAYER, THING_REVISION};
	int result = 0;

	for (size_t o = 0; o < ARRAY_SIZE(order); o++) {
		for (size_t i = 0; i < w->taken.count; i++) {
			const struct thing *t = &w->taken.items[i];
			bool moved;
			int r;

			if (t->type != order[o])
				continue;
			r = put_back(w, t, &moved);
			if (r == 1 && w->restoring)
				count_link(w, t);
			if (r < 0)
				result = r;
		}
	}
	return result;
}

/* ---- deleting ---- */

static int delete_one(struct sweep *w, struct store *s, const struct seen *seen)
{
	char path[LAYOUT_MAX];
	int64_t bytes = 0;
	int r;

	if (seen->aside && seen->here && seen->state != MARK_GARBAGE)
		return sweep_failed(w, PROBLEM_ASIDE, &seen->thing, NULL,
				    "is in its place and in the quarantine, with different sizes", 0);
	if (!seen->aside || seen->state != MARK_GARBAGE)
		return 0;
	if (sweep_interrupted(w))
		return -EINTR;
	/*
	 * Its place goes before it does: after a kill in between it is still found here, and its place too.
	 */
	if (!seen->here) {
		r = quarantine_remove_place(w->storage, &seen->thing);
		if (r == -ENOTEMPTY)
			r = sweep_note(w, seen->thing.repository, thing_path(&seen->thing, path),
				       "is not alone in its folder: something that no registry makes stays");
		if (r < 0 && r != -ENOMEM)
			return sweep_failed(w, PROBLEM_ACCESS, &seen->thing, NULL,
					    "its folder cannot be removed", r);
		if (r < 0)
			return r;
	}
	if (w->o->keep) {
		if (is_taken(w, &seen->thing))
			count_link(w, &seen->thing);
		return 0;
	}
	r = quarantine_delete(w->aside, &seen->thing, &bytes);
	if (r < 0)
		return sweep_failed(w, PROBLEM_ACCESS, &seen->thing, NULL,
				    "cannot be deleted from the quarantine", r);
	sweep_moved(s, seen, seen->here, false);
	if (r == 0)
		return 0;
	log_thing(w, "deleted", &seen->thing, bytes);
	if (seen->thing.type == THING_BLOB) {
		w->result.deleted.count++;
		w->result.deleted.bytes += (uint64_t)bytes;
	}
	count_link(w, &seen->thing);
	progress_add(w->o->progress, 1);
	return 0;
}

/* Links first: at no moment does one lead to what is deleted. */
int sweep_delete(struct sweep *w, struct store *s, const struct mark *m)
{
	int r = sweep_each(w, s, m, THING_REVISION, delete_one);

	if (r == 0)
		r = sweep_each(w, s, m, THING_LAYER, delete_one);
	if (r == 0)
		r = sweep_each(w, s, m, THING_BLOB, delete_one);
	return r;
}
