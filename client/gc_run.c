/* SPDX-License-Identifier: MIT */
#include "gc_run.h"

#include <errno.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/lock.h"
#include "util/cleanup.h"

extern char **environ;

void gc_run_init(struct gc_run *run, struct gc *gc, const char *engine)
{
	*run = (struct gc_run){.gc = gc, .lock = -1};
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
	if (run->lock >= 0)
		close(run->lock);
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

int gc_run_refuse(struct gc_run *run, const char *format, ...)
{
	struct report_run *const report = &run->report;
	char *text = NULL;
	va_list args;
	int n, r;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		return gc_fail(run->gc, -ENOMEM);
	r = gc_run_object(run, text);
	if (report->nreasons < REPORT_REASONS) {
		run->reasons[report->nreasons] = text;
		report->reasons[report->nreasons++] = text;
	} else {
		free(text);
	}
	return r;
}

/* ---- beginning ---- */

static int take_lock(struct gc_run *run)
{
	struct reg_error error = {0};
	int fd;
	const int r = lock_take(&run->gc->storage, &fd, &error);

	if (r == 0) {
		run->lock = fd;
		return 0;
	}
	if ((r == -EROFS || r == -EACCES) && run->gc->options->engine == GC_ENGINE_REGISTRY)
		return gc_run_refuse(run, "%s, so that nothing keeps a second run away", error.msg);
	gc_complain("%s", error.msg);
	return r == -EBUSY ? GC_REFUSED : GC_PROBLEMS;
}

static int look_for_registry(struct gc_run *run)
{
	const struct gc *gc = run->gc;
	struct running_options o = {
		.root = gc->open ? gc->storage.path : NULL,
		.settings = gc->where.has_settings ? &gc->where.settings : NULL,
		.config = gc->where.config,
		.url = gc->options->url,
		.proc = "/proc",
	};
	int r;

	reg_options_init(&o.client);
	o.client.cacert = gc->options->cacert;
	o.client.insecure = gc->options->insecure;
	r = running_look(&o, &run->registry);
	if (r < 0)
		return gc_fail(gc, r);
	run->report.registry = &run->registry;
	run->report.cache = gc_run_cache(run);
	return *gc->signal ? gc_fail(gc, -EINTR) : 0;
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
	return r ? r : look_for_registry(run);
}

const char *gc_run_cache(const struct gc_run *run)
{
	if (run->registry.cache)
		return run->registry.cache;
	return run->gc->where.has_settings ? run->gc->where.settings.cache : NULL;
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

static int wait_for(const struct gc *gc, pid_t pid)
{
	bool told = false;
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
		if (*gc->signal && !told)
			kill(pid, *gc->signal);
		told = told || *gc->signal;
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

int gc_run_restart(const struct gc_run *run)
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

/* ---- the report ---- */

int gc_run_tell(struct gc_run *run, int status)
{
	if (status > GC_REFUSED || status == GC_USAGE) /* interrupted, or nothing that can be told of */
		return status;
	if (!run->gc->options->json)
		report_run(stdout, &run->report);
	else if (report_json_run(stdout, &run->report) < 0)
		return gc_fail(run->gc, -ENOMEM);
	return status;
}
