/* SPDX-License-Identifier: MIT */
/* One run at a time over a storage: a lock on a file in ROOT/.regfs-gc, which goes with its process. */
#ifndef REG_STORAGE_LOCK_H
#define REG_STORAGE_LOCK_H

#include "registry.h"
#include "storage/scan.h"

/* *ret_fd is to be closed. -EBUSY: another run has it (error says which process, since when); -EROFS,
 * -EACCES. */
int lock_take(const struct storage *s, int *ret_fd, struct reg_error *error);

#endif
