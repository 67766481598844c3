/* SPDX-License-Identifier: MIT */
/* regfs-gc run --engine=registry: the registry's own collector, with a second opinion. */
#include "gc_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

struct collect {
	struct gc_run *run;
	struct gc_config config;
	struct collector_options options;
	struct mark mark;
	struct verdict dry, real;
	struct collector_end end;
	char version[128];
	int major;
	uint64_t removals; /* that the collector told of */
};

/* ---- the collector's lines ---- */

static int on_any_line(struct collect *c, const struct collector_line *line)
{
	if (c->run->gc->options->verbose)
		gc_complain("collector: %s", line->text);
	return *c->run->gc->signal ? -EINTR : 0;
}

static int on_dry_line(void *data, const struct collector_line *line)
{
	struct collect *c = data;

	return on_any_line(c, line) < 0 ? -EINTR : verdict_line(&c->dry, line);
}

/* Did the dry run say that this goes? Then it was judged, and perhaps forced. */
static bool was_said(const struct collect *c, const struct collector_line *line)
{
	const struct store *s = &c->run->before;
	const uint32_t blob = store_blob_find(s, &line->digest),
		       repository = store_repository_find(s, line->repository);
	uint32_t link;

	if (blob == STORE_NONE)
		return false;
	if (line->event == COLLECTOR_BLOB)
		return c->dry.blobs[blob];
	if (repository == STORE_NONE)
		return false;
	link = store_link_find(s, &s->repositories[repository], blob,
			       line->event == COLLECTOR_MANIFEST ? LINK_REVISION : LINK_LAYER);
	return link != STORE_NONE && c->dry.links[link];
}

static int on_real_line(void *data, const struct collector_line *line)
{
	struct collect *c = data;
	const size_t before = c->real.all_refusals;
	char digest[REG_DIGEST_MAX];
	int r = on_any_line(c, line);

	c->removals += line->event == COLLECTOR_BLOB || line->event == COLLECTOR_MANIFEST ||
		       line->event == COLLECTOR_LAYER_LINK;
	if (r == 0)
		r = verdict_line(&c->real, line);
	if (r < 0 || c->real.all_refusals == before || was_said(c, line))
		return r;
	gc_complain(
		"the collector was stopped: it began to remove %s, which is needed, and which its dry run did not "
		"name; look what is missing with regfs-gc check",
		reg_digest_text(&line->digest, digest));
	return -ECANCELED;
}

/* ---- the dry run and what it means ---- */

/*
 * A configuration in a container, or another mount, can lead the collector to a storage that is not ours, and
 * of which we know nothing. --force is no answer to that.
 */
static int check_same_storage(struct collect *c)
{
	struct reg_digest digest;
	char text[REG_DIGEST_MAX];

	switch (verdict_sight(&c->dry, &digest)) {
	case SIGHT_SAME:
		break;
	case SIGHT_STRANGE:
		return gc_run_refuse_always(
			c->run,
			"the registry's collector reads another storage: it marks %s, which is not in %s; "
			"name its configuration with --config or --registry-config",
			reg_digest_text(&digest, text), c->run->report.root);
	case SIGHT_PART:
		return gc_run_refuse_always(
			c->run,
			"the registry's collector reads another storage, or an older copy: it does not speak of "
			"%s, which is in %s; name its configuration with --config or --registry-config",
			reg_digest_text(&digest, text), c->run->report.root);
	}
	return 0;
}

/* The report has all of them; who reads mail from cron gets the first. */
static int object(struct gc_run *run, const struct verdict *v)
{
	const struct refusal *first = &v->refusals[0];
	auto_free char *text = NULL;

	if (asprintf(&text, "%s%s%s", first->bug != BUG_NONE ? bug_name(first->bug) : "",
		     first->bug != BUG_NONE ? ": " : "", first->text) < 0) {
		text = NULL;
		return gc_fail(run->gc, -ENOMEM);
	}
	return gc_run_object(run, text);
}

static int judge(struct collect *c)
{
	struct gc_run *const run = c->run;
	const struct verdict *v = &c->dry;
	const int r = check_same_storage(c);

	if (r)
		return r;
	if (verdict_end(&c->dry, &c->end) < 0)
		return gc_fail(run->gc, -ENOMEM);
	run->report.verdict = v;
	return v->all_refusals ? object(run, v) : 0; /* a failure is a refusal as well */
}

static int run_collector(struct collect *c, collector_fn *fn)
{
	struct reg_error error = {0};
	const int r = collector_run(&c->options, fn, c, &c->end, &error);

	if (r == 0 && c->end.status < 0 && !*c->end.message)
		strcpy(c->end.message, "it was killed");
	if (r == 0 && *c->run->gc->signal)
		return gc_fail(c->run->gc, -EINTR);
	if (r == 0 || r == -ECANCELED)
		return 0;
	if (r == -EINTR || r == -ENOMEM)
		return gc_fail(c->run->gc, r);
	/* Without a collector there is nothing that --force could go on with. */
	if (c->options.dry_run)
		return gc_run_refuse_always(c->run, "%s", *error.msg ? error.msg : strerror(-r));
	gc_complain("%s", *error.msg ? error.msg : strerror(-r));
	return GC_PROBLEMS;
}

static int dry_run(struct collect *c)
{
	const struct gc_options *o = c->run->gc->options;
	int r = verdict_init(&c->dry, &c->run->before, &c->mark, c->major, o->delete_untagged);

	if (r < 0)
		return gc_fail(c->run->gc, r);
	c->options.dry_run = true;
	gc_note(c->run->gc, "%s: dry run", c->version);
	r = run_collector(c, on_dry_line);
	if (r)
		return r;
	c->run->report.end = &c->end;
	return judge(c);
}

/* ---- the real run ---- */

static bool needs_restart(const struct collect *c)
{
	const struct gc_run *run = c->run;
	const char *cache = gc_run_cache(run);

	if (!c->removals)
		return false;
	if (cache && strcmp(cache, "redis") == 0)
		return true; /* outlives the registry */
	if (run->registry.state == RUNNING_STOPPED)
		return false;
	/* Of a registry that was seen to have none, nothing is stale. */
	return cache || !gc_run_knows_cache(run);
}

static int restart(const struct collect *c)
{
	struct gc_run *const run = c->run;
	struct report_run *const report = &run->report;
	int r;

	if (!run->gc->options->restart_command) {
		report->restart = needs_restart(c) ? RESTART_NEEDED : RESTART_NOT_NEEDED;
		return 0;
	}
	r = gc_run_restart(run);
	report->restart = r == 0 ? RESTART_DONE : RESTART_FAILED;
	if (r == -EINTR || r == -ENOMEM)
		return gc_fail(run->gc, r);
	return r < 0 ? GC_PROBLEMS : 0;
}

/* A copy that is the same to the last blob shows by this alone. */
static int look_if_gone(const struct collect *c)
{
	const struct store *before = &c->run->before, *after = &c->run->after;
	uint64_t left = 0;

	for (uint32_t i = 0; c->end.status == 0 && i < before->nblobs; i++) {
		const uint32_t blob =
			c->real.blobs[i] ? store_blob_find(after, &before->blobs[i]->digest) : STORE_NONE;

		left += blob != STORE_NONE && after->blobs[blob]->flags & BLOB_PRESENT;
	}
	if (!left)
		return 0;
	gc_complain(
		"the collector says that it removed %" PRIu64 " blobs, and %" PRIu64
		" of them are still in %s: does its configuration name a copy of it? See --registry-config",
		c->real.ndeleted, left, c->run->report.root);
	return GC_PROBLEMS;
}

static int real_run(struct collect *c)
{
	struct gc_run *const run = c->run;
	int after, again, r;

	r = verdict_init(&c->real, &run->before, &c->mark, c->major, run->gc->options->delete_untagged);
	if (r < 0)
		return gc_fail(run->gc, r);
	c->options.dry_run = false;
	c->end = (struct collector_end){.status = -1, .message = "it was stopped"};
	gc_note(run->gc, "%s: collecting", c->version);
	r = run_collector(c, on_real_line);
	if (r > GC_REFUSED) {
		gc_complain(
			"interrupted while the collector worked: restart the registry before it is written to, and "
			"run again; a collector in a container may still be at work");
		return r;
	}
	after = gc_run_after(run, NULL);
	again = restart(c);
	if (r || after || again)
		return r ? r : after ? after : again;
	if (c->end.status != 0) {
		gc_complain("the collector failed: %s",
			    *c->end.message ? c->end.message : "it does not say why");
		return GC_PROBLEMS;
	}
	if (look_if_gone(c))
		return GC_PROBLEMS;
	return run->after.problems.nproblems ? GC_PROBLEMS : GC_DONE;
}

/* ---- from the beginning ---- */

static bool is_quiet(const struct gc_run *run)
{
	return run->registry.state == RUNNING_STOPPED || run->registry.state == RUNNING_READONLY;
}

static int check_state(struct gc_run *run)
{
	return is_quiet(run) ? 0
			     : gc_run_refuse(run, "the registry must be stopped, or read-only: %s: %s",
					     run->registry.evidence, run->registry.mend);
}

/* A dry run may take hours, and whoever watches over a registry starts it again. */
static int look_again(struct gc_run *run)
{
	int r;

	if (!is_quiet(run))
		return 0; /* it was forced */
	r = gc_run_look(run);
	return r ? r : check_state(run);
}

static bool is_empty(const struct store *s)
{
	for (uint32_t i = 0; i < s->nblobs; i++)
		if (s->blobs[i]->flags & BLOB_PRESENT)
			return false;
	return !s->nrepositories && !s->blind;
}

/*
 * What an interrupted run of the other engine has taken away, and was perhaps about to put back: the collector
 * does not see such a link, and would remove what it leads to. A quarantine that was named is kept on purpose.
 */
static int check_aside(struct gc_run *run)
{
	const struct store *s = &run->before;
	bool any = false;

	for (uint32_t i = 0; i < s->nblobs && !any; i++)
		any = s->blobs[i]->flags & BLOB_ASIDE;
	for (uint32_t i = 0; i < s->nlinks && !any; i++)
		any = s->links[i].flags & (LINK_ASIDE | LINK_ASIDE_TOO);
	if (!any || run->gc->options->quarantine)
		return 0;
	return gc_run_refuse(run,
			     "a run of the engine builtin was interrupted, and the quarantine holds what it has "
			     "taken away: let it end by run --engine=builtin, or put all back by restore");
}

static int with_mark(struct collect *c)
{
	struct gc_run *const run = c->run;
	struct report_run *const report = &run->report;
	int r = gc_config_init(&c->config, run->gc);

	if (r < 0)
		return GC_PROBLEMS;
	c->options = (struct collector_options){
		.command = run->gc->options->registry,
		.config = c->config.path,
		.delete_untagged = run->gc->options->delete_untagged,
		.signal = run->gc->signal,
	};
	/* Where it cannot be told, running it tells whether it is there at all. */
	r = collector_version(&c->options, &c->major, c->version);
	if (r == -EINTR || r == -ENOMEM)
		return gc_fail(run->gc, r);
	if (r < 0)
		snprintf(c->version, sizeof(c->version), "the registry's collector");
	report->collector = c->version;
	r = dry_run(c);
	if (r == 0 && run->gc->options->dry_run) {
		report->has_freed = true;
		report->freed = (struct plan_sum){c->dry.ndeleted, c->dry.deleted_bytes};
		return GC_DONE;
	}
	if (r == 0)
		r = look_again(run);
	return r ? r : real_run(c);
}

static int collect(struct collect *c)
{
	struct gc_run *const run = c->run;
	int r = gc_run_before(run);

	if (r)
		return r;
	if (is_empty(&run->before)) { /* there the collector fails (B8) */
		gc_note(run->gc, "%s: the storage is empty, there is nothing to collect", run->report.root);
		run->report.has_freed = true;
		return GC_DONE;
	}
	r = gc_run_check_blind(run);
	if (r == 0)
		r = check_aside(run);
	if (r)
		return r;
	r = gc_mark(run->gc, &run->before, run->gc->options->delete_untagged, 0, &c->mark);
	if (r)
		return r;
	r = with_mark(c);
	gc_config_done(&c->config);
	return r;
}

int gc_run_registry(struct gc *gc)
{
	struct gc_run run;
	struct collect c = {.run = &run};
	int r;

	gc_run_init(&run, gc, "registry");
	r = gc_run_begin(&run);
	if (r == 0)
		r = check_state(&run);
	if (r == 0)
		r = collect(&c);
	r = gc_run_tell(&run, r);
	/* verdict_done() and mark_done() take what was never begun. */
	verdict_done(&c.dry);
	verdict_done(&c.real);
	mark_done(&c.mark);
	gc_run_done(&run);
	return r;
}
