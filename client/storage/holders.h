/* SPDX-License-Identifier: MIT */
/*
 * Who holds a blob: which manifests in which repositories, under which tags. The references, turned around.
 */
#ifndef REG_STORAGE_HOLDERS_H
#define REG_STORAGE_HOLDERS_H

#include "storage/mark.h"
#include "storage/store.h"

struct holders;

int holders_new(const struct store *s, struct holders **ret); /* 0 or -ENOMEM */
void holders_free(struct holders *h);

/*
 * Calls back for each repository that holds the blob, through a revision that it links (as itself, as its
 * config or layer, or through an index), sorted by name: at most `max` of the tags and of the revisions that
 * name it, and how many there are in all. 0, -ENOMEM, or what the callback returned if that is not 0.
 */
struct holders_one {
	const struct store_repository *repository;
	const char *const *tags;
	size_t ntags, all_tags;
	const uint32_t *revisions; /* numbers of blobs */
	size_t nrevisions, all_revisions;
};
typedef int holders_fn(void *data, const struct holders_one *one);
int holders_of(struct holders *h, uint32_t blob, size_t max, holders_fn *fn, void *data);

#endif
