/* SPDX-License-Identifier: MIT */
#include "queue.h"

#include <string.h>

#include "unit.h"

enum { MANY = 200 };

static struct queue_item items[MANY];

static void push(struct queue *q, size_t k, const char *group, bool ahead)
{
	assert_int_equal(queue_push(q, &items[k], group, ahead, false), 0);
}

/* Which item may start now; -1: none. */
static int next(struct queue *q)
{
	const struct queue_item *item = queue_next(q);

	return item ? (int)(item - items) : -1;
}

static void drop_all(struct queue *q)
{
	for (size_t k = 0; k < MANY; k++)
		if (items[k].group)
			queue_drop(q, &items[k]);
	assert_int_equal(q->running, 0);
	assert_int_equal(q->groups.count, 0);
	assert_true(list_empty(&q->waited));
	assert_true(list_empty(&q->ahead));
	queue_done(q);
}

static void order(void **state)
{
	/* What is pushed, in order; the numbers of the items in the order in which they must start. */
	static const struct {
		const char *why, *groups; /* a letter an item: its group; upper case: fetched ahead */
		int want[8];
	} cases[] = {
		{"first come, first served", "aaa", {0, 1, 2, -1}},
		{"groups take turns", "aaabbc", {0, 3, 5, 1, 4, 2, -1}},
		{"waited before ahead", "Aa", {1, 0, -1}},
		{"waited before ahead across groups", "AABb", {3, 0, 2, 1, -1}},
		{"ahead takes turns as well", "AAAB", {0, 3, 1, 2, -1}},
		{"nothing", "", {-1}},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const char *groups = cases[k].groups;
		struct queue q;

		queue_init(&q, 64);
		for (size_t n = 0; groups[n]; n++) {
			const char name[] = {(char)(groups[n] | 0x20), '\0'};

			push(&q, n, name, groups[n] < 'a');
		}
		for (size_t n = 0;; n++) {
			const int have = next(&q);

			check_int(have, cases[k].want[n], cases[k].why);
			if (have < 0)
				break;
		}
		drop_all(&q);
	}
}

static void limits(void **state)
{
	/* A group alone; then one more that comes when the first has all that it gets. */
	static const struct {
		unsigned limit, alone;
		bool second;
	} cases[] = {
		{1, 1, false}, {2, 2, false}, {3, 3, false}, /* too few to set one aside */
		{4, 3, true},  {5, 4, true},  {8, 7, true},  {64, 56, true}, {128, 112, true},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct queue q;
		unsigned n = 0;

		queue_init(&q, cases[k].limit);
		for (size_t i = 0; i < MANY - 1; i++)
			push(&q, i, "hangs", false);
		while (queue_next(&q))
			n++;
		check_int(n, cases[k].alone, "alone");
		push(&q, MANY - 1, "other", true);
		check_int(next(&q), cases[k].second ? MANY - 1 : -1, "the second group");
		drop_all(&q);
	}
}

/* A group whose transfers hang takes what it gets; all of another's come through, one after the other. */
static void hung_group(void **state)
{
	(void)state;
	for (unsigned limit = 4; limit <= 80; limit++) {
		struct queue q;

		queue_init(&q, limit);
		for (size_t i = 0; i < 100; i++)
			push(&q, i, "hangs", false);
		for (size_t i = 100; i < MANY; i++)
			push(&q, i, "works", i % 2);
		for (size_t done = 0; done < 100;) {
			const int k = next(&q);

			assert_true(k >= 0);
			if (k < 100)
				continue;
			queue_drop(&q, &items[k]);
			done++;
		}
		drop_all(&q);
	}
}

/* Groups that hang, one after the other: each gets something, and one place stays for the next. */
static void hung_groups(void **state)
{
	struct queue q;

	(void)state;
	queue_init(&q, 64);
	for (size_t i = 0; i < 75; i++)
		push(&q, i, "one", false);
	while (queue_next(&q))
		;
	for (size_t i = 75; i < 150; i++)
		push(&q, i, "two", false);
	while (queue_next(&q))
		;
	assert_int_equal(q.running, 63);
	push(&q, 150, "three", false);
	assert_int_equal(next(&q), 150);
	/* A place that comes free is for whoever holds nothing. */
	push(&q, 151, "four", true);
	assert_int_equal(next(&q), -1);
	queue_drop(&q, &items[150]);
	assert_int_equal(next(&q), 151);
	drop_all(&q);
}

static void urge(void **state)
{
	struct queue q;

	(void)state;
	queue_init(&q, 64);
	push(&q, 0, "a", true);
	push(&q, 1, "a", true);
	push(&q, 2, "a", false);
	queue_urge(&q, &items[1]);
	queue_urge(&q, &items[1]);
	queue_urge(&q, &items[2]);
	assert_int_equal(next(&q), 2);
	assert_int_equal(next(&q), 1);
	queue_urge(&q, &items[1]); /* runs already */
	assert_int_equal(next(&q), 0);
	assert_int_equal(next(&q), -1);
	queue_drop(&q, &items[0]);
	queue_urge(&q, &items[0]); /* is gone */
	drop_all(&q);
}

static void drop(void **state)
{
	struct queue q;

	(void)state;
	queue_init(&q, 1);
	push(&q, 0, "a", false);
	push(&q, 1, "a", false);
	push(&q, 2, "b", true);
	queue_drop(&q, &items[0]); /* before it ran */
	queue_drop(&q, &items[0]); /* nothing happens */
	assert_int_equal(next(&q), 1);
	assert_int_equal(next(&q), -1);
	queue_drop(&q, &items[1]);
	assert_int_equal(q.groups.count, 1);
	assert_int_equal(next(&q), 2);
	queue_drop(&q, &items[2]);
	drop_all(&q);
}

/* What was sent before goes before all others, of whatever group, but takes no more places than that has. */
static void again(void **state)
{
	struct queue q;

	(void)state;
	queue_init(&q, 64);
	push(&q, 0, "a", false);
	push(&q, 1, "b", true);
	assert_int_equal(queue_push(&q, &items[2], "b", true, true), 0);
	assert_int_equal(queue_push(&q, &items[3], "a", false, true), 0);
	assert_int_equal(queue_peek(&q) - items, 2);
	queue_urge(&q, &items[3]);
	assert_int_equal(next(&q), 2);
	assert_int_equal(next(&q), 3);
	assert_int_equal(next(&q), 0);
	assert_int_equal(next(&q), 1);
	assert_int_equal(next(&q), -1);
	drop_all(&q);
	/* Places that other hosts have are not to be had. */
	queue_init(&q, 4);
	q.taken = 3;
	push(&q, 0, "a", false);
	push(&q, 1, "b", false);
	assert_int_equal(next(&q), 0);
	assert_int_equal(next(&q), -1);
	q.taken = 2;
	assert_int_equal(next(&q), 1);
	drop_all(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),       cmocka_unit_test(limits), cmocka_unit_test(hung_group),
		cmocka_unit_test(hung_groups), cmocka_unit_test(urge),   cmocka_unit_test(drop),
		cmocka_unit_test(again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
