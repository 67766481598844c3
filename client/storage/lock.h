/* SPDX-License-Identifier: MIT */
/*
 * One run at a time over a storage: a lock that goes with its process. It is on the root folder, which is
 * always there, also where nothing can be written: on a full disk, say. It is on a file in ROOT/.regfs-gc as
 * well: other machines of a network's file system see that one alone.
 */
#ifndef REG_STORAGE_LOCK_H
#define REG_STORAGE_LOCK_H

#include "registry.h"
#include "storage/scan.h"

struct lock {
	int folder, file; /* -1: not taken, or not to be had */
};
#define LOCK_NONE ((struct lock){.folder = -1, .file = -1})

/*
 * To be dropped. -EBUSY: another run has it (error says which process, since when). -ENOSPC, -EROFS, -EACCES:
 * the file cannot be made, where the folder's lock is not enough.
 */
int lock_take(const struct storage *s, struct lock *ret, struct reg_error *error);
void lock_drop(struct lock *l);

#endif
