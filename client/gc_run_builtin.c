/* SPDX-License-Identifier: MIT */
/* regfs-gc run --engine=builtin */
#include "gc_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "storage/plan.h"
#include "storage/sweep.h"

static void on_log(void *data, const char *line)
{
	const struct gc *gc = data;

	if (gc->options->verbose)
		gc_complain("%s", line);
}

static int on_restart(void *data)
{
	struct gc_run *run = data;
	const int r = gc_run_restart(run);

	run->report.restart = r == 0 ? RESTART_DONE : RESTART_FAILED;
	return r;
}

static bool is_quiet(const struct gc_run *run)
{
	return run->registry.state == RUNNING_STOPPED || run->registry.state == RUNNING_READONLY;
}

static bool is_redis(const struct gc_run *run)
{
	const char *cache = gc_run_cache(run);

	return cache && strcmp(cache, "redis") == 0;
}

/* A restart alone does not empty it. Who has a script that does so says --force. */
static bool empties_redis(const char *command)
{
	return strcasestr(command, "redis") || strcasestr(command, "valkey");
}

/*
 * A cache says that blobs are there which are not any more: a push skips them, and the manifest is taken
 * without a look. Who writes while we collect needs its cache emptied before the second look.
 */
static int check_cache(struct gc_run *run)
{
	const char *cache = gc_run_cache(run);

	const char *command = run->gc->options->restart_command;

	if (is_quiet(run))
		return 0;
	if (command && is_redis(run) && !empties_redis(command))
		return gc_run_refuse(
			run,
			"the registry's cache is in redis, which outlives a restart, and pushes would rely on what "
			"it remembers: let the --restart-command empty it as well, such as by redis-cli flushdb; %s",
			run->registry.evidence);
	if (command)
		return 0;
	if (cache)
		return gc_run_refuse(
			run,
			"the registry has a cache (blobdescriptor: %s), and pushes would rely on what it "
			"remembers: give a --restart-command, make it read-only, or turn the cache off; %s",
			cache, run->registry.evidence);
	if (!gc_run_knows_cache(run))
		return gc_run_refuse(
			run,
			"it is not known whether the registry has a cache: name its configuration with "
			"--config, restart it if that was changed, or give a --restart-command; %s",
			run->registry.evidence);
	return 0;
}

/* A dead registry's redis still says what it said. */
static void say_restart(struct gc_run *run, bool changed)
{
	const char *cache = gc_run_cache(run);

	if (run->report.restart == RESTART_DONE || run->report.restart == RESTART_FAILED)
		return;
	if (!changed || (run->registry.state == RUNNING_STOPPED && !is_redis(run)))
		run->report.restart = RESTART_NOT_NEEDED;
	else
		run->report.restart =
			cache || !gc_run_knows_cache(run) ? RESTART_NEEDED : RESTART_NOT_NEEDED;
}

/* What the grace has kept, for now, and what it will never let go. */
static int look_ahead(struct gc_run *run, struct store *s)
{
	const struct gc_options *const o = run->gc->options;
	struct plan_sum *const future = &run->report.future, *const young = &run->report.young;
	const time_t now = time(NULL);
	int r = plan_future(s, o->delete_untagged, now, future);

	if (r == 0 && o->grace)
		r = plan_young(s, o->delete_untagged, now - (time_t)o->grace, young);
	if (r < 0)
		return gc_fail(run->gc, r);
	if (o->grace) {
		young->count -= future->count;
		young->bytes -= future->bytes;
	}
	return 0;
}

static int collect(struct gc_run *run, struct sweep_result *result)
{
	struct gc *const gc = run->gc;
	const struct gc_options *const o = gc->options;
	struct sweep_options options = {
		.delete_untagged = o->delete_untagged,
		.grace = (time_t)o->grace,
		.settle = run->registry.state == RUNNING_STOPPED ? 0 : (unsigned)o->settle,
		.keep = o->quarantine != NULL,
		.quarantine = o->quarantine,
		.keep_empty = o->keep_empty,
		.restart = o->restart_command ? on_restart : NULL,
		.restart_data = run,
		.log = on_log,
		.log_data = gc,
		.progress = gc->progress,
	};
	struct reg_error error = {0};
	struct store last;
	int after, r;

	store_init(&last);
	r = sweep(&gc->storage, &options, result, &last, &error);
	if (r == 0 || r == -EINTR || run->report.restart == RESTART_FAILED)
		run->report.sweep = result;
	if (r == -EINTR || r == -ENOMEM)
		after = gc_fail(gc, r);
	else
		after = gc_run_after(run, result->failed ? &last.problems : NULL);
	if (r == -EBUSY)
		gc_run_refuse_always(run, "%s", error.msg);
	else if (r < 0 && r != -EINTR && r != -ENOMEM)
		gc_complain("%s", *error.msg ? error.msg : strerror(-r));
	store_done(&last);
	if (after == 0)
		after = look_ahead(run, &run->after);
	if (after)
		return after;
	say_restart(run, result->taken.count > 0);
	if (r < 0)
		return r == -EBUSY ? GC_REFUSED : GC_PROBLEMS;
	return result->failed || run->after.problems.nproblems ? GC_PROBLEMS : GC_DONE;
}

/* What would be done, by one mark instead of two. */
static int rehearse(struct gc_run *run, struct sweep_result *result)
{
	struct gc *const gc = run->gc;
	const struct gc_options *const o = gc->options;
	struct mark m;
	struct plan p;
	int r = gc_mark(gc, &run->before, o->delete_untagged, o->grace, &m);

	if (r)
		return r;
	r = plan(&run->before, &m, &m, time(NULL), &p);
	mark_done(&m);
	if (r < 0)
		return gc_fail(gc, r);
	r = look_ahead(run, &run->before);
	if (r) {
		plan_done(&p);
		return r;
	}
	result->taken.count = p.garbage.count;
	result->taken.bytes = p.garbage.bytes;
	result->uploads.count = p.dead_uploads.count;
	result->uploads.bytes = p.dead_uploads.bytes;
	result->revision_links = p.revision_links;
	result->layer_links = p.layer_links;
	result->repositories = o->keep_empty ? 0 : p.nempty;
	run->report.sweep = result;
	if (!o->quarantine) {
		run->report.has_freed = true;
		run->report.freed = p.garbage;
	}
	plan_done(&p);
	return GC_DONE;
}

int gc_run_builtin(struct gc *gc)
{
	struct sweep_result result = {0};
	struct gc_run run;
	int r;

	if (!gc->where.root)
		return gc_open(gc);
	gc_run_init(&run, gc, "builtin");
	r = gc_run_begin(&run);
	if (r == 0)
		r = check_cache(&run);
	if (r == 0)
		r = gc_run_before(&run);
	if (r == 0 && gc->options->dry_run)
		r = gc_run_check_blind(&run);
	if (r == 0)
		r = gc->options->dry_run ? rehearse(&run, &result) : collect(&run, &result);
	r = gc_run_tell(&run, r);
	gc_run_done(&run);
	return r;
}
