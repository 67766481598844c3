/* SPDX-License-Identifier: MIT */
#include "storage/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "storage/sweep_inner.h"

/* ---- one run, its beginning and end ---- */

static int begin(struct sweep *w)
{
	int r;

	w->aside = w->ours = -1;
	w->ours = quarantine_ours(w->storage, w->error);
	if (w->ours < 0)
		return w->ours;
	w->aside = quarantine_open(w->storage, w->o->quarantine, w->error);
	if (w->aside < 0)
		return w->aside;
	if (w->storage->aside >= 0)
		close(w->storage->aside);
	w->storage->aside = w->aside; /* which closes it */
	r = trash_wipe(w->aside);
	if (r < 0 && r != -ENOMEM)
		r = sweep_failed(w, PROBLEM_ACCESS, NULL, "the trash of an earlier run", "cannot be deleted",
				 r);
	return r;
}

/* What this run met is told with the last store. */
static int hand_over(struct sweep *w, struct store *s)
{
	int r = 0;

	for (size_t i = 0; i < w->problems.count && r == 0; i++) {
		const struct problem *p = &w->problems.items[i];

		r = problems_add(&s->problems, p, "%s", p->text);
	}
	return r;
}

static void end(struct sweep *w)
{
	if (w->ours >= 0)
		close(w->ours);
	for (size_t i = 0; i < w->nleaving; i++)
		free(w->leaving[i]);
	free(w->leaving);
	things_done(&w->taken);
	things_done(&w->unsure);
	problems_done(&w->problems);
}

/* ---- reading ---- */

int sweep_mark(struct sweep *w, struct store *s, time_t recent, struct mark *ret)
{
	const struct mark_options options = {.delete_untagged = w->o->delete_untagged, .recent = recent};
	int r = 0;

	for (size_t i = 0; i < w->unsure.count && r == 0; i++) {
		const uint32_t n = store_repository_find(s, w->unsure.items[i].repository);

		if (n != STORE_NONE)
			r = store_unsure(&s->repositories[n], "a link in it could not be taken away");
	}
	return r < 0 ? r : mark(s, &options, ret);
}

static int read_all(struct sweep *w, struct store *s, time_t recent, struct mark *ret)
{
	/* The history of tags is read for what a run with delete_untagged removes from it. */
	const unsigned flags = w->o->delete_untagged ? SCAN_HISTORY : 0;
	int r;

	store_done(s);
	r = scan(w->storage, flags, w->o->progress, s);
	return r < 0 ? r : sweep_mark(w, s, recent, ret);
}

/* Not what a wrong clock dated years ahead: that stays, and is not waited for. */
static time_t later(const struct sweep *w, time_t newest, time_t changed)
{
	return changed > newest && changed <= w->now + 1 ? changed : newest;
}

/*
 * Dates have seconds in a store, and what is as young as this run cannot be told from what changes during it:
 * without a grace it is worth a short wait. 0: nothing to wait for, else until when.
 */
static time_t worth_a_wait(const struct sweep *w, const struct store *s, const struct mark *m)
{
	time_t newest = 0;

	if (w->recent)
		return 0;
	for (uint32_t i = 0; i < s->nblobs; i++)
		if (m->blobs[i] == MARK_GARBAGE && s->blobs[i]->flags & BLOB_PRESENT)
			newest = later(w, newest, s->blobs[i]->changed);
	for (uint32_t i = 0; i < s->nlinks; i++)
		if (m->links[i] == MARK_GARBAGE && !(s->links[i].flags & LINK_ASIDE))
			newest = later(w, newest, s->links[i].changed);
	return newest >= w->since ? newest + 2 : 0;
}

static int pause_for(struct sweep *w, uint64_t milliseconds)
{
	while (milliseconds && !sweep_interrupted(w)) {
		const uint64_t slice = milliseconds < 100 ? milliseconds : 100;

		usleep((useconds_t)(slice * 1000));
		milliseconds -= slice;
	}
	return sweep_interrupted(w) ? -EINTR : 0;
}

static int set_dates(struct sweep *w)
{
	const int r = sweep_clock(w, &w->now);

	if (r < 0)
		return reg_fail(w->error, r, "%s/%s: %s", w->storage->path, LAYOUT_OURS, strerror(-r));
	w->since = w->now - 1;
	w->recent = 0;
	if (w->o->grace > 0)
		w->recent = w->now > w->o->grace ? w->now - w->o->grace : 1;
	return 0;
}

static int first_reading(struct sweep *w, struct store *s, struct mark *ret)
{
	time_t until;
	int r = set_dates(w);

	if (r == 0)
		r = read_all(w, s, w->recent, ret);
	until = r == 0 ? worth_a_wait(w, s, ret) : 0;
	if (!until)
		return r;
	mark_done(ret);
	while (r == 0 && w->now < until) {
		r = pause_for(w, 200);
		if (r == 0)
			r = set_dates(w);
	}
	return r < 0 ? r : read_all(w, s, w->recent, ret);
}

/* ---- between and after ---- */

static bool anything_aside(const struct store *s)
{
	for (uint32_t i = 0; i < s->nblobs; i++)
		if (s->blobs[i]->flags & BLOB_ASIDE)
			return true;
	for (uint32_t i = 0; i < s->nlinks; i++)
		if (s->links[i].flags & (LINK_ASIDE | LINK_ASIDE_TOO))
			return true;
	return false;
}

static int refuse_blind(struct sweep *w, const struct store *s)
{
	return s->blind ? reg_fail(w->error, -EBUSY, "nothing can be called garbage: %s", s->blind) : 0;
}

/* A registry that has the time to finish what it had looked up, and then forgets what it remembers. */
static int settle(struct sweep *w)
{
	int r;

	progress_begin(w->o->progress, "waiting for pushes to settle", 0, false);
	r = pause_for(w, (uint64_t)w->o->settle * 1000);
	progress_end(w->o->progress);
	if (r == 0 && w->o->restart) {
		r = w->o->restart(w->o->restart_data);
		if (r != 0)
			reg_fail(w->error, r, "the restart command failed: everything goes back");
	}
	return r;
}

/* What is needed after all goes back, by all that is known now. */
static int second_reading(struct sweep *w, struct store *s, struct mark *m)
{
	time_t recent = w->recent && w->recent < w->since ? w->recent : w->since;
	struct mark again;
	int r = settle(w);

	if (r == 0)
		r = read_all(w, s, recent > 0 ? recent : 1, &again);
	if (r != 0)
		return r;
	mark_done(m);
	*m = again;
	r = sweep_put_back(w, s, m);
	return r < 0 ? r : refuse_blind(w, s);
}

static int remove_for_good(struct sweep *w, struct store *s, const struct mark *m)
{
	int r = 0;

	if (anything_aside(s)) {
		/* Were a rename lost with the power and the deletion not, a link could be back without its
		 * blob. */
		if (syncfs(w->storage->v2) < 0 || syncfs(w->aside) < 0)
			return reg_fail(w->error, -errno, "%s: %s", w->storage->path, strerror(errno));
		progress_begin(w->o->progress, "deleting", 0, false);
		r = sweep_delete(w, s, m);
		progress_end(w->o->progress);
	}
	if (r == 0 && w->o->delete_untagged)
		r = sweep_entries(w, s);
	if (r == 0)
		r = sweep_uploads(w, s);
	if (r == 0 && !w->o->keep_empty)
		r = sweep_empty_remove(w, s, m);
	return r;
}

static int take_all(struct sweep *w, struct store *s, struct mark *m)
{
	int r;

	progress_begin(w->o->progress, "taking garbage away", 0, false);
	r = sweep_take(w, s, m);
	progress_end(w->o->progress);
	if (r == -EXDEV)
		reg_fail(
			w->error, r,
			"%s is on another file system than its garbage: use --quarantine DIR on the file system of %s/%s",
			w->o->quarantine ? w->o->quarantine : "the quarantine", w->storage->path, LAYOUT_V2);
	if (quarantine_is_full(r))
		reg_fail(w->error, r, "nothing is taken away: %s", quarantine_why(r));
	return r;
}

static int collect(struct sweep *w, struct store *s, struct mark *m)
{
	bool waiting;
	int r = sweep_put_back(w, s, m);

	if (r == 0)
		r = refuse_blind(w, s);
	if (r < 0 || w->stuck)
		return r;
	if (!w->o->keep_empty)
		r = sweep_empty_begin(w, s, m);
	/* What was kept on purpose is nothing to wait for. */
	waiting = !w->o->keep && anything_aside(s);
	if (r == 0)
		r = take_all(w, s, m);
	if (r == 0 && (waiting || w->taken.count))
		r = second_reading(w, s, m);
	if (r != 0) {
		sweep_undo(w);
		/* These go without a rename, and perhaps make the room that the next run needs. */
		if (quarantine_is_full(r) && sweep_uploads(w, s) == 0 && w->result.uploads.count)
			reg_fail(w->error, r,
				 "no space is left for the quarantine's folders, but %llu dead uploads are "
				 "gone: run again",
				 (unsigned long long)w->result.uploads.count);
		return r;
	}
	return w->stuck ? 0 : remove_for_good(w, s, m);
}

/*
 * A run that was killed had the usual quarantine, and this one has another: all that is in the first goes
 * back, to be judged with the rest.
 */
static int empty_the_usual(struct sweep *w)
{
	struct sweep_options o = *w->o;
	struct storage storage = *w->storage;
	struct sweep_result result;
	struct stat usual, own;
	int r;

	if (!w->o->quarantine || fstatat(w->storage->root, LAYOUT_QUARANTINE, &usual, 0) < 0 ||
	    fstat(w->aside, &own) < 0)
		return 0;
	if (own.st_dev == usual.st_dev && own.st_ino == usual.st_ino)
		return 0;
	o.quarantine = NULL;
	storage.aside = -1;
	r = sweep_restore(&storage, &o, &result, w->error);
	if (storage.aside >= 0)
		close(storage.aside);
	w->result.put_back.count += result.put_back.count;
	w->result.put_back.bytes += result.put_back.bytes;
	return r < 0           ? r
	       : result.failed ? reg_fail(w->error, -EIO, "%s/%s: not all of it can be put back",
					  w->storage->path, LAYOUT_QUARANTINE)
			       : 0;
}

static int run(struct sweep *w, struct store *s)
{
	struct mark m = {0};
	int r, tidy;

	r = begin(w);
	if (r == 0 && w->storage->v2 < 0)
		return 0; /* nothing was ever pushed */
	if (r == 0)
		r = empty_the_usual(w);
	if (r == 0)
		r = first_reading(w, s, &m);
	if (r == 0) {
		r = collect(w, s, &m);
		mark_done(&m);
	}
	if (w->aside >= 0) {
		tidy = quarantine_tidy(w->aside);
		r = r ? r : tidy;
	}
	return r;
}

int sweep(struct storage *storage, const struct sweep_options *o, struct sweep_result *ret,
	  struct store *ret_store, struct reg_error *error)
{
	struct reg_error own = {0};
	struct sweep w = {.storage = storage, .o = o, .error = &own};
	int r, told;

	store_init(ret_store);
	r = run(&w, ret_store);
	told = hand_over(&w, ret_store);
	if (r == 0)
		r = told;
	*ret = w.result;
	if (r != 0 && error) {
		if (own.err != r)
			reg_fail(&own, r, "%s: %s", storage->path, r < 0 ? strerror(-r) : "ended early");
		*error = own;
	}
	end(&w);
	return r;
}

/* ---- restore ---- */

static int restore_all(struct sweep *w)
{
	int r;

	if (w->storage->v2 < 0)
		return reg_fail(w->error, -ENOENT, "%s: there is no %s to put anything back to",
				w->storage->path, LAYOUT_V2);
	r = quarantine_list(w->aside, &w->taken);
	if (r == 0)
		r = sweep_undo(w);
	if (r == 0)
		r = quarantine_tidy(w->aside);
	return r;
}

int sweep_restore(struct storage *storage, const struct sweep_options *o, struct sweep_result *ret,
		  struct reg_error *error)
{
	struct sweep w = {.storage = storage, .o = o, .error = error, .restoring = true};
	int r;

	if (o->quarantine && access(o->quarantine, F_OK) < 0) {
		*ret = w.result;
		return reg_fail(error, -errno, "%s: %s", o->quarantine, strerror(errno));
	}
	r = begin(&w);
	if (r == 0)
		r = restore_all(&w);
	if (w.problems.count)
		reg_fail(error, -EIO, "%s", w.problems.items[0].text);
	*ret = w.result;
	end(&w);
	return r;
}
