/* SPDX-License-Identifier: MIT */
/*
 * The network thread: tasks that other threads post to it, timers, and a poller (http.c) that it drives. All
 * of the client but the calls in registry.h runs on this thread, so nothing above it needs a lock.
 */
#ifndef REG_LOOP_H
#define REG_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/list.h"

struct loop;

struct loop_task {
	struct list link;
	void (*run)(struct loop_task *task); /* may free the task */
};

struct loop_timer {
	struct list link;
	uint64_t due; /* milliseconds of loop_now() */
	void (*fire)(struct loop_timer *timer);
};

struct loop_poller {
	void (*step)(void *data); /* do all that can be done without waiting */
	void (*poll)(void *data,
		     int timeout); /* wait for the network, for timeout milliseconds, or for wake() */
	void (*wake)(void *data); /* from any thread */
	void *data;
};

/* Monotonic milliseconds. */
uint64_t loop_now(void);

int loop_new(struct loop **ret); /* 0 or -ENOMEM */
/* Starts the thread; every signal is blocked in it. 0, -EAGAIN, -ENOMEM. */
int loop_start(struct loop *loop, const struct loop_poller *poller);
/* Runs what is posted so far, then last (on the thread), then ends and joins it. */
void loop_stop(struct loop *loop, struct loop_task *last);
void loop_free(struct loop *loop);

void loop_post(struct loop *loop, struct loop_task *task); /* from any thread; in order */

/* On the network thread only. */
void loop_timer_init(struct loop_timer *timer, void (*fire)(struct loop_timer *timer));
void loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms);
void loop_timer_clear(struct loop_timer *timer);

#endif
