/* SPDX-License-Identifier: MIT */
/*
 * A hash map through the objects themselves: the owner embeds a struct map_node, computes the hash, and
 * compares. Nothing is allocated per entry. Hashes are keyed, since the names come from a server.
 */
#ifndef REG_UTIL_MAP_H
#define REG_UTIL_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_node {
	struct map_node *next;
	uint64_t hash;
};

struct map {
	struct map_node **buckets;
	size_t nbuckets, count; /* nbuckets: zero or a power of two */
	size_t first; /* all buckets before this one are empty: map_any() need not look there again */
};

uint64_t map_hash(const void *data, size_t size);

static inline void map_init(struct map *m)
{
	*m = (struct map){0};
}

void map_done(struct map *m); /* frees the buckets, not the entries */

/* 0 or -ENOMEM. The caller has made sure that the key is not there. */
int map_add(struct map *m, struct map_node *node, uint64_t hash);
void map_remove(struct map *m, struct map_node *node);

/* The first entry with this hash after `after` (NULL: from the start), to be compared by the caller; NULL:
 * none. */
struct map_node *map_next(const struct map *m, uint64_t hash, const struct map_node *after);

/* Any entry, for emptying a map; NULL once it is empty. */
struct map_node *map_any(struct map *m);

#define map_for_each_match(m, h, node)                                                                       \
	for (struct map_node *node = map_next(m, h, NULL); node; node = map_next(m, h, node))

#endif
