/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include <string.h>

#include "bytes.h"
#include "unit.h"

enum {
	MAX = 40000,
	SIZE = 10000
}; /* three of that size fit: what a document costs beyond its bytes counts too */

static struct reg_bytes *make(size_t size, char fill)
{
	char *data = malloc(size + 1);
	struct reg_bytes *b;

	assert_non_null(data);
	memset(data, fill, size);
	data[size] = '\0';
	b = reg_bytes_take(data, size);
	assert_non_null(b);
	return b;
}

static struct reg_digest name(unsigned char n)
{
	return (struct reg_digest){.algorithm = REG_SHA256, .hash = {n}};
}

static void put(struct cache *c, unsigned char n, size_t size, const char *media_type)
{
	const struct reg_digest d = name(n);
	struct reg_bytes *b = make(size, (char)n);

	cache_put(c, &d, media_type, b);
	reg_bytes_unref(b);
}

static bool has(struct cache *c, unsigned char n)
{
	const struct reg_digest d = name(n);
	const char *media_type;
	const struct reg_bytes *b = cache_get(c, &d, &media_type);

	if (b)
		assert_true(!b->size || b->data[0] == n);
	return b;
}

static void least_recently_used(void **state)
{
	struct cache *c;

	(void)state;
	assert_int_equal(cache_new(MAX, &c), 0);
	put(c, 1, SIZE, NULL);
	put(c, 2, SIZE, NULL);
	put(c, 3, SIZE, NULL);
	assert_true(has(c, 1));
	put(c, 4, SIZE, NULL); /* 2 has not been used for longest */
	assert_false(has(c, 2));
	assert_true(has(c, 1));
	assert_true(has(c, 3));
	assert_true(has(c, 4));
	put(c, 1, SIZE, NULL); /* known: nothing happens, not even to the order */
	for (unsigned char n = 5; n < 200; n++)
		put(c, n, 1, NULL); /* by bytes, not by number: 1 is pushed out before 3 and 4 */
	assert_true(has(c, 199));
	assert_true(has(c, 5));
	cache_free(c);
}

static void too_large(void **state)
{
	struct cache *c;

	(void)state;
	assert_int_equal(cache_new(MAX, &c), 0);
	put(c, 1, 100, NULL);
	put(c, 2, MAX / 4, NULL);
	put(c, 3, MAX / 4 + 1, NULL); /* one document does not push out all the others */
	put(c, 4, 10 * MAX, NULL);
	assert_true(has(c, 1));
	assert_true(has(c, 2));
	assert_false(has(c, 3));
	assert_false(has(c, 4));
	cache_free(c);
}

static void no_cache(void **state)
{
	static const size_t sizes[] = {0, 1, 50};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
		struct cache *c;

		assert_int_equal(cache_new(sizes[k], &c), 0);
		put(c, 1, 1, "text/plain");
		put(c, 2, 0, NULL);
		assert_false(has(c, 1));
		assert_false(has(c, 2));
		cache_free(c);
	}
	cache_free(NULL);
}

static void references(void **state)
{
	const struct reg_digest d = name(1);
	const char *media_type = "";
	struct reg_bytes *kept;
	struct cache *c;

	(void)state;
	assert_int_equal(cache_new(MAX, &c), 0);
	put(c, 1, 5, "text/plain");
	kept = reg_bytes_ref(cache_get(c, &d, &media_type));
	assert_string_equal(media_type, "text/plain");
	for (unsigned char n = 2; n < 10; n++)
		put(c, n, SIZE, NULL);
	assert_null(cache_get(c, &d, &media_type));
	assert_string_equal((const char *)kept->data, "\1\1\1\1\1");
	cache_free(c);
	assert_string_equal((const char *)kept->data, "\1\1\1\1\1");
	reg_bytes_unref(kept);
}

static void dropped(void **state)
{
	const struct reg_digest one = name(1), none = name(9);
	struct cache *c;

	(void)state;
	assert_int_equal(cache_new(MAX, &c), 0);
	put(c, 1, SIZE, "text/plain");
	put(c, 2, SIZE, NULL);
	put(c, 3, SIZE, NULL);
	cache_drop(c, &none);
	cache_drop(c, &one);
	assert_false(has(c, 1));
	put(c, 4, SIZE, NULL); /* its room is free */
	assert_true(has(c, 2));
	put(c, 1, SIZE, NULL);
	assert_true(has(c, 1));
	cache_free(c);
}

static void names(void **state)
{
	struct reg_digest sha256 = name(7), sha512 = name(7);
	struct reg_bytes *b = make(3, 'x');
	const char *media_type = "";
	struct cache *c;

	(void)state;
	sha512.algorithm = REG_SHA512;
	assert_int_equal(cache_new(MAX, &c), 0);
	cache_put(c, &sha256, NULL, b);
	assert_null(cache_get(c, &sha512, &media_type));
	assert_ptr_equal(cache_get(c, &sha256, &media_type), b);
	assert_null(media_type);
	reg_bytes_unref(b);
	cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(least_recently_used),
		cmocka_unit_test(too_large),
		cmocka_unit_test(no_cache),
		cmocka_unit_test(references),
		cmocka_unit_test(dropped),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
