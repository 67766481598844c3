/* SPDX-License-Identifier: MIT */
/* regfs-gc restore: what the builtin engine took away goes back. */
#include "gc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/lock.h"
#include "storage/report_run.h"
#include "storage/sweep.h"

static void on_log(void *data, const char *line)
{
	const struct gc *gc = data;

	if (gc->options->verbose)
		gc_complain("%s", line);
}

static int tell(struct gc *gc, const struct store *s, const struct sweep_result *result,
		const struct check_result *checked)
{
	char size[REPORT_SIZE_MAX];

	if (gc->options->json)
		return report_json_restore(stdout, gc->storage.path, result, &s->problems) < 0
			       ? gc_fail(gc, -ENOMEM)
			       : 0;
	printf("put back: %" PRIu64 " %s, %s; %" PRIu64 " %s, %" PRIu64 " %s\n", result->put_back.count,
	       report_plural(result->put_back.count, "blobs", "blob"),
	       report_size(size, result->put_back.bytes), result->revision_links,
	       report_plural(result->revision_links, "revision links", "revision link"), result->layer_links,
	       report_plural(result->layer_links, "layer links", "layer link"));
	if (result->failed)
		printf("failed: %" PRIu64 "\n", result->failed);
	report_check(stdout, s, checked, NULL);
	return 0;
}

static int restore(struct gc *gc, struct store *s)
{
	const struct sweep_options o = {
		.quarantine = gc->options->quarantine,
		.log = on_log,
		.log_data = gc,
		.progress = gc->progress,
	};
	struct sweep_result result = {0};
	struct check_result checked = {0};
	struct reg_error error = {0};
	int r = sweep_restore(&gc->storage, &o, &result, &error);

	if (r == -EINTR || r == -ENOMEM)
		return gc_fail(gc, r);
	if (r < 0) {
		gc_complain("%s", *error.msg ? error.msg : strerror(-r));
		return GC_PROBLEMS;
	}
	r = gc_open(gc);
	if (r == 0)
		r = gc_scan(gc, 0, s);
	if (r == 0)
		r = gc_check_store(gc, s, false, &checked);
	if (r == 0)
		r = tell(gc, s, &result, &checked);
	if (r)
		return r;
	return result.failed || s->problems.nproblems ? GC_PROBLEMS : GC_DONE;
}

int gc_restore(struct gc *gc)
{
	struct reg_error error = {0};
	struct store s;
	int lock = -1, r = gc_open(gc);

	if (r)
		return r;
	r = lock_take(&gc->storage, &lock, &error);
	if (r < 0) {
		gc_complain("%s", error.msg);
		return r == -EBUSY ? GC_REFUSED : GC_PROBLEMS;
	}
	store_init(&s);
	r = restore(gc, &s);
	store_done(&s);
	close(lock);
	return r;
}
