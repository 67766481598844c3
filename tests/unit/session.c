/* SPDX-License-Identifier: MIT */
/* One request through authorization and retries: session.c and auth.c over a scripted registry. */
#include "session.h"

#include <errno.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

enum { MAX_ROWS = 8 };

#define TAGS(auth, ...) {.request = "GET /v2/a/tags/list?n=1000", .authorization = (auth), __VA_ARGS__}
#define TOKEN(query, auth, ...) \
	{.request = "GET https://auth.test/token?" query, .authorization = (auth), __VA_ARGS__}

#define LIST .status = 200, .body = "{\"tags\":[\"1\"]}"
#define GIVES(text) .status = 200, .body = "{\"token\":\"" text "\",\"expires_in\":300}"
#define ASKS(challenge) .status = 401, .headers = "WWW-Authenticate: " challenge "\n"
#define REALM "Bearer realm=\"https://auth.test/token\",service=\"reg\""
#define BEARER REALM ",scope=\"repository:a:pull\""
#define QUERY "service=reg&scope=repository%3Aa%3Apull"
#define SECRET "Basic dXNlcjpzM2NyZXQ=" /* user:s3cret */

static const struct scene {
	const char *why, *user;
	int err;
	const char *words; /* in the error */
	struct script_row rows[MAX_ROWS];
} scenes[] = {
	{"a registry that asks for nothing", NULL, 0, NULL, {TAGS(NULL, LIST)}},
	{"credentials are for who asks", "user", 0, NULL, {TAGS(NULL, LIST)}},
	{"an anonymous token", NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, GIVES("t1")), TAGS("Bearer t1", LIST)}},
	{"a user's token", "user", 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY "&account=user", SECRET, GIVES("t1")),
	  TAGS("Bearer t1", LIST)}},
	{"a token by its other name", NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, .status = 200, .body = "{\"access_token\":\"t1\"}"),
	  TAGS("Bearer t1", LIST)}},
	{"no scope in the challenge: ours", NULL, 0, NULL,
	 {TAGS(NULL, ASKS(REALM)), TOKEN(QUERY, NULL, GIVES("t1")), TAGS("Bearer t1", LIST)}},
	{"scopes that the registry chose", NULL, 0, NULL,
	 {TAGS(NULL, ASKS(REALM ",scope=\"repository:a:pull,push repository:b/c:pull\"")),
	  TOKEN("service=reg&scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Ab%2Fc%3Apull", NULL,
	  GIVES("t1")),
	  TAGS("Bearer t1", LIST)}},
	{"no service, and a realm with a query", NULL, 0, NULL,
	 {TAGS(NULL, ASKS("Bearer realm=\"https://auth.test/token?x=1\"")),
	  TOKEN("x=1&scope=repository%3Aa%3Apull", NULL, GIVES("t1")), TAGS("Bearer t1", LIST)}},
	{"a refused token is replaced", NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, GIVES("t1")), TAGS("Bearer t1", ASKS(BEARER)),
	  TOKEN(QUERY, NULL, GIVES("t2")), TAGS("Bearer t2", LIST)}},
	{"but once: no loop", NULL, -EACCES, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, GIVES("t1")), TAGS("Bearer t1", ASKS(BEARER)),
	  TOKEN(QUERY, NULL, GIVES("t2")), TAGS("Bearer t2", ASKS(BEARER))}},
	{"the same token again: no loop", NULL, -EACCES, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, GIVES("t1"), .times = 2),
	  TAGS("Bearer t1", ASKS(BEARER), .times = 2)}},
	{"a grant that is too small: another one would be, too", "user", -EACCES, "no right to pull in a: denied",
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY "&account=user", SECRET, GIVES("small")),
	  TAGS("Bearer small", ASKS(BEARER ",error=\"insufficient_scope\""),
	       .body = "{\"errors\":[{\"code\":\"UNAUTHORIZED\",\"message\":\"denied\"}]}")}},
	{"another scope asked for the second time", NULL, 0, NULL,
	 {TAGS(NULL, ASKS(REALM)), TOKEN(QUERY, NULL, GIVES("t1")),
	  TAGS("Bearer t1", ASKS(REALM ",scope=\"repository:a:pull,push\"")),
	  TOKEN("service=reg&scope=repository%3Aa%3Apull%2Cpush", NULL, GIVES("t2")),
	  TAGS("Bearer t2", LIST)}},
	{"forbidden is an answer", NULL, -EACCES, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, GIVES("t1")), TAGS("Bearer t1", .status = 403)}},
	{"Basic", "user", 0, NULL, {TAGS(NULL, ASKS("Basic realm=\"x\"")), TAGS(SECRET, LIST)}},
	{"Basic, anonymous", NULL, -EACCES, "REGFS_USER", {TAGS(NULL, ASKS("Basic realm=\"x\""))}},
	{"Basic, wrong password", "user", -EACCES, "not accepted",
	 {TAGS(NULL, ASKS("Basic realm=\"x\"")), TAGS(SECRET, ASKS("Basic realm=\"x\""))}},
	{"Bearer before Basic", "user", 0, NULL,
	 {TAGS(NULL, ASKS("Basic realm=\"x\", " BEARER)), TOKEN(QUERY "&account=user", SECRET, GIVES("t1")),
	  TAGS("Bearer t1", LIST)}},
	{"a realm in clear text", "user", -EACCES, "not https",
	 {TAGS(NULL, ASKS("Bearer realm=\"http://auth.test/token\""))}},
	{"a realm that is a file", "user", -EACCES, "not https",
	 {TAGS(NULL, ASKS("Bearer realm=\"file:///etc/passwd\""))}},
	{"a realm that only looks like https", "user", -EACCES, "not https",
	 {TAGS(NULL, ASKS("Bearer realm=\"https:auth.test/token\""))}},
	{"no challenge: what a redirect's target asks is not handed on", "user", -EACCES, NULL,
	 {TAGS(NULL, .status = 401)}},
	{"a scheme that nobody knows", "user", -EACCES, "does not know", {TAGS(NULL, ASKS("Negotiate"))}},
	{"a challenge that does not parse", "user", -EACCES, "does not know",
	 {TAGS(NULL, ASKS("Bearer realm=\"x"))}},
	{"the token server refuses", "user", -EACCES, "auth.test",
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY "&account=user", SECRET, ASKS("Basic realm=\"x\""))}},
	{"the token server is down", NULL, -ECONNREFUSED, "auth.test",
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, .err = -ECONNREFUSED)}},
	{"the token server fails", NULL, -EIO, "auth.test",
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, .status = 500, .times = 4)}},
	{"the token server recovers", NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, .status = 502),
	  TOKEN(QUERY, NULL, .err = -EIO, .transient = true),
	  TOKEN(QUERY, NULL, GIVES("t1")), TAGS("Bearer t1", LIST)}},
	{"no token server there: that says nothing about the repository", NULL, -EIO, "auth.test",
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, .status = 404)}},
	{"nor does a method that it does not know", NULL, -EIO, "auth.test",
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, .status = 405)}},
	{"the token server talks nonsense", NULL, -EBADMSG, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, .status = 200, .body = "<html>")}},
	{"the token server gives nothing", NULL, -EBADMSG, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, .status = 200, .body = "{\"token\":null}")}},
	{"a token with a header of its own", NULL, -EBADMSG, NULL,
	 {TAGS(NULL, ASKS(BEARER)),
	  TOKEN(QUERY, NULL, .status = 200, .body = "{\"token\":\"t\\r\\nX-Evil: 1\"}")}},
	{"the registry recovers", NULL, 0, NULL,
	 {TAGS(NULL, .status = 500), TAGS(NULL, .status = 503, .headers = "Retry-After: 2\n"),
	  TAGS(NULL, .err = -EIO, .transient = true), TAGS(NULL, LIST)}},
	{"the registry does not recover", NULL, -EIO, NULL, {TAGS(NULL, .status = 500, .times = 4)}},
	{"what is not transient is not tried again", NULL, -ECONNREFUSED, NULL,
	 {TAGS(NULL, .err = -ECONNREFUSED)}},
	{"asked to wait for too long", NULL, -EAGAIN, NULL,
	 {TAGS(NULL, .status = 429, .headers = "Retry-After: 301\n")}},
	{"asked to wait again and again", NULL, -EAGAIN, NULL,
	 {TAGS(NULL, .status = 429, .headers = "Retry-After: 100\n", .times = 3)}},
	{"what was said counts, not that the time ended with the next attempt", NULL, -EIO, "HTTP status 500",
	 {TAGS(NULL, .status = 500), TAGS(NULL, .err = -ETIMEDOUT)}},
	{"nor how little time was left", NULL, -EAGAIN, "slow down",
	 {TAGS(NULL, .status = 429, .body = "slow down", .takes = 299800), TAGS(NULL, .err = -ETIMEDOUT)}},
	{"nor that it went with a token", NULL, -EIO, "HTTP status 500",
	 {TAGS(NULL, .status = 500), TAGS(NULL, ASKS(BEARER), .takes = 299000),
	  TOKEN(QUERY, NULL, GIVES("t1"), .takes = 2000)}},
	{"a connection that broke said nothing", NULL, -ETIMEDOUT, NULL,
	 {TAGS(NULL, .err = -EIO, .transient = true), TAGS(NULL, .err = -ETIMEDOUT)}},
	{"a token and a wait", NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TOKEN(QUERY, NULL, GIVES("t1")),
	  TAGS("Bearer t1", .status = 429, .headers = "Retry-After: 5\n"), TAGS("Bearer t1", LIST)}},
	{"no time left for a token", NULL, -ETIMEDOUT, "no answer",
	 {TAGS(NULL, ASKS(BEARER), .takes = 299000), TOKEN(QUERY, NULL, GIVES("t1"), .takes = 2000)}},
};

static void one_call(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(scenes); k++) {
		const struct scene *scene = &scenes[k];
		struct script *s;
		struct answer a;
		struct reg_call call;
		size_t n = 0;

		while (n < MAX_ROWS && scene->rows[n].request)
			n++;
		print_message("             %s\n", scene->why);
		s = script_start(scene->rows, n, scene->user, scene->user ? "s3cret" : NULL);
		call = answer_call(&a, s, 0);
		check(reg_tags(script_client(s), "a", NULL, &call), scene->why);
		answer_wait(&a);
		script_finish(s);
		check_int(a.err, scene->err, scene->why);
		check(!scene->words || strstr(a.error.msg, scene->words), scene->why);
		check(!strstr(a.error.msg, "s3cret") && !strstr(a.error.msg, "Bearer t"), scene->why);
		if (!a.err)
			check_text(a.names, "1", scene->why);
	}
}

static void ask(struct script *s, const char *repository, struct answer *a)
{
	const struct reg_call call = answer_call(a, s, 0);

	assert_true(reg_tags(script_client(s), repository, NULL, &call));
}

static void get(struct script *s, const char *repository)
{
	struct answer a;

	ask(s, repository, &a);
	answer_wait(&a);
	check_int(a.err, 0, repository);
}

/* A token is for a scope: asked for once while it lives, and without another 401 for the next repository. */
static void token_reused(void **state)
{
	static const struct script_row rows[] = {
		TAGS(NULL, ASKS(BEARER)),
		TOKEN(QUERY, NULL, GIVES("t1")),
		TAGS("Bearer t1", LIST, .times = 3),
		TOKEN("service=reg&scope=repository%3Ab%2Fc%3Apull", NULL, GIVES("t2")),
		{"GET /v2/b/c/tags/list?n=1000", "Bearer t2", LIST, .times = 2},
		TOKEN("service=reg&scope=registry%3Acatalog%3A%2A", NULL, GIVES("t3")),
		{"GET /v2/_catalog?n=1000", "Bearer t3", .status = 200, .body = "{\"repositories\":[]}"},
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;
	struct reg_call call;

	(void)state;
	get(s, "a");
	get(s, "b/c");
	get(s, "a");
	get(s, "b/c");
	get(s, "a");
	call = answer_call(&a, s, 0);
	assert_true(reg_catalog(script_client(s), NULL, &call));
	answer_wait(&a);
	script_finish(s);
}

/* A refusal of a token that was good before is answered with one new token, not with two. */
static void known_token_refused(void **state)
{
	static const struct script_row rows[] = {
		TAGS(NULL, ASKS(BEARER)),
		TOKEN(QUERY, NULL, GIVES("t1")),
		TAGS("Bearer t1", LIST),
		TAGS("Bearer t1", ASKS(BEARER)),
		TOKEN(QUERY, NULL, GIVES("t2")),
		TAGS("Bearer t2", ASKS(BEARER)),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;

	(void)state;
	get(s, "a");
	ask(s, "a", &a);
	answer_wait(&a);
	script_finish(s);
	assert_int_equal(a.err, -EACCES);
}

static void page(struct script *s, unsigned n, struct answer *a)
{
	const struct reg_page p = {.n = n};
	const struct reg_call call = answer_call(a, s, 0);

	assert_true(reg_tags(script_client(s), "a", &p, &call));
}

#define PAGE(n, auth, ...) {.request = "GET /v2/a/tags/list?n=" n, .authorization = (auth), __VA_ARGS__}

/* Requests of one scope at the same time share one token, also when they are refused at the same time. */
static void one_token_for_many(void **state)
{
	static const struct script_row rows[] = {
		PAGE("1", NULL, ASKS(BEARER), .held = 1),
		PAGE("2", NULL, ASKS(BEARER), .held = 1),
		PAGE("3", NULL, ASKS(BEARER), .held = 1),
		TOKEN(QUERY, NULL, GIVES("t1"), .held = 2),
		PAGE("1", "Bearer t1", LIST), PAGE("2", "Bearer t1", LIST), PAGE("3", "Bearer t1", LIST),
		PAGE("1", "Bearer t1", ASKS(BEARER), .held = 3),
			PAGE("2", "Bearer t1", ASKS(BEARER), .held = 3),
		TOKEN(QUERY, NULL, GIVES("t2")),
		PAGE("1", "Bearer t2", LIST), PAGE("2", "Bearer t2", LIST),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a[3];

	(void)state;
	for (unsigned k = 0; k < 3; k++)
		page(s, k + 1, &a[k]);
	script_wait_sent(s, 3);
	script_release(s);
	script_wait_sent(s, 4);
	script_settle(s);
	assert_int_equal(script_sent(s), 4);
	script_release(s);
	for (unsigned k = 0; k < 3; k++) {
		answer_wait(&a[k]);
		assert_int_equal(a[k].err, 0);
	}
	page(s, 1, &a[0]);
	page(s, 2, &a[1]);
	script_wait_sent(s, 9);
	script_release(s);
	answer_wait(&a[0]);
	answer_wait(&a[1]);
	script_finish(s);
	assert_int_equal(a[0].err, 0);
	assert_int_equal(a[1].err, 0);
}

/* All who wait for a token are told why there is none; the next who comes asks again. */
static void no_token_for_many(void **state)
{
	static const struct script_row rows[] = {
		PAGE("1", NULL, ASKS(BEARER), .held = 1), PAGE("2", NULL, ASKS(BEARER), .held = 1),
		TOKEN(QUERY, NULL, .status = 403, .held = 2),
		TOKEN(QUERY, NULL, GIVES("t1")), PAGE("3", "Bearer t1", LIST),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a[3];

	(void)state;
	page(s, 1, &a[0]);
	page(s, 2, &a[1]);
	script_wait_sent(s, 2);
	script_release(s);
	script_wait_sent(s, 3);
	script_release(s);
	answer_wait(&a[0]);
	answer_wait(&a[1]);
	page(s, 3, &a[2]);
	answer_wait(&a[2]);
	script_finish(s);
	assert_int_equal(a[0].err, -EACCES);
	assert_int_equal(a[1].err, -EACCES);
	assert_int_equal(a[2].err, 0);
}

/* What a token server says about its token's life, and how long it is used (milliseconds). */
static void expiry(void **state)
{
	static const struct {
		const char *why, *body;
		uint64_t good, late;
	} cases[] = {
		{"said", "{\"token\":\"t\",\"expires_in\":300}", 289000, 300000},
		{"not said: a minute", "{\"token\":\"t\"}", 49000, 60000},
		{"no number", "{\"token\":\"t\",\"expires_in\":\"300\"}", 49000, 60000},
		{"short", "{\"token\":\"t\",\"expires_in\":10}", 4000, 10000},
		{"negative: a minute", "{\"token\":\"t\",\"expires_in\":-5}", 49000, 60000},
		{"zero: a minute", "{\"token\":\"t\",\"expires_in\":0}", 49000, 60000},
		{"a second: for those who wait", "{\"token\":\"t\",\"expires_in\":1}", 0, 2000},
		{"a year: a day", "{\"token\":\"t\",\"expires_in\":31536000}", 86380000, 86400000},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const struct script_row rows[] = {
			TAGS(NULL, ASKS(BEARER)),
			TOKEN(QUERY, NULL, .status = 200, .body = cases[k].body, .times = 2),
			TAGS("Bearer t", LIST, .times = 3),
		};
		struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);

		print_message("             %s\n", cases[k].why);
		get(s, "a");
		script_advance(cases[k].good);
		get(s, "a");
		script_advance(cases[k].late - cases[k].good);
		get(s, "a");
		script_finish(s);
	}
}

/* Who waits for a token can be cancelled; the token is fetched to its end, and used by the next. */
static void cancel_while_waiting(void **state)
{
	static const struct script_row rows[] = {
		TAGS(NULL, ASKS(BEARER)),
		TOKEN(QUERY, NULL, GIVES("t1"), .held = 1),
		TAGS("Bearer t1", LIST),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;
	struct reg_call call = answer_call(&a, s, 0);
	uint64_t number;

	(void)state;
	number = reg_tags(script_client(s), "a", NULL, &call);
	script_wait_sent(s, 2);
	reg_cancel(script_client(s), number);
	answer_wait(&a);
	assert_int_equal(a.err, -ECANCELED);
	script_release(s);
	get(s, "a");
	script_finish(s);
}

/* The client ends while a token is fetched, or while a request pauses. */
static void end_while_waiting(void **state)
{
	static const struct script_row token[] = {
		TAGS(NULL, ASKS(BEARER)),
		TOKEN(QUERY, NULL, GIVES("t1"), .held = 1),
	};
	static const struct script_row pause[] = {TAGS(NULL, .status = 503)};
	struct script *s = script_start(token, ARRAY_SIZE(token), NULL, NULL);
	struct answer a;

	(void)state;
	ask(s, "a", &a);
	script_wait_sent(s, 2);
	script_finish(s);
	assert_int_equal(a.times, 1);
	assert_int_equal(a.err, -ECANCELED);

	s = script_start(pause, ARRAY_SIZE(pause), NULL, NULL);
	script_hold_timers(true);
	ask(s, "a", &a);
	script_wait_sent(s, 1);
	script_settle(s);
	script_finish(s);
	assert_int_equal(a.times, 1);
	assert_int_equal(a.err, -ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_call),           cmocka_unit_test(token_reused),
		cmocka_unit_test(known_token_refused), cmocka_unit_test(one_token_for_many),
		cmocka_unit_test(no_token_for_many),  cmocka_unit_test(expiry),
		cmocka_unit_test(cancel_while_waiting), cmocka_unit_test(end_while_waiting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
