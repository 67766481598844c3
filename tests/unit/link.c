/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

#define BASE "https://reg.example.com:5000/v2/_catalog?n=100"

static void headers(void **state)
{
	static const struct {
		const char *header, *expected, *why; /* NULL: there is none */
	} cases[] = {
		{"</v2/_catalog?last=a&n=100>; rel=\"next\"", "/v2/_catalog?last=a&n=100", "distribution"},
		{"<https://reg.example.com:5000/v2/_catalog?last=a>; rel=\"next\"", "/v2/_catalog?last=a",
		 "absolute"},
		{"<http://evil.example/v2/a/tags/list?last=x>; rel=\"next\"", "/v2/a/tags/list?last=x",
		 "another host is not kept"},
		{"<//evil.example/v2/a/tags/list>; rel=\"next\"", "/v2/a/tags/list",
		 "nor one without a scheme"},
		{"<?last=a&n=2>; rel=\"next\"", "/v2/_catalog?last=a&n=2", "query alone"},
		{"<_catalog?last=b>; rel=\"next\"", "/v2/_catalog?last=b", "relative"},
		{"<a/tags/list?last=b>; rel=\"next\"", "/v2/a/tags/list?last=b", "relative and deeper"},
		{"</v2/_catalog?last=a%2Fb>; rel=\"next\"", "/v2/_catalog?last=a%2Fb", "escapes stay"},
		{"</v2/_catalog>;rel=next", "/v2/_catalog", "no quotes, no query"},
		{"</v2/_catalog?last=a> ; title=\"a;b,c\" ; REL = \"NEXT\"", "/v2/_catalog?last=a",
		 "case and others"},
		{"</v2/p>; rel=\"prev\", </v2/n>; rel=\"next\"", "/v2/n", "second of two"},
		{"</v2/n>; rel=\"next\", </v2/p>; rel=\"prev\"", "/v2/n", "first of two"},
		{"</v2/n>; rel=\"last next\"", "/v2/n", "list of relations"},
		{"</v2/n?a,b;c>; rel=\"next\"", "/v2/n?a,b;c", "separators in the target"},
		{"</v2/n#top>; rel=\"next\"", "/v2/n", "fragment"},
		{", ,</v2/n>; rel=\"next\"", "/v2/n", "empty list elements"},
		{"</v2/n>; rel", NULL, "rel without a value"},
		{"</v2/n>; rel=\"prev\"; rel=\"next\"", NULL, "only the first rel counts"},
		{"</v2/n>; rel=\"nextish\"", NULL, "longer word"},
		{"</v2/n>; rel=\"prev\"", NULL, "other relation"},
		{"</v2/n>", NULL, "no relation"},
		{"", NULL, "empty"},
		{NULL, NULL, "nothing"},
		{"</v2/n; rel=\"next\"", NULL, "target without an end"},
		{"/v2/n; rel=\"next\"", NULL, "target without brackets"},
		{"</v2/n>; rel=\"next", NULL, "quote without an end"},
		{"</v2/n>; rel=\"next\\", NULL, "escape without an end"},
		{"</v2/n> rel=\"next\"", NULL, "no semicolon"},
		{"<>; rel=\"next\"", NULL, "empty target"},
		{"</artifactory/api/docker/x/v2/_catalog?last=a>; rel=\"next\"", NULL,
		 "a proxy's own prefix"},
		{"</v2>; rel=\"next\"", NULL, "not below /v2/"},
		{"</v2/../admin>; rel=\"next\"", NULL, "out of /v2/"},
		{"<../admin>; rel=\"next\"", NULL, "out of /v2/, relative"},
		{"<file:///v2/etc/passwd>; rel=\"next\"", "/v2/etc/passwd",
		 "of a file's URL, the path on our own host"},
		{"<javascript:alert(1)>; rel=\"next\"", NULL, "no path"},
		{"</v2/a b>; rel=\"next\"", "/v2/a%20b", "space"},
		{"</v2/a\r\nHost: x>; rel=\"next\"", NULL, "line feed"},
		{"</v2/\xc3\xa4>; rel=\"next\"", "/v2/%c3%a4", "not ASCII"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char next[256] = "untouched";

		check_int(reg_link_next(cases[i].header, BASE, next, sizeof(next)), cases[i].expected != NULL,
			  cases[i].why);
		check_text(next, cases[i].expected ? cases[i].expected : "untouched", cases[i].why);
	}
	assert_false(reg_link_next("</v2/n>; rel=\"next\"", NULL, NULL, 0));
	assert_false(reg_link_next("</v2/n>; rel=\"next\"", "no base", NULL, 0));
}

static void lengths(void **state)
{
	static char header[10000];
	char next[16];

	(void)state;
	assert_true(reg_link_next("</v2/n?a=1234567>; rel=\"next\"", BASE, next, sizeof(next)));
	assert_string_equal(next, "/v2/n?a=1234567");
	assert_false(reg_link_next("</v2/n?a=12345678>; rel=\"next\"", BASE, next, sizeof(next)));
	assert_string_equal(next, "/v2/n?a=1234567");
	snprintf(header, sizeof(header), "</v2/%05000d>; rel=\"next\"", 0);
	assert_false(reg_link_next(header, BASE, next, sizeof(next)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
