/* SPDX-License-Identifier: MIT */
/* regfs-gc: checks a registry's storage, says what of it is garbage, and collects it. */
#include "gc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dumps.h"
#include "util/cleanup.h"

extern char **environ;

/* Nothing but a signal's handler and a flag can tell those at work that they are to end. */
static volatile sig_atomic_t came;

static void on_signal(int number)
{
	came = number;
}

/* Without SA_RESTART: what waits is to notice. A signal that is ignored (nohup) stays so. */
static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction old, action = {.sa_handler = on_signal};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
}

static int run(struct gc *gc)
{
	switch (gc->options->command) {
	case GC_CHECK:
		return gc_check(gc);
	case GC_PLAN:
		return gc_plan(gc);
	case GC_BLOBS:
		return gc_blobs(gc);
	case GC_RUN:
		if (gc->options->engine == GC_ENGINE_BUILTIN)
			return gc_run_builtin(gc);
		return gc->where.root ? gc_run_registry(gc) : gc_run_foreign(gc);
	case GC_RESTORE:
		return gc_restore(gc);
	case GC_HELP:
	case GC_VERSION:
		break;
	}
	return GC_USAGE;
}

static int work(const struct gc_options *o)
{
	struct gc gc = {.options = o, .signal = &came};
	struct reg_error error = {0};
	int r;

	if (gc_where_find(o, environ, &gc.where, &error) < 0) {
		gc_complain("%s", error.msg);
		return GC_USAGE;
	}
	gc.progress = progress_new(STDERR_FILENO, o->quiet || o->verbose);
	if (gc.progress) {
		catch_signals();
		progress_interrupt(gc.progress, &came);
		r = run(&gc);
	} else {
		r = gc_fail(&gc, -ENOMEM);
	}
	if (gc.open)
		storage_close(&gc.storage);
	progress_free(gc.progress);
	gc_where_done(&gc.where);
	return r;
}

int main(int argc, char **argv)
{
	struct gc_options o = {0};
	struct reg_error error = {0};
	int r = GC_DONE;

	dumps_off();
	if (gc_options_parse(argc, argv, &o, &error) < 0) {
		gc_complain("%s (see --help)", error.msg);
		return GC_USAGE;
	}
	if (o.command == GC_HELP)
		gc_options_help(stdout);
	else if (o.command == GC_VERSION)
		puts("regfs-gc " REGFS_VERSION);
	else
		r = work(&o);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		gc_complain("standard output: %s", strerror(errno));
		return r ? r : GC_PROBLEMS;
	}
	return r;
}
