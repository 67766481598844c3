/* SPDX-License-Identifier: MIT */
/* regfs-gc restore: what the builtin engine took away goes back. */
#include "gc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "storage/lock.h"
#include "storage/report_run.h"
#include "storage/sweep.h"

static void on_log(void *data, const char *line)
{
	const struct gc *gc = data;

	if (gc->options->verbose)
		gc_complain("%s", line);
}

struct restore {
	struct gc *gc;
	struct sweep_result result;
	struct store after;
	struct check_result checked;
	bool done; /* the result and the check are to be told */
	const char *refused; /* or NULL */
};

static int tell(const struct restore *r, int status)
{
	char size[REPORT_SIZE_MAX];
	const struct sweep_result *result = &r->result;

	if (r->gc->options->json)
		return report_json_restore(stdout, r->gc->storage.path, report_status(status), r->refused,
					   result, &r->after.problems) < 0
			       ? gc_fail(r->gc, -ENOMEM)
			       : status;
	if (!r->done)
		return status;
	printf("put back: %" PRIu64 " %s, %s; %" PRIu64 " %s, %" PRIu64 " %s\n", result->put_back.count,
	       report_plural(result->put_back.count, "blobs", "blob"),
	       report_size(size, result->put_back.bytes), result->revision_links,
	       report_plural(result->revision_links, "revision links", "revision link"), result->layer_links,
	       report_plural(result->layer_links, "layer links", "layer link"));
	if (result->failed)
		printf("failed: %" PRIu64 "\n", result->failed);
	report_check(stdout, &r->after, &r->checked, NULL);
	return status;
}

static int restore(struct restore *w)
{
	struct gc *const gc = w->gc;
	const struct sweep_options o = {
		.quarantine = gc->options->quarantine,
		.log = on_log,
		.log_data = gc,
		.progress = gc->progress,
	};
	struct reg_error error = {0};
	int r = sweep_restore(&gc->storage, &o, &w->result, &error);

	if (r == -EINTR || r == -ENOMEM)
		return gc_fail(gc, r);
	if (r < 0) {
		gc_complain("%s", *error.msg ? error.msg : strerror(-r));
		return GC_PROBLEMS;
	}
	r = gc_open(gc);
	if (r == 0)
		r = gc_scan(gc, 0, &w->after);
	if (r == 0)
		r = gc_check_store(gc, &w->after, false, &w->checked);
	w->done = r == 0;
	if (r)
		return r;
	return w->result.failed || w->after.problems.nproblems ? GC_PROBLEMS : GC_DONE;
}

int gc_restore(struct gc *gc)
{
	struct restore w = {.gc = gc};
	struct lock lock = LOCK_NONE;
	struct reg_error error = {0};
	int r = gc_open(gc);

	if (r)
		return r;
	store_init(&w.after);
	r = lock_take(&gc->storage, &lock, &error);
	if (r == 0) {
		r = restore(&w);
	} else if (r == -EBUSY) {
		gc_complain("refused: %s", error.msg);
		w.refused = error.msg;
		r = GC_REFUSED;
	} else {
		gc_complain("%s", error.msg);
		r = GC_PROBLEMS;
	}
	/* Not where the folder is gone that it would name. */
	if (gc->open)
		r = tell(&w, r);
	store_done(&w.after);
	lock_drop(&lock);
	return r;
}
