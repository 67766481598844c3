/* SPDX-License-Identifier: MIT */
/*
 * Which transfer may start next. Items belong to groups (repositories). Groups take turns; in each, what
 * somebody waits for goes before what is fetched ahead. A group may hold only a share of the free places that
 * shrinks as they run out (a dynamic threshold), so a group whose transfers hang never holds all of them, and
 * another group always finds one. Of fewer than four places none is set aside.
 */
#ifndef REG_QUEUE_H
#define REG_QUEUE_H

#include <stdbool.h>

#include "util/list.h"
#include "util/map.h"

struct queue {
	unsigned limit, running;
	unsigned taken; /* of the limit, by others */
	struct map groups;
	struct list again; /* items that go before all others, first come first served */
	struct list waited, ahead; /* groups that have items of each kind, in turn */
};

struct queue_group;

struct queue_item {
	struct list link;
	struct queue_group *group;
	bool ahead, again, running;
};

void queue_init(struct queue *q, unsigned limit);
void queue_done(struct queue *q); /* the queue must be empty */

/* again: it has been here before, and does not wait at the end once more. 0 or -ENOMEM. */
int queue_push(struct queue *q, struct queue_item *item, const char *group, bool ahead, bool again);
/* The item that queue_next() would take. */
struct queue_item *queue_peek(const struct queue *q);
/* Takes the next item that may start now, which then counts as running until queue_drop(). NULL: none. */
struct queue_item *queue_next(struct queue *q);
/* The item is finished or given up, running or not. */
void queue_drop(struct queue *q, struct queue_item *item);
/* Somebody waits for it now; nothing happens if it runs already. */
void queue_urge(struct queue *q, struct queue_item *item);

#endif
