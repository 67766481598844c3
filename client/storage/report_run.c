/* SPDX-License-Identifier: MIT */
#include "storage/report_run.h"

#include <inttypes.h>
#include <string.h>

#include "storage/report_json.h"
#include "util/cleanup.h"

const char *report_running_state(enum running_state state)
{
	switch (state) {
	case RUNNING_STOPPED:
		return "stopped";
	case RUNNING_READONLY:
		return "read-only";
	case RUNNING_WRITABLE:
		return "writable";
	case RUNNING_UNKNOWN:
		break;
	}
	return "unknown";
}

#define SHOWN 20 /* refusals, to people */

static const char *restart_name(enum report_restart restart)
{
	static const char *const names[] = {
		[RESTART_NOT_SAID] = NULL, [RESTART_NOT_NEEDED] = "not needed", [RESTART_NEEDED] = "needed",
		[RESTART_DONE] = "done",   [RESTART_FAILED] = "failed",
	};

	return names[restart];
}

/* ---- text ---- */

static void refusals(FILE *out, const struct report_run *r)
{
	const struct verdict *v = r->verdict;

	if (!(r->forced && r->nreasons) && (!v || !v->all_refusals))
		return;
	fprintf(out, "%s:\n", r->forced ? "done by --force in spite of" : "refused");
	for (size_t i = 0; r->forced && i < r->nreasons; i++)
		fprintf(out, "  %s\n", r->reasons[i]); /* else stderr has them */
	for (size_t i = 0; v && i < v->nrefusals && i < SHOWN; i++) {
		const struct refusal *one = &v->refusals[i];
		const char *name = one->repository ? one->repository : "";

		fputs("  ", out);
		if (one->bug != BUG_NONE)
			fprintf(out, "%s: ", bug_name(one->bug));
		if (one->repository && !strstr(one->text, name))
			fprintf(out, "%s%s%s: ", name, one->tag ? ":" : "", one->tag ? one->tag : "");
		fprintf(out, "%s\n", one->text);
	}
	if (v && v->all_refusals > SHOWN)
		fprintf(out, "  and %zu more%s\n", v->all_refusals - SHOWN,
			v->nrefusals > SHOWN ? ": --json lists more" : "");
	/* Each bug in its own words, once. */
	for (int bug = BUG_B1; v && bug < BUG_END; bug++)
		for (size_t i = 0; i < v->nrefusals; i++)
			if ((int)v->refusals[i].bug == bug) {
				fprintf(out, "%s: %s\n", bug_name((enum bug)bug), bug_text((enum bug)bug));
				break;
			}
}

static void sum(FILE *out, const char *text, uint64_t count, const char *plural, const char *singular,
		uint64_t bytes)
{
	char size[REPORT_SIZE_MAX];

	if (count)
		fprintf(out, "%s%" PRIu64 " %s, %s\n", text, count, report_plural(count, plural, singular),
			report_size(size, bytes));
}

static void swept(FILE *out, const struct report_run *r)
{
	const struct sweep_result *s = r->sweep;
	const struct {
		uint64_t count;
		const char *plural, *singular;
	} removed[] = {
		{s->revision_links, "revision links", "revision link"},
		{s->layer_links, "layer links", "layer link"},
		{s->tag_entries, "old tag entries", "old tag entry"},
		{s->repositories, "empty repositories", "empty repository"},
	};

	sum(out, r->dry_run ? "would take away " : "taken away: ", s->taken.count, "blobs", "blob",
	    s->taken.bytes);
	sum(out, "put back, since something needs it now: ", s->put_back.count, "blobs", "blob",
	    s->put_back.bytes);
	sum(out, "deleted: ", s->deleted.count, "blobs", "blob", s->deleted.bytes);
	sum(out, r->dry_run ? "would remove " : "removed: ", s->uploads.count, "dead uploads", "dead upload",
	    s->uploads.bytes);
	for (size_t i = 0; i < ARRAY_SIZE(removed); i++)
		if (removed[i].count)
			fprintf(out, "%s%" PRIu64 " %s\n",
				r->dry_run ? "would remove " : "removed: ", removed[i].count,
				report_plural(removed[i].count, removed[i].plural, removed[i].singular));
	if (s->failed)
		fprintf(out, "failed: %" PRIu64 ", see the problems\n", s->failed);
}

static void restart(FILE *out, const struct report_run *r)
{
	const bool redis = r->cache && strcmp(r->cache, "redis") == 0;

	if (r->restart == RESTART_NEEDED && redis)
		fputs("empty the registry's redis cache: until then it says that it has what is gone\n", out);
	else if (r->restart == RESTART_NEEDED)
		fputs("restart the registry: until then it says that it has what is gone, and pushes that rely on it "
		      "make broken images\n",
		      out);
	else if (r->restart == RESTART_DONE)
		fputs("the restart command was run\n", out);
	else if (r->restart == RESTART_FAILED)
		fprintf(out, "the restart command failed: %s\n",
			r->sweep ? "everything was put back" : "restart the registry");
}

static void freed(FILE *out, const struct report_run *r)
{
	char size[REPORT_SIZE_MAX];

	if (r->has_freed)
		fprintf(out, "%s: %" PRIu64 " %s, %s\n", r->dry_run ? "would be freed" : "freed",
			r->freed.count, report_plural(r->freed.count, "blobs", "blob"),
			report_size(size, r->freed.bytes));
	if (r->left)
		fprintf(out, "while it ran, more was written than freed: %s\n", report_size(size, r->left));
}

void report_run(FILE *out, const struct report_run *r)
{
	char size[REPORT_SIZE_MAX];

	if (r->registry)
		fprintf(out, "registry: %s: %s\n", report_running_state(r->registry->state),
			r->registry->evidence);
	if (r->collector)
		fprintf(out, "collector: %s\n", r->collector);
	refusals(out, r);
	if (r->end && r->end->status != 0)
		fprintf(out, "the collector failed: %s\n",
			*r->end->message ? r->end->message : "it said nothing about why");
	if (r->sweep)
		swept(out, r);
	freed(out, r);
	if (r->young.count)
		fprintf(out, "%" PRIu64 " %s (%s) that nobody holds, but younger than --grace: left for a later run\n",
			r->young.count, report_plural(r->young.count, "blobs", "blob"),
			report_size(size, r->young.bytes));
	if (r->root)
		report_future(out, r->root, &r->future);
	if (r->store && r->check)
		report_check(out, r->store, r->check, r->known);
	restart(out, r);
}

/* ---- JSON ---- */

static void write_refused(struct report_json *j, const struct report_run *r)
{
	struct json_writer *w = &j->w;
	const struct verdict *v = r->verdict;

	json_write_array(w, "refused");
	for (size_t i = 0; i < r->nreasons; i++) {
		json_write_object(w, NULL);
		json_write_text(w, "reason", r->reasons[i]);
		json_write_object_end(w);
	}
	for (size_t i = 0; v && i < v->nrefusals; i++) {
		const struct refusal *one = &v->refusals[i];

		json_write_object(w, NULL);
		json_write_text(w, "reason", one->text);
		json_write_text(w, "bug", one->bug != BUG_NONE ? bug_name(one->bug) : NULL);
		report_json_digest(j, "digest", &one->digest);
		json_write_text(w, "repository", one->repository);
		json_write_text(w, "tag", one->tag);
		json_write_object_end(w);
	}
	json_write_array_end(w);
	if (v)
		json_write_number(w, "all_refused", (int64_t)(r->nreasons + v->all_refusals));
}

static void write_sweep(struct report_json *j, const struct sweep_result *s)
{
	report_json_sum(j, "taken", s->taken.count, s->taken.bytes);
	report_json_sum(j, "put_back", s->put_back.count, s->put_back.bytes);
	report_json_sum(j, "deleted", s->deleted.count, s->deleted.bytes);
	report_json_sum(j, "uploads", s->uploads.count, s->uploads.bytes);
	json_write_number(&j->w, "revision_links", (int64_t)s->revision_links);
	json_write_number(&j->w, "layer_links", (int64_t)s->layer_links);
	json_write_number(&j->w, "tag_entries", (int64_t)s->tag_entries);
	json_write_number(&j->w, "removed_repositories", (int64_t)s->repositories);
	json_write_number(&j->w, "failed", (int64_t)s->failed);
}

int report_json_run(FILE *out, const struct report_run *r)
{
	static const struct problems none = {0};
	struct report_json j;
	struct json_writer *w = &j.w;

	report_json_begin(&j, out, "run", r->root);
	json_write_text(w, "engine", r->engine);
	json_write_text(w, "status", r->status);
	json_write_bool(w, "dry_run", r->dry_run);
	json_write_bool(w, "forced", r->forced);
	if (r->registry) {
		json_write_object(w, "registry");
		json_write_text(w, "state", report_running_state(r->registry->state));
		json_write_text(w, "evidence", r->registry->evidence);
		json_write_object_end(w);
	}
	if (r->collector) {
		json_write_object(w, "collector");
		json_write_text(w, "version", r->collector);
		if (r->end) {
			json_write_number(w, "status", r->end->status);
			json_write_text(w, "message", r->end->status ? r->end->message : NULL);
		}
		json_write_object_end(w);
	}
	write_refused(&j, r);
	if (r->has_freed)
		report_json_sum(&j, r->dry_run ? "would_free" : "freed", r->freed.count, r->freed.bytes);
	if (r->sweep)
		write_sweep(&j, r->sweep);
	if (r->young.count)
		report_json_sum(&j, "young", r->young.count, r->young.bytes);
	if (r->future.count)
		report_json_sum(&j, "future", r->future.count, r->future.bytes);
	json_write_text(w, "restart", restart_name(r->restart));
	report_json_problems(&j, r->store ? &r->store->problems : &none, r->known);
	return report_json_end(&j);
}

int report_json_restore(FILE *out, const char *root, const char *status, const char *refused,
			const struct sweep_result *s, const struct problems *p)
{
	struct report_json j;

	report_json_begin(&j, out, "restore", root);
	json_write_text(&j.w, "status", status);
	json_write_array(&j.w, "refused");
	if (refused) {
		json_write_object(&j.w, NULL);
		json_write_text(&j.w, "reason", refused);
		json_write_object_end(&j.w);
	}
	json_write_array_end(&j.w);
	report_json_sum(&j, "put_back", s->put_back.count, s->put_back.bytes);
	json_write_number(&j.w, "revision_links", (int64_t)s->revision_links);
	json_write_number(&j.w, "layer_links", (int64_t)s->layer_links);
	json_write_number(&j.w, "failed", (int64_t)s->failed);
	report_json_problems(&j, p, NULL);
	return report_json_end(&j);
}
