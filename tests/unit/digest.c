/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

#define HEX64 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define EMPTY256 "sha256:" HEX64
#define EMPTY512                                                                                             \
	"sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"                            \
	"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"

static void parse(void **state)
{
	static const struct {
		const char *text;
		bool valid;
		const char *why;
	} cases[] = {
		{EMPTY256, true, "SHA-256"},
		{EMPTY512, true, "SHA-512"},
		{NULL, false, "nothing"},
		{"", false, "empty"},
		{"sha256", false, "no colon"},
		{"sha256:", false, "no hash"},
		{HEX64, false, "no algorithm"},
		{EMPTY256 "0", false, "one digit too many"},
		{"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85", false,
		 "one too few"},
		{"sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", false,
		 "capitals"},
		{"SHA256:" HEX64, false, "algorithm in capitals"},
		{"sha256-" HEX64, false, "a tag of the referrers schema"},
		{"sha512:" HEX64, false, "SHA-512 with a short hash"},
		{"md5:d41d8cd98f00b204e9800998ecf8427e", false, "unknown algorithm"},
		{"sha256:../../../../../../../../../../../../etc/passwd/././././././././/", false, "path"},
		{" " EMPTY256, false, "space before"},
		{EMPTY256 "\n", false, "line feed behind"},
		{"sha256:g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false,
		 "no digit"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_digest d, untouched;
		char text[REG_DIGEST_MAX];

		memset(&d, 0x5a, sizeof(d));
		untouched = d;
		check_int(reg_digest_parse(cases[i].text, &d), cases[i].valid, cases[i].why);
		if (cases[i].valid)
			check_text(reg_digest_text(&d, text), cases[i].text, cases[i].why);
		else
			check(memcmp(&d, &untouched, sizeof(d)) == 0, cases[i].why);
	}
}

static void compute(void **state)
{
	struct reg_digest d, e;
	char text[REG_DIGEST_MAX];

	(void)state;
	assert_int_equal(reg_digest_compute(REG_SHA256, NULL, 0, &d), 0);
	assert_string_equal(reg_digest_text(&d, text), EMPTY256);
	assert_true(reg_digest_parse(EMPTY256, &e));
	assert_true(reg_digest_equal(&d, &e));
	assert_memory_equal(&d, &e, sizeof(d)); /* the header promises that memcmp() compares */
	assert_int_equal(reg_digest_compute(REG_SHA256, "{}", 2, &e), 0);
	assert_string_equal(reg_digest_text(&e, text),
			    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
	assert_false(reg_digest_equal(&d, &e));
	assert_int_equal(reg_digest_compute(REG_SHA512, "", 0, &e), 0);
	assert_string_equal(reg_digest_text(&e, text), EMPTY512);
	assert_int_equal(reg_digest_compute(0, "", 0, &e), -EINVAL);
	assert_int_equal(reg_digest_compute(3, "", 0, &e), -EINVAL);
}

static void none(void **state)
{
	const struct reg_digest d = {0};
	char text[REG_DIGEST_MAX];

	(void)state;
	assert_string_equal(reg_digest_text(&d, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(compute),
		cmocka_unit_test(none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
