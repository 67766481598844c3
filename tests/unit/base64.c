/* SPDX-License-Identifier: MIT */
#include "credentials.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void both_ways(void **state)
{
	static const struct {
		const char *plain;
		size_t size;
		const char *text;
	} cases[] = {
		{"", 0, ""},
		{"f", 1, "Zg=="},
		{"fo", 2, "Zm8="},
		{"foo", 3, "Zm9v"},
		{"foob", 4, "Zm9vYg=="},
		{"fooba", 5, "Zm9vYmE="},
		{"foobar", 6, "Zm9vYmFy"},
		{"\0\0\0", 3, "AAAA"},
		{"\xff\xfe\xfd\xfb\xf0", 5, "//79+/A="},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *text = reg_base64_encode(cases[i].plain, cases[i].size), *plain;
		size_t size = 99;

		check_text(text, cases[i].text, cases[i].text);
		plain = reg_base64_decode(cases[i].text, &size);
		check(plain, cases[i].text);
		check_int(size, cases[i].size, cases[i].text);
		check(memcmp(plain, cases[i].plain, size) == 0 && plain[size] == '\0', cases[i].text);
		free(text);
		free(plain);
	}
}

static void refused(void **state)
{
	static const char *const cases[] = {
		"Z",    "Zg",     "Zg=",   "Zm9vY", "=",    "==",   "====",       "Z===",     "Zg==Zg==",
		"Zg=v", "Zm9v\n", " Zm9v", "Zm 9",  "Zm9-", "Zm9_", "Zm\xc3\xa4", "Zm9v====", NULL,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = 99;

		check(!reg_base64_decode(cases[i], &size), cases[i] ? cases[i] : "NULL");
		check_int(size, 99, cases[i] ? cases[i] : "NULL");
	}
}

static void every_byte(void **state)
{
	unsigned char all[256];
	char *text, *plain;
	size_t size;

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	text = reg_base64_encode(all, sizeof(all));
	plain = reg_base64_decode(text, &size);
	assert_int_equal(size, sizeof(all));
	assert_memory_equal(plain, all, sizeof(all));
	free(text);
	free(plain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(refused),
		cmocka_unit_test(every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
