/* SPDX-License-Identifier: MIT */
/*
 * What is held, and by what. The roots of a repository are its revisions, or with delete_untagged what its
 * tags point to. From there: an index's children, configs, layers, recursively; and the revisions of the same
 * repository that name a held manifest as their subject. A child is followed by its content, linked here or
 * not: what an index lists is needed. A repository that is unsure holds all that it links.
 *
 * What is kept under another digest (store_target()) is held with it, its link as well.
 *
 * A link that lies in the quarantine is no root (unless it is recent: a push wrote it anew while it was taken
 * away); it may be held through another one.
 * Time grows with blobs, links and references together, not with their product.
 */
#ifndef REG_STORAGE_MARK_H
#define REG_STORAGE_MARK_H

#include "storage/store.h"

/* Each state is stronger than the one before it. */
enum mark_state {
	MARK_GARBAGE = 0,
	MARK_YOUNG, /* nothing holds it, but it, or a link to it, or a manifest that holds it, is recent */
	MARK_UNSURE, /* an unsure repository links it, or the store is blind, or the file is odd */
	MARK_HELD,
};

struct mark_options {
	bool delete_untagged; /* revisions that no tag, index or subject holds are garbage */
	time_t recent; /* what changed at this time or later is young; 0: nothing is */
};

#define MARK_SHARED (UINT32_MAX - 1)

struct mark {
	uint8_t *blobs; /* enum mark_state, by the number of a blob */
	uint8_t *links; /* by the number of a link */
	/*
	 * By the number of a blob, for those that are held: the repository, or MARK_SHARED where several hold
	 * it, or STORE_NONE; and how it was first reached: by what manifest in what repository.
	 */
	uint32_t *holder;
	uint32_t *via; /* the manifest that names it, or is its subject; STORE_NONE: a tag or revision of the
			  repository does */
	uint32_t *via_repository; /* STORE_NONE: not held */
	uint32_t nblobs, nlinks;
};

/*
 * 0 or -ENOMEM. What cannot be read and is found only on the way (a child that no link names) makes its
 * repository unsure, with its reason in the store. On success mark_done() releases *ret.
 */
int mark(struct store *s, const struct mark_options *o, struct mark *ret);
void mark_done(struct mark *m);

/*
 * Why a blob is held, for people: "library/nginx:1.25 -> sha256:0123456789ab (index) -> .. (manifest) -> ..
 * (layer)". The repository and the tag (or NULL: held by its revision's link alone) also apart, the store's
 * own. False: it is not held.
 */
struct mark_reason {
	const char *repository, *tag;
	uint32_t top; /* the manifest that the tag points to */
	uint32_t parent; /* as via; STORE_NONE: it is the top itself */
	char text[512];
};
bool mark_explain(const struct store *s, const struct mark *m, uint32_t blob, struct mark_reason *ret);

#endif
