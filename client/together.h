/* SPDX-License-Identifier: MIT */
/* Many calls of a client at once, by a thread that waits for them all: for programs, not for callbacks. */
#ifndef REG_TOGETHER_H
#define REG_TOGETHER_H

#include <pthread.h>

#include "registry.h"

struct together {
	pthread_mutex_t lock;
	pthread_cond_t over;
	size_t under_way;
};

/* What a call was answered. */
struct answer {
	struct together *together;
	int err;
	struct reg_error error; /* if err is not 0 */
	struct reg_digest digest;
	uint64_t size;
	struct reg_bytes *bytes; /* or NULL */
	char *media_type; /* or NULL */
};

void together_init(struct together *t);
void together_done(struct together *t);

/* What to make the call with; together_made() is told what it returned. */
struct reg_call together_call(struct together *t, struct answer *a, unsigned flags);
void together_made(struct answer *a, uint64_t call);
/* Until each has its answer. */
void together_wait(struct together *t);

void answer_done(struct answer *a);

#endif
