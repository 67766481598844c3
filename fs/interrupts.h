/* SPDX-License-Identifier: MIT */
/*
 * Callers that got a signal while they wait. The kernel tells of the first signal alone, and not which it is:
 * who has been told to stop and go on, or of the end of a child, still wants the answer, and what most
 * programs would make of an EINTR is a file that is not there. So the signals that are pending are looked at,
 * and, as long as the caller waits, looked at again.
 */
#ifndef FS_INTERRUPTS_H
#define FS_INTERRUPTS_H

#include <stdatomic.h>
#include <stdbool.h>

#include "util/list.h"

struct interrupts;

struct interruption {
	struct list link;
	int tid; /* of the caller; 0: unknown, and it leaves */
	atomic_bool over; /* it has been answered */
	void (*leave)(struct interruption *i); /* on the thread of the interruptions; end() follows */
	void (*end)(struct interruption *i); /* owns it */
};

int interrupts_new(struct interrupts **ret); /* 0 or -ENOMEM; they wait until interrupts_start() */
int interrupts_start(struct interrupts *s); /* 0 or a negative errno */
void interrupts_free(struct interrupts *s); /* ends what is left, and the thread; nobody leaves any more */
void interrupts_add(struct interrupts *s, struct interruption *i);

#endif
