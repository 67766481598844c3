/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "util/buf.h"

static void parse(void **state)
{
	static const struct {
		const char *text;
		size_t size; /* 0: the whole string */
		bool valid;
		const char *why;
	} cases[] = {
		{"{}", 0, true, "object"},
		{"[]", 0, true, "array"},
		{"\"a\"", 0, true, "string"},
		{"1", 0, true, "number"},
		{"null", 0, true, "null"},
		{" \r\n\t{ } \r\n\t", 0, true, "white space"},
		{"\xef\xbb\xbf{}", 0, true, "byte order mark"},
		{"{}x", 2, true, "only what size says"},
		{"{\"a\":1}", 6, false, "cut off"},
		{"", 0, false, "empty"},
		{" ", 0, false, "space alone"},
		{"{}{}", 0, false, "two documents"},
		{"{}x", 0, false, "text behind"},
		{"{},", 0, false, "comma behind"},
		{"{}\0", 3, false, "NUL behind"},
		{"{\"a\":\"b\0c\"}", 11, false, "NUL in a string"},
		{"{\"a\0b\":1}", 9, false, "NUL in a name"},
		{"{\"a\":\"b\\u0000c\"}", 0, false, "escaped NUL in a string"},
		{"{\"a\\u0000b\":1}", 0, false, "escaped NUL in a name"},
		{"{\"a\":\"b\\\\u0000c\"}", 0, true, "escaped backslash before u0000"},
		{"{\"a\":\"b\\\\\\u0000c\"}", 0, false, "escaped backslash before an escaped NUL"},
		{"{\"a\":\"\\u00e4\\u20ac\"}", 0, true, "other escapes"},
		{"{\"a\":\"\\ud800\"}", 0, false, "half a surrogate pair"},
		{"{\"a\":\"x\ny\"}", 0, false, "line feed in a string"},
		{"{\"a\":\"x\x1by\"}", 0, false, "escape character in a string"},
		{"{\x01}", 0, false, "control outside of strings"},
		{"{\"a\":\"[[[[\"}", 0, true, "brackets in a string do not nest"},
		{"{\"a\":\"\\\"}]\"}", 0, true, "escaped quote"},
		{"\"", 0, false, "string without an end"},
		{"\"\\", 0, false, "escape without an end"},
		{"\"\\\"", 0, false, "string that ends in an escape"},
		{"[1", 0, false, "array without an end"},
		{"1]", 0, false, "end without a beginning"},
		{"[}", 0, false, "mixed up"},
		{"{a:1}", 0, false, "name without quotes"},
		{"{\"a\" 1}", 0, false, "no colon"},
		{"[1,]", 0, false, "comma last"},
		{"[NaN]", 0, false, "NaN"},
		{"{'a':1}", 0, false, "wrong quotes"},
		{"// x\n{}", 0, false, "comment"},
		{"\x1f\x8b\x08", 0, false, "gzip"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const size_t size = cases[i].size ? cases[i].size : strlen(cases[i].text);
		char *copy = malloc(
			size ? size : 1); /* without a NUL behind, so that a sanitizer sees what is read */
		struct json *j;

		memcpy(copy, cases[i].text, size);
		j = json_parse(copy, size);
		check_int(j != NULL, cases[i].valid, cases[i].why);
		json_free(j);
		free(copy);
	}
	assert_null(json_parse(NULL, 0));
}

static void nesting(void **state)
{
	char text[2 * 65];
	struct json *j;

	(void)state;
	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	j = json_parse(text, 128);
	assert_non_null(j);
	json_free(j);
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	assert_null(json_parse(text, 130));
}

/* 6 MiB that would become 300 MiB. */
static void many_values(void **state)
{
	const size_t size = (6 << 20) + 1;
	char *text = malloc(size);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < size; i += 2) {
		text[i] = '0';
		if (i + 1 < size)
			text[i + 1] = ',';
	}
	text[0] = '[';
	text[1] = '0';
	text[2] = ',';
	text[size - 1] = ']';
	assert_null(json_parse(text, size));
	free(text);
}

static void members(void **state)
{
	static const char text[] =
		"{\"o\":{\"x\":1},\"a\":[\"p\",2,{}],\"s\":\"text\",\"n\":null,\"Case\":\"upper\",\"\":\"empty\"}";
	struct json *j = json_parse(text, strlen(text));
	const struct json *i;

	(void)state;
	assert_non_null(j);
	assert_true(json_is_object(j));
	assert_false(json_is_array(j));
	assert_non_null(json_object(j, "o"));
	assert_null(json_object(j, "a"));
	assert_non_null(json_array(j, "a"));
	assert_null(json_array(j, "o"));
	assert_string_equal(json_string(j, "s"), "text");
	assert_null(json_string(j, "o"));
	assert_null(json_string(j, "n"));
	assert_null(json_string(j, "S"));
	assert_null(json_string(j, "case"));
	assert_string_equal(json_string(j, "Case"), "upper");
	assert_string_equal(json_string(j, ""), "empty");
	assert_true(json_has(j, "s"));
	assert_false(json_has(j, "n"));
	assert_false(json_has(j, "none"));
	assert_true(json_has_null(j, "n"));
	assert_false(json_has_null(j, "none"));
	assert_string_equal(json_name(json_object(j, "o")), "o");

	i = json_first(json_array(j, "a"));
	assert_string_equal(json_text(i), "p");
	assert_null(json_name(i));
	i = json_next(i);
	assert_null(json_text(i));
	i = json_next(i);
	assert_true(json_is_object(i));
	assert_null(json_first(i));
	assert_null(json_next(i));
	/* An array has no members, even if what is in it has names. */
	assert_null(json_string(json_array(j, "a"), "s"));
	json_free(j);
}

static void nothing(void **state)
{
	int64_t n = 7;

	(void)state;
	assert_null(json_object(NULL, "a"));
	assert_null(json_array(NULL, "a"));
	assert_null(json_string(NULL, "a"));
	assert_false(json_size(NULL, "a", &n));
	assert_false(json_has(NULL, "a"));
	assert_false(json_has_null(NULL, "a"));
	assert_false(json_is_object(NULL));
	assert_false(json_is_array(NULL));
	assert_null(json_text(NULL));
	assert_null(json_name(NULL));
	assert_null(json_first(NULL));
	assert_null(json_next(NULL));
	json_free(NULL);
	json_wipe(NULL);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		long long expected; /* -1: refused */
		const char *why;
	} cases[] = {
		{"0", 0, "zero"},
		{"1234", 1234, "whole"},
		{"1e3", 1000, "whole with an exponent"},
		{"4.0", 4, "whole with a fraction of nothing"},
		{"-0", 0, "minus zero"},
		{"4294967296", 4294967296, "past 32 bits"},
		{"9007199254740992", 9007199254740992, "2^53"},
		{"9007199254740994", -1, "past 2^53"},
		{"9223372036854775808", -1, "2^63"},
		{"18446744073709551616", -1, "2^64"},
		{"1e400", -1, "infinite"},
		{"-1e400", -1, "minus infinite"},
		{"-1", -1, "negative"},
		{"0.5", -1, "not whole"},
		{"\"12\"", -1, "string"},
		{"null", -1, "null"},
		{"true", -1, "truth"},
		{"[1]", -1, "array"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64] = "{\"size\":";
		struct json *j;
		int64_t n = -1;

		strcat(strcat(text, cases[i].text), "}");
		j = json_parse(text, strlen(text));
		check(j, cases[i].why);
		check_int(json_size(j, "size", &n), cases[i].expected >= 0, cases[i].why);
		check_int(n, cases[i].expected, cases[i].why);
		json_free(j);
	}
}

static void wipe(void **state)
{
	static const char text[] = "{\"a\":{\"b\":[\"secret\",{\"c\":\"more\"}]},\"d\":1}";

	(void)state;
	json_wipe(json_parse(text, strlen(text)));
}

static void write_strings(void **state)
{
	static const struct {
		const char *text, *written, *why;
	} cases[] = {
		{"", "\"\"", "empty"},
		{"find", "\"find\"", "plain"},
		{"a b/c~{}[],:", "\"a b/c~{}[],:\"", "what JSON is made of"},
		{"\"", "\"\\\"\"", "quote"},
		{"a\\b\\", "\"a\\\\b\\\\\"", "backslash"},
		{"\n\x01\x1f\x7f", "\"\\u000a\\u0001\\u001f\\u007f\"", "controls"},
		{"\xc3\xa4x", "\"\\u00e4x\"", "two bytes"},
		{"\xe2\x82\xac", "\"\\u20ac\"", "three bytes"},
		{"\xf0\x9f\x98\x80", "\"\\ud83d\\ude00\"", "four bytes"},
		{"\xf4\x8f\xbf\xbf", "\"\\udbff\\udfff\"", "the last code point"},
		{"\xff", "\"\\ufffd\"", "no UTF-8"},
		{"a\xe2\x82", "\"a\\ufffd\\ufffd\"", "cut in two"},
		{"\xe2\x82"
		 "a",
		 "\"\\ufffd\\ufffda\"", "cut in two before another"},
		{"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"", "half a surrogate pair"},
		{"\xc0\xaf", "\"\\ufffd\\ufffd\"", "longer than need be"},
		{"\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"", "past the last code point"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b;
		struct json_writer w = {.out = &b};
		struct json *j;

		buf_init(&b, 1000);
		json_write_text(&w, NULL, cases[i].text);
		check_int(w.err, 0, cases[i].why);
		check_text(b.data, cases[i].written, cases[i].why);
		j = json_parse(b.data, b.size);
		check(j, cases[i].why);
		if (!strstr(cases[i].written, "ufffd"))
			check_text(json_text(j), cases[i].text, cases[i].why);
		json_free(j);
		buf_done(&b);
	}
}

/* Whatever bytes a string has, what is written is one line, is ASCII, and parses. */
static void write_every_byte(void **state)
{
	(void)state;
	for (int first = 1; first < 256; first++) {
		for (int second = 1; second < 256; second++) {
			const char text[] = {(char)first, (char)second, '\0'};
			struct buf b;
			struct json_writer w = {.out = &b};
			struct json *j;

			buf_init(&b, 100);
			json_write_text(&w, NULL, text);
			for (size_t i = 0; i < b.size; i++)
				assert_in_range(b.data[i], ' ', '~');
			j = json_parse(b.data, b.size);
			assert_non_null(json_text(j));
			json_free(j);
			buf_done(&b);
		}
	}
}

static void write_document(void **state)
{
	struct buf b;
	struct json_writer w = {.out = &b};

	(void)state;
	buf_init(&b, 1000);
	json_write_object(&w, NULL);
	json_write_number(&w, "n", -1);
	json_write_text(&w, "none", NULL);
	json_write_array(&w, "a");
	json_write_array_end(&w);
	json_write_array(&w, "b");
	json_write_object(&w, NULL);
	json_write_object_end(&w);
	json_write_object(&w, NULL);
	json_write_text(&w, "x\"", "y");
	json_write_object_end(&w);
	json_write_text(&w, NULL, "z");
	json_write_number(&w, NULL, 9007199254740992);
	json_write_array_end(&w);
	json_write_number(&w, "last", 0);
	json_write_object_end(&w);
	assert_int_equal(w.err, 0);
	assert_string_equal(
		b.data, "{\"n\":-1,\"a\":[],\"b\":[{},{\"x\\\"\":\"y\"},\"z\",9007199254740992],\"last\":0}");
	buf_done(&b);
}

static void write_too_much(void **state)
{
	struct buf b;
	struct json_writer w = {.out = &b};

	(void)state;
	buf_init(&b, 20);
	json_write_array(&w, NULL);
	json_write_text(&w, NULL, "12345678901234567890");
	assert_int_equal(w.err, -EFBIG);
	json_write_text(&w, NULL, "x");
	json_write_array_end(&w);
	assert_int_equal(w.err, -EFBIG);
	assert_string_equal(b.data, "[\"");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(nesting),
		cmocka_unit_test(many_values),
		cmocka_unit_test(members),
		cmocka_unit_test(nothing),
		cmocka_unit_test(sizes),
		cmocka_unit_test(wipe),
		cmocka_unit_test(write_strings),
		cmocka_unit_test(write_every_byte),
		cmocka_unit_test(write_document),
		cmocka_unit_test(write_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
