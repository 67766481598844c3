/* SPDX-License-Identifier: MIT */
#include "util/list.h"

#include <string.h>

#include "unit.h"

struct item {
	char name;
	struct list node;
};

static void contents(const struct list *l, char *ret)
{
	for (const struct list *n = l->next; n != l; n = n->next) {
		assert_ptr_equal(n->next->prev, n);
		*ret++ = container_of(n, struct item, node)->name;
	}
	*ret = '\0';
}

static void order(void **state)
{
	struct item items[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}, {.name = 'd'}};
	struct list l, other;
	char have[8];

	(void)state;
	list_init(&l);
	list_init(&other);
	assert_true(list_empty(&l));
	assert_null(list_pop(&l));
	list_splice(&l, &other);
	assert_true(list_empty(&l));
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		list_init(&items[i].node);
	list_remove(&items[0].node); /* in no list: nothing happens */
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		list_append(i % 2 ? &other : &l, &items[i].node);
	list_splice(&l, &other);
	assert_true(list_empty(&other));
	contents(&l, have);
	assert_string_equal(have, "acbd");
	list_remove(&items[1].node);
	list_remove(&items[1].node); /* twice does no harm */
	contents(&l, have);
	assert_string_equal(have, "acd");
	assert_ptr_equal(list_pop(&l), &items[0].node);
	assert_true(list_empty(&items[0].node));
	list_splice(&other, &l);
	contents(&other, have);
	assert_string_equal(have, "cd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
