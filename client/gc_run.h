/* SPDX-License-Identifier: MIT */
/* A run: what its engines share. Functions that can end it return 0 or the exit status, told on stderr. */
#ifndef REG_GC_RUN_H
#define REG_GC_RUN_H

#include "gc.h"
#include "storage/lock.h"
#include "storage/report_run.h"
#include "storage/running.h"

struct gc_run {
	struct gc *gc;
	struct report_run report;
	struct running registry;
	char *reasons[REPORT_REASONS];
	struct lock lock;
	struct store before, after;
	struct check_result check; /* of after */
	struct report_known known; /* of before */
};

void gc_run_init(struct gc_run *run, struct gc *gc, const char *engine);
void gc_run_done(struct gc_run *run);

/* The storage, opened; the lock, unless nothing is to change; the registry, looked for. */
int gc_run_begin(struct gc_run *run);
/* The registry, looked for once more: is it still as it was? A collector at work is refused. */
int gc_run_look(struct gc_run *run);
/* 0: --force says to go on all the same. */
int gc_run_refuse(struct gc_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* GC_REFUSED, --force or not. */
int gc_run_refuse_always(struct gc_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* As gc_run_refuse(), where the report has its own words for it. */
int gc_run_object(struct gc_run *run, const char *text);
/* The storage as it is before the run, its problems known. */
int gc_run_before(struct gc_run *run);
/* GC_REFUSED, told, where nothing can be called garbage, whatever --force says. */
int gc_run_check_blind(struct gc_run *run);
/* Afterwards: what was freed, by the disk, and is everything there that should be? `extra` has problems that
 * the run met. */
int gc_run_after(struct gc_run *run, const struct problems *extra);
/* The restart command, by sh -c: its output goes to stderr. 0, or a negative errno, told. */
int gc_run_restart(const struct gc_run *run);
/* The registry's cache, by the configuration or its process; NULL: none is known of. */
const char *gc_run_cache(const struct gc_run *run);
/* Is that all there may be? */
bool gc_run_knows_cache(const struct gc_run *run);
/* Prints the report. Returns the exit status, which is `status` unless it cannot be told. */
int gc_run_tell(struct gc_run *run, int status);

/* ---- the configuration that the registry's collector reads: gc_run_config.c ---- */

struct gc_config {
	const char *path; /* as the collector sees it */
	char *own; /* a temporary file of ours, or NULL */
};
int gc_config_init(struct gc_config *c, const struct gc *gc); /* 0 or a negative errno, told */
void gc_config_done(struct gc_config *c);

#endif
