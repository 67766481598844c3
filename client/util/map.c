/* SPDX-License-Identifier: MIT */
#include "map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

/* The kernel's 16 random bytes for this process: nobody outside can choose names that collide. */
static uint64_t process_key(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint64_t key = 0x9e3779b97f4a7c15U;

	if (random)
		memcpy(&key, random, sizeof(key));
	return key;
}

static uint64_t mix(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93U;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93U;
	h ^= h >> 32;
	return h;
}

uint64_t map_hash(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint64_t h = process_key() ^ size, word;

	for (; size >= sizeof(word); p += sizeof(word), size -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		h = mix(h ^ word);
	}
	word = 0;
	if (size)
		memcpy(&word, p, size);
	return mix(h ^ word);
}

void map_done(struct map *m)
{
	free(m->buckets);
	map_init(m);
}

static int grow(struct map *m)
{
	size_t n = m->nbuckets ? m->nbuckets * 2 : 16;
	struct map_node **buckets = calloc(n, sizeof(*buckets));

	if (!buckets)
		return -ENOMEM;
	for (size_t i = 0; i < m->nbuckets; i++) {
		struct map_node *node = m->buckets[i];

		while (node) {
			struct map_node *next = node->next;

			node->next = buckets[node->hash & (n - 1)];
			buckets[node->hash & (n - 1)] = node;
			node = next;
		}
	}
	free(m->buckets);
	m->buckets = buckets;
	m->nbuckets = n;
	m->first = 0;
	return 0;
}

int map_add(struct map *m, struct map_node *node, uint64_t hash)
{
	size_t i;

	if (m->count >= m->nbuckets && grow(m) < 0 && !m->nbuckets)
		return -ENOMEM;
	i = hash & (m->nbuckets - 1);
	node->hash = hash;
	node->next = m->buckets[i];
	m->buckets[i] = node;
	m->count++;
	if (i < m->first)
		m->first = i;
	return 0;
}

void map_remove(struct map *m, struct map_node *node)
{
	struct map_node **p = &m->buckets[node->hash & (m->nbuckets - 1)];

	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	node->next = NULL;
	m->count--;
}

struct map_node *map_next(const struct map *m, uint64_t hash, const struct map_node *after)
{
	struct map_node *node;

	if (!m->nbuckets)
		return NULL;
	node = after ? after->next : m->buckets[hash & (m->nbuckets - 1)];
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct map_node *map_any(struct map *m)
{
	if (!m->count)
		return NULL;
	while (!m->buckets[m->first])
		m->first++;
	return m->buckets[m->first];
}
