/* SPDX-License-Identifier: MIT */
/* regfs-gc: what its commands share. */
#ifndef REG_GC_H
#define REG_GC_H

#include <signal.h>
#include <stdbool.h>

#include "gc_options.h"
#include "gc_where.h"
#include "storage/check.h"
#include "storage/mark.h"
#include "storage/progress.h"
#include "storage/scan.h"
#include "storage/store.h"

enum { GC_DONE = 0, GC_PROBLEMS = 1, GC_USAGE = 2, GC_REFUSED = 3, GC_INTERRUPTED = 128 };

struct gc {
	const struct gc_options *options;
	struct gc_where where;
	struct storage storage;
	bool open; /* storage is */
	struct progress *progress;
	const volatile sig_atomic_t *signal; /* the one that came, or 0 */
};

/* Each returns the exit status. */
int gc_check(struct gc *gc);
int gc_plan(struct gc *gc);
int gc_blobs(struct gc *gc);
int gc_run_registry(struct gc *gc);
int gc_run_foreign(struct gc *gc); /* the storage is no folder */
int gc_run_builtin(struct gc *gc);
int gc_restore(struct gc *gc);

/* One line on stderr, made printable. */
void gc_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void gc_note(const struct gc *gc, const char *format, ...)
	__attribute__((format(printf, 2, 3))); /* not with --quiet */

/* The exit status for an errno that has no words of its own; it is told. */
int gc_fail(const struct gc *gc, int err);
/* The storage's folder, opened anew if it is open. 0, or the exit status, told. */
int gc_open(struct gc *gc);
/* Opens it, and has it looked at with a store for what is found. The exit status of either. */
int gc_look(struct gc *gc, int (*look)(struct gc *gc, struct store *s));
/*
 * Scan and mark. 0, or the exit status, told. The store is to be released by store_done() in any case, the
 * mark by mark_done() after success.
 */
int gc_scan(struct gc *gc, unsigned flags, struct store *ret);
int gc_mark(struct gc *gc, struct store *s, bool delete_untagged, int64_t grace, struct mark *ret);
/* Is all that tags and revisions need there? A mark of its own is made for it. */
int gc_check_store(struct gc *gc, struct store *s, bool verify, struct check_result *ret);

#endif
