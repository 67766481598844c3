/* SPDX-License-Identifier: MIT */
/*
 * Who was shown what a tag points to. A program lists and looks first and removes later; when the tag moved
 * in between, and somebody else's look has noticed that, what is known of the tag is not what this program
 * saw. With the lock.
 */
#ifndef FS_SEEN_H
#define FS_SEEN_H

#include "repository.h"

/* The tag was found to point to something else than before: from now on its lookers are remembered. */
void seen_moved(struct tag *tag);
/* pid is told what it points to now. */
void seen_shown(struct tag *tag, int pid);
/* Are its lookers being remembered? Then they must ask us, not the kernel. */
bool seen_watches(const struct tag *tag);
/*
 * May pid take what is known for what it saw? Yes if the tag has not moved of late, or if pid has looked
 * since, or if it was started after somebody had.
 */
bool seen_allows(const struct tag *tag, int pid);
void seen_free(struct tag *tag);

#endif
