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
		{"</v2/_catalog?last=a&n=100>; rel=\"next\"", "last=a&n=100", "distribution"},
		{"<https://reg.example.com:5000/v2/_catalog?last=a>; rel=\"next\"", "last=a", "absolute"},
		{"<http://reg.example.com/v2/_catalog?last=a>; rel=\"next\"", "last=a",
		 "http, behind a proxy that speaks TLS"},
		{"<http://evil.example/v2/_catalog?last=x>; rel=\"next\"", "last=x",
		 "another host is not kept"},
		{"<//evil.example/v2/_catalog?last=x>; rel=\"next\"", "last=x", "nor one without a scheme"},
		{"<?last=a&n=2>; rel=\"next\"", "last=a&n=2", "query alone"},
		{"<_catalog?last=b>; rel=\"next\"", "last=b", "relative"},
		{"</v2/_catalog?last=a%2Fb%20c>; rel=\"next\"", "last=a%2Fb%20c", "escapes stay"},
		{"</v2/_catalog?next_page=gAAA%3D%3D_-~+/&n=50>; rel=\"next\"",
		 "next_page=gAAA%3D%3D_-~+/&n=50", "a token stays as it is"},
		{"</artifactory/api/docker/x/v2/_catalog?last=a>; rel=\"next\"", "last=a",
		 "a proxy's own prefix is not kept"},
		{"</repository/x/v2/_catalog?last=a>; rel=\"next\"", "last=a", "nor Nexus's"},
		{"</v2/_catalog?last=a> ; title=\"a;b,c\" ; REL = \"NEXT\"", "last=a", "case and others"},
		{"</v2/_catalog?p>; rel=\"prev\", </v2/_catalog?n>; rel=\"next\"", "n", "second of two"},
		{"</v2/_catalog?n>; rel=\"next\", </v2/_catalog?p>; rel=\"prev\"", "n", "first of two"},
		{"</v2/_catalog?n>; rel=\"last next\"", "n", "list of relations"},
		{"</v2/_catalog?n>;rel=next", "n", "no quotes"},
		{"</v2/_catalog?a,b;c>; rel=\"next\"", "a,b;c", "separators in the target"},
		{"</v2/_catalog?n#top>; rel=\"next\"", "n", "fragment"},
		{", ,</v2/_catalog?n>; rel=\"next\"", "n", "empty list elements"},
		{"</v2/_catalog?n=10&last=a>; rel=\"next\"", "n=10&last=a", "n that begins otherwise"},
		{"</v2/_catalog?n=0&last=a>; rel=\"next\"", NULL, "pages of nothing"},
		{"</v2/_catalog?last=a&n=0>; rel=\"next\"", NULL, "likewise, said last"},
		{"</v2/_catalog?last=n=0>; rel=\"next\"", "last=n=0", "a name that looks so"},
		{"</v2/_catalog>; rel=\"next\"", NULL, "no query: the same page"},
		{"</v2/_catalog?>; rel=\"next\"", NULL, "an empty query"},
		{"</v2/a/tags/list?last=x>; rel=\"next\"", NULL, "another endpoint"},
		{"<../admin?last=x>; rel=\"next\"", NULL, "no endpoint at all"},
		{"</v2/_catalog?n>; rel", NULL, "rel without a value"},
		{"</v2/_catalog?n>; rel=\"prev\"; rel=\"next\"", NULL, "only the first rel counts"},
		{"</v2/_catalog?n>; rel=\"nextish\"", NULL, "longer word"},
		{"</v2/_catalog?n>; rel=\"prev\"", NULL, "other relation"},
		{"</v2/_catalog?n>", NULL, "no relation"},
		{"", NULL, "empty"},
		{NULL, NULL, "nothing"},
		{"</v2/_catalog?n; rel=\"next\"", NULL, "target without an end"},
		{"/v2/_catalog?n; rel=\"next\"", NULL, "target without brackets"},
		{"</v2/_catalog?n>; rel=\"next", NULL, "quote without an end"},
		{"</v2/_catalog?n>; rel=\"next\\", NULL, "escape without an end"},
		{"</v2/_catalog?n> rel=\"next\"", NULL, "no semicolon"},
		{"<>; rel=\"next\"", NULL, "empty target"},
		{"<file:///v2/_catalog?x>; rel=\"next\"", "x", "of a file's URL the query, on our own host"},
		{"<javascript:alert(1)>; rel=\"next\"", NULL, "no path"},
		{"</v2/_catalog?a b>; rel=\"next\"", "a+b", "space"},
		{"</v2/_catalog?x\r\nHost: x>; rel=\"next\"", NULL, "line feed"},
		{"</v2/_catalog?\xc3\xa4>; rel=\"next\"", "%c3%a4", "not ASCII"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char next[256] = "untouched";

		check_int(reg_link_next(cases[i].header, BASE, next, sizeof(next)), cases[i].expected != NULL,
			  cases[i].why);
		check_text(next, cases[i].expected ? cases[i].expected : "untouched", cases[i].why);
	}
	assert_false(reg_link_next("</v2/_catalog?n>; rel=\"next\"", NULL, NULL, 0));
	assert_false(reg_link_next("</v2/_catalog?n>; rel=\"next\"", "no base", NULL, 0));
}

static void lengths(void **state)
{
	static char header[10000];
	char next[16];

	(void)state;
	assert_true(reg_link_next("</v2/_catalog?last=1234567890>; rel=\"next\"", BASE, next, sizeof(next)));
	assert_string_equal(next, "last=1234567890");
	assert_false(
		reg_link_next("</v2/_catalog?last=12345678901>; rel=\"next\"", BASE, next, sizeof(next)));
	assert_string_equal(next, "last=1234567890");
	snprintf(header, sizeof(header), "</v2/_catalog?%05000d>; rel=\"next\"", 0);
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
