/* SPDX-License-Identifier: MIT */
/* Which repositories there are: folders with _manifests, _layers or _uploads, at any depth. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/layout.h"
#include "storage/scan_inner.h"
#include "util/cleanup.h"
#include "util/grow.h"

#define MAX_NAME 255

void scan_names_done(struct scan_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->items[i].name);
	free(n->items);
	*n = (struct scan_names){0};
}

static int add_name(struct scan_names *n, const char *name, bool aside)
{
	struct scan_name *items = grow(n->items, n->count, &n->room, sizeof(*items));
	char *own;

	if (!items)
		return -ENOMEM;
	n->items = items;
	own = strdup(name);
	if (!own)
		return -ENOMEM;
	n->items[n->count++] = (struct scan_name){.name = own, .here = !aside, .aside = aside};
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct scan_name *a = left, *b = right;

	return store_compare_names(a->name, b->name);
}

static void sort(struct scan_names *n)
{
	size_t kept = 0;

	if (n->count)
		qsort(n->items, n->count, sizeof(*n->items), compare);
	for (size_t i = 0; i < n->count; i++) {
		if (kept && strcmp(n->items[kept - 1].name, n->items[i].name) == 0) {
			n->items[kept - 1].here |= n->items[i].here;
			n->items[kept - 1].aside |= n->items[i].aside;
			free(n->items[i].name);
		} else {
			n->items[kept++] = n->items[i];
		}
	}
	n->count = kept;
}

/* ---- the walk: a stack of paths below repositories/, "" first ---- */

struct walk {
	struct scanning *c;
	int top; /* repositories/ */
	bool aside;
	struct scan_names stack, *found;
};

/* A folder that may hold repositories. */
static int go_below(struct walk *w, const char *path, const char *name)
{
	char below[2 * MAX_NAME + 4];
	int r = 0;

	if (strlen(path) + 1 + strlen(name) > MAX_NAME) {
		r = scan_tell(w->c, PROBLEM_STRAY, name, NULL, NULL, "longer than any repository's name");
		if (r == 0 && !w->aside)
			r = store_blind(w->c->store,
					"%s/%s is longer than any repository's name: move it away",
					w->c->path, name);
		return r;
	}
	if (!reg_name_is_component(name))
		r = scan_tell(w->c, PROBLEM_STRAY, name, NULL, NULL, "no part of a repository's name");
	snprintf(below, sizeof(below), "%s%s%s", path, *path ? "/" : "", name);
	return r < 0 ? r : add_name(&w->stack, below, w->aside);
}

static bool is_part(const char *name)
{
	return strcmp(name, "_manifests") == 0 || strcmp(name, "_layers") == 0 ||
	       strcmp(name, "_uploads") == 0;
}

/* A folder with the parts of a repository. */
static int found_one(struct walk *w, const char *path, bool manifests)
{
	int r;

	if (reg_name_is_repository(path))
		return add_name(w->found, path, w->aside);
	r = scan_tell(w->c, PROBLEM_STRAY, NULL, NULL, NULL, "no valid name of a repository");
	if (r == 0 && manifests && !w->aside)
		r = store_blind(w->c->store,
				"%s holds manifests, but is no valid name of a repository: move it away",
				w->c->path);
	return r;
}

static int look_into(struct walk *w, const char *path, const struct scan_folder *f)
{
	bool parts = false, manifests = false;
	int r = 0;

	for (size_t i = 0; i < f->names.count && r == 0; i++) {
		const char *name = f->names.items[i];

		if (is_part(name)) {
			parts = true;
			manifests |= strcmp(name, "_manifests") == 0;
		} else if (name[0] == '_') {
			r = scan_stray(w->c, name); /* the registry passes over it as well */
		} else {
			r = scan_is_folder(w->c, f, i, SCAN_BLIND);
			if (r == 1)
				r = go_below(w, path, name);
		}
	}
	return r == 0 && parts ? found_one(w, path, manifests) : r;
}

static int visit(struct walk *w, const char *path)
{
	struct scan_folder f;
	int r;

	if (!*path) {
		r = scan_folder(w->c, w->top, ".", SCAN_BLIND, &f);
		if (r == 1)
			scan_pop(w->c, f.at);
	} else {
		r = scan_folder(w->c, w->top, path, SCAN_BLIND, &f);
	}
	if (r <= 0)
		return r;
	r = look_into(w, path, &f);
	scan_folder_done(w->c, &f);
	return r < 0 ? r : scan_go_on(w->c, 1);
}

static int walk(struct scanning *c, int above, bool aside, struct scan_names *found)
{
	auto_close int top = files_open_folder(above, "repositories");
	struct walk w = {.c = c, .top = top, .aside = aside, .found = found};
	const size_t at = c->path_size;
	int r;

	if (top < 0)
		return scan_lost(c, "repositories", top, SCAN_BLIND);
	scan_push(c, "repositories");
	r = add_name(&w.stack, "", aside);
	while (r == 0 && w.stack.count) {
		auto_free char *path = w.stack.items[--w.stack.count].name;

		r = visit(&w, path);
	}
	scan_names_done(&w.stack);
	scan_pop(c, at);
	return r;
}

int scan_repository_names(struct scanning *c, struct scan_names *ret)
{
	int r = 0;

	if (c->storage->v2 >= 0)
		r = walk(c, c->storage->v2, false, ret);
	if (r == 0 && c->storage->aside >= 0) {
		scan_at_aside(c, NULL);
		r = walk(c, c->storage->aside, true, ret);
		scan_at(c, LAYOUT_V2);
	}
	sort(ret);
	return r;
}
