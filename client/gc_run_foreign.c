/* SPDX-License-Identifier: MIT */
/*
 * regfs-gc run --engine=registry where the storage is no folder (s3 and others): there is no second opinion.
 * The collector's dry run is counted, its known bugs are told, and --force alone lets it go on.
 */
#include "gc_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define FAILS "the registry's collector fails: "

struct counts {
	const struct gc *gc;
	uint64_t blobs, manifests, links;
};

static int on_line(void *data, const struct collector_line *line)
{
	struct counts *n = data;

	if (n->gc->options->verbose)
		gc_complain("collector: %s", line->text);
	n->blobs += line->event == COLLECTOR_BLOB;
	n->manifests += line->event == COLLECTOR_MANIFEST;
	n->links += line->event == COLLECTOR_LAYER_LINK;
	return *n->gc->signal ? -EINTR : 0;
}

static int run_collector(struct gc_run *run, struct collector_options *o, bool dry, struct counts *n,
			 struct collector_end *end)
{
	struct reg_error error = {0};
	const char *why;
	int r;

	*n = (struct counts){.gc = run->gc};
	o->dry_run = dry;
	r = collector_run(o, on_line, n, end, &error);
	run->report.end = end;
	if (r == -EINTR || r == -ENOMEM)
		return gc_fail(run->gc, r);
	if (r == 0 && end->status == 0)
		return 0;
	why = r < 0 ? error.msg : *end->message ? end->message : "it does not say why";
	if (dry)
		return gc_run_refuse_always(run, "%s%s", r < 0 ? "" : FAILS, why);
	gc_complain("%s%s", r < 0 ? "" : FAILS, why);
	return GC_PROBLEMS;
}

/* What the comparison would have found, had there been one. */
static void tell_bugs(FILE *out, int major, bool delete_untagged)
{
	static const struct {
		enum bug bug;
		bool in_2, in_3, untagged;
	} known[] = {
		{BUG_B1, false, true, true}, {BUG_B2, false, true, true}, {BUG_B3, true, false, true},
		{BUG_B7, true, true, false}, {BUG_B12, true, true, true},
	};

	fputs("known bugs of this collector, which cannot be looked for here:\n", out);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if ((delete_untagged || !known[i].untagged) &&
		    ((known[i].in_2 && major != 3) || (known[i].in_3 && major != 2)))
			fprintf(out, "  %s: %s\n", bug_name(known[i].bug), bug_text(known[i].bug));
}

static void tell(const struct gc_run *run, const struct counts *n, bool done, int major)
{
	FILE *out = run->gc->options->json ? stderr : stdout;

	fprintf(out, "%s: %" PRIu64 " blobs, %" PRIu64 " manifests, %" PRIu64 " layer links\n",
		done ? "removed" : "would be removed", n->blobs, n->manifests, n->links);
	if (!done)
		tell_bugs(out, major, run->gc->options->delete_untagged);
}

static int collect(struct gc_run *run, struct collector_end *end, char version[128])
{
	const struct gc_options *const o = run->gc->options;
	struct collector_options options = {
		.command = o->registry, .delete_untagged = o->delete_untagged, .signal = run->gc->signal};
	struct counts n;
	int major = 0, r;

	options.config = o->registry_config ? o->registry_config : run->gc->where.config;
	r = collector_version(&options, &major, version);
	if (r == -EINTR || r == -ENOMEM)
		return gc_fail(run->gc, r);
	if (r < 0)
		snprintf(version, 128, "the registry's collector");
	run->report.collector = version;
	gc_complain(
		"the storage is \"%s\", which cannot be read here: there is no second opinion, the collector's "
		"own dry run is all",
		run->gc->where.settings.driver);
	r = run_collector(run, &options, true, &n, end);
	if (r)
		return r;
	tell(run, &n, false, major);
	if (o->dry_run)
		return GC_DONE;
	if (run->registry.state != RUNNING_READONLY && run->registry.state != RUNNING_STOPPED)
		r = gc_run_refuse(run, "the registry must be stopped, or read-only: %s: %s",
				  run->registry.evidence, run->registry.mend);
	if (r == 0)
		r = gc_run_refuse(
			run,
			"the storage is \"%s\": what the collector would remove cannot be compared with "
			"what is needed",
			run->gc->where.settings.driver);
	if (r)
		return r;
	r = run_collector(run, &options, false, &n, end);
	tell(run, &n, true, major);
	run->report.restart = RESTART_NEEDED;
	if (r == 0 && o->restart_command) {
		r = gc_run_restart(run) < 0 ? GC_PROBLEMS : 0;
		run->report.restart = r ? RESTART_FAILED : RESTART_DONE;
	}
	return r;
}

int gc_run_foreign(struct gc *gc)
{
	struct collector_end end = {0};
	char version[128] = "";
	struct gc_run run;
	int r;

	gc_run_init(&run, gc, "registry");
	r = gc_run_begin(&run);
	if (r == 0)
		r = collect(&run, &end, version);
	r = gc_run_tell(&run, r);
	gc_run_done(&run);
	return r;
}
