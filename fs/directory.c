/* SPDX-License-Identifier: MIT */
/* Name spaces and repositories as directories: which are known, and what is answered for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kind.h"
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

/* ---- answers ---- */

static const struct {
	const char *name;
	enum node_kind kind;
} views[] = {
	{"_tags", NODE_TAGS}, /* first: a walk that removes must see tags before what hangs from them */
	{"_configs", NODE_CONFIGS},
	{"_manifests", NODE_MANIFESTS},
};

static void answer_directory(const struct tree *t, struct call *c, uint64_t node,
			     const struct timespec *changed)
{
	c->entry = (struct entry){.node = node, .name_valid = t->options.ttl, .attr_valid = t->options.ttl};
	attr_directory(t, node, changed, &c->entry.attr);
}

/* Is this a repository? The catalog may not say: then the registry is asked. */
static int check_repository(struct tree *t, const struct call *c, struct directory *d,
			    struct fetch **ret_fetch)
{
	struct repository *r;

	if (d->is_repository)
		return 0;
	if (!reg_name_is_repository(d->path))
		return -ENOENT;
	r = repository_of(t, d);
	return r ? repository_list(r, c, ret_fetch) : -ENOMEM;
}

static int absent(const struct tree *t, struct call *c, int r)
{
	if (r != -ENOENT)
		return r;
	entry_absent(t, &c->entry);
	return 0;
}

static int lookup_view(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	for (size_t k = 0; k < ARRAY_SIZE(views); k++) {
		int r;

		if (strcmp(c->name, views[k].name) != 0)
			continue;
		r = check_repository(t, c, d, ret_fetch);
		if (r != 0)
			return absent(t, c, r);
		answer_directory(t, c, node_make(views[k].kind, d->index, 0),
				 d->repository ? &d->repository->changed : &t->mounted);
		return 0;
	}
	return absent(t, c, -ENOENT);
}

/*
 * Catalogs take minutes, or never come. A repository can be entered before: it says by its tags that it is
 * one. What does not may be a name space, which only the catalog knows.
 */
static int enter_meanwhile(struct tree *t, struct call *c, const char *path, struct fetch **ret_fetch)
{
	struct directory *child;
	struct fetch *f;
	int r;

	if (!reg_name_is_repository(path))
		return 1;
	child = directory_make(t, path);
	if (!child)
		return -ENOMEM;
	r = check_repository(t, c, child, &f);
	if (r == 1)
		*ret_fetch = f;
	if (r == 0)
		answer_directory(t, c, node_make(NODE_DIRECTORY, child->index, 0), &child->changed);
	return r == 0 ? 0 : 1;
}

static void path_of(const struct directory *d, const char *name, char *ret, size_t size)
{
	snprintf(ret, size, "%s%s%s", d->path, d->path[0] ? "/" : "", name);
}

/* It was removed as a directory, having no tags: is it there again? */
static int check_removed(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	int r = d->repository ? repository_list(d->repository, c, ret_fetch) : 0;

	(void)t;
	if (r != 0 && r != -ENOENT)
		return r;
	return directory_is_empty(d) ? -ENOENT : 0;
}

static int lookup_child(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct directory *child;
	char path[512];
	int r;

	c->passing = true;
	path_of(d, c->name, path, sizeof(path));
	child = directory_find(t, path);
	if (child && child->removed) {
		r = check_removed(t, c, child, ret_fetch);
		if (r != 0)
			return absent(t, c, r);
	}
	if (!child || !child->listed) {
		r = catalog_list(t, c, ret_fetch);
		if (r == 1 && !c->refused)
			return enter_meanwhile(t, c, path, ret_fetch);
		if (r != 0)
			return r;
		child = directory_find(t, path);
	}
	if (!child || !child->listed) {
		if (!reg_name_is_repository(path))
			return absent(t, c, -ENOENT);
		child = directory_make(t, path);
		if (!child)
			return -ENOMEM;
		/*
		 * Without a catalog nobody knows what is a name space: it turns out further down. Nor does who
		 * may not look: rights often begin further down.
		 */
		r = directory_unknown_may_be(t) || c->refused ? 0 : check_repository(t, c, child, ret_fetch);
		if (r != 0 && r != -EACCES)
			return absent(t, c, r);
	}
	answer_directory(t, c, node_make(NODE_DIRECTORY, child->index, 0), &child->changed);
	return 0;
}

static int lookup(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	if (c->name[0] == '_')
		return lookup_view(t, c, d, ret_fetch);
	if (!reg_name_is_component(c->name))
		return absent(t, c, -ENOENT);
	return lookup_child(t, c, d, ret_fetch);
}

/*
 * Registries keep repositories that have been emptied in their catalog. Whether there is something in it
 * again is asked meanwhile, for the next time.
 */
static bool is_shown(const struct tree *t, const struct directory *d)
{
	struct fetch *f;

	if (!d->listed)
		return false;
	if (!directory_is_empty(d))
		return true;
	if (d->repository && !tree_fresh(t, d->repository->listed, NULL))
		(void)repository_list(d->repository, NULL, &f);
	return false;
}

static int list(struct tree *t, struct call *c, struct directory *d, struct listing *l,
		struct fetch **ret_fetch)
{
	const size_t nviews = t->options.show_tags_only ? 1 : ARRAY_SIZE(views);
	int r = catalog_list(t, c, ret_fetch);

	if (r != 0)
		return r;
	if (!d->listed && d->path[0]) {
		r = check_repository(t, c, d, ret_fetch);
		if (r != 0 && r != -ENOENT)
			return r;
	}
	r = 0;
	for (size_t k = 0; d->is_repository && r == 0 && k < nviews; k++)
		r = listing_add(l, node_make(views[k].kind, d->index, 0), views[k].name, S_IFDIR);
	for (size_t k = 0; r == 0 && k < d->nchildren; k++) {
		const struct directory *child = d->children[k];

		if (is_shown(t, child))
			r = listing_add(l, node_make(NODE_DIRECTORY, child->index, 0), child->name, S_IFDIR);
	}
	/* An empty list would say that there is nothing. */
	if (!l->count && t->catalog_absent)
		l->err = t->catalog_error;
	else if (r == 0 && !l->count && !d->parent && d->path[0])
		r = -ENOENT; /* the PREFIX of the mount's SOURCE is not there */
	return r;
}

static int getattr(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	(void)ret_fetch;
	answer_directory(t, c, c->node, &d->changed);
	return 0;
}

static bool known(struct tree *t, struct directory *d, uint64_t node, struct entry *ret)
{
	*ret = (struct entry){.node = node, .name_valid = t->options.ttl, .attr_valid = t->options.ttl};
	attr_directory(t, node, &d->changed, &ret->attr);
	return true;
}

/* Has a repository no tags? 0, 1, or -ENOTEMPTY. */
static int check_empty(struct repository *r, const struct call *c, struct fetch **ret_fetch)
{
	int err = r ? repository_list(r, c, ret_fetch) : -ENOMEM;

	if (err == -ENOENT)
		return 0;
	return err == 0 && r->nlisted ? -ENOTEMPTY : err;
}

static int remove_child(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct directory *child;
	char path[512];
	int r = 0;

	path_of(d, c->name, path, sizeof(path));
	child = directory_find(t, path);
	if (!child)
		return -ENOENT;
	/* Where nobody says what is one, it is asked, unless that may not be asked either. */
	c->passing = !child->is_repository;
	if (child->is_repository || (!c->refused && (!child->listed || directory_unknown_may_be(t))))
		r = check_empty(repository_of(t, child), c, ret_fetch);
	if (r == -EACCES && !child->is_repository)
		r = 0;
	for (size_t k = 0; r == 0 && k < child->nchildren; k++)
		if (is_shown(t, child->children[k]))
			r = -ENOTEMPTY;
	if (r != 0)
		return r;
	/* Nothing is sent: a repository is what its tags are. */
	child->removed = true;
	clock_gettime(CLOCK_REALTIME, &d->changed);
	return 0;
}

/* What is left when everything in it is gone can be removed, as rm -r does. */
static int remove_directory(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	if (c->name[0] != '_')
		return remove_child(t, c, d, ret_fetch);
	for (size_t k = 0; k < ARRAY_SIZE(views); k++)
		if (strcmp(c->name, views[k].name) == 0)
			return check_empty(repository_of(t, d), c, ret_fetch);
	return -ENOENT;
}

const struct kind kind_directory = {.type = S_IFDIR,
				    .lookup = lookup,
				    .list = list,
				    .getattr = getattr,
				    .rmdir = remove_directory,
				    .known = known};
