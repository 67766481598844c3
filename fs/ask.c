/* SPDX-License-Identifier: MIT */
/* The questions that can be asked of the tree, handed to the kind of node that they are about. */
#include <errno.h>
#include <stdlib.h>

#include "kind.h"
#include "newest.h"
#include "util/cleanup.h"
#include "walk.h"

const struct kind *kind_of(uint64_t node)
{
	static const struct kind *const kinds[] = {
		[NODE_DIRECTORY] = &kind_directory, [NODE_TAGS] = &kind_tags, [NODE_CONFIGS] = &kind_configs,
		[NODE_MANIFESTS] = &kind_manifests, [NODE_TAG] = &kind_tag,   [NODE_CONFIG] = &kind_config,
		[NODE_MANIFEST] = &kind_manifest,
	};
	const unsigned kind = node_kind(node);

	return kind < ARRAY_SIZE(kinds) ? kinds[kind] : NULL;
}

typedef int answer_fn(struct tree *t, struct call *c, const struct kind *kind, struct directory *d,
		      struct fetch **ret_fetch);

/* Every question goes this way: answered now, or left with what it needs and asked again. */
static void ask(struct tree *t, struct call *c, answer_fn *answer)
{
	const struct kind *const kind = kind_of(c->node);
	struct fetch *f = NULL;
	struct directory *d;
	int r = -ESTALE;

	tree_lock(t);
	d = directory_at(t, c->node);
	if (kind && d)
		r = answer(t, c, kind, d, &f);
	call_settle(t, c, r, f);
	tree_unlock(t);
}

static int answer_lookup(struct tree *t, struct call *c, const struct kind *kind, struct directory *d,
			 struct fetch **ret_fetch)
{
	if (!kind->lookup)
		return -ENOTDIR;
	/* No name in a registry begins so: what shells and file managers look for costs nothing. */
	if (c->name[0] == '.') {
		entry_absent(t, &c->entry);
		return 0;
	}
	return kind->lookup(t, c, d, ret_fetch);
}

static int answer_getattr(struct tree *t, struct call *c, const struct kind *kind, struct directory *d,
			  struct fetch **ret_fetch)
{
	return kind->getattr(t, c, d, ret_fetch);
}

/* The directory that .. leads to. */
static uint64_t parent_of(uint64_t node, const struct kind *kind, const struct directory *d)
{
	if (kind != &kind_directory)
		return node_make(NODE_DIRECTORY, d->index, 0);
	return d->parent ? node_make(NODE_DIRECTORY, d->parent->index, 0) : node;
}

static int answer_opendir(struct tree *t, struct call *c, const struct kind *kind, struct directory *d,
			  struct fetch **ret_fetch)
{
	struct listing *l;
	int r;

	if (!kind->list)
		return -ENOTDIR;
	l = listing_new(c->node, parent_of(c->node, kind, d));
	r = l ? kind->list(t, c, d, l, ret_fetch) : -ENOMEM;
	if (r == 0)
		c->listing = l;
	else
		listing_unref(l);
	return r;
}

static int answer_open(struct tree *t, struct call *c, const struct kind *kind, struct directory *d,
		       struct fetch **ret_fetch)
{
	return kind->open ? kind->open(t, c, d, ret_fetch) : -EISDIR;
}

static int answer_xattr(struct tree *t, struct call *c, const struct kind *kind, struct directory *d,
			struct fetch **ret_fetch)
{
	int r = xattr_read(t, c, d, ret_fetch);

	(void)kind;
	if (r <= 0) {
		reg_bytes_unref(c->manifest);
		reg_bytes_unref(c->config);
		c->manifest = c->config = NULL;
	}
	return r;
}

static int answer_unlink(struct tree *t, struct call *c, const struct kind *kind, struct directory *d,
			 struct fetch **ret_fetch)
{
	if (!t->options.allow_delete)
		return -EROFS;
	return kind->unlink ? kind->unlink(t, c, d, ret_fetch) : -EPERM;
}

static int answer_rmdir(struct tree *t, struct call *c, const struct kind *kind, struct directory *d,
			struct fetch **ret_fetch)
{
	if (!t->options.allow_delete)
		return -EROFS;
	return kind->rmdir ? kind->rmdir(t, c, d, ret_fetch) : -ENOTDIR;
}

void tree_lookup(struct tree *t, struct call *c)
{
	ask(t, c, answer_lookup);
}

void tree_getattr(struct tree *t, struct call *c)
{
	ask(t, c, answer_getattr);
}

void tree_opendir(struct tree *t, struct call *c)
{
	ask(t, c, answer_opendir);
}

void tree_open(struct tree *t, struct call *c)
{
	ask(t, c, answer_open);
}

void tree_xattr(struct tree *t, struct call *c)
{
	ask(t, c, answer_xattr);
}

void tree_unlink(struct tree *t, struct call *c)
{
	ask(t, c, answer_unlink);
}

void tree_rmdir(struct tree *t, struct call *c)
{
	ask(t, c, answer_rmdir);
}

void tree_known(struct tree *t, uint64_t node, int pid, struct entry *ret)
{
	struct directory *d;
	const struct kind *kind = kind_of(node);

	tree_lock(t);
	d = directory_at(t, node);
	if (!d || !kind || !kind->known || !kind->known(t, d, node, ret))
		*ret = (struct entry){.attr = {.ino = node, .mode = kind ? kind->type : S_IFREG}};
	else if (kind == &kind_tag && ret->attr_valid > 0)
		walk_pass(t, pid, tag_at(d, node));
	tree_unlock(t);
}

/* ---- attributes ---- */

enum { NEGATIVE_SECONDS = 5 };

void attr_directory(const struct tree *t, uint64_t node, const struct timespec *changed,
		    struct attributes *ret)
{
	const struct timespec mounted = tree_mounted(t);
	const bool old = date_compare(changed, &mounted) < 0;

	/* nlink 1 says "unknown" to find, which then looks at every entry: nothing is counted here. */
	*ret = (struct attributes){node, S_IFDIR | t->options.dir_mode, 1, 4096, old ? mounted : *changed};
}

void attr_file(const struct tree *t, uint64_t node, struct attributes *ret)
{
	*ret = (struct attributes){.ino = node, .mode = S_IFREG | t->options.file_mode, .nlink = 1};
}

void entry_placeholder(const struct tree *t, uint64_t node, double name_valid, struct entry *ret)
{
	*ret = (struct entry){.node = node, .name_valid = name_valid};
	attr_file(t, node, &ret->attr);
}

void entry_absent(const struct tree *t, struct entry *ret)
{
	*ret = (struct entry){.name_valid =
				      t->options.ttl < NEGATIVE_SECONDS ? t->options.ttl : NEGATIVE_SECONDS};
}
