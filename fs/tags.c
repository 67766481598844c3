/* SPDX-License-Identifier: MIT */
/* _tags: a tag is a file, its content the manifest. */
#include <errno.h>

#include "along.h"
#include "guard.h"
#include "remove.h"
#include "seen.h"
#include "survey.h"
#include "view.h"
#include "walk.h"

int view_getattr(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	(void)ret_fetch;
	(void)view_known(t, d, c->node, &c->entry);
	return 0;
}

bool view_known(struct tree *t, struct directory *d, uint64_t node, struct entry *ret)
{
	*ret = (struct entry){.node = node, .name_valid = t->options.ttl, .attr_valid = t->options.ttl};
	attr_directory(t, node, d->repository ? &d->repository->changed : &t->mounted, &ret->attr);
	return true;
}

struct tag *tag_at(const struct directory *d, uint64_t node)
{
	const struct repository *r = d->repository;
	const uint32_t index = node_entry(node);

	return r && index < r->ntags ? r->tags[index] : NULL;
}

/* What is left of the ttl of what was fetched then. */
static double seconds_left(const struct tree *t, uint64_t when)
{
	const double age = (double)(tree_now() - when) / 1000;

	return when && age < t->options.ttl ? t->options.ttl - age : 0;
}

double tag_valid(const struct tag *tag)
{
	return seconds_left(tag->repository->tree, tag->resolved);
}

double tag_name_valid(const struct tag *tag)
{
	const struct repository *r = tag->repository;
	const double listed = tag->listed ? seconds_left(r->tree, r->listed) : 0;
	const double resolved = tag_valid(tag);

	return listed > resolved ? listed : resolved;
}

int view_find_tag(struct tree *t, const struct call *c, struct directory *d, struct tag **ret,
		  struct fetch **ret_fetch)
{
	struct repository *r = repository_of(t, d);
	struct tag *tag;
	int err;

	if (!r)
		return -ENOMEM;
	if (!reg_name_is_tag(c->name))
		return -ENOENT;
	tag = repository_tag(r, c->name);
	if (!tag || !tag->listed || !repository_is_fresh(r, c)) {
		/* Not in a fresh list: it may have been pushed a second ago, so it is asked for by name. */
		tag = repository_add_tag(r, c->name);
		if (!tag)
			return -ENOMEM;
		err = tag_resolve(tag, c, false, ret_fetch);
		if (err != 0)
			return err;
	}
	*ret = tag;
	return 0;
}

/* A name that went along with another, and was not removed for itself so far. */
static struct tag *tag_along(const struct directory *d, const char *name)
{
	struct tag *tag = d->repository ? repository_tag(d->repository, name) : NULL;

	return tag && !tag->listed && along_has(tag) ? tag : NULL;
}

static void fill(const struct tree *t, struct tag *tag, uint64_t node, struct entry *ret)
{
	const struct repository *r = tag->repository;
	/* How many names a file has is known once all tags are: until then the kernel had better ask again.
	 */
	const bool counted = r->listed && r->nheld >= r->nlisted;
	enum created_from from;

	*ret = (struct entry){
		.node = node, .name_valid = tag_name_valid(tag), .attr_valid = counted ? tag_valid(tag) : 0};
	if (seen_watches(tag)) /* who looks must ask us */
		ret->attr_valid = 0;
	attr_file(t, tag->holder->ino, &ret->attr);
	if (t->options.allow_delete && guard_is_certain(tag) && !guard_tag(tag))
		ret->attr.mode |= t->options.write_mode;
	ret->attr.nlink = tag->holder->ntags;
	ret->attr.size = tag->image->size;
	ret->attr.mtime = tag_mtime(tag, &from);
	if (ret->attr_valid > 0)
		tag_told(tag);
}

static bool tag_known(struct tree *t, struct directory *d, uint64_t node, struct entry *ret)
{
	struct tag *tag = tag_at(d, node);

	if (!tag)
		return false;
	if (tag->holder && tag_is_dated(tag) && tree_fresh(t, tag->resolved, NULL) &&
	    (!t->options.keep || guard_is_certain(tag))) {
		fill(t, tag, node, ret);
		return true;
	}
	/* A walker will ask for it: that the name is there need not be asked as well. */
	if (tag->listed && walk_wants_dates(t)) {
		entry_placeholder(t, node, tag_name_valid(tag), ret);
		return true;
	}
	return false;
}

static int tags_lookup(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct tag *tag = tag_along(d, c->name);
	uint64_t node;
	int r;

	if (tag) {
		entry_placeholder(t, node_make(NODE_TAG, d->index, tag->index), 0, &c->entry);
		return 0;
	}
	r = view_find_tag(t, c, d, &tag, ret_fetch);
	if (r == -ENOENT) {
		entry_absent(t, &c->entry);
		return 0;
	}
	if (r != 0)
		return r;
	node = node_make(NODE_TAG, d->index, tag->index);
	if (!tag_known(t, d, node, &c->entry))
		entry_placeholder(t, node, tag_name_valid(tag), &c->entry);
	return 0;
}

static int tags_list(struct tree *t, struct call *c, struct directory *d, struct listing *l,
		     struct fetch **ret_fetch)
{
	struct repository *r = repository_of(t, d);
	int err = r ? repository_list(r, c, ret_fetch) : -ENOMEM;

	/* The catalog keeps repositories that have been emptied, and some registries do not know them any
	 * more. */
	if (err == -ENOENT && d->listed)
		return 0;
	if (err != 0)
		return err;
	walk_list(t, c->pid, r);
	for (size_t k = 0; err == 0 && k < r->ntags; k++)
		if (r->tags[k]->listed)
			err = listing_add(l, node_make(NODE_TAG, d->index, (uint32_t)k), r->tags[k]->name,
					  S_IFREG);
	return err;
}

static int know_ages(struct repository *r, const struct call *c, struct fetch **ret_fetch)
{
	const struct call known = {.began = c->began, .patience = (uint64_t)r->tree->options.ttl * 1000};
	int failure = 0, err = repository_list(r, c, ret_fetch);

	if (err == 0)
		err = survey_complete(r, &known, true, &failure, ret_fetch);
	return err == -ENOENT ? 0 : err; /* what could not be found out shows as protected */
}

static int tag_getattr(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct tag *tag = tag_at(d, c->node);
	struct call row = {.began = c->began};
	int r;

	if (!tag)
		return -ESTALE;
	if (!tag->listed && along_shows(tag, c->pid, &c->entry.attr)) {
		c->entry.node = c->node;
		return 0;
	}
	row.patience = remove_row_patience(tag->repository, c->pid);
	if (!row.patience || !tree_fresh(t, tag->resolved, &row)) /* nothing is to be fetched ahead for it */
		walk_stat(t, c->pid, tag);
	r = tag_date(tag, &row, ret_fetch);
	if (r == 0 && t->options.keep) /* its mode depends on how old the others are */
		r = know_ages(tag->repository, c, ret_fetch);
	if (r == 0) {
		fill(t, tag, c->node, &c->entry);
		seen_shown(tag, c->pid);
	}
	return r;
}

static int tag_open(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct tag *tag = tag_at(d, c->node);
	int r = tag ? 0 : -ESTALE;

	if (r == 0 && !c->bytes)
		r = tag_resolve(tag, c, false, ret_fetch);
	if (r == 0)
		r = document_read(t, c, tag->repository->name, &tag->image->digest, true, &c->bytes,
				  ret_fetch);
	if (r == 0)
		seen_shown(tag, c->pid);
	return r;
}

static int tags_unlink(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct repository *r = repository_of(t, d);
	struct tag *tag = tag_along(d, c->name);

	if (tag && along_take(tag))
		return 0;
	if (!r)
		return -ENOMEM;
	if (!reg_name_is_tag(c->name))
		return -ENOENT;
	tag = repository_add_tag(r, c->name);
	return tag ? remove_tag(t, c, tag, ret_fetch) : -ENOMEM;
}

const struct kind kind_tags = {.type = S_IFDIR,
			       .lookup = tags_lookup,
			       .list = tags_list,
			       .getattr = view_getattr,
			       .unlink = tags_unlink,
			       .known = view_known};
const struct kind kind_tag = {.type = S_IFREG, .getattr = tag_getattr, .open = tag_open, .known = tag_known};
