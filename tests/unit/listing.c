/* SPDX-License-Identifier: MIT */
/* Listings and their pages, over a scripted registry. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

enum { MAX_ROWS = 10, PAGE = 1000 };

#define GET(path, ...) {.request = "GET " path, __VA_ARGS__}
#define TAGS(query, ...) GET("/v2/a/tags/list" query, __VA_ARGS__)
#define NAMES(...) .status = 200, .body = "{\"name\":\"a\",\"tags\":" __VA_ARGS__ "}"
#define LINK(target) .headers = "Link: <" target ">; rel=\"next\"\n"
#define SUBJECT "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define REFERRER "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static char full[40000]; /* a page of as many tags as were asked for: t0000 to t0999 */

static const struct scene {
	const char *why;
	enum { WHOLE, ONE_PAGE, CATALOG, CATALOG_PAGE, REFERRERS } what;
	struct reg_page page;
	int err;
	const char *names, *next; /* NULL: not looked at */
	size_t dropped;
	struct script_row rows[MAX_ROWS];
} scenes[] = {
	{"sorted, without duplicates", WHOLE, {0}, 0, "a b c", "", 0,
	 {TAGS("?n=1000", NAMES("[\"c\",\"a\",\"b\",\"a\"]"))}},
	{"none", WHOLE, {0}, 0, "", "", 0, {TAGS("?n=1000", NAMES("[]"))}},
	{"null for none", WHOLE, {0}, 0, "", "", 0, {TAGS("?n=1000", NAMES("null"))}},
	{"no such repository", WHOLE, {0}, -ENOENT, "", "", 0, {TAGS("?n=1000", .status = 404)}},
	{"bad names are dropped", WHOLE, {0}, 0, "a", "", 6,
	 {TAGS("?n=1000", NAMES("[\"a\",\"..\",\"x/y\",\"\",7,null,\".hidden\"]"))}},
	{"not a listing", WHOLE, {0}, -EBADMSG, "", "", 0,
	 {TAGS("?n=1000", .status = 200, .body = "{\"x\":[]}")}},
	{"not JSON", WHOLE, {0}, -EBADMSG, "", "", 0, {TAGS("?n=1000", .status = 200, .body = "<html>")}},
	{"no body", WHOLE, {0}, -EBADMSG, "", "", 0, {TAGS("?n=1000", .status = 200)}},
	{"names that are no list", WHOLE, {0}, -EBADMSG, "", "", 0, {TAGS("?n=1000", NAMES("\"a\""))}},
	{"a relative Link", WHOLE, {0}, 0, "a b c", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\",\"b\"]"), LINK("/v2/a/tags/list?n=1000&last=b")),
	  TAGS("?n=1000&last=b", NAMES("[\"c\"]"))}},
	{"an absolute Link", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("https://reg.test/v2/a/tags/list?last=a&n=5")),
	  TAGS("?last=a&n=5", NAMES("[\"b\"]"))}},
	{"a Link to another host stays here", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("http://evil.test:1/v2/a/tags/list?last=a")),
	  TAGS("?last=a", NAMES("[\"b\"]"))}},
	{"a Link with a proxy's own path: ours, and its query", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/repository/x/v2/a/tags/list?token=a%3D")),
	  TAGS("?token=a%3D", NAMES("[\"b\"]"))}},
	{"a Link that has lost a part of the name: never another repository", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/tags/list?last=a&n=1000")),
	  TAGS("?last=a&n=1000", NAMES("[\"b\"]"))}},
	{"a Link to another endpoint: asked by last", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/_catalog?last=a")),
	  TAGS("?n=1000&last=a", NAMES("[\"b\"]"))}},
	{"a Link to pages of nothing: asked by last", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?n=0&last=a")),
	  TAGS("?n=1000&last=a", NAMES("[\"b\"]"))}},
	{"the Links end, though the page is as long as the one before: asked by last", WHOLE, {0}, 0,
	 "a b c d e", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\",\"b\"]"), LINK("/v2/a/tags/list?last=b&n=2")),
	  TAGS("?last=b&n=2", NAMES("[\"c\",\"d\"]")), TAGS("?n=1000&last=d", NAMES("[\"e\"]"))}},
	{"and that is refused: there is none", WHOLE, {0}, 0, "a b c d", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\",\"b\"]"), LINK("/v2/a/tags/list?next_page=x")),
	  TAGS("?next_page=x", NAMES("[\"c\",\"d\"]")), TAGS("?n=1000&last=d", .status = 400)}},
	{"a shorter last page", WHOLE, {0}, 0, "a b c", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\",\"b\"]"), LINK("/v2/a/tags/list?last=b&n=2")),
	  TAGS("?last=b&n=2", NAMES("[\"c\"]"))}},
	{"a gateway gives up: smaller pages", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", .status = 504), TAGS("?n=100", .status = 502),
	  TAGS("?n=20", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=a&n=20")),
	  TAGS("?last=a&n=20", .status = 502), TAGS("?n=5&last=a", NAMES("[\"b\"]"))}},
	{"it gives up on the smallest as well: again, then an error", WHOLE, {0}, -EIO, "", "", 0,
	 {TAGS("?n=1000", .status = 504), TAGS("?n=100", .status = 502), TAGS("?n=20", .status = 502),
	  TAGS("?n=5", .status = 502, .times = 4)}},
	{"where only a token says what is next, it is asked for again", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?next_page=x")),
	  TAGS("?next_page=x", .status = 502), TAGS("?next_page=x", NAMES("[\"b\"]"))}},
	{"a Link to itself", WHOLE, {0}, 0, "a", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?n=1000"), .times = 2),
	  TAGS("?n=1000&last=a", NAMES("[]"))}},
	{"Links that lead in a circle", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=a")),
	  TAGS("?last=a", NAMES("[\"b\"]"), LINK("/v2/a/tags/list?n=1000")),
	  TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=a")),
	  TAGS("?n=1000&last=b", NAMES("[]"), LINK("/v2/a/tags/list?last=a"))}},
	{"a page without good names has a next one", WHOLE, {0}, 0, "b", "", 1,
	 {TAGS("?n=1000", NAMES("[\"..\"]"), LINK("/v2/a/tags/list?last=x")),
	  TAGS("?last=x", NAMES("[\"b\"]"))}},
	{"also later on", WHOLE, {0}, 0, "a b", "", 1,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=a")),
	  TAGS("?last=a", NAMES("[\"..\"]"), LINK("/v2/a/tags/list?last=x")),
	  TAGS("?last=x", NAMES("[\"b\"]"))}},
	{"so has an empty one", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=x")),
	  TAGS("?last=x", NAMES("[]"), LINK("/v2/a/tags/list?last=y")), TAGS("?last=y", NAMES("[\"b\"]"))}},
	{"an empty one that leads to itself", WHOLE, {0}, -EIO, "", "", 0,
	 {TAGS("?n=1000", NAMES("null"), LINK("/v2/a/tags/list?n=1000"), .times = SCRIPT_ANY)}},
	{"a failure later on is no shorter list", WHOLE, {0}, -EIO, "", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=a")), TAGS("?last=a", .status = 501)}},
	{"nor is absence", WHOLE, {0}, -EIO, "", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=a")), TAGS("?last=a", .status = 404),
	  TAGS("?n=1000&last=a", .status = 404)}},
	{"a Link that the registry itself refuses: asked by last", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=x")), TAGS("?last=x", .status = 400),
	  TAGS("?n=1000&last=a", NAMES("[\"b\"]"))}},
	{"tags left out for none", WHOLE, {0}, 0, "", "", 0,
	 {TAGS("?n=1000", .status = 200, .body = "{\"name\":\"a\"}")}},
	{"a NUL is in one bad name", WHOLE, {0}, 0, "a u0000", "", 1,
	 {TAGS("?n=1000", NAMES("[\"a\",\"b\\u0000c\",\"u0000\"]"))}},
	{"n is refused", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", .status = 400), TAGS("?n=100", .status = 400),
	  TAGS("", NAMES("[\"a\"]"), LINK("/v2/a/tags/list?last=a")), TAGS("?last=a", NAMES("[\"b\"]"))}},
	{"so much of it is refused", WHOLE, {0}, 0, "a b", "", 0,
	 {TAGS("?n=1000", .status = 400), TAGS("?n=100", NAMES("[\"a\",\"b\"]"))}},
	{"it is not n", WHOLE, {0}, -EIO, "", "", 0,
	 {TAGS("?n=1000", .status = 400), TAGS("?n=100", .status = 400), TAGS("", .status = 400)}},
	{"a full page without a Link: asked by last", WHOLE, {0}, 0, NULL, "", 0,
	 {TAGS("?n=1000", .status = 200, .body = full), TAGS("?n=1000&last=t0999", NAMES("[\"u\"]"))}},
	{"n is ignored, and the list is just as long", WHOLE, {0}, 0, NULL, "", 0,
	 {TAGS("?n=1000", .status = 200, .body = full),
	  TAGS("?n=1000&last=t0999", .status = 200, .body = full)}},

	{"one page, in the registry's order", ONE_PAGE, {2, NULL}, 0, "c a", "a", 0,
	 {TAGS("?n=2", NAMES("[\"c\",\"a\"]"), LINK("/v2/a/tags/list?n=2&last=a"))}},
	{"one page after a name", ONE_PAGE, {2, "v1+x"}, 0, "c", "", 0,
	 {TAGS("?n=2&last=v1%2Bx", NAMES("[\"c\"]"))}},
	{"one page of the default size", ONE_PAGE, {0, NULL}, 0, "c d", "", 0,
	 {TAGS("", NAMES("[\"c\",\"d\"]"))}},
	{"after a name, of the default size", ONE_PAGE, {0, "b"}, 0, "c", "", 0,
	 {TAGS("?last=b", NAMES("[\"c\"]"))}},
	{"a full page without a Link has a next one", ONE_PAGE, {2, NULL}, 0, "a b", "b", 0,
	 {TAGS("?n=2", NAMES("[\"a\",\"b\"]"))}},
	{"a page that refuses n", ONE_PAGE, {2, NULL}, -EIO, "", "", 0, {TAGS("?n=2", .status = 400)}},
	{"an empty page", ONE_PAGE, {2, "x"}, 0, "", "", 0, {TAGS("?n=2&last=x", NAMES("null"))}},

	{"a name space comes before what is below it", CATALOG, {0}, 0, "a a/b a/c a-b b", "", 2,
	 {GET("/v2/_catalog?n=1000", .status = 200,
	      .body = "{\"repositories\":[\"a-b\",\"b\",\"a/c\",\"a\",\"a/b\",\"../x\",\"UP\"]}")}},
	{"a catalog page", CATALOG_PAGE, {1, "a/b"}, 0, "b", "b", 0,
	 {GET("/v2/_catalog?n=1&last=a%2Fb", .status = 200, .body = "{\"repositories\":[\"b\"]}")}},
	{"no catalog", CATALOG, {0}, -ENOENT, "", "", 0, {GET("/v2/_catalog?n=1000", .status = 404)}},
	{"a catalog that is not for us", CATALOG, {0}, -EACCES, "", "", 0,
	 {GET("/v2/_catalog?n=1000", .status = 403)}},

	{"referrers", REFERRERS, {0}, 0, REFERRER, "", 1,
	 {GET("/v2/a/referrers/" SUBJECT, .status = 200,
	      .body = "{\"manifests\":[{\"digest\":\"" REFERRER "\"},{\"digest\":\"sha256:1\"}]}")}},
	{"no referrers", REFERRERS, {0}, 0, "", "", 0,
	 {GET("/v2/a/referrers/" SUBJECT, .status = 200, .body = "{\"manifests\":[]}")}},
	{"no referrers API", REFERRERS, {0}, -ENOENT, "", "", 0,
	 {GET("/v2/a/referrers/" SUBJECT, .status = 404)}},
	{"referrers in pages", REFERRERS, {0}, 0, SUBJECT " " REFERRER, "", 0,
	 {GET("/v2/a/referrers/" SUBJECT, .status = 200, LINK("/v2/a/referrers/" SUBJECT "?next=1"),
	      .body = "{\"manifests\":[{\"digest\":\"" REFERRER "\"}]}"),
	  GET("/v2/a/referrers/" SUBJECT "?next=1", .status = 200,
	      .body = "{\"manifests\":[{\"digest\":\"" SUBJECT "\"}]}")}},
};

static void fill_page(void)
{
	size_t n = (size_t)snprintf(full, sizeof(full), "{\"tags\":[");

	for (unsigned k = 0; k < PAGE; k++)
		n += (size_t)snprintf(full + n, sizeof(full) - n, "%s\"t%04u\"", k ? "," : "", k);
	snprintf(full + n, sizeof(full) - n, "]}");
}

static uint64_t ask(const struct scene *scene, struct reg_client *c, const struct reg_call *call)
{
	struct reg_digest subject;

	switch (scene->what) {
	case WHOLE:
		return reg_tags(c, "a", NULL, call);
	case ONE_PAGE:
		return reg_tags(c, "a", &scene->page, call);
	case CATALOG:
		return reg_catalog(c, NULL, call);
	case CATALOG_PAGE:
		return reg_catalog(c, &scene->page, call);
	default:
		assert_true(reg_digest_parse(SUBJECT, &subject));
		return reg_referrers(c, "a", &subject, call);
	}
}

static void pages(void **state)
{
	(void)state;
	fill_page();
	for (size_t k = 0; k < ARRAY_SIZE(scenes); k++) {
		const struct scene *scene = &scenes[k];
		struct script *s;
		struct answer a;
		struct reg_call call;
		size_t n = 0;

		while (n < MAX_ROWS && scene->rows[n].request)
			n++;
		print_message("             %s\n", scene->why);
		s = script_start(scene->rows, n, NULL, NULL);
		call = answer_call(&a, s, 0);
		check(ask(scene, script_client(s), &call), scene->why);
		answer_wait(&a);
		script_finish(s);
		check_int(a.err, scene->err, scene->why);
		check_int(a.dropped, scene->dropped, scene->why);
		check_text(a.next, scene->next, scene->why);
		if (scene->names)
			check_text(a.names, scene->names, scene->why);
		else
			check(a.count >= PAGE, scene->why);
	}
}

/* Pages that go on for ever, and never have a name: it ends. */
static void endless(void **state)
{
	static char requests[300][64], links[300][96];
	struct script_row rows[300] = {0};
	struct script *s;
	struct answer a;
	struct reg_call call;

	(void)state;
	for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) {
		snprintf(requests[k], sizeof(requests[k]),
			 k ? "GET /v2/a/tags/list?page=%u" : "GET /v2/a/tags/list?n=1000", k);
		snprintf(links[k], sizeof(links[k]), "Link: </v2/a/tags/list?page=%u>; rel=\"next\"\n",
			 k + 1);
		rows[k] = (struct script_row){
			.request = requests[k], .headers = links[k], NAMES("[]"), .times = SCRIPT_ANY,
		};
	}
	s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	call = answer_call(&a, s, 0);
	assert_true(reg_tags(script_client(s), "a", NULL, &call));
	answer_wait(&a);
	script_finish(s);
	assert_int_equal(a.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(endless)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
