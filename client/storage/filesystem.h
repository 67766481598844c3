/* SPDX-License-Identifier: MIT */
/* Which file systems this machine has to itself, by f_type of statfs(2). */
#ifndef REG_STORAGE_FILESYSTEM_H
#define REG_STORAGE_FILESYSTEM_H

#include <stdbool.h>

enum { FILESYSTEM_NAME = 32 };

/* False also for one that is not known: it may be shared. */
bool filesystem_is_local(unsigned long type);
/* For people; buf is used where the type has no name here. */
const char *filesystem_name(unsigned long type, char buf[static FILESYSTEM_NAME]);

#endif
