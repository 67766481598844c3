/* SPDX-License-Identifier: MIT */
#include "pinned.h"

#include <errno.h>
#include <stdlib.h>

#include "protect.h"

struct pinned {
	uint32_t generation; /* the tree's, when they were collected */
	size_t count, room;
	bool failed; /* no memory */
	struct tree *tree;
	struct image **images;
};

void pinned_free(struct repository *r)
{
	if (r->pinned)
		free(r->pinned->images);
	free(r->pinned);
	r->pinned = NULL;
}

static void collect(void *data, const struct reg_digest *digest)
{
	struct pinned *p = data;
	struct image *i = image_get(p->tree, digest);

	if (p->count == p->room) {
		const size_t room = p->room ? p->room * 2 : 8;
		struct image **images = realloc(p->images, room * sizeof(struct image *));

		if (!images) {
			p->failed = true;
			return;
		}
		p->images = images;
		p->room = room;
	}
	p->failed |= !i;
	if (i)
		p->images[p->count++] = i;
}

static struct pinned *current(struct repository *r)
{
	struct tree *t = r->tree;

	if (r->pinned && r->pinned->generation == t->protect_generation)
		return r->pinned;
	pinned_free(r);
	r->pinned = calloc(1, sizeof(*r->pinned));
	if (!r->pinned)
		return NULL;
	r->pinned->generation = t->protect_generation;
	r->pinned->tree = t;
	protect_each_digest(t->protect, r->name, collect, r->pinned);
	if (r->pinned->failed)
		pinned_free(r);
	return r->pinned;
}

int pinned_load(struct repository *r, struct fetch **ret_fetch)
{
	const struct pinned *p = current(r);
	int pending = 0;

	if (!p)
		return -ENOMEM;
	for (size_t k = 0; k < p->count; k++) {
		const int err = p->images[k]->known
					? 0
					: image_load(r->tree, p->images[k], r->name, false, ret_fetch);

		if (err == -ENOENT && image_is_unproven(p->images[k], r->name))
			return -EBUSY;
		if (err < 0 && err != -ENOENT) /* it may be gone, or in use from elsewhere */
			return err;
		pending |= err == 1;
	}
	return pending;
}

static bool lists(struct tree *t, const struct image *i, const struct reg_digest *digest, int depth)
{
	for (size_t k = 0; i->known && depth > 0 && k < i->nitems; k++) {
		const struct image *item = i->items[k].index ? image_get(t, &i->items[k].digest) : NULL;

		if (reg_digest_equal(&i->items[k].digest, digest) ||
		    (item && lists(t, item, digest, depth - 1)))
			return true;
	}
	return false;
}

bool pinned_lists(const struct repository *r, const struct reg_digest *digest)
{
	enum { DEPTH = 2 }; /* nobody pins what nests deeper, and it must end */

	for (size_t k = 0; r->pinned && k < r->pinned->count; k++)
		if (lists(r->tree, r->pinned->images[k], digest, DEPTH))
			return true;
	return false;
}

bool pinned_or_parent_lists(const struct repository *r, const struct manifest *m)
{
	return m->nparents > 0 || pinned_lists(r, &m->digest);
}
