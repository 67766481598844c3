/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static int parse(const char *text, struct reg_config *c)
{
	return reg_config_parse(text, strlen(text), c, NULL);
}

static void dates(void **state)
{
	static const struct {
		const char *text;
		bool created, history;
		long long created_sec, history_sec;
		const char *why;
	} cases[] = {
		{"{\"created\":\"2023-05-04T17:37:03.5Z\"}", true, false, 1683221823, 0, "created"},
		{"{\"created\":\"0001-01-01T00:00:00Z\"}", true, false, -62135596800, 0,
		 "judged by the caller"},
		{"{\"created\":\"yesterday\"}", false, false, 0, 0, "no date"},
		{"{\"created\":1683221823}", false, false, 0, 0, "a number"},
		{"{\"created\":null}", false, false, 0, 0, "null"},
		{"{\"Created\":\"2023-05-04T17:37:03Z\"}", false, false, 0, 0, "another name"},
		{"{}", false, false, 0, 0, "empty"},
		{"{\"history\":[{\"created\":\"2020-01-01T00:00:00Z\"},{\"created\":\"2021-01-01T00:00:00Z\"},"
		 "{\"created\":\"2019-01-01T00:00:00Z\"}]}",
		 false, true, 0, 1609459200, "newest in the middle"},
		{"{\"history\":[{\"created\":\"1960-01-01T00:00:00Z\"}]}", false, true, 0, -315619200,
		 "before the epoch"},
		{"{\"history\":[{},null,[],{\"created\":7},{\"created\":\"x\"}]}", false, false, 0, 0,
		 "no dates in it"},
		{"{\"history\":null,\"created\":\"1970-01-01T00:00:00Z\"}", true, false, 0, 0,
		 "null history"},
		{"{\"history\":{\"a\":{\"created\":\"2020-01-01T00:00:00Z\"}}}", false, false, 0, 0,
		 "history no array"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_config c;

		check_int(parse(cases[i].text, &c), 0, cases[i].why);
		check_int(c.has_created, cases[i].created, cases[i].why);
		check_int(c.has_history, cases[i].history, cases[i].why);
		check_int(c.created.tv_sec, cases[i].created_sec, cases[i].why);
		check_int(c.history.tv_sec, cases[i].history_sec, cases[i].why);
		reg_config_done(&c);
	}
}

static void rest(void **state)
{
	struct reg_config c;

	(void)state;
	assert_int_equal(
		parse("{\"os\":\"linux\",\"architecture\":\"arm\",\"variant\":\"v7\",\"config\":{\"Labels\":"
		      "{\"a\":\"1\",\"b\":2,\"c\":\"two\\nlines\"}}}",
		      &c),
		0);
	assert_string_equal(c.platform.os, "linux");
	assert_string_equal(c.platform.architecture, "arm");
	assert_string_equal(c.platform.variant, "v7");
	assert_int_equal(c.labels.count, 2);
	assert_string_equal(reg_pairs_get(&c.labels, "a"), "1");
	assert_string_equal(reg_pairs_get(&c.labels, "c"), "two\nlines");
	reg_config_done(&c);
	assert_int_equal(c.labels.count, 0);
	assert_int_equal(parse("{\"config\":null}", &c), 0);
	assert_int_equal(c.labels.count, 0);
	reg_config_done(&c);
	assert_int_equal(parse("{\"config\":{\"Labels\":null}}", &c), 0);
	assert_int_equal(parse("{\"config\":{\"Labels\":[\"x\"]}}", &c), 0);
	assert_int_equal(c.labels.count, 0);
	assert_int_equal(parse("{\"config\":{\"Labels\":{\"a\":1,\"b\":null}}}", &c), 0);
	assert_int_equal(c.labels.count, 0);
	assert_int_equal(parse("{\"os\":\"a b\",\"architecture\":[]}", &c), 0);
	assert_string_equal(c.platform.os, "");
	assert_string_equal(c.platform.architecture, "");
}

static void refused(void **state)
{
	static const char *const cases[] = {"",  "[]",  "null", "\"x\"",
					    "{", "{}x", "MZ",   "{\"a\":\"\\u0000\"}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_config c = {.created = {.tv_sec = 42}};
		struct reg_error e = {0};

		check_int(reg_config_parse(cases[i], strlen(cases[i]), &c, &e), -EBADMSG, cases[i]);
		check_int(e.err, -EBADMSG, cases[i]);
		check(e.msg[0], cases[i]);
		check_int(c.created.tv_sec, 42, cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates),
		cmocka_unit_test(rest),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
