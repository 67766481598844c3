/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static void parse(void **state)
{
	static const struct {
		const char *text, *expected, *why; /* NULL: not valid */
	} cases[] = {
		{"linux/amd64", "linux/amd64/", "the usual"},
		{"linux/arm64/v8", "linux/arm64/v8", "variant"},
		{"linux/arm/v7", "linux/arm/v7", "variant"},
		{"windows/amd64", "windows/amd64/", "other system"},
		{"linux/x86_64", "linux/amd64/", "the kernel's name for it"},
		{"linux/aarch64", "linux/arm64/", "the kernel's name for it"},
		{"linux/armv7l", "linux/arm/v7", "the kernel's name for it"},
		{"linux/armv7l/v6", "linux/arm/v6", "what is said wins"},
		{"linux", NULL, "system alone"},
		{"", NULL, "empty"},
		{NULL, NULL, "nothing"},
		{"/", NULL, "slash"},
		{"linux/", NULL, "no architecture"},
		{"/amd64", NULL, "no system"},
		{"linux//v8", NULL, "empty architecture"},
		{"linux/arm64/", NULL, "empty variant"},
		{"linux/arm64/v8/x", NULL, "four parts"},
		{"linux /amd64", NULL, "space"},
		{"linux/amd64\n", NULL, "line feed"},
		{"linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, "too long by one"},
		{"linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "linux/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/", "fits"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_platform p = {.os = "untouched"};
		char text[128];

		check_int(reg_platform_parse(cases[i].text, &p), cases[i].expected ? 0 : -EINVAL,
			  cases[i].why);
		snprintf(text, sizeof(text), "%s/%s/%s", p.os, p.architecture, p.variant);
		check_text(text, cases[i].expected ? cases[i].expected : "untouched//", cases[i].why);
	}
}

static void host(void **state)
{
	struct reg_platform p;

	(void)state;
	reg_platform_host(&p);
	assert_string_equal(p.os, "linux");
	assert_true(p.architecture[0]);
#ifdef __x86_64__
	assert_string_equal(p.architecture, "amd64");
	assert_string_equal(p.variant, "");
#endif
#ifdef __aarch64__
	assert_string_equal(p.architecture, "arm64");
#endif
}

static void add(struct reg_document *index, const char *platform)
{
	struct reg_descriptor *d = &index->items[index->nitems++];

	if (strcmp(platform, "attestation") == 0)
		d->attestation = true;
	else if (*platform)
		sscanf(platform, "%31[^/]/%31[^/]/%31[^/]", d->platform.os, d->platform.architecture,
		       d->platform.variant);
}

static void choose(void **state)
{
	static const struct {
		const char *want;
		const char *index[8];
		int expected;
		const char *why;
	} cases[] = {
		{"linux/amd64", {"linux/arm64", "linux/amd64"}, 1, "it is there"},
		{"linux/amd64", {"windows/amd64", "linux/amd64"}, 1, "the system counts"},
		{"linux/amd64", {"attestation", "linux/amd64"}, 1, "an attestation is no image"},
		{"linux/s390x",
		 {"attestation", "linux/amd64", "linux/arm64"},
		 1,
		 "not there: the first image"},
		{"linux/amd64", {"attestation"}, -1, "attestations only"},
		{"linux/amd64", {NULL}, -1, "nothing"},
		{"linux/amd64", {""}, 0, "without platform"},
		{"linux/amd64", {"", "linux/amd64"}, 1, "without platform, but another has it"},
		{"linux/arm64", {"linux/arm64/v8"}, 0, "arm64 is v8"},
		{"linux/arm64/v8", {"linux/amd64", "linux/arm64"}, 1, "v8 is arm64"},
		{"linux/arm64/v8", {"linux/arm64", "linux/arm64/v8"}, 1, "exact before equal"},
		{"linux/arm64", {"linux/arm64/v8", "linux/arm64"}, 1, "exact before equal"},
		{"linux/arm64", {"linux/arm64/v9", "linux/arm64/v8"}, 1, "v9 does not run on v8"},
		{"linux/arm/v7", {"linux/arm/v5", "linux/arm/v6"}, 1, "highest that runs"},
		{"linux/arm/v7", {"linux/arm/v6", "linux/arm/v5", "linux/arm/v7"}, 2, "exact"},
		{"linux/arm/v6",
		 {"linux/amd64", "linux/arm/v7", "linux/arm/v5"},
		 2,
		 "lower runs, higher does not"},
		{"linux/arm/v6", {"linux/amd64", "linux/arm/v7"}, 1, "at least the same architecture"},
		{"linux/arm", {"linux/arm/v5", "linux/arm/v7"}, 1, "arm is v7"},
		{"linux/amd64", {"linux/amd64/v3", "linux/amd64"}, 1, "exact"},
		{"linux/amd64", {"linux/amd64/v3", "linux/amd64/v1"}, 1, "amd64 is v1"},
		{"linux/amd64/v3",
		 {"linux/amd64", "linux/amd64/v4", "linux/amd64/v2"},
		 2,
		 "highest that runs"},
		{"linux/amd64", {"linux/amd64", "linux/amd64"}, 0, "first of two equal ones"},
		{"linux/mips/softfloat",
		 {"linux/mips/hardfloat", "linux/mips/softfloat"},
		 1,
		 "variant without level"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_descriptor items[8] = {0};
		struct reg_document index = {.kind = REG_KIND_INDEX, .items = items};
		struct reg_platform want;

		for (size_t j = 0; j < 8 && cases[i].index[j]; j++)
			add(&index, cases[i].index[j]);
		check_int(reg_platform_parse(cases[i].want, &want), 0, cases[i].why);
		check_int(reg_platform_select(&index, &want), cases[i].expected, cases[i].why);
		index.kind = REG_KIND_MANIFEST;
		check_int(reg_platform_select(&index, &want), -1, "layers are no images");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(host),
		cmocka_unit_test(choose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
