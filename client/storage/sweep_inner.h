/* SPDX-License-Identifier: MIT */
/* What the parts of the builtin engine share: one run. */
#ifndef REG_STORAGE_SWEEP_INNER_H
#define REG_STORAGE_SWEEP_INNER_H

#include "storage/quarantine.h"
#include "storage/sweep.h"

struct sweep {
	struct storage *storage;
	const struct sweep_options *o;
	struct sweep_result result;
	struct reg_error *error;
	struct problems problems; /* handed over to the last store */
	int aside; /* the quarantine: storage->aside */
	int ours; /* ROOT/.regfs-gc */
	/* By the clock of the file system, which on a network is not ours. */
	time_t now; /* when this run began to read */
	time_t recent; /* what changed then or later is not garbage; 0: whatever is not reached is */
	time_t since; /* what changed then or later may have done so while this run was at work */
	struct things taken; /* in this run, in order */
	struct things unsure; /* no digest: repositories in which a link could not be taken */
	bool restoring; /* links that go back are the result */
	bool stuck; /* something needed could not be put back: nothing may be deleted */
	char **leaving; /* names of repositories that are to go if they are still empty at the end */
	size_t nleaving, room_leaving;
};

/* One blob or link of a store, with what is known of it. */
struct seen {
	struct thing thing;
	uint32_t number; /* of the blob or the link */
	uint32_t owner; /* the link's repository */
	time_t changed;
	int64_t size; /* -1: not known */
	enum mark_state state;
	bool here, aside; /* where it is; maybe both */
};

/* 0, or negative: no more, this is returned. */
typedef int seen_fn(struct sweep *w, struct store *s, const struct seen *seen);
int sweep_each(struct sweep *w, struct store *s, const struct mark *m, enum thing_type type, seen_fn *fn);
/* The store learns where a thing is now. */
void sweep_moved(struct store *s, const struct seen *seen, bool here, bool aside);

void sweep_log(struct sweep *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/*
 * A thing (or NULL) could not be moved or removed: counted and told. err is negative. Returns 0 or -ENOMEM.
 */
int sweep_failed(struct sweep *w, enum problem_kind kind, const struct thing *t, const char *path,
		 const char *what, int err);
int sweep_note(struct sweep *w, const char *repository, const char *path, const char *text);
bool sweep_interrupted(const struct sweep *w);
/* Errors after which trying the next one is of no use. */
bool sweep_is_fatal(int err);
/* The file system's clock, by a file that is made in ROOT/.regfs-gc. */
int sweep_clock(struct sweep *w, time_t *ret);

/* Parts, in the order of a run. Each returns 0 or a negative errno. */
int sweep_put_back(struct sweep *w, struct store *s, const struct mark *m);
int sweep_take(struct sweep *w, struct store *s, struct mark *m);
int sweep_undo(struct sweep *w); /* what was taken in this run goes back */
int sweep_delete(struct sweep *w, struct store *s, const struct mark *m);
int sweep_entries(struct sweep *w, struct store *s);
int sweep_uploads(struct sweep *w, const struct store *s);
int sweep_mark(struct sweep *w, struct store *s, time_t recent, struct mark *ret);

/* Which repositories will be left empty: decided before anything is taken away, removed at the end. */
int sweep_empty_begin(struct sweep *w, const struct store *s, const struct mark *m);
int sweep_empty_remove(struct sweep *w, const struct store *s, const struct mark *m);

#endif
