/* SPDX-License-Identifier: MIT */
/*
 * May this go, and what goes with it: the first steps of every unlink. Like every question to the tree they
 * are asked again until all is known; nothing has been removed while they say 1 for something to wait for.
 * With the lock.
 */
#ifndef FS_REMOVE_H
#define FS_REMOVE_H

#include "repository.h"

/* 0: it is gone, as far as the caller is concerned; 1: ask again; or why it is not. */
int remove_tag(struct tree *t, struct call *c, struct tag *tag, struct fetch **ret_fetch);
int remove_manifest(struct tree *t, struct call *c, struct repository *r, struct manifest *manifest,
		    struct fetch **ret_fetch);

/*
 * A program that removes one tag after the other is shown what it listed for so many milliseconds; 0: for no
 * longer than anybody else. What has moved meanwhile is not removed anyway.
 */
uint64_t remove_row_patience(const struct repository *r, int pid);

#endif
