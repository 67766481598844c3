/* SPDX-License-Identifier: MIT */
#include "challenge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void headers(void **state)
{
	static const struct {
		const char *header;
		enum reg_scheme scheme; /* NONE: refused */
		const char *realm, *service, *scope, *error;
		const char *why;
	} cases[] = {
		{"Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull\"",
		 REG_SCHEME_BEARER, "https://auth.docker.io/token", "registry.docker.io",
		 "repository:a/b:pull", "", "Docker Hub"},
		{"Bearer realm=\"https://x/t\",scope=\"a:b:pull,push\",error=\"insufficient_scope\"",
		 REG_SCHEME_BEARER, "https://x/t", "", "a:b:pull,push", "insufficient_scope",
		 "comma in a quoted value"},
		{"Basic realm=\"Registry Realm\"", REG_SCHEME_BASIC, "Registry Realm", "", "", "",
		 "htpasswd"},
		{"basic", REG_SCHEME_BASIC, "", "", "", "", "no parameters"},
		{"bEaReR ReAlM=\"r\" , SERVICE = \"s\"", REG_SCHEME_BEARER, "r", "s", "", "",
		 "case and spaces"},
		{"Bearer realm=https://x/t?a=b,service=s", REG_SCHEME_BEARER, "https://x/t?a=b", "s", "", "",
		 "no quotes"},
		{"Bearer realm=\"a\\\"b\\\\c\"", REG_SCHEME_BEARER, "a\"b\\c", "", "", "", "escapes"},
		{"Basic realm=\"b\", Bearer realm=\"r\",service=\"s\"", REG_SCHEME_BEARER, "r", "s", "", "",
		 "Bearer is preferred"},
		{"Bearer realm=\"r\",service=\"s\", Basic realm=\"b\"", REG_SCHEME_BEARER, "r", "s", "", "",
		 "Bearer first"},
		{"Bearer realm=\"1\", Bearer realm=\"2\"", REG_SCHEME_BEARER, "1", "", "", "",
		 "the first of two"},
		{"Negotiate, Basic realm=\"b\"", REG_SCHEME_BASIC, "b", "", "", "", "other scheme first"},
		{"Negotiate YWJj+/==, Basic realm=\"b\"", REG_SCHEME_BASIC, "b", "", "", "", "token68"},
		{"Digest realm=\"d\",nonce=\"n\",qop=\"auth,auth-int\", Basic realm=\"b\"", REG_SCHEME_BASIC,
		 "b", "", "", "", "other scheme with parameters"},
		{", ,Basic realm=\"b\", ,", REG_SCHEME_BASIC, "b", "", "", "", "empty list elements"},
		{"Basic realm=\"b\",charset=\"UTF-8\"", REG_SCHEME_BASIC, "b", "", "", "",
		 "unknown parameter"},
		{"Basic realm=\"\"", REG_SCHEME_BASIC, "", "", "", "", "empty realm"},
		{"Bearer realm=\"r\",realm=\"x\"", REG_SCHEME_BEARER, "r", "", "", "",
		 "said twice: the first"},
		{"Bearer\trealm=\"r\"", REG_SCHEME_BEARER, "r", "", "", "", "tab"},
		{"Bearer service=\"s\"", REG_SCHEME_NONE, "", "", "", "",
		 "Bearer without a realm is of no use"},
		{"Bearer service=\"s\", Basic realm=\"b\"", REG_SCHEME_BASIC, "b", "", "", "",
		 "so Basic is taken"},
		{"", REG_SCHEME_NONE, "", "", "", "", "empty"},
		{NULL, REG_SCHEME_NONE, "", "", "", "", "nothing"},
		{" , ", REG_SCHEME_NONE, "", "", "", "", "commas"},
		{"Negotiate", REG_SCHEME_NONE, "", "", "", "", "other scheme alone"},
		{"Bearer realm=\"r", REG_SCHEME_NONE, "", "", "", "", "quote without an end"},
		{"Bearer realm=\"r\\", REG_SCHEME_NONE, "", "", "", "", "escape without an end"},
		{"Bearer realm=\"r\"x", REG_SCHEME_NONE, "", "", "", "", "text behind the quote"},
		{"Bearer realm=\"r\" service=\"s\"", REG_SCHEME_NONE, "", "", "", "", "no comma"},
		{"Bearer realm=", REG_SCHEME_NONE, "", "", "", "", "no value"},
		{"Bearer realm=\"a\nb\"", REG_SCHEME_NONE, "", "", "", "", "line feed"},
		{"Bearer realm=\"a\x1b[0m\"", REG_SCHEME_NONE, "", "", "", "", "escape character"},
		{"Bearer =\"r\"", REG_SCHEME_NONE, "", "", "", "", "no name"},
		{"\"Bearer\" realm=\"r\"", REG_SCHEME_NONE, "", "", "", "", "scheme in quotes"},
		{"Bearer;realm=\"r\"", REG_SCHEME_NONE, "", "", "", "", "semicolon"},
		{"Basic realm=\"b\", Bearer realm=\"r", REG_SCHEME_NONE, "", "", "", "", "good, then bad"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_challenge c = {0};

		check_int(reg_challenge_parse(cases[i].header, &c), cases[i].scheme != REG_SCHEME_NONE,
			  cases[i].why);
		check_int(c.scheme, cases[i].scheme, cases[i].why);
		check_text(c.realm, cases[i].realm, cases[i].why);
		check_text(c.service, cases[i].service, cases[i].why);
		check_text(c.scope, cases[i].scope, cases[i].why);
		check_text(c.error, cases[i].error, cases[i].why);
	}
}

/* What does not fit is refused, not cut; what is not kept may have any length. */
static void lengths(void **state)
{
	static const struct {
		const char *before, *after;
		int size;
		bool valid;
	} cases[] = {
		{"Bearer realm=\"", "\"", 2047, true},
		{"Bearer realm=\"", "\"", 2048, false},
		{"Bearer realm=\"r\",service=\"", "\"", 511, true},
		{"Bearer realm=\"r\",service=\"", "\"", 512, false},
		{"Bearer realm=\"r\",scope=", "", 2047, true},
		{"Bearer realm=\"r\",scope=", "", 2048, false},
		{"Bearer realm=\"r\",error=\"", "\"", 128, false},
		{"Bearer realm=\"r\",other=\"", "\"", 60000, true},
		{"Digest realm=\"", "\", Basic", 60000, true},
		{"Negotiate ", ", Basic", 60000, true},
	};
	static char value[60001], header[61000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_challenge c = {0};

		memset(value, 'x', sizeof(value));
		value[cases[i].size] = '\0';
		snprintf(header, sizeof(header), "%s%s%s", cases[i].before, value, cases[i].after);
		check_int(reg_challenge_parse(header, &c), cases[i].valid, cases[i].before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
