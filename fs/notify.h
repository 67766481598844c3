/* SPDX-License-Identifier: MIT */
/*
 * Tells the kernel what is not so any more, from a thread of its own, as libfuse wants it. For attributes
 * alone, which is all that is told, the kernel waits for no request that is under way.
 */
#ifndef FS_NOTIFY_H
#define FS_NOTIFY_H

#include <stdint.h>

struct fuse_session;
struct notify;

int notify_new(struct notify **ret); /* 0 or -ENOMEM; messages wait until notify_start() */
int notify_start(struct notify *n, struct fuse_session *session);
void notify_free(struct notify *n);

/* Forget a node's attributes. Without memory nothing is told, and the kernel's own time-out does it. */
void notify_attr(struct notify *n, uint64_t node);

struct worker_task;
/* Runs a task once the kernel has been told all of the above. */
void notify_then(struct notify *n, struct worker_task *task);

#endif
