/* SPDX-License-Identifier: MIT */
/* regfs-gc blobs */
#include "gc.h"

#include <errno.h>
#include <stdio.h>

#include "storage/report_json.h"

static int look(struct gc *gc, struct store *s)
{
	struct report_blobs b = {
		.root = gc->storage.path,
		.storage = &gc->storage,
		.store = s,
		.progress = gc->progress,
	};
	struct mark m;
	int r = gc_scan(gc, 0, s);

	if (r == 0)
		r = gc_mark(gc, s, false, 0, &m);
	if (r)
		return r;
	b.mark = &m;
	r = gc->options->json ? report_json_blobs(stdout, &b) : report_blobs(stdout, &b);
	mark_done(&m);
	return r < 0 ? gc_fail(gc, r) : GC_DONE;
}

int gc_blobs(struct gc *gc)
{
	return gc_look(gc, look);
}
