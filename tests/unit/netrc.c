/* SPDX-License-Identifier: MIT */
#include "netrc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static const struct {
	const char *source, *text, *user, *password; /* user NULL: nothing is there */
} cases[] = {
	{"h", "", NULL, NULL},
	{"h", "machine h login u password p", "u", "p"},
	{"h", "machine H\n\tlogin u\n\tpassword p\n", "u", "p"},
	{"h", "machine h password p login u", "u", "p"},
	{"h", "machine h login u account a password p", "u", "p"},
	{"h", "machine other login x password y machine h login u password p", "u", "p"},
	{"h", "machine h login u password p\nmachine h login x password y", "u", "p"},
	{"h", "machine h login u\nmachine h login x password y", "x", "y"},
	{"h", "machine other login x password y", NULL, NULL},
	{"h", "machine hh login x password y", NULL, NULL},
	{"h", "machine h login u", NULL, NULL},
	{"h", "default login d password p", "d", "p"},
	{"h", "machine h login u password p default login d password p", "u", "p"},
	{"h", "machine other login x password y default login d password p", "d", "p"},
	{"h:5000", "machine h login u password p", "u", "p"},
	{"h:5000", "machine h:5000 login u password p", "u", "p"},
	{"h:5000", "machine h:5001 login u password p", NULL, NULL},
	{"[::1]:5000", "machine ::1 login u password p", "u", "p"},
	{"[::1]:5000", "machine [::1] login u password p", "u", "p"},
	{"[::1]:5000", "machine [::1]:5000 login u password p", "u", "p"},
	{"[::1]", "machine ::1 login u password p", "u", "p"},
	{"[::1]", "machine [: login u password p", NULL, NULL},
	{"docker.io", "machine index.docker.io login u password p", "u", "p"},
	{"h", "# machine h login x password y\nmachine h login u password p", "u", "p"},
	{"h", "machine h # mine\n# and more\nlogin u password p", "u", "p"},
	{"h", "machine h login u password #p", "u", "#p"},
	{"h", "machine h login u password p#q", "u", "p#q"},
	{"h", "machine h login u password \"a b\\\"c\\\\d\\te\"", "u", "a b\"c\\d\te"},
	{"h", "machine h login \"\" password p", "", "p"},
	{"h", "machine h login machine password login", "machine", "login"},
	{"h", "macdef init\ncd /\nmachine h login x password y\n\nmachine h login u password p", "u", "p"},
	{"h", "macdef init\nmachine h login x password y", NULL, NULL},
	{"h", "machine h\r\nlogin u\r\npassword p\r\n", "u", "p"},
};

static const struct {
	const char *text, *where;
} bad[] = {
	{"machine", "line 1"},
	{"machine h login", "line 1"},
	{"secret", "line 1"},
	{"machine o login u password sec ret\nmachine h login u password secret", "line 1"},
	{"\n\nmachine h passwd secret", "line 3"},
	{"machine h login u password \"secret", "line 1"},
	{"machine h login u password \"sec\nret\"", "line 1"},
};

static void taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = cases[i].text;
		struct reg_credentials c = {0};
		struct reg_error e = {0};
		struct reg_source s;

		assert_int_equal(reg_source_parse(cases[i].source, &s, NULL), 0);
		check_int(netrc_parse(why, "FILE", &s, &c, &e), cases[i].user != NULL, why);
		check_text(c.user, cases[i].user, why);
		check_text(c.password, cases[i].password, why);
		reg_credentials_done(&c);
	}
}

static void refused(void **state)
{
	struct reg_source s;

	(void)state;
	assert_int_equal(reg_source_parse("h", &s, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct reg_credentials c = {0};
		struct reg_error e = {0};

		check_int(netrc_parse(bad[i].text, "FILE", &s, &c, &e), -EBADMSG, bad[i].text);
		check(strncmp(e.msg, "FILE, ", 6) == 0 && strstr(e.msg, bad[i].where), e.msg);
		check(!strstr(e.msg, "sec") && !strstr(e.msg, "ret"), e.msg);
		check(!c.user && !c.password, bad[i].text);
	}
}

static void long_word(void **state)
{
	static char text[20000];
	struct reg_credentials c = {0};
	struct reg_error e = {0};
	struct reg_source s;

	(void)state;
	assert_int_equal(reg_source_parse("h", &s, NULL), 0);
	strcpy(text, "machine h login u password ");
	memset(text + strlen(text), 'p', 8191);
	assert_int_equal(netrc_parse(text, "FILE", &s, &c, &e), 1);
	assert_int_equal(strlen(c.password), 8191);
	reg_credentials_done(&c);
	strcat(text, "p");
	assert_int_equal(netrc_parse(text, "FILE", &s, &c, &e), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(taken), cmocka_unit_test(refused),
					   cmocka_unit_test(long_word)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
