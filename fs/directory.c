/* SPDX-License-Identifier: MIT */
/* Name spaces, as the catalog tells them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "repository.h"
#include "util/cleanup.h"

enum { MAX_DIRECTORIES = 0xfffffff };

struct directory *directory_at(const struct tree *t, uint64_t node)
{
	const uint32_t index = node_directory(node);

	return index < t->ndirectories ? t->directories[index] : NULL;
}

struct directory *directory_find(struct tree *t, const char *path)
{
	const uint64_t hash = map_hash(path, strlen(path));

	map_for_each_match(&t->paths, hash, node)
	{
		struct directory *d = container_of(node, struct directory, node);

		if (strcmp(d->path, path) == 0)
			return d;
	}
	return NULL;
}

static int grow(void **array, size_t *room, size_t count, size_t size)
{
	const size_t more = *room ? *room * 2 : 8;
	void *p;

	if (count < *room)
		return 0;
	p = realloc(*array, more * size);
	if (!p)
		return -ENOMEM;
	*array = p;
	*room = more;
	return 0;
}

static struct directory *add(struct tree *t, struct directory *parent, const char *path)
{
	struct directory *d = calloc(1, sizeof(*d));
	const char *slash;

	if (!d || t->ndirectories > MAX_DIRECTORIES)
		goto fail;
	d->path = strdup(path);
	if (!d->path ||
	    grow((void **)&t->directories, &t->room, t->ndirectories, sizeof(*t->directories)) < 0)
		goto fail;
	if (parent && grow((void **)&parent->children, &parent->room, parent->nchildren, sizeof(d)) < 0)
		goto fail;
	if (map_add(&t->paths, &d->node, map_hash(path, strlen(path))) < 0)
		goto fail;
	slash = strrchr(d->path, '/');
	d->name = slash ? slash + 1 : d->path;
	d->parent = parent;
	d->changed = t->mounted;
	d->index = (uint32_t)t->ndirectories;
	t->directories[t->ndirectories++] = d;
	if (parent) {
		d->position = parent->nchildren;
		parent->children[parent->nchildren++] = d;
	}
	return d;
fail:
	if (d)
		free(d->path);
	free(d);
	return NULL;
}

struct directory *directory_make(struct tree *t, const char *path)
{
	struct directory *d = directory_find(t, path), *parent = NULL;
	const char *slash = strrchr(path, '/');
	auto_free char *above = NULL;

	if (d)
		return d;
	if (t->ndirectories) { /* else it is the root */
		above = slash ? strndup(path, (size_t)(slash - path)) : strdup("");
		if (!above)
			return NULL;
		parent = directory_make(t, above);
		if (!parent)
			return NULL;
	}
	return add(t, parent, path);
}

/* Is a name at or below the mount's root? */
static bool below_root(const struct tree *t, const char *name)
{
	const char *const root = t->directories[0]->path;
	const size_t length = strlen(root);

	return !length || (strncmp(name, root, length) == 0 && (name[length] == '/' || !name[length]));
}

static void note_change(struct directory *d, const struct timespec *now)
{
	if (d->parent)
		d->parent->changed = *now;
}

int catalog_merge(struct tree *t, const char *const *names, size_t count)
{
	const bool first = t->ndirectories == 1;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t k = 0; k < t->ndirectories; k++)
		t->directories[k]->seen = false;
	for (size_t k = 0; k < count; k++) {
		struct directory *d = below_root(t, names[k]) ? directory_make(t, names[k]) : NULL;

		if (!d) {
			if (below_root(t, names[k]))
				return -ENOMEM;
			continue;
		}
		d->is_repository = true;
		for (; d && !d->seen; d = d->parent) {
			d->seen = true;
			if (!d->listed && !first)
				note_change(d, &now);
			d->listed = true;
			if (d->parent)
				d->parent->is_space = true;
		}
	}
	for (size_t k = 1; k < t->ndirectories; k++) {
		struct directory *d = t->directories[k];

		if (d->listed && !d->seen) {
			d->listed = d->is_repository = false;
			note_change(d, &now);
		}
	}
	return 0;
}

bool directory_is_empty(const struct directory *d)
{
	const struct repository *r = d->repository;

	if (d->is_repository && !d->removed && !(r && r->listed && !r->nlisted) && !(r && r->absent))
		return false;
	for (size_t k = 0; k < d->nchildren; k++)
		if (d->children[k]->listed && !directory_is_empty(d->children[k]))
			return false;
	return true;
}

void directory_confirm(struct tree *t, struct directory *d)
{
	d->is_repository = true;
	if (!t->options.repositories && !t->catalog_absent)
		return;
	for (; d && !d->listed; d = d->parent)
		d->listed = true;
}

/* Not an error of this moment: this registry, or this user, has no catalog. */
static bool means_absent(const struct tree *t, int err)
{
	/* Who could see it once has one: that it is refused now is a failure. */
	return (err == -ENOENT || err == -EACCES || err == -EPERM || err == -EROFS) &&
	       (!t->had_catalog || t->catalog_absent);
}

static void on_catalog(void *data, const struct reg_result *result)
{
	struct tree *t = data;
	int r = result->err;

	tree_lock(t);
	if (r == 0) {
		r = catalog_merge(t, result->names->items, result->names->count);
		t->had_catalog = true;
		t->catalog_absent = false;
		if (result->names->dropped)
			tree_log(t, REG_LOG_WARN,
				 "the catalog holds %zu names that break the grammar; they are not shown",
				 result->names->dropped);
	} else if (means_absent(t, r)) {
		if (!t->catalog_absent)
			tree_log(
				t, REG_LOG_WARN,
				"the registry shows no catalog (HTTP %d %s): enter repositories by name, or list them "
				"with -o repos_from=FILE",
				result->error->status, result->error->msg);
		t->catalog_absent = true;
		t->catalog_error = r == -EACCES ? r : -EOPNOTSUPP;
		r = 0;
	} else {
		tree_log_failure(t, "the catalog", "", r, result->error);
	}
	if (r == 0)
		t->cataloged = tree_now();
	fetch_end(t, &t->catalog, r);
	tree_unlock(t);
}

int catalog_list(struct tree *t, const struct call *c, struct fetch **ret_fetch)
{
	struct reg_call call;
	int r;

	if (t->options.repositories || tree_fresh(t, t->cataloged, c))
		return 0;
	*ret_fetch = &t->catalog;
	if (t->catalog.active)
		return 1;
	r = fetch_take_error(&t->catalog, false);
	if (r < 0)
		return r;
	fetch_begin(t, &t->catalog, false);
	call = fetch_call(&t->catalog, on_catalog, t);
	fetch_sent(t, &t->catalog, reg_catalog(t->client, NULL, &call));
	return t->catalog.active ? 1 : -ENOMEM;
}
