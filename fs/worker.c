/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "util/cleanup.h"

struct worker {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list tasks; /* protected by lock */
	bool ending; /* likewise */
	pthread_t thread;
	bool started;
};

int worker_new(struct worker **ret)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	list_init(&w->tasks);
	*ret = w;
	return 0;
}

static struct worker_task *next_task(struct worker *w)
{
	struct list *node;

	pthread_mutex_lock(&w->lock);
	while (list_empty(&w->tasks) && !w->ending)
		pthread_cond_wait(&w->more, &w->lock);
	node = list_pop(&w->tasks);
	pthread_mutex_unlock(&w->lock);
	return node ? container_of(node, struct worker_task, link) : NULL;
}

static void *worker_main(void *data)
{
	struct worker *w = data;
	struct worker_task *task;

	while ((task = next_task(w)))
		task->run(task);
	return NULL;
}

int worker_start(struct worker *w)
{
	const int r = pthread_create(&w->thread, NULL, worker_main, w);

	w->started = r == 0;
	return -r;
}

void worker_free(struct worker *w)
{
	struct worker_task *task;

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->ending = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	if (w->started)
		pthread_join(w->thread, NULL);
	while ((task = next_task(w)))
		task->run(task);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void worker_post(struct worker *w, struct worker_task *task)
{
	pthread_mutex_lock(&w->lock);
	list_append(&w->tasks, &task->link);
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}
