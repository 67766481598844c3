/* SPDX-License-Identifier: MIT */
/* The model of a storage: numbers of blobs, links that stand twice, and what is said of them. */
#include "storage/store.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static uint32_t blob(struct store *s, const char *content)
{
	struct reg_digest d;
	uint32_t number;

	assert_int_equal(reg_digest_compute(REG_SHA256, content, strlen(content), &d), 0);
	assert_int_equal(store_blob_add(s, &d, &number), 0);
	assert_int_equal(store_blob_find(s, &d), number);
	return number;
}

static void test_blobs_have_one_number_each(void **state)
{
	struct reg_digest never = {.algorithm = REG_SHA512};
	struct store s;
	char text[16];

	(void)state;
	store_init(&s);
	for (int twice = 0; twice < 2; twice++) {
		for (uint32_t i = 0; i < 1000; i++) {
			snprintf(text, sizeof(text), "%u", i);
			assert_int_equal(blob(&s, text), i);
		}
	}
	assert_int_equal(s.nblobs, 1000);
	assert_int_equal(store_blob_find(&s, &never), STORE_NONE);
	store_done(&s);
}

static void link_to(struct store *s, struct store_repository *r, uint32_t number, uint8_t type, uint8_t flags)
{
	const struct store_link l = {.blob = number, .type = type, .flags = flags, .changed = 1};

	assert_int_equal(store_link_add(s, r, &l), 0);
}

static void test_links(void **state)
{
	struct store_repository *r;
	struct store s;
	uint32_t a, b, c;

	(void)state;
	store_init(&s);
	a = blob(&s, "a"), b = blob(&s, "b"), c = blob(&s, "c");
	r = store_repository_add(&s, "one");
	assert_non_null(r);
	link_to(&s, r, c, LINK_LAYER, LINK_ASIDE);
	link_to(&s, r, b, LINK_LAYER, LINK_ASIDE); /* the one aside comes first, and second */
	link_to(&s, r, b, LINK_LAYER, LINK_BAD);
	link_to(&s, r, a, LINK_LAYER, 0);
	link_to(&s, r, a, LINK_LAYER, LINK_ASIDE);
	link_to(&s, r, a, LINK_REVISION, 0);
	store_repository_end(&s, r);
	assert_int_equal(r->nlinks, 4);
	r = store_repository_add(&s, "two");
	assert_non_null(r);
	link_to(&s, r, b, LINK_REVISION, 0);
	store_repository_end(&s, r);
	assert_int_equal(s.nlinks, 5);

	r = &s.repositories[0];
	assert_int_equal(store_link_find(&s, r, a, LINK_REVISION), 0);
	assert_int_equal(store_link_find(&s, r, a, LINK_LAYER), 1);
	assert_int_equal(s.links[1].flags, LINK_ASIDE_TOO);
	assert_int_equal(store_link_find(&s, r, b, LINK_LAYER), 2);
	assert_int_equal(s.links[2].flags, LINK_BAD | LINK_ASIDE_TOO);
	assert_int_equal(store_link_find(&s, r, c, LINK_LAYER), 3);
	assert_int_equal(s.links[3].flags, LINK_ASIDE);
	assert_int_equal(store_link_find(&s, r, b, LINK_REVISION), STORE_NONE); /* that is the other's */
	assert_int_equal(store_link_find(&s, &s.repositories[1], b, LINK_REVISION), 4);
	assert_int_equal(store_link_find(&s, &s.repositories[1], b, LINK_LAYER), STORE_NONE);
	store_done(&s);
}

static void test_repositories_are_found(void **state)
{
	static const char *const names[] = {"a",   "a/b", "a/b/c", "a-b",
					    "a.b", "a0",  "b"}; /* sorted: '/' first */
	struct store s;

	(void)state;
	store_init(&s);
	for (uint32_t i = 0; i < 7; i++) {
		struct store_repository *r = store_repository_add(&s, names[i]);

		assert_non_null(r);
		store_repository_end(&s, r);
	}
	for (uint32_t i = 0; i < 7; i++)
		assert_int_equal(store_repository_find(&s, names[i]), i);
	assert_int_equal(store_repository_find(&s, "a/"), STORE_NONE);
	assert_int_equal(store_repository_find(&s, "aa"), STORE_NONE);
	assert_int_equal(store_repository_find(&s, ""), STORE_NONE);
	store_done(&s);
}

static void test_tags_sort_and_keep_their_entries(void **state)
{
	const struct store_upload upload = {.id = (char *)"u", .size = 7};
	struct store_repository *r;
	struct store s;
	char name[16];

	(void)state;
	store_init(&s);
	r = store_repository_add(&s, "one");
	assert_non_null(r);
	for (uint32_t i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "t%02u", 99 - i);
		assert_int_equal(store_tag_add(r, name, i, 0), 0);
		for (uint32_t k = 0; k < i; k++)
			assert_int_equal(store_entry_add(&r->tags[i], k, k), 0);
	}
	assert_int_equal(store_upload_add(r, &upload), 0);
	store_repository_end(&s, r);
	for (uint32_t i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "t%02u", i);
		assert_string_equal(r->tags[i].name, name);
		assert_int_equal(r->tags[i].nentries, 99 - i);
		if (i < 99)
			assert_int_equal(r->tags[i].entries[98 - i].blob, 98 - i);
	}
	assert_int_equal(r->uploads[0].size, 7);
	store_done(&s);
}

static void test_aliases(void **state)
{
	struct store_repository *r;
	struct store s;

	(void)state;
	store_init(&s);
	r = store_repository_add(&s, "one");
	assert_non_null(r);
	assert_int_equal(store_target(r, 3), 3);
	for (uint32_t i = 10; i > 0; i--)
		assert_int_equal(store_alias_add(r, 2 * i, 1000 + i), 0);
	store_repository_end(&s, r);
	for (uint32_t i = 1; i <= 10; i++) {
		assert_int_equal(store_target(r, 2 * i), 1000 + i);
		assert_int_equal(store_target(r, 2 * i + 1), 2 * i + 1);
	}
	store_done(&s);
}

static void test_the_first_reason_stays(void **state)
{
	struct store_repository *r;
	struct store s;

	(void)state;
	store_init(&s);
	r = store_repository_add(&s, "one");
	assert_non_null(r);
	assert_int_equal(store_unsure(r, "first \033[1m%d", 1), 0);
	assert_int_equal(store_unsure(r, "second"), 0);
	assert_string_equal(r->unsure, "first  [1m1");
	assert_int_equal(store_blind(&s, "%s", "dark"), 0);
	assert_string_equal(s.blind, "dark");
	store_done(&s);
}

static void test_problems(void **state)
{
	const struct problem one = {
		.kind = PROBLEM_LAYER_MISSING, .repository = (char *)"b", .tag = (char *)"v1"};
	const struct problem two = {.kind = PROBLEM_ORPHAN_LINK, .repository = (char *)"a"};
	const struct problem three = {.kind = PROBLEM_STRAY, .path = (char *)"blobs/a\nb"};
	struct problems p = {0};

	(void)state;
	assert_int_equal(problems_add(&p, &one, "layer %d", 1), 0);
	assert_int_equal(problems_add(&p, &two, "orphan"), 0);
	assert_int_equal(problems_add(&p, &three, "stray\007"), 0);
	problems_sort(&p);
	assert_int_equal(p.count, 3);
	assert_int_equal(p.nproblems, 1);
	assert_int_equal(p.nnotes, 2);
	assert_string_equal(p.items[0].path, "blobs/a b");
	assert_string_equal(p.items[0].text, "stray ");
	assert_string_equal(p.items[1].repository, "a");
	assert_string_equal(p.items[2].text, "layer 1");
	for (int i = 0; i < PROBLEM_KINDS; i++)
		assert_non_null(problem_name((enum problem_kind)i));
	for (size_t i = 0; i < PROBLEMS_MAX; i++)
		assert_int_equal(problems_add(&p, &two, "more"), 0);
	assert_int_equal(p.count, PROBLEMS_MAX / 2 + 1); /* notes leave room */
	assert_int_equal(p.nnotes, PROBLEMS_MAX + 2);
	for (size_t i = 0; i < PROBLEMS_MAX; i++)
		assert_int_equal(problems_add(&p, &one, "more"), 0);
	assert_int_equal(p.count, PROBLEMS_MAX);
	assert_int_equal(p.nproblems, PROBLEMS_MAX + 1);
	problems_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blobs_have_one_number_each),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_repositories_are_found),
		cmocka_unit_test(test_tags_sort_and_keep_their_entries),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_the_first_reason_stays),
		cmocka_unit_test(test_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
