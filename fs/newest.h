/* SPDX-License-Identifier: MIT */
/* How old the newest holder of each manifest is: what is still held never looks old. With the lock. */
#ifndef FS_NEWEST_H
#define FS_NEWEST_H

#include "repository.h"

/*
 * Sets manifest.dated and .newest from the tags of a repository whose dates are known; found: its reachable
 * manifests, subjects before what refers to them. 0 or -ENOMEM.
 */
int newest_find(struct repository *r, struct manifest *const *found, size_t nfound);

/* As memcmp(): negative, 0 or positive if a is before, at or after b. */
int date_compare(const struct timespec *a, const struct timespec *b);

#endif
