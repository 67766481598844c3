/* SPDX-License-Identifier: MIT */
/* Blobs and their ranges, over a scripted registry. That a registry may ignore a range is http.c's matter. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

#define BODY "0123456789"

static char digest[REG_DIGEST_MAX], request[200];
static struct reg_digest name;

static int setup(void **state)
{
	(void)state;
	digest_of(BODY, digest);
	assert_true(reg_digest_parse(digest, &name));
	snprintf(request, sizeof(request), "GET /v2/a/blobs/%s", digest);
	return 0;
}

static void whole(void **state)
{
	static const struct {
		const char *why;
		int status, fails;
		const char *body;
		size_t max;
		int err;
		const char *words;
	} cases[] = {
		{"as it is named", 200, 0, BODY, 100, 0, NULL},
		{"just as large as may be", 200, 0, BODY, 10, 0, NULL},
		{"larger", 200, 0, BODY, 9, -EFBIG, "larger"},
		{"other bytes", 200, 0, "0123456780", 100, -EBADMSG, "hashes to sha256:"},
		{"cut off", 200, 0, "012345678", 100, -EBADMSG, "hashes to"},
		{"empty", 200, 0, "", 100, -EBADMSG, "restart the registry"},
		{"not there", 404, 0, NULL, 100, -ENOENT, NULL},
		{"the network", 0, -ETIMEDOUT, NULL, 100, -ETIMEDOUT, NULL},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const struct script_row row = {
			.request = request, .status = cases[k].status, .err = cases[k].fails,
				.body = cases[k].body,
		};
		struct script *s = script_start(&row, 1, NULL, NULL);
		struct answer a;
		const struct reg_call call = answer_call(&a, s, 0);

		check(reg_blob(script_client(s), "a", &name, cases[k].max, &call), cases[k].why);
		answer_wait(&a);
		script_finish(s);
		check_int(a.err, cases[k].err, cases[k].why);
		check(!cases[k].words || strstr(a.error.msg, cases[k].words), cases[k].why);
		check_int(a.has_bytes, a.err == 0, cases[k].why);
		if (a.has_bytes)
			check_text(a.bytes, BODY, cases[k].why);
		if (a.err == 0)
			check_text(a.digest_text, digest, cases[k].why);
	}
}

static void range(void **state)
{
	static const struct {
		const char *why;
		uint64_t size, offset;
		size_t length;
		const char *asked; /* NULL: nothing is sent */
		int status;
		const char *headers, *body;
		int err;
	} cases[] = {
		{"from the middle", 10, 2, 3, "2+3", 206, "Content-Range: bytes 2-4/10\n", "234", 0},
		{"of an unknown whole", 10, 2, 3, "2+3", 206, "Content-Range: bytes 2-4/*\n", "234", 0},
		{"clamped", 10, 8, 100, "8+2", 206, "Content-Range: bytes 8-9/10\n", "89", 0},
		{"clamped, no overflow", 10, 1, SIZE_MAX, "1+9", 206, "Content-Range: bytes 1-9/10\n",
		 "123456789", 0},
		{"at the end", 10, 10, 1, NULL, 0, NULL, "", 0},
		{"past the end", 10, UINT64_MAX, 1, NULL, 0, NULL, "", 0},
		{"nothing", 10, 2, 0, NULL, 0, NULL, "", 0},
		{"of an empty blob", 0, 0, 5, NULL, 0, NULL, "", 0},
		{"skipped through", 10, 2, 3, "2+3", 200, NULL, "234", 0},
		{"another range", 10, 2, 3, "2+3", 206, "Content-Range: bytes 3-5/10\n", "345", -EIO},
		{"no word of which", 10, 2, 3, "2+3", 206, NULL, "234", -EIO},
		{"nonsense", 10, 2, 3, "2+3", 206, "Content-Range: bytes */10\n", "234", -EIO},
		{"too short", 10, 2, 3, "2+3", 206, "Content-Range: bytes 2-3/10\n", "23", -EIO},
		{"empty", 10, 2, 3, "2+3", 206, "Content-Range: bytes 2-4/10\n", NULL, -EIO},
		{"too long", 10, 2, 3, "2+3", 206, "Content-Range: bytes 2-5/10\n", "2345", -EFBIG},
		{"refused", 10, 2, 3, "2+3", 416, NULL, NULL, -EIO},
		{"not there", 10, 2, 3, "2+3", 404, NULL, NULL, -ENOENT},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const struct script_row row = {
			.request = request, .range = cases[k].asked, .status = cases[k].status,
			.headers = cases[k].headers, .body = cases[k].body,
		};
		struct script *s = script_start(&row, cases[k].asked ? 1 : 0, NULL, NULL);
		struct answer a;
		const struct reg_call call = answer_call(&a, s, 0);

		check(reg_blob_range(script_client(s), "a", &name, cases[k].size, cases[k].offset,
			cases[k].length, &call),
		      cases[k].why);
		answer_wait(&a);
		script_finish(s);
		check_int(a.err, cases[k].err, cases[k].why);
		check_int(a.has_bytes, a.err == 0, cases[k].why);
		if (a.has_bytes)
			check_text(a.bytes, cases[k].body, cases[k].why);
	}
}

static void ask(struct script *s, size_t max, struct answer *a)
{
	const struct reg_call call = answer_call(a, s, 0);

	assert_true(reg_blob(script_client(s), "a", &name, max, &call));
}

/* What was read is kept, but for nobody who has no room for it. */
static void from_memory(void **state)
{
	const struct script_row rows[] = {
		{.request = request, .status = 200, .body = BODY, .times = 2},
		{.request = request, .range = "0+3", .status = 206,
		 .headers = "Content-Range: bytes 0-2/10\n", .body = "012"},
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;
	struct reg_call call;

	(void)state;
	call = answer_call(&a, s, 0); /* a range is not the blob */
	assert_true(reg_blob_range(script_client(s), "a", &name, 10, 0, 3, &call));
	answer_wait(&a);
	ask(s, 100, &a);
	answer_wait(&a);
	ask(s, 50, &a);
	answer_wait(&a);
	assert_string_equal(a.bytes, BODY);
	ask(s, 5, &a);
	answer_wait(&a);
	assert_int_equal(a.err, -EFBIG);
	script_finish(s);
}

/* Two calls for one blob, of which one has room for it. */
static void different_room(void **state)
{
	const struct script_row row = {.request = request, .status = 200, .body = BODY, .held = 1,
		.times = 2};
	struct script *s = script_start(&row, 1, NULL, NULL);
	struct answer small, large;

	(void)state;
	ask(s, 5, &small);
	ask(s, 50, &large);
	script_wait_sent(s, 2);
	script_release(s);
	answer_wait(&small);
	answer_wait(&large);
	script_finish(s);
	assert_int_equal(small.err, -EFBIG);
	assert_int_equal(large.err, 0);
}

static void head(void **state)
{
	static const struct {
		const char *why;
		int status, fails, err;
		const char *headers;
		uint64_t size;
	} cases[] = {
		{"there", 200, 0, 0, "Content-Length: 10\n", 10},
		{"of a size that is not said", 200, 0, 0, NULL, UINT64_MAX},
		{"not there", 404, 0, -ENOENT, NULL, 0},
		{"the network", 0, -ETIMEDOUT, -ETIMEDOUT, NULL, 0},
	};
	char asked[210];

	(void)state;
	snprintf(asked, sizeof(asked), "HEAD /v2/a/blobs/%s", digest);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const struct script_row row = {
			.request = asked, .status = cases[k].status, .err = cases[k].fails,
			.headers = cases[k].headers,
		};
		struct script *s = script_start(&row, 1, NULL, NULL);
		struct answer a;
		const struct reg_call call = answer_call(&a, s, 0);

		check(reg_blob_head(script_client(s), "a", &name, &call), cases[k].why);
		answer_wait(&a);
		script_finish(s);
		check_int(a.err, cases[k].err, cases[k].why);
		check(!a.has_bytes, cases[k].why);
		if (!a.err)
			check_int(a.size, cases[k].size, cases[k].why);
	}
}

/* That it was there once says nothing about now: each is asked again, past memory. */
static void fresh(void **state)
{
	char asked[210];
	const struct script_row rows[] = {
		{.request = request, .status = 200, .body = BODY},
		{.request = request, .fresh = true, .status = 404},
		{.request = asked, .fresh = true, .status = 404},
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;
	struct reg_call call;

	(void)state;
	snprintf(asked, sizeof(asked), "HEAD /v2/a/blobs/%s", digest);
	ask(s, 100, &a);
	answer_wait(&a);
	assert_int_equal(a.err, 0);
	call = answer_call(&a, s, REG_FRESH);
	assert_true(reg_blob(script_client(s), "a", &name, 100, &call));
	answer_wait(&a);
	assert_int_equal(a.err, -ENOENT);
	call = answer_call(&a, s, REG_FRESH);
	assert_true(reg_blob_head(script_client(s), "a", &name, &call));
	answer_wait(&a);
	assert_int_equal(a.err, -ENOENT);
	script_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole), cmocka_unit_test(range), cmocka_unit_test(from_memory),
		cmocka_unit_test(different_room), cmocka_unit_test(head), cmocka_unit_test(fresh),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
