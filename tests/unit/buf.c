/* SPDX-License-Identifier: MIT */
#include "util/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void grows_to_its_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 10);
	assert_null(b.data);
	assert_int_equal(buf_puts(&b, "12345"), 0);
	assert_int_equal(buf_add(&b, "678901", 6), -EFBIG);
	assert_string_equal(b.data, "12345");
	assert_int_equal(buf_printf(&b, "%d", 678901), -EFBIG);
	assert_string_equal(b.data, "12345");
	assert_int_equal(buf_printf(&b, "%d", 67890), 0);
	assert_string_equal(b.data, "1234567890");
	assert_int_equal(b.size, 10);
	assert_int_equal(buf_puts(&b, ""), 0);
	assert_int_equal(buf_puts(&b, "x"), -EFBIG);
	assert_int_equal(buf_add(&b, "x", SIZE_MAX), -EFBIG);
	buf_clear(&b);
	assert_string_equal(b.data, "");
	assert_int_equal(buf_add(&b, "a\0b", 3), 0);
	assert_memory_equal(b.data, "a\0b", 4);
	buf_done(&b);
	assert_null(b.data);
	assert_int_equal(buf_puts(&b, "again"), 0);
	buf_done(&b);
}

static void nothing_fits_into_none(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 0);
	assert_int_equal(buf_add(&b, NULL, 0), 0);
	assert_string_equal(b.data, "");
	assert_int_equal(buf_puts(&b, "x"), -EFBIG);
	buf_clear(&b);
	buf_done(&b);
	buf_done(&b);
}

static void many_small_pieces(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 1000000);
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_printf(&b, "%05d", i), 0);
	assert_int_equal(b.size, 500000);
	assert_int_equal(strlen(b.data), 500000);
	assert_memory_equal(b.data + 499995, "99999", 6);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_its_maximum),
		cmocka_unit_test(nothing_fits_into_none),
		cmocka_unit_test(many_small_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
