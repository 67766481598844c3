/* SPDX-License-Identifier: MIT */
#include "origin.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

static void origins(void **state)
{
	static const char *const cases[][2] = {
		{"https://reg.test/v2/", "https://reg.test:443"},
		{"https://REG.Test:443", "https://reg.test:443"},
		{"HTTPS://reg.test/", "https://reg.test:443"},
		{"http://reg.test", "http://reg.test:80"},
		{"http://reg.test:5000/?x=1", "http://reg.test:5000"},
		{"https://joe:secret@reg.test/", "https://reg.test:443"},
		{"https://[::1]:5000/v2/", "https://[::1]:5000"},
		{"no url", NULL},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		char *origin = origin_of(cases[k][0]);

		check_text(origin, cases[k][1], cases[k][0]);
		free(origin);
	}
}

static void words(void **state)
{
	static const char *const cases[][2] = {
		{"https://auth.test/token", "https://auth.test/token"},
		{"https://joe:hidden@auth.test:5000/a@b?key=hidden#hidden", "https://auth.test:5000/a@b"},
		{"https://a@joe:hidden@auth.test?hidden@x", "https://auth.test"},
		{"hidden@auth.test/x", "auth.test/x"},
		{"", ""},
	};
	char text[40];

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		origin_words(cases[k][0], text, sizeof(text));
		check_text(text, cases[k][1], cases[k][0]);
	}
	origin_words("https://a.name.that.is.too.long.for.its.place/", text, sizeof(text));
	check_int(strlen(text), sizeof(text) - 1, "cut");
}

static void redirects(void **state)
{
	static const struct {
		const char *url, *location, *want; /* NULL: refused */
		int err;
	} cases[] = {
		{"https://a/v2/x", "https://b/y?z=%2F&sig=a%2Bb", "https://b/y?z=%2F&sig=a%2Bb", 0},
		{"https://a/v2/x", "/y", "https://a/y", 0},
		{"https://a/v2/x", "y?q", "https://a/v2/y?q", 0},
		{"https://a/v2/x", "//b/y", "https://b/y", 0},
		{"http://a/v2/x", "https://b/", "https://b/", 0},
		{"http://a/v2/x", "http://b/", "http://b/", 0},
		{"https://a/v2/x", "http://a/v2/x", NULL, -EPROTO},
		{"https://a/v2/x", "HTTP://a/v2/x", NULL, -EPROTO},
		{"HTTPS://a/token", "http://b/", NULL, -EPROTO},
		{"https://a/v2/x", "file:///etc/passwd", NULL, -EPROTO},
		{"http://a/v2/x", "gopher://b/", NULL, -EPROTO},
		{"http://a/v2/x", "http://[b/", NULL, -EIO},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct reg_error e = {0};
		char *url = NULL;

		check_int(origin_redirect(cases[k].url, cases[k].location, &url, &e), cases[k].err,
			  cases[k].location);
		check_text(url, cases[k].want, cases[k].location);
		check(cases[k].want || (e.msg[0] && !strstr(e.msg, "passwd")), cases[k].location);
		free(url);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(origins), cmocka_unit_test(words),
					   cmocka_unit_test(redirects)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
