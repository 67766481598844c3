/* SPDX-License-Identifier: MIT */
#include "util/map.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define MANY 100000

struct entry {
	struct map_node node;
	uint64_t key;
};

static struct entry *find(const struct map *m, uint64_t hash, uint64_t key)
{
	map_for_each_match(m, hash, node)
	{
		struct entry *e = container_of(node, struct entry, node);

		if (e->key == key)
			return e;
	}
	return NULL;
}

static void empty(void **state)
{
	struct map m;

	(void)state;
	map_init(&m);
	assert_null(map_next(&m, 1, NULL));
	assert_null(map_any(&m));
	map_done(&m);
	map_done(&m);
}

static void collisions(void **state)
{
	struct entry e[4] = {{.key = 0}, {.key = 1}, {.key = 2}, {.key = 3}};
	struct map m;

	(void)state;
	map_init(&m);
	/* 0 and 1 share a hash; 2 shares their bucket only; 3 has a bucket of its own. */
	assert_int_equal(map_add(&m, &e[0].node, 7), 0);
	assert_int_equal(map_add(&m, &e[1].node, 7), 0);
	assert_int_equal(map_add(&m, &e[2].node, 7 + (1ULL << 40)), 0);
	assert_int_equal(map_add(&m, &e[3].node, 8), 0);
	assert_int_equal(m.count, 4);
	assert_ptr_equal(find(&m, 7, 0), &e[0]);
	assert_ptr_equal(find(&m, 7, 1), &e[1]);
	assert_null(find(&m, 7, 2));
	assert_ptr_equal(find(&m, 7 + (1ULL << 40), 2), &e[2]);
	map_remove(&m, &e[1].node); /* from the middle of its bucket */
	assert_ptr_equal(find(&m, 7, 0), &e[0]);
	assert_null(find(&m, 7, 1));
	assert_ptr_equal(find(&m, 7 + (1ULL << 40), 2), &e[2]);
	map_remove(&m, &e[2].node);
	map_remove(&m, &e[0].node);
	assert_null(map_next(&m, 7, NULL));
	assert_ptr_equal(map_any(&m), &e[3].node);
	map_remove(&m, &e[3].node);
	assert_null(map_any(&m));
	assert_int_equal(m.count, 0);
	map_done(&m);
}

static void many(void **state)
{
	struct entry *e = calloc(MANY, sizeof(*e));
	struct map m;

	(void)state;
	assert_non_null(e);
	map_init(&m);
	for (uint64_t i = 0; i < MANY; i++) {
		e[i].key = i;
		assert_int_equal(map_add(&m, &e[i].node, map_hash(&i, sizeof(i))), 0);
	}
	assert_int_equal(m.count, MANY);
	for (uint64_t i = 0; i < MANY; i++)
		assert_ptr_equal(find(&m, map_hash(&i, sizeof(i)), i), &e[i]);
	for (uint64_t i = 0; i < MANY; i += 2)
		map_remove(&m, &e[i].node);
	assert_int_equal(m.count, MANY / 2);
	for (uint64_t i = 0; i < MANY; i++)
		assert_ptr_equal(find(&m, map_hash(&i, sizeof(i)), i), i % 2 ? &e[i] : NULL);
	map_remove(&m, map_any(&m));
	e[0].key = 0;
	assert_int_equal(map_add(&m, &e[0].node, 0), 0); /* in front of what has been looked through */
	assert_ptr_equal(map_any(&m), &e[0].node);
	for (struct map_node *n = map_any(&m); n; n = map_any(&m))
		map_remove(&m, n);
	assert_int_equal(m.count, 0);
	map_done(&m);
	free(e);
}

/* Names that differ in one place only must not pile up in one bucket. */
static void hash(void **state)
{
	enum { BUCKETS = 1024 };
	unsigned buckets[BUCKETS] = {0}, fullest = 0;
	char name[] = "library/nginx:0000000";

	(void)state;
	for (unsigned i = 0; i < 10 * BUCKETS; i++) {
		unsigned *b;

		for (unsigned j = 0, n = i; j < 7; j++, n /= 10)
			name[sizeof(name) - 2 - j] = (char)('0' + n % 10);
		b = &buckets[map_hash(name, sizeof(name) - 1) % BUCKETS];
		fullest = ++*b > fullest ? *b : fullest;
	}
	assert_in_range(fullest, 10, 40); /* 10 on average; 40 is 9 standard deviations away */
	assert_true(map_hash("a", 1) == map_hash("a", 1));
	assert_true(map_hash("a", 1) != map_hash("a\0", 2));
	assert_true(map_hash("", 0) == map_hash(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(collisions),
		cmocka_unit_test(many),
		cmocka_unit_test(hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
