/* SPDX-License-Identifier: MIT */
/*
 * What goes with a manifest: of an index the children that nothing else in the repository holds, then the
 * referrers and signatures of all that, parents and subjects always first. With the lock.
 */
#ifndef FS_PLAN_H
#define FS_PLAN_H

#include "journal.h"
#include "repository.h"

struct plan_item {
	struct manifest *manifest;
	const struct image *image; /* the same, read */
	enum journal_role role;
	struct tag **tags; /* the names that go with it, NULL at the end */
};

struct plan {
	struct plan_item *items; /* in the order in which they go */
	size_t nitems, room;
};

/*
 * Plans what goes if root goes with all its names; extent false: root alone. Asks for the manifests that must
 * be read for it: 0, 1, or a negative errno. What the registry does not have is left out. -EFBIG: more
 * than a thousand.
 */
int plan_make(struct plan *p, struct repository *r, struct manifest *root, bool extent,
	      struct fetch **ret_fetch);
void plan_done(struct plan *p);

/* Does nothing hold it but what is going? names: how many tags of it go. */
bool plan_is_free(const struct repository *r, const struct manifest *m, uint32_t names);

#endif
