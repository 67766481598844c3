/* SPDX-License-Identifier: MIT */
/*
 * Images that are in use by their digest (protect_from), whether or not a tag holds them: an index among them
 * keeps what it lists. With the lock.
 */
#ifndef FS_PINNED_H
#define FS_PINNED_H

#include "repository.h"

/* Makes known what those that are named for this repository list: 0, 1, or a negative errno. */
int pinned_load(struct repository *r, struct fetch **ret_fetch);
/* Does one of them list it, as far as they have been read? */
bool pinned_lists(const struct repository *r, const struct reg_digest *digest);
/* Does any index list it, one that is reachable from the tags or one of these? */
bool pinned_or_parent_lists(const struct repository *r, const struct manifest *m);
void pinned_free(struct repository *r);

#endif
