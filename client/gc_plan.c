/* SPDX-License-Identifier: MIT */
/* regfs-gc plan */
#include "gc.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "storage/plan.h"
#include "storage/report_json.h"

/* A mark may find more of it than the scan. */
static int status_of(const struct store *s)
{
	for (uint32_t i = 0; i < s->nrepositories; i++)
		if (s->repositories[i].unsure)
			return GC_PROBLEMS;
	return s->blind ? GC_PROBLEMS : GC_DONE;
}

static int tell(struct gc *gc, struct store *s, const struct mark *m, const struct mark *tagged)
{
	const struct gc_options *o = gc->options;
	struct report_plan report = {
		.root = gc->storage.path,
		.store = s,
		.mark = m,
		.delete_untagged = o->delete_untagged,
		.grace = o->grace,
		.now = time(NULL),
	};
	struct plan p;
	int status, r = plan_future(s, o->delete_untagged, report.now, &report.future);

	if (r == 0)
		r = plan(s, m, tagged, report.now, &p);
	if (r < 0)
		return gc_fail(gc, r);
	status = status_of(s);
	report.plan = &p;
	report.status = report_status(status);
	r = o->json ? report_json_plan(stdout, &report) : report_plan(stdout, &report);
	plan_done(&p);
	return r < 0 ? gc_fail(gc, r) : status;
}

static int look(struct gc *gc, struct store *s)
{
	const struct gc_options *o = gc->options;
	struct mark m, tagged;
	int r = gc_scan(gc, SCAN_HISTORY, s);

	if (r == 0)
		r = gc_mark(gc, s, o->delete_untagged, o->grace, &m);
	if (r)
		return r;
	if (o->delete_untagged) {
		r = tell(gc, s, &m, &m);
	} else {
		r = gc_mark(gc, s, true, 0, &tagged);
		if (r == 0) {
			r = tell(gc, s, &m, &tagged);
			mark_done(&tagged);
		}
	}
	mark_done(&m);
	return r;
}

int gc_plan(struct gc *gc)
{
	return gc_look(gc, look);
}
