/* SPDX-License-Identifier: MIT */
/* regfs-gc check */
#include "gc.h"

#include <errno.h>
#include <stdio.h>

#include "storage/report_json.h"

static int look(struct gc *gc, struct store *s)
{
	struct check_result result = {0};
	int r = gc_scan(gc, 0, s);

	if (r == 0)
		r = gc_check_store(gc, s, gc->options->verify, &result);
	if (r)
		return r;
	if (!gc->options->json)
		report_check(stdout, s, &result, NULL);
	else if (report_json_check(stdout, gc->storage.path, s, &result) < 0)
		return gc_fail(gc, -ENOMEM);
	return s->problems.nproblems ? GC_PROBLEMS : GC_DONE;
}

int gc_check(struct gc *gc)
{
	struct store s;
	int r;

	store_init(&s);
	r = gc_open(gc);
	if (r == 0)
		r = look(gc, &s);
	store_done(&s);
	return r;
}
