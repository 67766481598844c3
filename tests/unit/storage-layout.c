/* SPDX-License-Identifier: MIT */
#include "storage/layout.h"

#include <string.h>

#include "unit.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HEX512                                                                                               \
	"cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"                                   \
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

static struct reg_digest digest(const char *text)
{
	struct reg_digest d;

	assert_true(reg_digest_parse(text, &d));
	return d;
}

static void test_paths(void **state)
{
	const struct reg_digest d = digest("sha256:" HEX), d512 = digest("sha512:" HEX512);
	char buf[LAYOUT_MAX];

	(void)state;
	assert_string_equal(layout_blob(buf, &d), "blobs/sha256/e3/" HEX "/data");
	assert_string_equal(layout_blob(buf, &d512), "blobs/sha512/cf/" HEX512 "/data");
	assert_string_equal(layout_blob_aside(buf, &d), "blobs/sha256/e3/" HEX);
	assert_string_equal(layout_link(buf, "a/b", LINK_REVISION, &d),
			    "repositories/a/b/_manifests/revisions/sha256/" HEX "/link");
	assert_string_equal(layout_link(buf, "a/b", LINK_LAYER, &d512),
			    "repositories/a/b/_layers/sha512/" HEX512 "/link");
	assert_string_equal(layout_link_aside(buf, "a", LINK_REVISION, &d),
			    "repositories/a/_manifests/revisions/sha256/" HEX);
	assert_string_equal(layout_link_aside(buf, "a", LINK_LAYER, &d),
			    "repositories/a/_layers/sha256/" HEX);
	assert_string_equal(layout_tag(buf, "a", "1.0"), "repositories/a/_manifests/tags/1.0/current/link");
	assert_string_equal(layout_tag_entry(buf, "a", "1.0", &d),
			    "repositories/a/_manifests/tags/1.0/index/sha256/" HEX "/link");
}

static void test_the_longest_names_fit(void **state)
{
	const struct reg_digest d = digest("sha512:" HEX512);
	char buf[LAYOUT_MAX], repository[256], tag[129];

	(void)state;
	memset(repository, 'r', 255);
	repository[255] = '\0';
	memset(tag, 't', 128);
	tag[128] = '\0';
	assert_true(reg_name_is_repository(repository) && reg_name_is_tag(tag));
	layout_tag_entry(buf, repository, tag, &d);
	assert_string_equal(buf + strlen(buf) - 5, "/link");
	layout_link(buf, repository, LINK_REVISION, &d);
	assert_string_equal(buf + strlen(buf) - 5, "/link");
}

static void test_digests(void **state)
{
	static const struct {
		const char *algorithm, *hex;
		bool good;
	} cases[] = {
		{"sha256", HEX, true},
		{"sha512", HEX512, true},
		{"sha512", HEX, false},
		{"sha384", HEX, false},
		{"sha256", "", false},
		{"", HEX, false},
		{"sha256", "E3B0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false},
		{"sha256", HEX "0", false},
		{"sha256", HEX512 HEX512, false},
	};
	struct reg_digest d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_int(layout_digest(cases[i].algorithm, cases[i].hex, &d), cases[i].good, cases[i].hex);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_the_longest_names_fit),
		cmocka_unit_test(test_digests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
