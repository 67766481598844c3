/* SPDX-License-Identifier: MIT */
/* The questions that can be asked of the tree, handed to the kind of node that they are about. */
#include <errno.h>
#include <stdlib.h>

#include "kind.h"
#include "util/cleanup.h"
#include "walk.h"

const struct kind *kind_of(uint64_t node)
{
	static const struct kind *const kinds[] = {
		[NODE_DIRECTORY] = &kind_directory, [NODE_TAGS] = &kind_tags,
		[NODE_CONFIGS] = &kind_configs,     [NODE_MANIFESTS] = &kind_manifests,
		[NODE_TAG] = &kind_tag,             [NODE_CONFIG] = &kind_config,
		[NODE_MANIFEST] = &kind_manifest,
	};
	const unsigned kind = node_kind(node);

	return kind < ARRAY_SIZE(kinds) ? kinds[kind] : NULL;
}

/* Looks up what a call is about. NULL: nothing that ever was. */
static const struct kind *find(struct tree *t, const struct call *c, struct directory **ret)
{
	*ret = directory_at(t, c->node);
	return *ret ? kind_of(c->node) : NULL;
}

void tree_lookup(struct tree *t, struct call *c)
{
	struct fetch *f = NULL;
	struct directory *d;
	const struct kind *kind;
	int r;

	tree_lock(t);
	kind = find(t, c, &d);
	if (!kind || !kind->lookup) {
		r = kind ? -ENOTDIR : -ESTALE;
	} else if (c->name[0] == '.') {
		/* No name in a registry begins so: what shells and file managers look for costs nothing. */
		entry_absent(t, &c->entry);
		r = 0;
	} else {
		r = kind->lookup(t, c, d, &f);
	}
	call_settle(t, c, r, f);
	tree_unlock(t);
}

void tree_getattr(struct tree *t, struct call *c)
{
	struct fetch *f = NULL;
	struct directory *d;
	const struct kind *kind;
	int r = -ESTALE;

	tree_lock(t);
	kind = find(t, c, &d);
	if (kind)
		r = kind->getattr(t, c, d, &f);
	call_settle(t, c, r, f);
	tree_unlock(t);
}

void tree_opendir(struct tree *t, struct call *c)
{
	struct listing *l = NULL;
	struct fetch *f = NULL;
	struct directory *d;
	const struct kind *kind;
	int r = -ESTALE;

	tree_lock(t);
	kind = find(t, c, &d);
	if (kind && kind->list) {
		l = listing_new(c->node, c->node == NODE_ROOT      ? NODE_ROOT
					 : kind != &kind_directory ? node_make(NODE_DIRECTORY, d->index, 0)
								   : node_make(NODE_DIRECTORY, d->parent->index, 0));
		r = l ? kind->list(t, c, d, l, &f) : -ENOMEM;
	} else if (kind) {
		r = -ENOTDIR;
	}
	if (r == 0)
		c->listing = l;
	else
		listing_unref(l);
	call_settle(t, c, r, f);
	tree_unlock(t);
}

void tree_open(struct tree *t, struct call *c)
{
	struct fetch *f = NULL;
	struct directory *d;
	const struct kind *kind;
	int r = -ESTALE;

	tree_lock(t);
	kind = find(t, c, &d);
	if (kind)
		r = kind->open ? kind->open(t, c, d, &f) : -EISDIR;
	call_settle(t, c, r, f);
	tree_unlock(t);
}

void tree_xattr(struct tree *t, struct call *c)
{
	struct fetch *f = NULL;
	struct directory *d;
	const struct kind *kind;
	int r = -ESTALE;

	tree_lock(t);
	kind = find(t, c, &d);
	if (kind)
		r = xattr_read(t, c, d, &f);
	if (r <= 0) {
		reg_bytes_unref(c->manifest);
		reg_bytes_unref(c->config);
		c->manifest = c->config = NULL;
	}
	call_settle(t, c, r, f);
	tree_unlock(t);
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

void attr_directory(const struct tree *t, uint64_t node, const struct timespec *changed, struct attributes *ret)
{
	/* nlink 1 says "unknown" to find, which then looks at every entry: nothing is counted here. */
	*ret = (struct attributes){node, S_IFDIR | t->options.dir_mode, 1, 4096, *changed};
}

void attr_file(const struct tree *t, uint64_t node, struct attributes *ret)
{
	*ret = (struct attributes){.ino = node, .mode = S_IFREG | t->options.file_mode, .nlink = 1};
}

void entry_placeholder(const struct tree *t, uint64_t node, struct entry *ret)
{
	*ret = (struct entry){.node = node, .name_valid = t->options.ttl};
	attr_file(t, node, &ret->attr);
}

void entry_absent(const struct tree *t, struct entry *ret)
{
	*ret = (struct entry){.name_valid = t->options.ttl < NEGATIVE_SECONDS ? t->options.ttl : NEGATIVE_SECONDS};
}
