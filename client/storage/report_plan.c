/* SPDX-License-Identifier: MIT */
/* The plan, as tables. */
#include "storage/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/utf8.h"

#define ROWS 50 /* of what can be very many */
#define WAS 5

/* ---- what else the tables need to know ---- */

static int compare_was(const void *left, const void *right)
{
	const struct report_was_one *a = left, *b = right;

	if (a->blob != b->blob)
		return a->blob < b->blob ? -1 : 1;
	return strcmp(a->tag, b->tag);
}

int report_was_init(struct report_was *w, const struct store_repository *r)
{
	size_t count = 0;

	for (uint32_t i = 0; i < r->ntags; i++)
		count += r->tags[i].nentries;
	*w = (struct report_was){.items = calloc(count + 1, sizeof(*w->items))};
	if (!w->items)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->ntags; i++) {
		const struct store_tag *t = &r->tags[i];

		for (uint32_t k = 0; k < t->nentries; k++)
			if (t->entries[k].blob != t->blob)
				w->items[w->count++] = (struct report_was_one){t->entries[k].blob, t->name};
	}
	qsort(w->items, w->count, sizeof(*w->items), compare_was);
	return 0;
}

void report_was_done(struct report_was *w)
{
	free(w->items);
	*w = (struct report_was){0};
}

const struct report_was_one *report_was_find(const struct report_was *w, uint32_t blob, size_t *ret_count)
{
	size_t low = 0, high = w->count, n = 0;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (w->items[middle].blob < blob)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + n < w->count && w->items[low + n].blob == blob)
		n++;
	*ret_count = n;
	return w->items + low;
}

const char *report_manifest_kind(const struct store_blob *b)
{
	if (!store_blob_is_there(b))
		return "missing";
	if (!b->manifest)
		return "unreadable";
	switch (b->manifest->kind) {
	case REG_KIND_INDEX:
		return "index";
	case REG_KIND_SCHEMA1:
		return "schema1";
	case REG_KIND_MANIFEST:
		break;
	}
	return "manifest";
}

uint8_t *report_linked(const struct store *s)
{
	uint8_t *linked = calloc((size_t)s->nblobs + 1, 1);

	for (uint32_t i = 0; linked && i < s->nlinks; i++)
		linked[s->links[i].blob] = REPORT_LINKED;
	for (uint32_t i = 0; linked && i < s->nrepositories; i++) {
		const struct store_repository *r = &s->repositories[i];

		for (uint32_t k = 0; k < r->naliases; k++) {
			linked[r->aliases[k].blob] = REPORT_ALIAS;
			if (!linked[r->aliases[k].target])
				linked[r->aliases[k].target] = REPORT_LINKED;
		}
	}
	return linked;
}

/* ---- by repository ---- */

static void number(char buf[24], uint64_t n)
{
	snprintf(buf, 24, "%" PRIu64, n);
}

static void repository_row(struct table *t, const char *name, uint64_t tags, uint64_t manifests,
			   const uint64_t bytes[3])
{
	char ntags[24], nmanifests[24], alone[REPORT_SIZE_MAX], shared[REPORT_SIZE_MAX],
		garbage[REPORT_SIZE_MAX];

	number(ntags, tags);
	number(nmanifests, manifests);
	table_row(t, (const char *[]){name, ntags, nmanifests, report_size(alone, bytes[0]),
				      report_size(shared, bytes[1]), report_size(garbage, bytes[2])});
}

/* Garbage that no repository links. */
static int unlinked_garbage(const struct report_plan *p, uint64_t *ret)
{
	auto_free uint8_t *linked = report_linked(p->store);
	uint64_t bytes = 0;

	if (!linked)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->store->nblobs; i++) {
		const struct store_blob *b = p->store->blobs[i];

		if (b->flags & BLOB_PRESENT && p->mark->blobs[i] == MARK_GARBAGE && !linked[i])
			bytes += (uint64_t)b->size;
	}
	*ret = bytes;
	return 0;
}

static int repositories(FILE *out, const struct report_plan *p)
{
	const struct store *s = p->store;
	uint64_t tags = 0, manifests = 0, alone = 0, nobody;
	struct table t;
	int r = unlinked_garbage(p, &nobody);

	if (r < 0)
		return r;
	table_init(&t, 6, "lrrrrr");
	table_row(&t, (const char *[]){"REPOSITORY", "TAGS", "MANIFESTS", "ALONE", "SHARED", "GARBAGE"});
	for (uint32_t i = 0; i < s->nrepositories; i++) {
		const struct plan_repository *one = &p->plan->repositories[i];

		repository_row(&t, s->repositories[i].name, s->repositories[i].ntags, one->manifests,
			       (uint64_t[]){one->alone, one->shared, one->garbage});
		tags += s->repositories[i].ntags;
		manifests += one->manifests;
		alone += one->alone;
	}
	if (nobody)
		repository_row(&t, "(no repository)", 0, 0, (uint64_t[]){0, 0, nobody});
	/* In the sum, what several share counts once. */
	repository_row(&t, "total", tags, manifests,
		       (uint64_t[]){alone, p->plan->held.bytes > alone ? p->plan->held.bytes - alone : 0,
				    p->plan->garbage.bytes});
	r = table_print(&t, out, "");
	table_done(&t);
	return r;
}

/* ---- untagged manifests ---- */

static void was_text(char buf[256], const struct report_was *w, uint32_t blob)
{
	size_t n, at = 0;
	const struct report_was_one *one = report_was_find(w, blob, &n);

	*buf = '\0';
	for (size_t i = 0; i < n && i < WAS && at < 200; i++)
		at += (size_t)snprintf(buf + at, 256 - at, "%s%.40s", i ? "," : "", one[i].tag);
	if (n > WAS && at < 240)
		snprintf(buf + at, 256 - at, ",..");
}

static void untagged_row(struct table *t, const struct report_plan *p, const struct plan_untagged *u,
			 const struct report_was *w)
{
	const struct store_link *link = &p->store->links[u->link];
	const struct store_blob *b = p->store->blobs[link->blob];
	const char *state = u->garbage ? "garbage" : u->by_subject ? "refers" : "kept";
	char name[320], digest[REPORT_SHORT_MAX], date[REPORT_DATE_MAX], size[REPORT_SIZE_MAX], was[256];

	snprintf(name, sizeof(name), "%s@%s", p->store->repositories[u->repository].name,
		 report_short(digest, &b->digest));
	was_text(was, w, link->blob);
	table_row(t, (const char *[]){
			     name, report_manifest_kind(b), b->manifest ? b->manifest->platform : NULL,
			     report_date(date, link->changed), was, report_size(size, u->bytes), state});
}

static int untagged(FILE *out, const struct report_plan *p)
{
	const struct plan *plan = p->plan;
	struct report_was w = {0};
	uint32_t repository = STORE_NONE;
	struct table t;
	int r = 0;

	if (!plan->nuntagged)
		return 0;
	table_init(&t, 7, "lllllrl");
	table_row(&t, (const char *[]){"MANIFEST", "KIND", "PLATFORM", "PUSHED", "WAS", "BYTES", "STATE"});
	for (size_t i = 0; i < plan->nuntagged && i < ROWS && r == 0; i++) {
		const struct plan_untagged *u = &plan->untagged[i];

		if (u->repository != repository) {
			report_was_done(&w);
			r = report_was_init(&w, &p->store->repositories[u->repository]);
			repository = u->repository;
		}
		if (r == 0)
			untagged_row(&t, p, u, &w);
	}
	fputs("\nuntagged manifests\n", out);
	if (r == 0)
		r = table_print(&t, out, "  ");
	if (plan->nuntagged > ROWS)
		fprintf(out, "  and %zu more: --json lists all\n", plan->nuntagged - ROWS);
	table_done(&t);
	report_was_done(&w);
	return r;
}

/* ---- the rest ---- */

static int uploads(FILE *out, const struct report_plan *p)
{
	const struct store *s = p->store;
	char date[REPORT_DATE_MAX], size[REPORT_SIZE_MAX];
	struct table t;
	size_t n = 0;
	int r = 0;

	table_init(&t, 5, "lllrl");
	table_row(&t, (const char *[]){"REPOSITORY", "ID", "STARTED", "BYTES", "STATE"});
	for (uint32_t i = 0; i < s->nrepositories; i++) {
		const struct store_repository *one = &s->repositories[i];

		for (uint32_t k = 0; k < one->nuploads; k++) {
			const struct store_upload *u = &one->uploads[k];

			if (n++ < ROWS)
				table_row(&t, (const char *[]){
						      one->name, u->id, report_date(date, u->started),
						      report_size(size, (uint64_t)u->size),
						      plan_upload_is_dead(u, p->now) ? "dead" : "under way"});
		}
	}
	if (n) {
		fputs("\nuploads\n", out);
		r = table_print(&t, out, "  ");
	}
	if (n > ROWS)
		fprintf(out, "  and %zu more: --json lists all\n", n - ROWS);
	table_done(&t);
	return r;
}

static void empty_repositories(FILE *out, const struct report_plan *p)
{
	size_t n = 0;

	for (uint32_t i = 0; i < p->store->nrepositories; i++) {
		if (!p->plan->repositories[i].empty)
			continue;
		if (n == 0)
			fputs("\nempty repositories\n", out);
		if (n++ < ROWS)
			fprintf(out, "  %s\n", p->store->repositories[i].name);
	}
	if (n > ROWS)
		fprintf(out, "  and %zu more: --json lists all\n", n - ROWS);
}

static void unsure_repositories(FILE *out, const struct report_plan *p)
{
	bool any = false;

	for (uint32_t i = 0; i < p->store->nrepositories; i++) {
		if (!p->store->repositories[i].unsure)
			continue;
		if (!any)
			fputs("\nnot sure, so that all that they link is kept\n", out);
		any = true;
		fprintf(out, "  %s: %s\n", p->store->repositories[i].name, p->store->repositories[i].unsure);
	}
}

static void sum_line(FILE *out, const struct plan_sum *sum, const char *text)
{
	char size[REPORT_SIZE_MAX];

	if (sum->count)
		fprintf(out, "%" PRIu64 " %s (%s) %s\n", sum->count,
			report_plural(sum->count, "blobs", "blob"), report_size(size, sum->bytes), text);
}

static void links_line(FILE *out, uint64_t n, const char *plural, const char *singular)
{
	if (n)
		fprintf(out, "%" PRIu64 " %s that nothing needs\n", n, report_plural(n, plural, singular));
}

void report_future(FILE *out, const char *root, const struct plan_sum *future)
{
	char size[REPORT_SIZE_MAX];

	if (future->count)
		fprintf(out,
			"%" PRIu64
			" %s (%s) that nobody holds, but dated in the future, so never older than --grace: see "
			"to the clock, then find %s/docker/registry/v2 -newermt '1 hour' -exec touch {} +\n",
			future->count, report_plural(future->count, "blobs", "blob"),
			report_size(size, future->bytes), root);
}

static void sums(FILE *out, const struct report_plan *p)
{
	const struct plan *plan = p->plan;
	const struct problems *problems = &p->store->problems;
	char garbage[REPORT_SIZE_MAX], all[REPORT_SIZE_MAX];

	fputc('\n', out);
	if (p->store->blind)
		fprintf(out, "not all that is needed is known, so nothing is called garbage: %s\n",
			p->store->blind);
	if (p->store->cache)
		fputs("a pull-through cache: it removes by itself what was not pulled of late, and fetches again what "
		      "is missing; a run gains little\n",
		      out);
	if (problems->nproblems)
		fprintf(out, "%zu %s: regfs-gc check says which\n", problems->nproblems,
			report_plural(problems->nproblems, "problems", "problem"));
	sum_line(out, &plan->young, "that nobody holds, but younger than --grace");
	report_future(out, p->root, &p->future);
	sum_line(out, &plan->unsure, "kept, since a repository is not sure");
	sum_line(out, &plan->aside, "in the quarantine");
	links_line(out, plan->revision_links, "revision links", "revision link");
	links_line(out, plan->layer_links, "layer links", "layer link");
	fprintf(out, "%" PRIu64 " of %" PRIu64 " %s are garbage: %s of %s\n", plan->garbage.count,
		plan->blobs.count, report_plural(plan->blobs.count, "blobs", "blob"),
		report_size(garbage, plan->garbage.bytes), report_size(all, plan->blobs.bytes));
}

int report_plan(FILE *out, const struct report_plan *p)
{
	int r = repositories(out, p);

	if (r == 0)
		r = untagged(out, p);
	if (r == 0)
		r = uploads(out, p);
	if (r < 0)
		return r;
	empty_repositories(out, p);
	unsure_repositories(out, p);
	sums(out, p);
	return 0;
}
