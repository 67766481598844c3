/* SPDX-License-Identifier: MIT */
/*
 * What an open file or directory holds on to. The kernel does not give every one of them back: an unmount
 * that does not wait leaves some open, so they are kept in a list and freed at the end.
 */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include <pthread.h>
#include <stdbool.h>

#include "listing.h"
#include "registry.h"
#include "util/list.h"

struct handle {
	struct list link;
	struct reg_bytes *bytes; /* of a file */
	struct listing *listing; /* of a directory */
	bool begun; /* the listing has been read from its beginning */
};

struct handles {
	pthread_mutex_t lock;
	struct list open; /* protected by lock */
};

void handles_init(struct handles *h);
void handles_done(struct handles *h); /* closes all that are open */

/* Takes over the references. NULL: no memory, and they are still the caller's. */
struct handle *handle_new(struct handles *h, struct reg_bytes *bytes, struct listing *listing);
void handle_free(struct handles *h, struct handle *handle);

#endif
