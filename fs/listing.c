/* SPDX-License-Identifier: MIT */
#include "listing.h"

#include <errno.h>
#include <stdlib.h>

struct listing *listing_new(uint64_t node, uint64_t parent)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	atomic_init(&l->refs, 1);
	l->node = node;
	l->parent = parent;
	return l;
}

void listing_unref(struct listing *l)
{
	if (!l || atomic_fetch_sub(&l->refs, 1) != 1)
		return;
	free(l->items);
	free(l);
}

int listing_add(struct listing *l, uint64_t node, const char *name, uint32_t mode)
{
	if (l->count == l->room) {
		const size_t room = l->room ? l->room * 2 : 16;
		struct listing_item *items = realloc(l->items, room * sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		l->room = room;
	}
	l->items[l->count++] = (struct listing_item){node, name, mode};
	return 0;
}
