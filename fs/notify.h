/* SPDX-License-Identifier: MIT */
/*
 * A thread for what must not happen inside a request. One tells the kernel what is not so any more, and may
 * have to wait until a request that is under way has been answered; so interruptions, which end such waits,
 * have another.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdint.h>

#include "util/list.h"

struct fuse_session;
struct notify;

struct notify_task {
	struct list link;
	void (*run)(struct notify_task *task); /* owns the task */
};

int notify_new(struct notify **ret); /* 0 or -ENOMEM; tasks wait until notify_start() */
int notify_start(struct notify *n, struct fuse_session *session);
/* Ends the thread; what is left is run without a session. */
void notify_free(struct notify *n);

void notify_post(struct notify *n, struct notify_task *task);
/* Forget a node's attributes. Without memory nothing is told, and the kernel's own time-out does it. */
void notify_attr(struct notify *n, uint64_t node);

#endif
