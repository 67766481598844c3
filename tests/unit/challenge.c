/* SPDX-License-Identifier: MIT */
#include "challenge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum { BASIC = 1, BEARER = 2, DIGEST = 4, OTHER = 8 };

static unsigned schemes_of(const struct reg_challenge *c)
{
	return (c->basic ? BASIC : 0) | (c->bearer ? BEARER : 0) | (c->digest ? DIGEST : 0) |
	       (c->other[0] ? OTHER : 0);
}

static void headers(void **state)
{
	static const struct {
		const char *header;
		unsigned schemes; /* 0: refused */
		const char *realm, *service, *scope, *error;
		const char *why;
	} cases[] = {
		{"Bearer realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\",scope=\"repository:a/b:pull\"",
		 BEARER, "https://auth.docker.io/token", "registry.docker.io",
		 "repository:a/b:pull", "", "Docker Hub"},
		{"Bearer realm=\"https://x/t\",scope=\"a:b:pull,push\",error=\"insufficient_scope\"",
		 BEARER, "https://x/t", "", "a:b:pull,push", "insufficient_scope",
		 "comma in a quoted value"},
		{"Basic realm=\"Registry Realm\"", BASIC, "", "", "", "",
		 "htpasswd"},
		{"basic", BASIC, "", "", "", "", "no parameters"},
		{"bEaReR ReAlM=\"r\" , SERVICE = \"s\"", BEARER, "r", "s", "", "",
		 "case and spaces"},
		{"Bearer realm=https://x/t?a=b,service=s", BEARER, "https://x/t?a=b", "s", "", "",
		 "no quotes"},
		{"Bearer realm=\"a\\\"b\\\\c\"", BEARER, "a\"b\\c", "", "", "", "escapes"},
		{"Basic realm=\"b\", Bearer realm=\"r\",service=\"s\"", BEARER | BASIC, "r", "s", "", "",
		 "both"},
		{"Bearer realm=\"r\",service=\"s\", Basic realm=\"b\"", BEARER | BASIC, "r", "s", "", "",
		 "Bearer first"},
		{"Bearer realm=\"1\", Bearer realm=\"2\"", BEARER, "1", "", "", "",
		 "the first of two"},
		{"Negotiate, Basic realm=\"b\"", BASIC | OTHER, "", "", "", "", "other scheme first"},
		{"Negotiate YWJj+/==, Basic realm=\"b\"", BASIC | OTHER, "", "", "", "", "token68"},
		{"Digest realm=\"d\",nonce=\"n\",qop=\"auth,auth-int\", Basic realm=\"b\"", BASIC | DIGEST,
		 "", "", "", "", "other scheme with parameters"},
		{", ,Basic realm=\"b\", ,", BASIC, "", "", "", "", "empty list elements"},
		{"Basic realm=\"b\",charset=\"UTF-8\"", BASIC, "", "", "", "",
		 "unknown parameter"},
		{"Basic realm=\"\"", BASIC, "", "", "", "", "empty realm"},
		{"Bearer realm=\"r\",realm=\"x\"", BEARER, "r", "", "", "",
		 "said twice: the first"},
		{"Bearer\trealm=\"r\"", BEARER, "r", "", "", "", "tab"},
		{"Bearer service=\"s\"", 0, "", "", "", "",
		 "Bearer without a realm is of no use"},
		{"Bearer service=\"s\", Basic realm=\"b\"", BASIC, "", "", "", "",
		 "so Basic is taken"},
		{"", 0, "", "", "", "", "empty"},
		{NULL, 0, "", "", "", "", "nothing"},
		{" , ", 0, "", "", "", "", "commas"},
		{"Negotiate", OTHER, "", "", "", "", "other scheme alone"},
		{"A-Scheme-With-A-Name-That-Nobody-Would-Want-To-Read", 0, "", "", "", "", "a long name"},
		{"Basic realm=\"b\"\nBearer realm=\"r\",service=\"s\"\nNegotiate", BEARER | BASIC | OTHER, "r",
		 "s", "", "", "three headers"},
		{"Bearer realm=\"r\nBasic realm=\"b\"", BASIC, "", "", "", "",
		 "of two headers the one that parses"},
		{"Bearer realm=\"1\"\nBearer realm=\"2\",service=\"s\"", BEARER, "1", "", "", "",
		 "two Bearers: the first"},
		{"\n\nBasic\n", BASIC, "", "", "", "", "empty headers"},
		{"Bearer service=\"s\"\nBearer realm=\"r\"", BEARER, "r", "", "", "", "the one with a realm"},
		{"Bearer realm=\"r", 0, "", "", "", "", "quote without an end"},
		{"Bearer realm=\"r\\", 0, "", "", "", "", "escape without an end"},
		{"Bearer realm=\"r\"x", 0, "", "", "", "", "text behind the quote"},
		{"Bearer realm=\"r\" service=\"s\"", 0, "", "", "", "", "no comma"},
		{"Bearer realm=", 0, "", "", "", "", "no value"},
		{"Bearer realm=\"a\nb\"", 0, "", "", "", "", "line feed: two headers"},
		{"Bearer realm=\"a\x1b[0m\"", 0, "", "", "", "", "escape character"},
		{"Bearer =\"r\"", 0, "", "", "", "", "no name"},
		{"\"Bearer\" realm=\"r\"", 0, "", "", "", "", "scheme in quotes"},
		{"Bearer;realm=\"r\"", 0, "", "", "", "", "semicolon"},
		{"Basic realm=\"b\", Bearer realm=\"r", 0, "", "", "", "", "good, then bad"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_challenge c = {0};

		check_int(reg_challenge_parse(cases[i].header, &c), cases[i].schemes != 0,
			  cases[i].why);
		check_int((int)schemes_of(&c), (int)cases[i].schemes, cases[i].why);
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
