/* SPDX-License-Identifier: MIT */
#include "interrupts.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "process.h"
#include "util/cleanup.h"

enum { AGAIN_MS = 50 };

struct interrupts {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct list added; /* protected by lock */
	bool ending; /* likewise */
	struct list waiting; /* of the thread: those who did not leave */
	pthread_t thread;
	bool started;
};

int interrupts_new(struct interrupts **ret)
{
	struct interrupts *s = calloc(1, sizeof(*s));
	pthread_condattr_t monotonic;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->more, &monotonic);
	pthread_condattr_destroy(&monotonic);
	list_init(&s->added);
	list_init(&s->waiting);
	*ret = s;
	return 0;
}

static void wait_for_more(struct interrupts *s)
{
	struct timespec until;

	if (list_empty(&s->waiting)) {
		pthread_cond_wait(&s->more, &s->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += AGAIN_MS * 1000000L;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&s->more, &s->lock, &until);
}

/* False: it is the end. */
static bool next_round(struct interrupts *s)
{
	bool ending;

	pthread_mutex_lock(&s->lock);
	if (list_empty(&s->added) && !s->ending)
		wait_for_more(s);
	list_splice(&s->waiting, &s->added);
	ending = s->ending;
	pthread_mutex_unlock(&s->lock);
	return !ending;
}

static void end_all(struct list *l)
{
	struct list *node;

	while ((node = list_pop(l))) {
		struct interruption *i = container_of(node, struct interruption, link);

		i->end(i);
	}
}

static void *interrupts_main(void *data)
{
	struct interrupts *s = data;

	while (next_round(s)) {
		for (struct list *node = s->waiting.next, *next; node != &s->waiting; node = next) {
			struct interruption *i = container_of(node, struct interruption, link);
			const bool over = atomic_load(&i->over);

			next = node->next;
			if (!over && !process_is_leaving(i->tid))
				continue;
			list_remove(node);
			if (!over)
				i->leave(i);
			i->end(i);
		}
	}
	end_all(&s->waiting);
	return NULL;
}

int interrupts_start(struct interrupts *s)
{
	const int r = pthread_create(&s->thread, NULL, interrupts_main, s);

	s->started = r == 0;
	return -r;
}

void interrupts_free(struct interrupts *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
	if (s->started)
		pthread_join(s->thread, NULL);
	end_all(&s->added);
	pthread_cond_destroy(&s->more);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void interrupts_add(struct interrupts *s, struct interruption *i)
{
	pthread_mutex_lock(&s->lock);
	list_append(&s->added, &i->link);
	pthread_cond_signal(&s->more);
	pthread_mutex_unlock(&s->lock);
}
