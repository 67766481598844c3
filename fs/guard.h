/* SPDX-License-Identifier: MIT */
/*
 * What must not be removed: what the user named (protect=, protect_from=), the newest (keep=), and the
 * signatures of all that. Looks at what is known, and asks nobody. With the lock.
 */
#ifndef FS_GUARD_H
#define FS_GUARD_H

#include "repository.h"

/* Why a tag must stay, in words for the log; NULL: it may go. Right if guard_is_certain(). */
const char *guard_tag(struct tag *tag);
/* The same for a manifest by its digest, apart from names. */
const char *guard_digest(struct repository *r, const struct reg_digest *digest);
/* By its name alone, before anything is asked. */
const char *guard_name(const struct tag *tag);
/* Is all known that guard_tag() needs for a tag that is resolved? keep=N needs the dates of all tags. */
bool guard_is_certain(struct tag *tag);

#endif
