/* SPDX-License-Identifier: MIT */
/* _configs: the image config of each tag; of an index, that of the mount's platform. */
#include <errno.h>

#include "view.h"

enum { MAX_DEPTH = 8 };

/*
 * The manifest whose config stands for an image. 0: it is known, or *ret is NULL: there is none; 1: *ret is
 * to be loaded, then asked again.
 */
static int config_holder(struct tree *t, struct image *i, struct image **ret)
{
	for (int depth = 0; i && i->known && i->kind == REG_KIND_INDEX; depth++) {
		const struct image_item *item = depth < MAX_DEPTH ? image_platform(t, i) : NULL;

		i = item ? image_get(t, &item->digest) : NULL;
	}
	*ret = i;
	return i && !i->known;
}

int config_of(struct tag *tag, const struct call *c, struct reg_digest *ret_digest, uint64_t *ret_size,
	      struct fetch **ret_fetch)
{
	struct repository *r = tag->repository;
	struct image *i;
	int err = tag_resolve(tag, c, false, ret_fetch);

	if (err != 0)
		return err;
	while (config_holder(r->tree, tag->image, &i) == 1) {
		err = image_load(r->tree, i, r->name, !c, ret_fetch);
		if (err != 0)
			return err;
	}
	if (!i || !i->config.algorithm)
		return -ENOENT;
	*ret_digest = i->config;
	*ret_size = i->config_size;
	return 0;
}

/* A tag that is known to have no config has no file here. */
static bool known_without(const struct tree *t, const struct tag *tag)
{
	const struct image *i = tag->image;

	if (!i)
		return false;
	return i->kind == REG_KIND_INDEX ? !image_platform(t, i) : !i->config.algorithm;
}

static int configs_lookup(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct tag *tag;
	int r = view_find_tag(t, c, d, &tag, ret_fetch);

	if (r == -ENOENT || (r == 0 && known_without(t, tag))) {
		entry_absent(t, &c->entry);
		return 0;
	}
	if (r == 0)
		entry_placeholder(t, node_make(NODE_CONFIG, d->index, tag->index), tag_name_valid(tag),
				  &c->entry);
	return r;
}

static int configs_list(struct tree *t, struct call *c, struct directory *d, struct listing *l,
			struct fetch **ret_fetch)
{
	struct repository *r = repository_of(t, d);
	int err = r ? repository_list(r, c, ret_fetch) : -ENOMEM;

	if (err == -ENOENT && d->listed)
		return 0;
	for (size_t k = 0; err == 0 && k < r->ntags; k++)
		if (r->tags[k]->listed && !known_without(t, r->tags[k]))
			err = listing_add(l, node_make(NODE_CONFIG, d->index, (uint32_t)k), r->tags[k]->name,
					  S_IFREG);
	return err;
}

static void fill(const struct tree *t, const struct tag *tag, uint64_t node, uint64_t size, struct entry *ret)
{
	enum created_from from;

	*ret = (struct entry){.node = node, .name_valid = tag_name_valid(tag), .attr_valid = tag_valid(tag)};
	attr_file(t, node, &ret->attr);
	ret->attr.size = size;
	ret->attr.mtime = tag_mtime(tag, &from);
}

static bool config_known(struct tree *t, struct directory *d, uint64_t node, struct entry *ret)
{
	const struct tag *tag = tag_at(d, node);
	struct image *i;

	if (!tag || !tag_is_dated(tag) || !tree_fresh(t, tag->resolved, NULL) ||
	    config_holder(t, tag->image, &i) == 1 || !i || !i->config.algorithm)
		return false;
	fill(t, tag, node, i->config_size, ret);
	return true;
}

static int config_getattr(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct tag *tag = tag_at(d, c->node);
	struct reg_digest digest;
	uint64_t size;
	int r = tag ? config_of(tag, c, &digest, &size, ret_fetch) : -ESTALE;

	if (r == 0)
		r = tag_date(tag, c, ret_fetch);
	if (r == 0)
		fill(t, tag, c->node, size, &c->entry);
	return r;
}

static int config_open(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct tag *tag = tag_at(d, c->node);
	struct reg_digest digest;
	uint64_t size;
	int r;

	if (c->bytes)
		return 0;
	r = tag ? config_of(tag, c, &digest, &size, ret_fetch) : -ESTALE;
	return r == 0 ? document_read(t, c, tag->repository->name, &digest, false, &c->bytes, ret_fetch) : r;
}

const struct kind kind_configs = {.type = S_IFDIR,
				  .lookup = configs_lookup,
				  .list = configs_list,
				  .getattr = view_getattr,
				  .known = view_known};
const struct kind kind_config = {
	.type = S_IFREG, .getattr = config_getattr, .open = config_open, .known = config_known};
