/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

/*
 * A group may hold SHARE times as many places as it leaves free: alone it gets SHARE / (SHARE + 1) of them, a
 * second one as much of the rest, and so on.
 */
enum { SHARE = 7 };

struct queue_group {
	struct map_node node;
	struct list waited_turn, ahead_turn; /* in queue->waited, queue->ahead while it has such items */
	struct list waited, ahead; /* items, first come first served */
	unsigned items, running;
	char name[];
};

void queue_init(struct queue *q, unsigned limit)
{
	*q = (struct queue){.limit = limit};
	map_init(&q->groups);
	list_init(&q->waited);
	list_init(&q->ahead);
	list_init(&q->again);
}

void queue_done(struct queue *q)
{
	map_done(&q->groups);
}

static struct queue_group *find_group(struct queue *q, const char *name)
{
	const size_t size = strlen(name);
	const uint64_t hash = map_hash(name, size);
	struct queue_group *g;

	map_for_each_match(&q->groups, hash, node)
	{
		g = container_of(node, struct queue_group, node);
		if (strcmp(g->name, name) == 0)
			return g;
	}
	g = calloc(1, sizeof(*g) + size + 1);
	if (!g)
		return NULL;
	memcpy(g->name, name, size + 1);
	list_init(&g->waited_turn);
	list_init(&g->ahead_turn);
	list_init(&g->waited);
	list_init(&g->ahead);
	if (map_add(&q->groups, &g->node, hash) < 0) {
		free(g);
		return NULL;
	}
	return g;
}

static void enlist(struct queue *q, struct queue_item *item)
{
	struct queue_group *g = item->group;

	if (item->again) {
		list_append(&q->again, &item->link);
		return;
	}
	list_append(item->ahead ? &g->ahead : &g->waited, &item->link);
	if (item->ahead && list_empty(&g->ahead_turn))
		list_append(&q->ahead, &g->ahead_turn);
	if (!item->ahead && list_empty(&g->waited_turn))
		list_append(&q->waited, &g->waited_turn);
}

static void delist(struct queue_item *item)
{
	struct queue_group *g = item->group;

	list_remove(&item->link);
	if (list_empty(&g->waited))
		list_remove(&g->waited_turn);
	if (list_empty(&g->ahead))
		list_remove(&g->ahead_turn);
}

int queue_push(struct queue *q, struct queue_item *item, const char *group, bool ahead, bool again)
{
	*item = (struct queue_item){.group = find_group(q, group), .ahead = ahead, .again = again};
	list_init(&item->link);
	if (!item->group)
		return -ENOMEM;
	item->group->items++;
	enlist(q, item);
	return 0;
}

static bool may_start(const struct queue *q, const struct queue_group *g)
{
	const unsigned left = q->limit - q->taken - q->running;

	return g->running == 0 || g->running < SHARE * (left - 1) || (q->limit < 4 && left);
}

struct queue_item *queue_peek(const struct queue *q)
{
	if (q->running + q->taken >= q->limit)
		return NULL;
	for (struct list *node = q->again.next; node != &q->again; node = node->next) {
		struct queue_item *item = container_of(node, struct queue_item, link);

		if (may_start(q, item->group))
			return item;
	}
	for (struct list *turn = q->waited.next; turn != &q->waited; turn = turn->next) {
		struct queue_group *g = container_of(turn, struct queue_group, waited_turn);

		if (may_start(q, g))
			return container_of(g->waited.next, struct queue_item, link);
	}
	for (struct list *turn = q->ahead.next; turn != &q->ahead; turn = turn->next) {
		struct queue_group *g = container_of(turn, struct queue_group, ahead_turn);

		if (may_start(q, g))
			return container_of(g->ahead.next, struct queue_item, link);
	}
	return NULL;
}

struct queue_item *queue_next(struct queue *q)
{
	struct queue_item *item = queue_peek(q);
	struct queue_group *g = item ? item->group : NULL;
	struct list *turn;

	if (!item)
		return NULL;
	if (!item->again) {
		turn = item->ahead ? &g->ahead_turn : &g->waited_turn;
		list_remove(turn);
		list_append(item->ahead ? &q->ahead : &q->waited, turn); /* the next group's turn */
	}
	delist(item);
	item->running = true;
	g->running++;
	q->running++;
	return item;
}

void queue_drop(struct queue *q, struct queue_item *item)
{
	struct queue_group *g = item->group;

	if (!g)
		return;
	if (item->running) {
		g->running--;
		q->running--;
	} else {
		delist(item);
	}
	item->group = NULL;
	if (--g->items == 0) {
		map_remove(&q->groups, &g->node);
		free(g);
	}
}

void queue_urge(struct queue *q, struct queue_item *item)
{
	if (!item->group || item->running || !item->ahead)
		return;
	delist(item);
	item->ahead = false;
	enlist(q, item);
}
