/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/list.h"
#include "util/map.h"

struct entry {
	struct map_node node;
	struct list used;
	struct reg_digest digest;
	struct reg_bytes *bytes;
	char *media_type;
};

struct cache {
	struct map entries;
	struct list used; /* least recently used first */
	size_t size, max;
};

int cache_new(size_t max_bytes, struct cache **ret)
{
	struct cache *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	map_init(&c->entries);
	list_init(&c->used);
	c->max = max_bytes;
	*ret = c;
	return 0;
}

static size_t cost(const struct entry *e)
{
	return e->bytes->size + sizeof(*e);
}

static void drop(struct cache *c, struct entry *e)
{
	c->size -= cost(e);
	map_remove(&c->entries, &e->node);
	list_remove(&e->used);
	reg_bytes_unref(e->bytes);
	free(e->media_type);
	free(e);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	while (!list_empty(&c->used))
		drop(c, container_of(c->used.next, struct entry, used));
	map_done(&c->entries);
	free(c);
}

static struct entry *find(struct cache *c, const struct reg_digest *digest)
{
	const uint64_t hash = map_hash(digest, sizeof(*digest));

	map_for_each_match(&c->entries, hash, node)
	{
		struct entry *e = container_of(node, struct entry, node);

		if (reg_digest_equal(&e->digest, digest))
			return e;
	}
	return NULL;
}

struct reg_bytes *cache_get(struct cache *c, const struct reg_digest *digest, const char **ret_media_type)
{
	struct entry *e = find(c, digest);

	if (!e)
		return NULL;
	list_remove(&e->used);
	list_append(&c->used, &e->used);
	*ret_media_type = e->media_type;
	return e->bytes;
}

void cache_drop(struct cache *c, const struct reg_digest *digest)
{
	struct entry *e = find(c, digest);

	if (e)
		drop(c, e);
}

void cache_put(struct cache *c, const struct reg_digest *digest, const char *media_type,
	       struct reg_bytes *bytes)
{
	struct entry *e;

	if (bytes->size > c->max / 4 || find(c, digest))
		return;
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	e->digest = *digest;
	e->media_type = media_type ? strdup(media_type) : NULL;
	if ((media_type && !e->media_type) ||
	    map_add(&c->entries, &e->node, map_hash(digest, sizeof(*digest))) < 0) {
		free(e->media_type);
		free(e);
		return;
	}
	e->bytes = reg_bytes_ref(bytes);
	list_append(&c->used, &e->used);
	c->size += cost(e);
	while (c->size > c->max)
		drop(c, container_of(c->used.next, struct entry, used));
}
