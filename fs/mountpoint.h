/* SPDX-License-Identifier: MIT */
#ifndef FS_MOUNTPOINT_H
#define FS_MOUNTPOINT_H

#include "registry.h"

/*
 * Makes sure that a directory can be mounted on: it exists, is a directory, and what a regfs that died left
 * there is cleared away. *ret is its absolute path, allocated. Errors say how to mend them.
 */
int mountpoint_prepare(const char *path, char **ret, struct reg_error *error);

#endif
