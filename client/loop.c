/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "util/cleanup.h"

struct loop {
	pthread_t thread;
	bool started;
	struct loop_poller poller;
	pthread_mutex_t lock;
	struct list inbox; /* protected by lock: tasks posted */
	struct loop_task *last; /* protected by lock: set once, by loop_stop() */
	struct list timers; /* of the thread: sorted by when they are due; there are few */
};

uint64_t loop_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	pthread_mutex_init(&loop->lock, NULL);
	list_init(&loop->inbox);
	list_init(&loop->timers);
	*ret = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

/* Returns what to run last, once everything before it has run. */
static struct loop_task *run_tasks(struct loop *loop)
{
	struct loop_task *last;
	struct list tasks, *node;

	list_init(&tasks);
	pthread_mutex_lock(&loop->lock);
	list_splice(&tasks, &loop->inbox);
	last = loop->last;
	pthread_mutex_unlock(&loop->lock);
	for (node = list_pop(&tasks); node; node = list_pop(&tasks)) {
		struct loop_task *task = container_of(node, struct loop_task, link);

		task->run(task);
	}
	return last;
}

/* Returns the milliseconds until the next timer is due. */
static int fire_timers(struct loop *loop)
{
	const uint64_t now = loop_now();

	while (!list_empty(&loop->timers)) {
		struct loop_timer *timer = container_of(loop->timers.next, struct loop_timer, link);

		if (timer->due > now)
			return timer->due - now > 1000 ? 1000 : (int)(timer->due - now);
		list_remove(&timer->link);
		timer->fire(timer);
	}
	return 1000;
}

static void *loop_main(void *data)
{
	struct loop *loop = data;

	for (;;) {
		struct loop_task *last = run_tasks(loop);
		int timeout;

		if (last) {
			last->run(last);
			return NULL;
		}
		timeout = fire_timers(loop);
		loop->poller.step(loop->poller.data);
		if (!list_empty(&loop->timers)) {
			/* A step can set timers: an earlier one shortens the wait. */
			struct loop_timer *timer = container_of(loop->timers.next, struct loop_timer, link);
			const uint64_t now = loop_now();

			if (timer->due < now + (uint64_t)timeout)
				timeout = timer->due > now ? (int)(timer->due - now) : 0;
		}
		loop->poller.poll(loop->poller.data, timeout);
	}
}

int loop_start(struct loop *loop, const struct loop_poller *poller)
{
	sigset_t all, old;
	int r;

	loop->poller = *poller;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&loop->thread, NULL, loop_main, loop);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	loop->started = r == 0;
	return -r;
}

void loop_stop(struct loop *loop, struct loop_task *last)
{
	if (!loop->started)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->last = last;
	pthread_mutex_unlock(&loop->lock);
	loop->poller.wake(loop->poller.data);
	pthread_join(loop->thread, NULL);
	loop->started = false;
}

void loop_post(struct loop *loop, struct loop_task *task)
{
	bool first;

	pthread_mutex_lock(&loop->lock);
	first = list_empty(&loop->inbox);
	list_append(&loop->inbox, &task->link);
	pthread_mutex_unlock(&loop->lock);
	/* Whoever found the inbox empty has woken the thread already, and it has not been back since. */
	if (first)
		loop->poller.wake(loop->poller.data);
}

void loop_timer_init(struct loop_timer *timer, void (*fire)(struct loop_timer *timer))
{
	list_init(&timer->link);
	timer->fire = fire;
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms)
{
	struct list *at = loop->timers.prev;

	loop_timer_clear(timer);
	timer->due = loop_now() + delay_ms;
	while (at != &loop->timers && container_of(at, struct loop_timer, link)->due > timer->due)
		at = at->prev;
	list_append(at->next, &timer->link);
}

void loop_timer_clear(struct loop_timer *timer)
{
	list_remove(&timer->link);
}
