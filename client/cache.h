/* SPDX-License-Identifier: MIT */
/* Documents by digest, the least recently used dropped first. What is named by a digest never changes. */
#ifndef REG_CACHE_H
#define REG_CACHE_H

#include "registry.h"

struct cache;

int cache_new(size_t max_bytes, struct cache **ret); /* 0 or -ENOMEM */
void cache_free(struct cache *c);

/* NULL: not there. The bytes are the cache's: take a reference to keep them. *ret_media_type may become NULL.
 */
struct reg_bytes *cache_get(struct cache *c, const struct reg_digest *digest, const char **ret_media_type);

/* Verified bytes only. media_type may be NULL. A failure to keep them is not reported: they can be fetched
 * again. */
void cache_put(struct cache *c, const struct reg_digest *digest, const char *media_type,
	       struct reg_bytes *bytes);
/* What was removed is not answered from memory. Nothing happens if it is not there. */
void cache_drop(struct cache *c, const struct reg_digest *digest);

#endif
