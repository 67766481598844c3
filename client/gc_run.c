/* SPDX-License-Identifier: MIT */
#include "gc_run.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/files.h"
#include "util/cleanup.h"

extern char **environ;

void gc_run_init(struct gc_run *run, struct gc *gc, const char *engine)
{
	*run = (struct gc_run){.gc = gc, .lock = LOCK_NONE};
	run->report.engine = engine;
	run->report.dry_run = gc->options->dry_run;
	store_init(&run->before);
	store_init(&run->after);
}

void gc_run_done(struct gc_run *run)
{
	for (size_t i = 0; i < run->report.nreasons; i++)
		free(run->reasons[i]);
	report_known_done(&run->known);
	store_done(&run->before);
	store_done(&run->after);
	if (run->report.registry)
		running_done(&run->registry);
	lock_drop(&run->lock);
}

int gc_run_object(struct gc_run *run, const char *text)
{
	if (!run->gc->options->force) {
		gc_complain("refused: %s", text);
		return GC_REFUSED;
	}
	run->report.forced = true;
	gc_complain("--force: going on, although %s", text);
	return 0;
}

/* Takes the text. */
static void keep_reason(struct gc_run *run, char *text)
{
	struct report_run *const report = &run->report;

	if (report->nreasons < REPORT_REASONS) {
		run->reasons[report->nreasons] = text;
		report->reasons[report->nreasons++] = text;
	} else {
		free(text);
	}
}

int gc_run_refuse_always(struct gc_run *run, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return gc_fail(run->gc, -ENOMEM);
	gc_complain("refused: %s", text);
	keep_reason(run, text);
	return GC_REFUSED;
}

int gc_run_refuse(struct gc_run *run, const char *format, ...)
{
	char *text = NULL;
	va_list args;
	int n, r;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return gc_fail(run->gc, -ENOMEM);
	r = gc_run_object(run, text);
	keep_reason(run, text);
	return r;
}

/* ---- beginning ---- */

static int take_lock(struct gc_run *run)
{
	struct reg_error error = {0};
	const int r = lock_take(&run->gc->storage, &run->lock, &error);

	if (r == 0)
		return 0;
	if (r == -EBUSY)
		return gc_run_refuse_always(run, "%s", error.msg);
	if (run->gc->options->engine == GC_ENGINE_REGISTRY)
		return gc_run_refuse(run, "%s, so that nothing keeps a second run away", error.msg);
	gc_complain("%s", error.msg);
	return GC_PROBLEMS;
}

int gc_run_look(struct gc_run *run)
{
	const struct gc *gc = run->gc;
	struct running_options o = {
		.root = gc->open ? gc->storage.path : NULL,
		.settings = gc->where.has_settings ? &gc->where.settings : NULL,
		.config = gc->where.config,
		.url = gc->options->url,
		.stopped = gc->options->stopped,
		.proc = "/proc",
		.user = geteuid(),
	};
	int r;

	reg_options_init(&o.client);
	o.client.cacert = gc->options->cacert;
	o.client.insecure = gc->options->insecure;
	if (run->report.registry)
		running_done(&run->registry);
	r = running_look(&o, &run->registry);
	if (r < 0)
		return gc_fail(gc, r);
	run->report.registry = &run->registry;
	run->report.cache = gc_run_cache(run);
	if (*gc->signal)
		return gc_fail(gc, -EINTR);
	if (!run->registry.collector)
		return 0;
	return gc_run_refuse(run,
			     "process %d is a registry's garbage-collect at work in this storage, maybe of an "
			     "earlier run in a container: wait until it has ended",
			     run->registry.collector);
}

int gc_run_begin(struct gc_run *run)
{
	struct gc *const gc = run->gc;
	int r = 0;

	if (gc->where.root) {
		r = gc_open(gc);
		if (r == 0)
			run->report.root = gc->storage.path;
		if (r == 0 && !gc->options->dry_run)
			r = take_lock(run);
	}
	return r ? r : gc_run_look(run);
}

const char *gc_run_cache(const struct gc_run *run)
{
	if (run->registry.cache)
		return run->registry.cache;
	return run->gc->where.has_settings ? run->gc->where.settings.cache : NULL;
}

bool gc_run_knows_cache(const struct gc_run *run)
{
	const struct running *r = &run->registry;

	return !r->changed && (run->gc->where.has_settings || (r->pid && !r->unseen));
}

/* ---- before and after ---- */

int gc_run_before(struct gc_run *run)
{
	struct check_result result;
	int r = gc_scan(run->gc, 0, &run->before);

	if (r == 0)
		r = gc_check_store(run->gc, &run->before, false, &result);
	if (r == 0 && report_known_init(&run->known, &run->before.problems) < 0)
		r = gc_fail(run->gc, -ENOMEM);
	if (r == 0)
		run->report.known = &run->known;
	return r;
}

int gc_run_check_blind(struct gc_run *run)
{
	if (!run->before.blind)
		return 0;
	return gc_run_refuse_always(
		run, "not all that is needed is known, so nothing can be called garbage: %s",
		run->before.blind);
}

/* What blobs take on the disk, wherever they lie. */
static struct plan_sum on_disk(const struct store *s)
{
	struct plan_sum sum = {0};

	for (uint32_t i = 0; i < s->nblobs; i++) {
		const struct store_blob *b = s->blobs[i];
		const unsigned copies = !!(b->flags & BLOB_PRESENT) + !!(b->flags & BLOB_ASIDE);

		sum.count += copies;
		sum.bytes += copies * (uint64_t)b->size;
	}
	return sum;
}

static void measure(struct gc_run *run)
{
	const struct plan_sum before = on_disk(&run->before), after = on_disk(&run->after);
	struct report_run *const report = &run->report;

	report->has_freed = true;
	report->freed.count = before.count > after.count ? before.count - after.count : 0;
	report->freed.bytes = before.bytes > after.bytes ? before.bytes - after.bytes : 0;
	report->left = after.bytes > before.bytes ? after.bytes - before.bytes : 0;
}

/* What the sweep could not do is found by no scan. */
static int add_problems(struct gc_run *run, const struct problems *extra)
{
	struct report_known there;
	int r = report_known_init(&there, &run->after.problems);

	for (size_t i = 0; extra && i < extra->count && r == 0; i++)
		if (report_is_new(&there, &extra->items[i]))
			r = problems_add(&run->after.problems, &extra->items[i], "%s", extra->items[i].text);
	report_known_done(&there);
	problems_sort(&run->after.problems);
	return r;
}

int gc_run_after(struct gc_run *run, const struct problems *extra)
{
	int r = gc_open(run->gc);

	run->report.root = run->gc->open ? run->gc->storage.path : NULL;
	if (r == 0)
		r = gc_scan(run->gc, 0, &run->after);
	if (r)
		return r;
	measure(run);
	r = gc_check_store(run->gc, &run->after, run->gc->options->verify, &run->check);
	if (r)
		return r;
	run->report.store = &run->after;
	run->report.check = &run->check;
	return extra && add_problems(run, extra) < 0 ? gc_fail(run->gc, -ENOMEM) : 0;
}

/* ---- the restart command ---- */

/* A signal may come just before any call that waits, and wakes nothing then: so it is looked for all the time. */
static int wait_for(const struct gc *gc, pid_t pid)
{
	const struct timespec moment = {.tv_nsec = 20000000};
	bool told = false;
	pid_t ended;
	int status;

	while ((ended = waitpid(pid, &status, WNOHANG)) != pid) {
		if (ended < 0 && errno != EINTR)
			return -errno;
		if (*gc->signal && !told)
			kill(pid, *gc->signal);
		told = told || *gc->signal;
		nanosleep(&moment, NULL);
	}
	if (*gc->signal)
		return -EINTR;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status))
		gc_complain("the restart command failed with status %d", WEXITSTATUS(status));
	else
		gc_complain("the restart command was killed by signal %d", WTERMSIG(status));
	return -EIO;
}

static int run_command(const struct gc_run *run)
{
	char sh[] = "sh", c[] = "-c";
	auto_free char *command = strdup(run->gc->options->restart_command);
	char *const args[] = {sh, c, command, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int r;

	if (!command || posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	/* stdout is for the report. */
	r = posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	if (r == 0) {
		fflush(stdout);
		r = posix_spawn(&pid, "/bin/sh", &actions, NULL, args, environ);
	}
	posix_spawn_file_actions_destroy(&actions);
	if (r == 0)
		return wait_for(run->gc, pid);
	gc_complain("the restart command cannot be started: %s", strerror(r));
	return -r;
}

#define PATIENCE 100 /* tenths of a second */

/* A command that returns too early, or restarts something else, leaves a process that remembers. */
static int wait_for_end(const struct gc_run *run, int process)
{
	struct pollfd p = {.fd = process, .events = POLLIN};
	int ended = 0;

	for (int i = 0; i < PATIENCE && ended == 0; i++) {
		ended = poll(&p, 1, 100) > 0;
		if (*run->gc->signal)
			return -EINTR;
	}
	if (ended)
		return 0;
	gc_complain("the restart command has ended, and the registry with process id %d has not: let the command "
		    "wait until it has",
		    run->registry.pid);
	return -EIO;
}

int gc_run_restart(const struct gc_run *run)
{
	const char *cache = run->registry.cache;
	const bool in_process = run->registry.pid && cache && strcmp(cache, "redis") != 0;
	/* Fails before Linux 5.3, and where it has ended already. */
	auto_close int process = in_process ? (int)syscall(SYS_pidfd_open, run->registry.pid, 0) : -1;
	const int r = run_command(run);

	return r == 0 && process >= 0 ? wait_for_end(run, process) : r;
}

/* ---- the report ---- */

int gc_run_tell(struct gc_run *run, int status)
{
	/* People know what they have interrupted; a program waits for a whole document all the same. */
	if (status == GC_USAGE || (status > GC_REFUSED && !run->gc->options->json))
		return status;
	run->report.status = report_status(status);
	if (!run->gc->options->json)
		report_run(stdout, &run->report);
	else if (report_json_run(stdout, &run->report) < 0)
		return gc_fail(run->gc, -ENOMEM);
	return status;
}
