/* SPDX-License-Identifier: MIT */
/* Is it a registry? Over a scripted one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "scripted.h"

#define OFFER "WWW-Authenticate: basic realm=\n" /* zot's, word for word */
#define SECRET "Basic dXNlcjpzM2NyZXQ=" /* user:s3cret */
#define PING(...) {.request = "GET /v2/", __VA_ARGS__}

static const struct scene {
	const char *why;
	bool may_fall_back;
	int err;
	const char *words;
	const char *base; /* afterwards */
	struct script_row rows[6];
} scenes[] = {
	{"a registry", false, 0, NULL, "https://", {PING(.status = 200, .body = "{}")}},
	{"one that says nothing", false, 0, NULL, "https://", {PING(.status = 200)}},
	{"one that says something else", false, 0, NULL, "https://",
	 {PING(.status = 200, .body = "ok", .headers = "Content-Type: text/plain\n")}},
	{"JSON that claims to be a page", false, 0, NULL, "https://",
	 {PING(.status = 200, .body = "{}", .headers = "Content-Type: text/html\n")}},
	{"a web page", false, -EPROTO, "not as a registry", "https://",
	 {PING(.status = 200, .body = "<html>", .headers = "Content-Type: text/html; charset=utf-8\n")}},
	{"a web server without such a page", false, -EPROTO, "not as a registry", "https://",
	 {PING(.status = 404)}},
	{"one that has no GET", false, -EPROTO, "not as a registry", "https://", {PING(.status = 405)}},
	{"another success", false, -EPROTO, "not as a registry", "https://", {PING(.status = 204)}},
	{"a login is needed", false, -EACCES, "REGFS_USER", "https://",
	 {PING(.status = 401, .headers = "WWW-Authenticate: Basic realm=\"x\"\n")}},
	{"a token without a scope", false, 0, NULL, "https://",
	 {PING(.status = 401,
	       .headers = "WWW-Authenticate: Bearer realm=\"https://auth.test/token\",service=\"reg\"\n"),
	  {.request = "GET https://auth.test/token?service=reg", .status = 200, .body = "{\"token\":\"t\"}"},
	  PING(.authorization = "Bearer t", .status = 200)}},
	{"no TLS", false, -EPROTO, NULL, "https://", {PING(.err = -EPROTO)}},
	{"no TLS, on this host", true, 0, NULL, "http://", {PING(.err = -EPROTO), PING(.status = 200)}},
	{"nobody there, on this host", true, -ECONNREFUSED, NULL, "http://",
	 {PING(.err = -ECONNREFUSED, .times = 2)}},
	{"a time-out is no reason", true, -ETIMEDOUT, NULL, "https://", {PING(.err = -ETIMEDOUT)}},
	{"nor is an answer", true, -EPROTO, NULL, "https://", {PING(.status = 404)}},
	{"strangers are let in, and there is no login", false, 0, NULL, "https://",
	 {PING(.status = 200, .headers = OFFER)}},
}, known[] = {
	{"strangers are let in, and see less", false, 0, NULL, "https://",
	 {PING(.status = 200, .headers = OFFER), PING(.authorization = SECRET, .status = 200, .headers = OFFER)}},
	{"and the password is wrong", false, -EACCES, "not accepted", "https://",
	 {PING(.status = 200, .headers = OFFER), PING(.authorization = SECRET, .status = 401, .headers = OFFER)}},
	{"tokens are asked for once they are wanted", false, 0, NULL, "https://",
	 {PING(.status = 200, .headers = "WWW-Authenticate: Bearer realm=\"https://auth.test/token\"\n")}},
};

static void play(const struct scene *scene, const char *user, void (*log_in)(struct script *s))
{
	struct reg_call call;
	struct script *s;
	struct answer a;
	size_t n = 0;

	while (n < ARRAY_SIZE(scene->rows) && scene->rows[n].request)
		n++;
	s = script_start(scene->rows, n, user, "s3cret");
	script_client(s)->source.may_fall_back = scene->may_fall_back; /* nothing is under way */
	if (log_in)
		log_in(s);
	call = answer_call(&a, s, 0);
	check(reg_ping(script_client(s), &call), scene->why);
	answer_wait(&a);
	script_settle(s);
	check(strncmp(script_client(s)->session.base, scene->base, strlen(scene->base)) == 0, scene->why);
	script_finish(s);
	check_int(a.err, scene->err, scene->why);
	check(!scene->words || strstr(a.error.msg, scene->words), scene->why);
}

static void table(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(scenes); k++)
		play(&scenes[k], NULL, NULL);
}

static void somebody(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(known); k++)
		play(&known[k], "user", NULL);
}

#define BASIC "WWW-Authenticate: Basic realm=\"x\"\n"
#define TOKENS "WWW-Authenticate: Bearer realm=\"https://auth.test/token\",service=\"reg\"\n"
#define A "Basic YTpzM2NyZXQtYQ==" /* a:s3cret-a */
#define B "Basic YjpzM2NyZXQtYg==" /* b:s3cret-b */
#define ONE(key, user) "\"" key "\":{\"username\":\"" user "\",\"password\":\"s3cret-" user "\"}"

/*
 * Whose user has logins for reg.test/a and reg.test/b, and for nothing else; and the first one, and one that cannot be
 * read, for more. Accounts are locked for being tried once and again: each is shown once.
 */
static const struct scene apart[] = {
	{"strangers are let in", false, 0, NULL, "https://", {PING(.status = 200, .body = "{}")}},
	{"the first one is known", false, 0, NULL, "https://",
	 {PING(.status = 401, .headers = BASIC, .times = 2), PING(.authorization = A, .status = 200)}},
	{"the second one is known", false, 0, NULL, "https://",
	 {PING(.status = 401, .headers = BASIC, .times = 3), PING(.authorization = A, .status = 401, .headers = BASIC),
	  PING(.authorization = B, .status = 200)}},
	{"the first one may not ask for this", false, 0, NULL, "https://",
	 {PING(.status = 401, .headers = BASIC, .times = 3), PING(.authorization = A, .status = 403),
	  PING(.authorization = B, .status = 200)}},
	{"nobody is known", false, -EACCES, "reg.test/a alone", "https://",
	 {PING(.status = 401, .headers = BASIC, .times = 3), PING(.authorization = A, .status = 401, .headers = BASIC),
	  PING(.authorization = B, .status = 401, .headers = BASIC)}},
	{"each gets a token of its own, or none", false, 0, NULL, "https://",
	 {PING(.status = 401, .headers = TOKENS, .times = 3),
	  {.request = "GET https://auth.test/token?service=reg", .status = 403},
	  {.request = "GET https://auth.test/token?service=reg&account=a", .authorization = A, .status = 401},
	  {.request = "GET https://auth.test/token?service=reg&account=b", .authorization = B, .status = 200,
	   .body = "{\"token\":\"t\"}"},
	  PING(.authorization = "Bearer t", .status = 200)}},
	{"a stranger's token is not enough", false, 0, NULL, "https://",
	 {PING(.status = 401, .headers = TOKENS, .times = 2),
	  {.request = "GET https://auth.test/token?service=reg", .status = 200, .body = "{\"token\":\"s\"}"},
	  PING(.authorization = "Bearer s", .status = 403),
	  {.request = "GET https://auth.test/token?service=reg&account=a", .authorization = A, .status = 200,
	   .body = "{\"token\":\"t\"}"},
	  PING(.authorization = "Bearer t", .status = 200)}},
	{"nobody is asked who he is: a login would not be shown", false, -EACCES, NULL, "https://",
	 {PING(.status = 403)}},
	{"a registry that is broken is told as it is", false, -EIO, NULL, "https://",
	 {PING(.status = 401, .headers = BASIC, .times = 2), PING(.authorization = A, .status = 500, .times = SCRIPT_ANY)}},
};

static void log_in_apart(struct script *s)
{
	static const char file[] = "{\"auths\":{" ONE("reg.test/a", "a") "," ONE("reg.test/aa", "a") ","
				   ONE("reg.test/b", "b") ",\"reg.test/bb\":{\"auth\":\"!\"}}}";
	struct reg_client *const c = script_client(s);
	struct logins_options o = {
		.lookup = {.source = &c->source},
		.fetch = session_fetch_token,
		.fetch_data = &c->session,
		.loop = c->loop,
		.log = &c->log,
	};
	struct folder folder;

	folder_make(&folder);
	folder_write(&folder, "auth.json", file, strlen(file));
	o.lookup.authfile = folder_path(&folder, "auth.json");
	logins_free(c->session.logins);
	assert_int_equal(logins_new(&o, &c->session.logins, NULL), 0);
	folder_remove(&folder);
}

static void name_spaces(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(apart); k++)
		play(&apart[k], NULL, log_in_apart);
}

struct request {
	const char *repository;
	int err;
	const char *words; /* of its failure */
};

/* Once it is known to be a registry. */
static void ask(const struct script_row *rows, size_t nrows, const struct request *requests, size_t nrequests)
{
	struct script *const s = script_start(rows, nrows, NULL, NULL);
	struct reg_call call;
	struct answer a;

	log_in_apart(s);
	call = answer_call(&a, s, 0);
	assert_true(reg_ping(script_client(s), &call));
	answer_wait(&a);
	check_int(a.err, 0, "the ping");
	for (size_t i = 0; i < nrequests; i++) {
		call = answer_call(&a, s, 0);
		assert_true(reg_tags(script_client(s), requests[i].repository, NULL, &call));
		answer_wait(&a);
		check_int(a.err, requests[i].err, requests[i].repository);
		check_text(a.error.msg, requests[i].words, requests[i].repository);
	}
	script_settle(s);
	script_finish(s);
}

#define TAGS(name, ...) {.request = "GET /v2/" name "/tags/list?n=1000", __VA_ARGS__}
#define LIST .status = 200, .body = "{\"tags\":[\"t\"]}"

/* Strangers are let in, and see less: what has a login is asked for with it, unasked, as if that alone were mounted. */
static void less_for_strangers(void **state)
{
	static const struct script_row rows[] = {
		PING(.status = 200, .headers = OFFER),
		TAGS("a", .authorization = A, LIST),
		TAGS("b", .authorization = B, LIST),
		TAGS("c", LIST),
	};
	static const struct request requests[] = {{"a", 0, ""}, {"b", 0, ""}, {"c", 0, ""}};

	(void)state;
	ask(rows, ARRAY_SIZE(rows), requests, ARRAY_SIZE(requests));
}

/* Who was told a password for one name space may repeat it for another. */
static void what_is_repeated(void **state)
{
	static const struct script_row rows[] = {
		PING(.status = 200, .headers = OFFER),
		TAGS("a", .authorization = A, LIST),
		TAGS("c", .status = 403,
		     .body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"not s3cret-a, YTpzM2NyZXQtYQ==\"}]}"),
	};
	static const struct request requests[] = {{"a", 0, ""}, {"c", -EACCES, "not ***, ***"}};

	(void)state;
	ask(rows, ARRAY_SIZE(rows), requests, ARRAY_SIZE(requests));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(somebody),
		cmocka_unit_test(name_spaces),
		cmocka_unit_test(less_for_strangers),
		cmocka_unit_test(what_is_repeated),
	};

	/* Of whoever runs this. */
	unsetenv("REGFS_USER");
	unsetenv("REGFS_PASSWORD");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
