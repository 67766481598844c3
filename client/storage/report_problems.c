/* SPDX-License-Identifier: MIT */
/* Problems and notes, by repository. */
#include "storage/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

#define NOTES_OF_A_KIND 20

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

/* What makes two problems of different times the same one: not their words, which may count something. */
static int compare(const struct problem *a, const struct problem *b)
{
	int r = (a->kind > b->kind) - (a->kind < b->kind);

	if (r == 0)
		r = memcmp(&a->digest, &b->digest, sizeof(a->digest));
	if (r == 0)
		r = compare_text(a->repository, b->repository);
	if (r == 0)
		r = compare_text(a->tag, b->tag);
	return r ? r : compare_text(a->path, b->path);
}

static int compare_items(const void *left, const void *right)
{
	return compare(*(const struct problem *const *)left, *(const struct problem *const *)right);
}

int report_known_init(struct report_known *k, const struct problems *before)
{
	const struct problem **items = calloc(before->count + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	for (size_t i = 0; i < before->count; i++)
		items[i] = &before->items[i];
	qsort(items, before->count, sizeof(*items), compare_items);
	*k = (struct report_known){items, before->count};
	return 0;
}

void report_known_done(struct report_known *k)
{
	free(k->items);
	*k = (struct report_known){0};
}

bool report_is_new(const struct report_known *k, const struct problem *p)
{
	if (!k || problem_is_note(p->kind))
		return false;
	return !k->count || !bsearch(&p, k->items, k->count, sizeof(*k->items), compare_items);
}

/* What a line begins with: the tag, or what else says where to look, unless the text names it itself. */
static void print_one(FILE *out, const struct problem *p, const struct report_known *known)
{
	char digest[REG_DIGEST_MAX] = "";
	const char *where = p->tag ? p->tag : p->path;

	if (!where && p->digest.algorithm)
		where = reg_digest_text(&p->digest, digest);
	fputs(report_is_new(known, p) ? "  new: " : "  ", out);
	if (where && (p->tag || !strstr(p->text, where)))
		fprintf(out, "%s: ", where);
	fprintf(out, "%s\n", p->text);
}

static void print_problems(FILE *out, const struct problems *p, const struct report_known *known,
			   bool of_repositories)
{
	const char *last = NULL;

	for (size_t i = 0; i < p->count; i++) {
		const struct problem *one = &p->items[i];
		const char *head = one->repository ? one->repository : "(storage)";

		if (problem_is_note(one->kind) || !one->repository == of_repositories)
			continue;
		if (!last || strcmp(last, head) != 0)
			fprintf(out, "%s\n", head);
		last = head;
		print_one(out, one, known);
	}
}

static void print_note(FILE *out, const struct problem *p)
{
	const char *where = p->path ? p->path : p->repository;

	fputs("  ", out);
	if (where && !strstr(p->text, where))
		fprintf(out, "%s: ", where);
	fprintf(out, "%s\n", p->text);
}

static void print_notes(FILE *out, const struct problems *p)
{
	size_t told[PROBLEM_KINDS] = {0};
	bool any = false;

	for (size_t i = 0; i < p->count; i++) {
		const struct problem *one = &p->items[i];

		if (!problem_is_note(one->kind) || told[one->kind]++ >= NOTES_OF_A_KIND)
			continue;
		if (!any)
			fputs("notes:\n", out);
		any = true;
		print_note(out, one);
	}
	for (int kind = 0; kind < PROBLEM_KINDS; kind++)
		if (told[kind] > NOTES_OF_A_KIND)
			fprintf(out, "  and %zu more: %s\n", told[kind] - NOTES_OF_A_KIND,
				problem_name((enum problem_kind)kind));
}

void report_problems(FILE *out, const struct problems *p, const struct report_known *known)
{
	print_problems(out, p, known, true);
	print_problems(out, p, known, false);
	print_notes(out, p);
	if (p->nproblems + p->nnotes > p->count)
		fprintf(out, "and %zu more problems and notes\n", p->nproblems + p->nnotes - p->count);
}

void report_check(FILE *out, const struct store *s, const struct check_result *c,
		  const struct report_known *known)
{
	const struct problems *p = &s->problems;
	char size[REPORT_SIZE_MAX], verified[REPORT_SIZE_MAX];

	report_problems(out, p, known);
	fprintf(out,
		"%" PRIu32 " %s, %" PRIu64 " %s, %" PRIu64 " %s, %" PRIu64 " %s (%s): ", s->nrepositories,
		report_plural(s->nrepositories, "repositories", "repository"), c->tags,
		report_plural(c->tags, "tags", "tag"), c->manifests,
		report_plural(c->manifests, "manifests", "manifest"), c->blobs,
		report_plural(c->blobs, "blobs", "blob"), report_size(size, c->bytes));
	fprintf(out, "%zu %s, %zu %s", p->nproblems, report_plural(p->nproblems, "problems", "problem"),
		p->nnotes, report_plural(p->nnotes, "notes", "note"));
	if (c->verified)
		fprintf(out, "; %s read and verified", report_size(verified, c->verified));
	fputc('\n', out);
}
