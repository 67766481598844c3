/* SPDX-License-Identifier: MIT */
/* A tree, scanned, and what is in the store then. */
#ifndef SCANNED_H
#define SCANNED_H

#include "storage/scan.h"
#include "tree.h"

#define REPOSITORIES TREE_V2 "repositories/"
#define BLOBS TREE_V2 "blobs/"

enum outcome { SURE, UNSURE, BLIND }; /* what is known of a repository */

static inline void read_tree(const struct tree *t, unsigned flags, struct store *ret)
{
	struct reg_error e = {0};
	struct storage s;
	const int r = storage_open(t->folder.path, NULL, &s, &e);

	if (r < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(scan(&s, flags, NULL, ret), 0);
	storage_close(&s);
}

static inline const struct store_repository *repository(const struct store *s, const char *name)
{
	const uint32_t i = store_repository_find(s, name);

	return i == STORE_NONE ? NULL : &s->repositories[i];
}

static inline const struct store_blob *blob(const struct store *s, const struct tree_blob *b)
{
	const uint32_t i = store_blob_find(s, &b->digest);

	return i == STORE_NONE ? NULL : s->blobs[i];
}

static inline const struct store_link *find_link(const struct store *s, const char *name,
						 const struct tree_blob *b, enum store_link_type type)
{
	const struct store_repository *r = repository(s, name);
	const struct store_blob *known = blob(s, b);
	const uint32_t i = r && known ? store_link_find(s, r, known->number, type) : STORE_NONE;

	return i == STORE_NONE ? NULL : &s->links[i];
}

static inline size_t count(const struct store *s, enum problem_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < s->problems.count; i++)
		n += s->problems.items[i].kind == kind;
	return n;
}

#endif
