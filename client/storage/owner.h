/* SPDX-License-Identifier: MIT */
/*
 * Whose a quarantine is. A folder that the user named holds what was taken from one storage alone: a file in
 * it has that storage's id, which is a file ROOT/.regfs-gc/id, made once. A folder with anything else in it
 * is somebody's own.
 */
#ifndef REG_STORAGE_OWNER_H
#define REG_STORAGE_OWNER_H

#include "storage/scan.h"

#define OWNER_MARKER "regfs-gc-quarantine"
#define OWNER_ID "id"

/*
 * 1: the folder is this storage's; 0: it is empty, and may become so; -EINVAL: it is neither, or lies where
 * the registry keeps its files, and error says how to go on. s needs no more than its path, root and v2.
 */
int owner_check(const struct storage *s, int folder, const char *path, struct reg_error *error);
/*
 * Makes the folder this storage's; `ours` is ROOT/.regfs-gc. 0, or as owner_check() and errors of the disk.
 */
int owner_mark(const struct storage *s, int ours, int folder, const char *path, struct reg_error *error);

#endif
