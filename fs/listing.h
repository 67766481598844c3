/* SPDX-License-Identifier: MIT */
/* What a directory held when it was opened, or rewound: immutable, shared, and independent of what changes
 * afterwards. */
#ifndef FS_LISTING_H
#define FS_LISTING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct listing_item {
	uint64_t node;
	const char *name; /* lives as long as the tree */
	uint32_t mode; /* S_IFDIR or S_IFREG */
};

struct listing {
	atomic_uint refs;
	int err; /* the list is not complete, and this is why: negative errno, told at its end */
	uint64_t node, parent; /* for . and .. */
	size_t count, room;
	struct listing_item *items;
};

struct listing *listing_new(uint64_t node, uint64_t parent); /* NULL: no memory */
void listing_unref(struct listing *l);
int listing_add(struct listing *l, uint64_t node, const char *name, uint32_t mode); /* 0 or -ENOMEM */

#endif
