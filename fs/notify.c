/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/cleanup.h"

struct notify {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list tasks; /* protected by lock */
	bool ending; /* likewise */
	pthread_t thread;
	bool started;
	struct fuse_session *session;
};

/* A message to the kernel. */
struct message {
	struct notify_task task;
	struct notify *notify;
	uint64_t node;
};

int notify_new(struct notify **ret)
{
	struct notify *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->more, NULL);
	list_init(&n->tasks);
	*ret = n;
	return 0;
}

static struct notify_task *next_task(struct notify *n)
{
	struct list *node;

	pthread_mutex_lock(&n->lock);
	while (list_empty(&n->tasks) && !n->ending)
		pthread_cond_wait(&n->more, &n->lock);
	node = list_pop(&n->tasks);
	pthread_mutex_unlock(&n->lock);
	return node ? container_of(node, struct notify_task, link) : NULL;
}

static void *notify_main(void *data)
{
	struct notify *n = data;
	struct notify_task *task;

	while ((task = next_task(n)))
		task->run(task);
	return NULL;
}

int notify_start(struct notify *n, struct fuse_session *session)
{
	int r;

	n->session = session;
	r = pthread_create(&n->thread, NULL, notify_main, n);
	n->started = r == 0;
	return -r;
}

void notify_free(struct notify *n)
{
	struct list *node;

	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->ending = true;
	pthread_cond_signal(&n->more);
	pthread_mutex_unlock(&n->lock);
	if (n->started)
		pthread_join(n->thread, NULL);
	n->session = NULL;
	while ((node = list_pop(&n->tasks))) {
		struct notify_task *task = container_of(node, struct notify_task, link);

		task->run(task);
	}
	pthread_cond_destroy(&n->more);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

void notify_post(struct notify *n, struct notify_task *task)
{
	pthread_mutex_lock(&n->lock);
	list_append(&n->tasks, &task->link);
	pthread_cond_signal(&n->more);
	pthread_mutex_unlock(&n->lock);
}

static void run_message(struct notify_task *task)
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
	notify_post(n, &m->task);
}
