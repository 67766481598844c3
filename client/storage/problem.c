/* SPDX-License-Identifier: MIT */
#include "storage/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/grow.h"
#include "util/utf8.h"

static const char *const names[] = {
	[PROBLEM_TAG_BAD] = "tag-bad",
	[PROBLEM_TAG_DANGLING] = "tag-dangling",
	[PROBLEM_MANIFEST_MISSING] = "manifest-missing",
	[PROBLEM_MANIFEST_UNREADABLE] = "manifest-unreadable",
	[PROBLEM_CHILD_MISSING] = "child-missing",
	[PROBLEM_CONFIG_MISSING] = "config-missing",
	[PROBLEM_LAYER_MISSING] = "layer-missing",
	[PROBLEM_UNLINKED] = "unlinked",
	[PROBLEM_SIZE] = "size",
	[PROBLEM_DIGEST] = "digest",
	[PROBLEM_ASIDE] = "aside",
	[PROBLEM_LINK_BAD] = "link-bad",
	[PROBLEM_ACCESS] = "access",
	[PROBLEM_SYMLINK] = "symlink",
	[PROBLEM_BLIND] = "blind",
	[PROBLEM_STRAY_DATA] = "stray-data",
	[PROBLEM_ORPHAN_LINK] = "orphan-link",
	[PROBLEM_STRAY] = "stray",
	[PROBLEM_UPLOAD] = "upload",
	[PROBLEM_NOT_CACHED] = "not-cached",
};

const char *problem_name(enum problem_kind kind)
{
	return names[kind];
}

bool problem_is_note(enum problem_kind kind)
{
	return kind >= PROBLEM_ORPHAN_LINK;
}

static void done(struct problem *p)
{
	free(p->repository);
	free(p->tag);
	free(p->path);
	free(p->text);
}

void problems_done(struct problems *p)
{
	for (size_t i = 0; i < p->count; i++)
		done(&p->items[i]);
	free(p->items);
	*p = (struct problems){0};
}

static int make_room(struct problems *p)
{
	struct problem *items = grow(p->items, p->count, &p->room, sizeof(*items));

	if (!items)
		return -ENOMEM;
	p->items = items;
	return 0;
}

/* A name from the disk can hold anything: what is told of it goes to terminals and logs. */
static int copy(char **ret, const char *text)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	if (!*ret)
		return -ENOMEM;
	utf8_make_printable(*ret);
	return 0;
}

int problems_add(struct problems *p, const struct problem *what, const char *format, ...)
{
	struct problem own = {.kind = what->kind, .digest = what->digest};
	va_list args;
	int n, r = 0;

	if (problem_is_note(what->kind))
		p->nnotes++;
	else
		p->nproblems++;
	if (p->count >= PROBLEMS_MAX || (problem_is_note(what->kind) && p->nnotes > PROBLEMS_MAX / 2))
		return 0;
	va_start(args, format);
	n = vasprintf(&own.text, format, args);
	va_end(args);
	if (n < 0)
		return -ENOMEM; /* and own.text is undefined */
	utf8_make_printable(own.text);
	if (copy(&own.repository, what->repository) < 0 || copy(&own.tag, what->tag) < 0 ||
	    copy(&own.path, what->path) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = make_room(p);
	if (r < 0)
		done(&own);
	else
		p->items[p->count++] = own;
	return r;
}

static int compare_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int compare(const void *left, const void *right)
{
	const struct problem *a = left, *b = right;
	int r = compare_text(a->repository, b->repository);

	if (r == 0)
		r = compare_text(a->tag, b->tag);
	if (r == 0)
		r = (a->kind > b->kind) - (a->kind < b->kind);
	if (r == 0)
		r = memcmp(&a->digest, &b->digest, sizeof(a->digest));
	return r ? r : compare_text(a->path, b->path);
}

void problems_sort(struct problems *p)
{
	if (p->count)
		qsort(p->items, p->count, sizeof(*p->items), compare);
}
