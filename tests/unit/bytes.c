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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(references)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
