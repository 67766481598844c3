/* SPDX-License-Identifier: MIT */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* The sanitizers say whether it is freed once. */
static void references(void **state)
{
	struct reg_bytes *b = reg_bytes_take(strdup("abc"), 3);

	(void)state;
	assert_non_null(b);
	assert_int_equal(b->size, 3);
	assert_ptr_equal(reg_bytes_ref(b), b);
	reg_bytes_unref(b);
	assert_string_equal((const char *)b->data, "abc");
	reg_bytes_unref(b);
	reg_bytes_unref(NULL);
	assert_null(reg_bytes_ref(NULL));
}

static void copies(void **state)
{
	static const char data[] = {'a', '\0', 'b'};
	struct reg_bytes *b = reg_bytes_copy(data, sizeof(data)), *none = reg_bytes_copy(NULL, 0);

	(void)state;
	assert_non_null(b);
	assert_int_equal(b->size, 3);
	assert_memory_equal(b->data, "a\0b", 4); /* with its NUL */
	assert_ptr_not_equal(b->data, data);
	reg_bytes_unref(b);
	assert_non_null(none);
	assert_int_equal(none->size, 0);
	assert_int_equal(none->data[0], 0);
	reg_bytes_unref(none);
	assert_null(reg_bytes_copy(data, SIZE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(references), cmocka_unit_test(copies)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
