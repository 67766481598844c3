/* SPDX-License-Identifier: MIT */
#include "namelist.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

enum { MANY = 100000, CHUNK = 64 << 10 };

static void empty(void **state)
{
	struct namelist l;

	(void)state;
	namelist_init(&l);
	namelist_sort(&l);
	assert_int_equal(l.count, 0);
	namelist_done(&l);
	namelist_done(&l);
}

static void compare(void **state)
{
	/* In order. */
	static const char *const names[] = {"",    "/",   "a",  "a/", "a/a", "a/b", "a/b/c",   "a/c",
					    "a-b", "a.b", "a0", "aa", "b",   "~",   "\xc3\xa4"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
			const int r = namelist_compare(names[i], names[k]);

			check_int((r > 0) - (r < 0), (i > k) - (i < k), names[i]);
		}
	}
}

static void duplicates(void **state)
{
	static const struct {
		const char *name;
		int want;
	} cases[] = {{"b", 1}, {"a", 1}, {"b", 0}, {"B", 1}, {"a", 0}, {"", 1}, {"", 0}};
	struct namelist l;

	(void)state;
	namelist_init(&l);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++)
		check_int(namelist_add(&l, cases[k].name), cases[k].want, cases[k].name);
	assert_int_equal(l.count, 4);
	assert_string_equal(l.items[0], "b"); /* as they came */
	assert_string_equal(l.items[1], "a");
	namelist_sort(&l);
	assert_string_equal(l.items[0], "");
	assert_string_equal(l.items[3], "b");
	namelist_done(&l);
}

static void many(void **state)
{
	struct namelist l;
	char name[32];

	(void)state;
	namelist_init(&l);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned k = 0; k < MANY; k++) {
			snprintf(name, sizeof(name), "r%06u", (k * 7919U) % MANY);
			assert_int_equal(namelist_add(&l, name), round == 0);
		}
	}
	assert_int_equal(l.count, MANY);
	namelist_sort(&l);
	for (unsigned k = 0; k < MANY; k++) {
		snprintf(name, sizeof(name), "r%06u", k);
		assert_string_equal(l.items[k], name);
	}
	namelist_done(&l);
}

/* Names of every length, so that chunks end at every place; too long ones are refused and change nothing. */
static void chunks(void **state)
{
	static const size_t around[] = {CHUNK / 2 - 32, CHUNK / 2 + 32, CHUNK - 40};
	char *name = calloc(1, CHUNK + 1);
	struct namelist l;
	size_t n = 0;

	(void)state;
	assert_non_null(name);
	namelist_init(&l);
	for (size_t i = 0; i < ARRAY_SIZE(around); i++) {
		for (size_t length = around[i]; length < around[i] + 48 && length <= CHUNK; length++) {
			int r;

			memset(name, 'x', length);
			name[length] = '\0';
			r = namelist_add(&l, name);
			if (length < CHUNK - 32)
				assert_int_equal(r, 1);
			if (length == CHUNK)
				assert_int_equal(r, -ENOMEM);
			n += r == 1;
			assert_int_equal(l.count, n);
			assert_int_equal(namelist_add(&l, "short"), i == 0 && length == around[0]);
			n += i == 0 && length == around[0];
		}
	}
	for (size_t k = 0; k < l.count; k++)
		assert_true(strspn(l.items[k], "x") == strlen(l.items[k]) ||
			    strcmp(l.items[k], "short") == 0);
	namelist_done(&l);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty), cmocka_unit_test(compare), cmocka_unit_test(duplicates),
		cmocka_unit_test(many),  cmocka_unit_test(chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
