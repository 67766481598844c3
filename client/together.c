/* SPDX-License-Identifier: MIT */
#include "together.h"

#include <errno.h>
#include <stdlib.h>

#include "error.h"
#include "parts.h"

void together_init(struct together *t)
{
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->over, NULL);
	t->under_way = 0;
}

void together_done(struct together *t)
{
	pthread_cond_destroy(&t->over);
	pthread_mutex_destroy(&t->lock);
}

static void count(struct together *t, int change)
{
	pthread_mutex_lock(&t->lock);
	t->under_way += (size_t)change;
	if (!t->under_way)
		pthread_cond_signal(&t->over);
	pthread_mutex_unlock(&t->lock);
}

static void on_answer(void *data, const struct reg_result *result)
{
	struct answer *a = data;

	a->err = result->err;
	if (result->err < 0) {
		a->error = *result->error;
	} else {
		a->digest = result->digest;
		a->size = result->size;
		a->bytes = reg_bytes_ref(result->bytes);
		if (!reg_copy(result->media_type, &a->media_type))
			a->err = reg_fail(&a->error, -ENOMEM, "out of memory");
	}
	count(a->together, -1);
}

struct reg_call together_call(struct together *t, struct answer *a, unsigned flags)
{
	*a = (struct answer){.together = t};
	count(t, 1);
	return (struct reg_call){.done = on_answer, .data = a, .flags = flags};
}

void together_made(struct answer *a, uint64_t call)
{
	if (call)
		return;
	a->err = reg_fail(&a->error, -ENOMEM, "out of memory");
	count(a->together, -1);
}

void together_wait(struct together *t)
{
	pthread_mutex_lock(&t->lock);
	while (t->under_way)
		pthread_cond_wait(&t->over, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

void answer_done(struct answer *a)
{
	reg_bytes_unref(a->bytes);
	free(a->media_type);
	a->bytes = NULL;
	a->media_type = NULL;
}
