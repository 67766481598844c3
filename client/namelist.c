/* SPDX-License-Identifier: MIT */
#include "namelist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

enum { CHUNK = 64 << 10, MAX_NAMES = 8 << 20 };

struct entry {
	struct map_node node;
	char name[];
};

struct chunk {
	struct list link;
	size_t used;
	_Alignas(struct entry) char data[CHUNK];
};

void namelist_init(struct namelist *l)
{
	*l = (struct namelist){0};
	map_init(&l->map);
	list_init(&l->chunks);
}

void namelist_done(struct namelist *l)
{
	for (struct list *node = list_pop(&l->chunks); node; node = list_pop(&l->chunks))
		free(container_of(node, struct chunk, link));
	map_done(&l->map);
	free(l->items);
	namelist_init(l);
}

static struct entry *new_entry(struct namelist *l, const char *name)
{
	const size_t align = _Alignof(struct entry);
	const size_t length = strlen(name) + 1;
	const size_t size = (sizeof(struct entry) + length + align - 1) / align * align;
	struct chunk *chunk = container_of(l->chunks.prev, struct chunk, link);
	struct entry *e;

	if (list_empty(&l->chunks) || CHUNK - chunk->used < size) {
		chunk = size <= CHUNK ? malloc(sizeof(*chunk)) : NULL;
		if (!chunk)
			return NULL;
		chunk->used = 0;
		list_append(&l->chunks, &chunk->link);
	}
	e = (struct entry *)(void *)(chunk->data + chunk->used);
	chunk->used += size;
	memcpy(e->name, name, length);
	return e;
}

int namelist_add(struct namelist *l, const char *name)
{
	const uint64_t hash = map_hash(name, strlen(name));
	struct entry *e;

	map_for_each_match(&l->map, hash, node)
	{
		e = container_of(node, struct entry, node);
		if (strcmp(e->name, name) == 0)
			return 0;
	}
	if (l->count == MAX_NAMES)
		return -EFBIG;
	if (l->count == l->room) {
		const size_t room = l->room ? l->room * 2 : 64;
		const char **items = realloc(l->items, room * sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		l->room = room;
	}
	e = new_entry(l, name);
	if (!e || map_add(&l->map, &e->node, hash) < 0)
		return -ENOMEM;
	l->items[l->count++] = e->name;
	return 1;
}

int namelist_compare(const char *a, const char *b)
{
	int x, y;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	x = *a == '/' ? 1 : (unsigned char)*a + (*a ? 1 : 0);
	y = *b == '/' ? 1 : (unsigned char)*b + (*b ? 1 : 0);
	return x - y;
}

static int compare_items(const void *a, const void *b)
{
	return namelist_compare(*(const char *const *)a, *(const char *const *)b);
}

void namelist_sort(struct namelist *l)
{
	if (l->count)
		qsort(l->items, l->count, sizeof(*l->items), compare_items);
}
