/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <string.h>

#include "unit.h"

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A125 A50 A50 "aaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void repository(void **state)
{
	static const struct {
		const char *name;
		bool repository, component;
		const char *why;
	} cases[] = {
		{"a", true, true, "shortest"},
		{"0", true, true, "digit"},
		{"nginx", true, true, "word"},
		{"library/nginx", true, false, "two components"},
		{"a/b/c/d/e/f/g/h", true, false, "many components"},
		{"a.b_c__d-e--f---g", true, true, "every separator"},
		{A125 A125 "aaaaa", true, true, "255 bytes"},
		{A125 "/" A125 "/aaa", true, false, "255 bytes in components"},
		{A125 A125 "aaaaaa", false, false, "256 bytes"},
		{A125 "/" A125 "/aaaa", false, false, "256 bytes in components"},
		{NULL, false, false, "nothing"},
		{"", false, false, "empty"},
		{"/", false, false, "slash alone"},
		{"/a", false, false, "slash first"},
		{"a/", false, false, "slash last"},
		{"a//b", false, false, "empty component"},
		{".", false, false, "this directory"},
		{"..", false, false, "parent"},
		{"a/..", false, false, "parent behind"},
		{"../a", false, false, "parent first"},
		{"a/./b", false, false, "dot between"},
		{"a..b", false, false, "two dots"},
		{"a___b", false, false, "three underscores"},
		{"a._b", false, false, "two separators"},
		{"a-_b", false, false, "two separators"},
		{"_tags", false, false, "reserved name"},
		{"a/_tags", false, false, "reserved name below"},
		{".a", false, false, "hidden"},
		{"-a", false, false, "looks like an option"},
		{"a-", false, false, "separator last"},
		{"a./b", false, false, "separator before a slash"},
		{"A", false, false, "capital"},
		{"nGinx", false, false, "capital inside"},
		{"a b", false, false, "space"},
		{"a\n", false, false, "line feed"},
		{"a\tb", false, false, "tab"},
		{"a:b", false, false, "tag"},
		{"a@b", false, false, "digest"},
		{"a%2e", false, false, "percent"},
		{"a?b", false, false, "query"},
		{"a\\b", false, false, "backslash"},
		{"\xc3\xa4", false, false, "letter that is not ASCII"},
		{"a\x80", false, false, "high byte"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check_int(reg_name_is_repository(cases[i].name), cases[i].repository, cases[i].why);
		check_int(reg_name_is_component(cases[i].name), cases[i].component, cases[i].why);
	}
}

static void tag(void **state)
{
	static const struct {
		const char *name;
		bool valid;
		const char *why;
	} cases[] = {
		{"latest", true, "word"},
		{"1.25", true, "version"},
		{"_", true, "underscore alone"},
		{"_configs", true, "like a reserved name, but one level down"},
		{"A", true, "capital"},
		{"v1.0_x-y..z", true, "everything"},
		{"sha256-" HEX64 ".sig", true, "cosign"},
		{A125 "aaa", true, "128 bytes"},
		{A125 "aaaa", false, "129 bytes"},
		{NULL, false, "nothing"},
		{"", false, "empty"},
		{".", false, "this directory"},
		{"..", false, "parent"},
		{".hidden", false, "dot first"},
		{"-rf", false, "looks like an option"},
		{"a/b", false, "slash"},
		{"a:b", false, "colon"},
		{"a b", false, "space"},
		{"a\n", false, "line feed"},
		{"a+b", false, "plus, which semantic versions have"},
		{"\xc3\xa4", false, "letter that is not ASCII"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_int(reg_name_is_tag(cases[i].name), cases[i].valid, cases[i].why);
}

static void subject(void **state)
{
	static const struct {
		const char *tag;
		bool valid;
		const char *why;
	} cases[] = {
		{"sha256-" HEX64, true, "referrers tag schema"},
		{"sha256-" HEX64 ".sig", true, "cosign signature"},
		{"sha256-" HEX64 ".att", true, "cosign attestation"},
		{"sha256-" HEX64 ".sbom", true, "cosign SBOM"},
		{"sha256-" HEX64 ".", false, "empty suffix"},
		{"sha256-" HEX64 ".tar", false, "other suffix"},
		{"sha256-" HEX64 ".sig.sig", false, "two suffixes"},
		{"sha256-" HEX64 "0", false, "longer hash"},
		{"sha256-e3b0", false, "shorter hash"},
		{"sha256-", false, "no hash"},
		{"sha256:" HEX64, false, "a digest, no tag"},
		{"sha512-" HEX64, false, "cut off by the schema: no digest can be told"},
		{"sha256-E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", false,
		 "capitals"},
		{"latest", false, "other tag"},
		{"", false, "empty"},
		{NULL, false, "nothing"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_digest d = {0};
		char text[REG_DIGEST_MAX];

		check_int(reg_tag_subject(cases[i].tag, &d), cases[i].valid, cases[i].why);
		check_text(reg_digest_text(&d, text), cases[i].valid ? "sha256:" HEX64 : "", cases[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repository),
		cmocka_unit_test(tag),
		cmocka_unit_test(subject),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
