/* SPDX-License-Identifier: MIT */
/* A thread for what must not happen inside a request or under a lock, one task after the other. */
#ifndef FS_WORKER_H
#define FS_WORKER_H

#include "util/list.h"

struct worker;

struct worker_task {
	struct list link;
	void (*run)(struct worker_task *task); /* owns the task */
};

int worker_new(struct worker **ret); /* 0 or -ENOMEM; tasks wait until worker_start() */
int worker_start(struct worker *w); /* 0 or a negative errno */
/* Runs what is left, then ends the thread. */
void worker_free(struct worker *w);
void worker_post(struct worker *w, struct worker_task *task);

#endif
