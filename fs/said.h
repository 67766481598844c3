/* SPDX-License-Identifier: MIT */
/* What is printed while a file system is mounted: fusermount3 is a program of its own, and gives its reasons
 * there. */
#ifndef FS_SAID_H
#define FS_SAID_H

#include <stddef.h>

struct said {
	int before, file; /* where standard error led, and where it leads meanwhile; -1: it is left alone */
};

void said_begin(struct said *s);
/* The last reason that FUSE gave, in ret, unless there is none; all other lines go to standard error after
 * all. */
void said_end(struct said *s, char *ret, size_t size);
/* How to mend it, or NULL. */
const char *said_remedy(const char *reason);

#endif
