/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdlib.h>

#include "util/cleanup.h"
#include "worker.h"

struct notify {
	struct worker *worker;
	struct fuse_session *session; /* NULL: none to be told */
};

/* A message to the kernel. */
struct message {
	struct worker_task task;
	struct notify *notify;
	uint64_t node;
};

int notify_new(struct notify **ret)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (!n || worker_new(&n->worker) < 0) {
		free(n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

int notify_start(struct notify *n, struct fuse_session *session)
{
	n->session = session;
	return worker_start(n->worker);
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	worker_free(n->worker);
	free(n);
}

static void run_message(struct worker_task *task)
{
	struct message *m = container_of(task, struct message, task);
	struct fuse_session *session = m->notify->session;

	/* The kernel may never have known it: then there is nothing to forget. */
	if (session)
		(void)fuse_lowlevel_notify_inval_inode(session, m->node, -1, 0);
	free(m);
}

void notify_attr(struct notify *n, uint64_t node)
{
	struct message *m = calloc(1, sizeof(*m));

	if (!m)
		return;
	m->task.run = run_message;
	m->notify = n;
	m->node = node;
	worker_post(n->worker, &m->task);
}

void notify_then(struct notify *n, struct worker_task *task)
{
	worker_post(n->worker, task);
}
