/* SPDX-License-Identifier: MIT */
/* regfs-gc check */
#include "gc.h"

#include <errno.h>
#include <stdio.h>

#include "storage/report_json.h"

static int look(struct gc *gc, struct store *s)
{
	struct check_result result = {0};
	int status, r = gc_scan(gc, 0, s);

	if (r == 0)
		r = gc_check_store(gc, s, gc->options->verify, &result);
	if (r)
		return r;
	status = s->problems.nproblems ? GC_PROBLEMS : GC_DONE;
	if (!gc->options->json)
		report_check(stdout, s, &result, NULL);
	else if (report_json_check(stdout, gc->storage.path, report_status(status), s, &result) < 0)
		return gc_fail(gc, -ENOMEM);
	return status;
}

int gc_check(struct gc *gc)
{
	return gc_look(gc, look);
}
