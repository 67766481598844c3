/* SPDX-License-Identifier: MIT */
/*
 * What is put over a tag to take it off its manifest: an empty index, unlike any other, so that to delete its
 * digest removes that one tag and nothing else.
 */
#ifndef FS_PLACEHOLDER_H
#define FS_PLACEHOLDER_H

#include "registry.h"

/* Its media type: of the same family as that of the manifest in whose place it is put, which the registry
 * takes. */
const char *placeholder_type(const char *media_type);
/* 0 and its bytes and digest, or -ENOMEM. */
int placeholder_make(const char *media_type, struct reg_bytes **ret, struct reg_digest *ret_digest);

#endif
