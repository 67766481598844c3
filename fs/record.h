/* SPDX-License-Identifier: MIT */
/* What a removal writes down: in the journal, on the disk's own thread, and in the log. With the lock. */
#ifndef FS_RECORD_H
#define FS_RECORD_H

#include "removal.h"

/* Writes the entry; when it is on disk, or failed to get there, recorded() is called with the lock. */
void record_begin(struct removal *m, void (*recorded)(struct removal *m, int err));
/* Writes how it ended; nobody waits for that. */
void record_end(struct removal *m);
/* The log's line of what has gone. */
void record_say(const struct removal *m);

#endif
