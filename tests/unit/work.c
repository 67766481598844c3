/* SPDX-License-Identifier: MIT */
/* Calls and what they share, over a scripted registry. */
#include <errno.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

#define LIST(path, ...)                                                                                      \
	{                                                                                                    \
		.request = "GET " path, .status = 200, .body = "{\"tags\":[\"1\"]}", __VA_ARGS__             \
	}

static const struct script_row held[] = {LIST("/v2/a/tags/list?n=1000", .held = 1)};

static uint64_t ask(struct script *s, struct answer *a, unsigned flags)
{
	const struct reg_call call = answer_call(a, s, flags);
	const uint64_t number = reg_tags(script_client(s), "a", NULL, &call);

	assert_true(number);
	return number;
}

static void check_once(const struct answer *a, int err)
{
	assert_int_equal(a->times, 1);
	assert_int_equal(a->err, err);
}

static void joined(void **state)
{
	struct script *s = script_start(held, 1, NULL, NULL);
	struct answer a[5];

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(a); k++)
		ask(s, &a[k], k % 2 ? REG_AHEAD : 0);
	script_settle(s);
	assert_int_equal(script_sent(s), 1);
	script_release(s);
	for (size_t k = 0; k < ARRAY_SIZE(a); k++)
		answer_wait(&a[k]);
	script_finish(s);
	for (size_t k = 0; k < ARRAY_SIZE(a); k++) {
		check_once(&a[k], 0);
		assert_string_equal(a[k].names, "1");
	}
}

/* What differs in any way is not shared. */
static void apart(void **state)
{
	static const struct script_row rows[] = {
		LIST("/v2/a/tags/list?n=1000"), LIST("/v2/b/tags/list?n=1000"),
		LIST("/v2/a/tags/list?n=2"),    LIST("/v2/a/tags/list?n=2&last=1"),
		LIST("/v2/a/manifests/1"),      LIST("/v2/a/manifests/2"),
		{.request = "HEAD /v2/a/manifests/1", .status = 200,
		 .headers = "Docker-Content-Digest: "
			    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"},
	};
	static const struct reg_page pages[] = {{2, NULL}, {2, "1"}};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct reg_client *c = script_client(s);
	struct answer a[7];
	struct reg_call calls[7];

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(a); k++)
		calls[k] = answer_call(&a[k], s, 0);
	assert_true(reg_tags(c, "a", NULL, &calls[0]));
	assert_true(reg_tags(c, "b", NULL, &calls[1]));
	assert_true(reg_tags(c, "a", &pages[0], &calls[2]));
	assert_true(reg_tags(c, "a", &pages[1], &calls[3]));
	assert_true(reg_manifest(c, "a", "1", NULL, &calls[4]));
	assert_true(reg_manifest_head(c, "a", "1", &calls[5]));
	assert_true(reg_manifest(c, "a", "2", NULL, &calls[6]));
	for (size_t k = 0; k < ARRAY_SIZE(a); k++) {
		answer_wait(&a[k]);
		check_once(&a[k], 0);
	}
	script_finish(s);
}

/*
 * Who asks anew gets an answer of their own: what was under way before may have been answered already. Who comes
 * then shares the old one, as if nobody had.
 */
static void fresh(void **state)
{
	static const struct script_row rows[] = {
		LIST("/v2/a/tags/list?n=1000", .held = 2),
		{.request = "GET /v2/a/tags/list?n=1000", .fresh = true, .status = 200,
		 .body = "{\"tags\":[\"2\"]}", .held = 1, .times = 2},
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer before, anew[2], after;

	(void)state;
	ask(s, &before, REG_AHEAD);
	ask(s, &anew[0], REG_FRESH);
	ask(s, &anew[1], REG_FRESH | REG_AHEAD);
	ask(s, &after, REG_AHEAD);
	script_wait_sent(s, 3);
	script_settle(s);
	assert_int_equal(script_sent(s), 3);
	assert_int_equal(script_urged(s), 0); /* nor is it urged by who asks anew */
	script_release(s);
	for (size_t k = 0; k < ARRAY_SIZE(anew); k++) {
		answer_wait(&anew[k]);
		check_once(&anew[k], 0);
		assert_string_equal(anew[k].names, "2");
	}
	assert_int_equal(before.times, 0);
	script_release(s);
	answer_wait(&before);
	answer_wait(&after);
	script_finish(s);
	check_once(&before, 0);
	check_once(&after, 0);
	assert_string_equal(before.names, "1");
	assert_string_equal(after.names, "1");
}

static void cancel_one_of_two(void **state)
{
	struct script *s = script_start(held, 1, NULL, NULL);
	struct answer a, b;
	uint64_t number;

	(void)state;
	number = ask(s, &a, 0);
	ask(s, &b, 0);
	reg_cancel(script_client(s), number);
	reg_cancel(script_client(s), number);
	answer_wait(&a);
	check_once(&a, -ECANCELED);
	assert_int_equal(script_cancelled(s), 0);
	script_release(s);
	answer_wait(&b);
	script_finish(s);
	check_once(&a, -ECANCELED);
	check_once(&b, 0);
}

static void cancel_the_last(void **state)
{
	static const struct script_row rows[] = {
		LIST("/v2/a/tags/list?n=1000", .held = 1),
		LIST("/v2/a/tags/list?n=1000"),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a, b;
	uint64_t first, second;

	(void)state;
	first = ask(s, &a, 0);
	second = ask(s, &b, REG_AHEAD);
	script_wait_sent(s, 1);
	reg_cancel(script_client(s), first);
	reg_cancel(script_client(s), second);
	answer_wait(&a);
	answer_wait(&b);
	script_settle(s);
	assert_int_equal(script_cancelled(s), 1);
	check_once(&a, -ECANCELED);
	check_once(&b, -ECANCELED);
	ask(s, &a, 0); /* begins anew */
	answer_wait(&a);
	script_finish(s);
	check_once(&a, 0);
}

static void cancel_in_a_pause(void **state)
{
	static const struct script_row rows[] = {{.request = "GET /v2/a/tags/list?n=1000", .status = 503}};
	struct script *s = script_start(rows, 1, NULL, NULL);
	struct answer a;
	uint64_t number;

	(void)state;
	script_hold_timers(true);
	number = ask(s, &a, 0);
	script_wait_sent(s, 1);
	reg_cancel(script_client(s), number);
	answer_wait(&a);
	script_finish(s);
	check_once(&a, -ECANCELED);
}

static void cancel_too_late(void **state)
{
	static const struct script_row rows[] = {LIST("/v2/a/tags/list?n=1000")};
	struct script *s = script_start(rows, 1, NULL, NULL);
	struct answer a;
	const uint64_t number = ask(s, &a, 0);

	(void)state;
	answer_wait(&a);
	reg_cancel(script_client(s), number);
	reg_urge(script_client(s), number);
	reg_cancel(script_client(s), 0);
	reg_cancel(script_client(s), 12345);
	reg_urge(script_client(s), 0);
	script_settle(s);
	script_finish(s);
	check_once(&a, 0);
}

static void urge(void **state)
{
	/* Who makes a call that is fetched ahead one that is waited for: nobody, reg_urge(), another call. */
	static const struct {
		bool urge, join;
		unsigned flags, want;
	} cases[] = {
		{false, false, 0, 0},        {true, false, 0, 1}, {false, true, 0, 1},
		{false, true, REG_AHEAD, 0}, {true, true, 0, 1},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct script *s = script_start(held, 1, NULL, NULL);
		struct answer a, b;
		const uint64_t number = ask(s, &a, REG_AHEAD);

		if (cases[k].urge)
			reg_urge(script_client(s), number);
		if (cases[k].join)
			ask(s, &b, cases[k].flags);
		script_settle(s);
		assert_int_equal(script_urged(s), cases[k].want);
		script_release(s);
		answer_wait(&a);
		script_finish(s);
		check_once(&a, 0);
	}
}

static void end(void **state)
{
	static const struct script_row rows[] = {
		LIST("/v2/a/tags/list?n=1000", .held = 1),
		LIST("/v2/a/manifests/1", .held = 1),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a[3];
	struct reg_call call = answer_call(&a[2], s, 0);

	(void)state;
	ask(s, &a[0], 0);
	ask(s, &a[1], REG_AHEAD);
	assert_true(reg_manifest(script_client(s), "a", "1", NULL, &call));
	script_end(s);
	for (size_t k = 0; k < ARRAY_SIZE(a); k++)
		check_once(&a[k], -ECANCELED);
	script_finish(s);
}

struct again {
	struct reg_client *client;
	struct answer answer;
	struct reg_call call;
	uint64_t first, second;
	unsigned times;
};

static void on_answer_ask_again(void *data, const struct reg_result *result)
{
	struct again *again = data;

	(void)result;
	again->times++;
	again->second = reg_tags(again->client, "b", NULL, &again->call);
	reg_cancel(again->client, again->first);
}

/* A callback that asks again while the client ends is refused: nothing would answer it. */
static void ask_while_ending(void **state)
{
	struct script *s = script_start(held, 1, NULL, NULL);
	struct again again = {.client = script_client(s)};
	const struct reg_call call = {on_answer_ask_again, &again, 0};

	(void)state;
	again.call = answer_call(&again.answer, s, 0);
	again.first = reg_tags(again.client, "a", NULL, &call);
	assert_true(again.first);
	script_wait_sent(s, 1);
	script_finish(s);
	assert_int_equal(again.times, 1);
	assert_int_equal(again.second, 0);
	assert_int_equal(again.answer.times, 0);
}

/* A callback may ask the same again: that is a new question. */
static void ask_in_callback(void **state)
{
	static const struct script_row rows[] = {
		LIST("/v2/a/tags/list?n=1000"),
		LIST("/v2/b/tags/list?n=1000"),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct again again = {.client = script_client(s)};
	const struct reg_call call = {on_answer_ask_again, &again, 0};

	(void)state;
	again.call = answer_call(&again.answer, s, 0);
	assert_true(reg_tags(again.client, "a", NULL, &call));
	answer_wait(&again.answer);
	script_finish(s);
	check_once(&again.answer, 0);
	assert_true(again.second);
}

static void refused_names(void **state)
{
	static const char *const repositories[] = {"",       "A",   "a/",    "/a",    "a//b", "..",
						   "a/../b", "a b", "a?x=1", "a%2fb", "a\nb", "_catalog"};
	static const char *const references[] = {"",         ".",   "..",  "a/b", "-a",
						 "sha256:1", "a b", "a?b", "a#b", "a\r\n"};
	struct script *s = script_start(NULL, 0, NULL, NULL);
	struct reg_client *c = script_client(s);
	const struct reg_digest d = {.algorithm = REG_SHA256};
	struct reg_bytes *bytes = reg_bytes_copy("{}", 2);
	struct answer a[9];
	struct reg_call calls[9];

	(void)state;
	assert_non_null(bytes);
	for (size_t k = 0; k < ARRAY_SIZE(repositories); k++) {
		for (size_t i = 0; i < ARRAY_SIZE(a); i++)
			calls[i] = answer_call(&a[i], s, 0);
		assert_true(reg_tags(c, repositories[k], NULL, &calls[0]));
		assert_true(reg_manifest(c, repositories[k], "v1", NULL, &calls[1]));
		assert_true(reg_manifest_head(c, repositories[k], "v1", &calls[2]));
		assert_true(reg_blob(c, repositories[k], &d, 100, &calls[3]));
		assert_true(reg_blob_range(c, repositories[k], &d, 10, 0, 10, &calls[4]));
		assert_true(reg_referrers(c, repositories[k], &d, &calls[5]));
		assert_true(reg_blob_head(c, repositories[k], &d, &calls[6]));
		assert_true(reg_manifest_put(c, repositories[k], "v1", "a/b", bytes, &calls[7]));
		assert_true(reg_manifest_delete(c, repositories[k], "v1", &calls[8]));
		for (size_t i = 0; i < ARRAY_SIZE(a); i++) {
			answer_wait(&a[i]);
			check_once(&a[i], -EINVAL);
			assert_null(strpbrk(a[i].error.msg, "\r\n"));
		}
	}
	for (size_t k = 0; k < ARRAY_SIZE(references); k++) {
		for (size_t i = 0; i < 3; i++)
			calls[i] = answer_call(&a[i], s, 0);
		assert_true(reg_manifest(c, "a", references[k], NULL, &calls[0]));
		assert_true(reg_manifest_put(c, "a", references[k], "a/b", bytes, &calls[1]));
		assert_true(reg_manifest_delete(c, "a", references[k], &calls[2]));
		for (size_t i = 0; i < 3; i++) {
			answer_wait(&a[i]);
			check_once(&a[i], -EINVAL);
		}
	}
	reg_bytes_unref(bytes);
	script_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joined),
		cmocka_unit_test(apart),
		cmocka_unit_test(fresh),
		cmocka_unit_test(cancel_one_of_two),
		cmocka_unit_test(cancel_the_last),
		cmocka_unit_test(cancel_in_a_pause),
		cmocka_unit_test(cancel_too_late),
		cmocka_unit_test(urge),
		cmocka_unit_test(end),
		cmocka_unit_test(ask_while_ending),
		cmocka_unit_test(ask_in_callback),
		cmocka_unit_test(refused_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
