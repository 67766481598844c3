/* SPDX-License-Identifier: MIT */
/* Logins of every kind, tokens of every right, and what is done when they are refused: over a scripted registry. */
#include "auth.h"

#include <errno.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

enum { MAX_ROWS = 8 };

#define TAGS(auth, ...) {.request = "GET /v2/a/tags/list?n=1000", .authorization = (auth), __VA_ARGS__}
#define ASKED(query) "https://auth.test/token" query
#define GET(auth, ...) \
	{.request = "GET " ASKED("?service=reg&scope=repository%3Aa%3Apull&account=user"), \
	 .authorization = (auth), __VA_ARGS__}
#define POST(form, ...) \
	{.request = "POST " ASKED(""), \
	 .upload = "application/x-www-form-urlencoded " form, __VA_ARGS__}
#define FORM "&service=reg&client_id=regfs&scope=repository%3Aa%3Apull"
#define REFRESH(token) "grant_type=refresh_token" FORM "&refresh_token=" token

#define LIST .status = 200, .body = "{\"tags\":[\"1\"]}"
#define GIVES(text) .status = 200, .body = "{\"token\":\"" text "\",\"expires_in\":300}"
#define ASKS(challenge) .status = 401, .headers = "WWW-Authenticate: " challenge "\n"
#define REALM "Bearer realm=\"https://auth.test/token\",service=\"reg\""
#define BEARER REALM ",scope=\"repository:a:pull\""
#define BASIC "Basic realm=\"x\""
#define SECRET "Basic dXNlcjpzM2NyZXQ=" /* user:s3cret */
#define OTHER "Basic dXNlcjpuM3c=" /* user:n3w */
#define SMALL "e30.eyJhY2Nlc3MiOlt7InR5cGUiOiJyZXBvc2l0b3J5IiwibmFtZSI6ImEiLCJhY3Rpb25zIjpbInB1c2giXX1dfQ.c2ln"

static const struct login {
	const char *user, *password, *identity, *registry;
} nobody, user = {"user", "s3cret", NULL, NULL}, newer = {"user", "n3w", NULL, NULL},
  identity = {NULL, NULL, "i d", NULL}, fresher = {NULL, NULL, "i2", NULL},
  both = {"user", "s3cret", "i1", NULL}, registry = {NULL, NULL, NULL, "ready"},
  readier = {NULL, NULL, NULL, "r2"}, long_identity = {NULL, NULL, "s3cret-and-much-more", NULL};

static const struct scene {
	const char *why;
	const struct login *login, *found; /* found: when it is looked for again; NULL: there is nowhere to look */
	int err;
	const char *words; /* in the error */
	struct script_row rows[MAX_ROWS];
} scenes[] = {
	{"an identity token", &identity, NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), POST(REFRESH("i%20d"), GIVES("t1")), TAGS("Bearer t1", LIST)}},
	{"an identity token before a password", &both, NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), POST(REFRESH("i1"), GIVES("t1")), TAGS("Bearer t1", LIST)}},
	{"which is shown where nobody knows the other", &both, NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), POST(REFRESH("i1"), .status = 404), GET(SECRET, GIVES("t1")),
	  TAGS("Bearer t1", LIST)}},
	{"several scopes in one form", &identity, NULL, 0, NULL,
	 {TAGS(NULL, ASKS(REALM ",scope=\"repository:b:pull\"")),
	  POST("grant_type=refresh_token&service=reg&client_id=regfs"
	       "&scope=repository%3Ab%3Apull%20repository%3Aa%3Apull&refresh_token=i%20d", GIVES("t1")),
	  TAGS("Bearer t1", LIST)}},
	{"an identity token that has ended", &identity, NULL, -EACCES, "log in again",
	 {TAGS(NULL, ASKS(BEARER)),
	  POST(REFRESH("i%20d"), .status = 400, .body = "{\"error\":\"invalid_grant\"}")}},
	{"and another one is found", &identity, &fresher, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), POST(REFRESH("i%20d"), .status = 401),
	  POST(REFRESH("i2"), GIVES("t1")), TAGS("Bearer t1", LIST)}},
	{"an identity token, for Basic", &identity, NULL, -EACCES, "is an identity token",
	 {TAGS(NULL, ASKS(BASIC))}},
	{"a password by POST where GET is not known", &user, NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, .status = 405),
	  POST("grant_type=password" FORM "&username=user&password=s3cret", GIVES("t1")),
	  TAGS("Bearer t1", LIST)}},
	{"each is tried once", &user, NULL, -EIO, "auth.test",
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, .status = 404),
	  POST("grant_type=password" FORM "&username=user&password=s3cret", .status = 404)}},
	{"a ready token", &registry, NULL, 0, NULL, {TAGS(NULL, ASKS(BEARER)), TAGS("Bearer ready", LIST)}},
	{"that is not accepted", &registry, NULL, -EACCES, "log in again",
	 {TAGS(NULL, ASKS(BEARER)), TAGS("Bearer ready", ASKS(BEARER))}},
	{"and there is another one", &registry, &readier, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), TAGS("Bearer ready", ASKS(BEARER)), TAGS("Bearer r2", LIST)}},
	{"a new password, Basic", &user, &newer, 0, NULL,
	 {TAGS(NULL, ASKS(BASIC)), TAGS(SECRET, ASKS(BASIC)), TAGS(OTHER, LIST)}},
	{"which is wrong as well", &user, &newer, -EACCES, "not accepted",
	 {TAGS(NULL, ASKS(BASIC)), TAGS(SECRET, ASKS(BASIC)), TAGS(OTHER, ASKS(BASIC))}},
	{"the same password again", &user, &user, -EACCES, "not accepted",
	 {TAGS(NULL, ASKS(BASIC)), TAGS(SECRET, ASKS(BASIC))}},
	{"a new password, Bearer", &user, &newer, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, ASKS(BASIC)), GET(OTHER, GIVES("t1")),
	  TAGS("Bearer t1", LIST)}},
	{"the same password again, Bearer", &user, &user, -EACCES, "not accepted",
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, ASKS(BASIC))}},
	{"the token server lets nobody in without a login", &nobody, &nobody, -EACCES, "REGFS_USER",
	 {TAGS(NULL, ASKS(BEARER)),
	  {.request = "GET " ASKED("?service=reg&scope=repository%3Aa%3Apull"), ASKS(BASIC)}}},
	{"no password is looked for where a right is missing", &user, &newer, -EACCES, "no right to pull in a",
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, GIVES("t1")),
	  TAGS("Bearer t1", ASKS(BEARER ",error=\"insufficient_scope\""))}},
	{"the token itself lacks the right", &user, NULL, -EACCES, "its token allows push there",
	 {TAGS(NULL, ASKS(BEARER)),
	  GET(SECRET, .status = 200, .body = "{\"token\":\"" SMALL "\"}"),
	  TAGS("Bearer " SMALL, ASKS(BEARER))}},
	{"a token that was not valid, though it lacks the right", &user, NULL, -EACCES, "does not accept",
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, GIVES("t1"), .times = 2),
	  TAGS("Bearer t1", ASKS(BEARER ",error=\"invalid_token\",error_description=\"not yet valid\""),
	       .times = 2)}},
	{"a token that ended early, and no word of it (zot)", &user, NULL, 0, NULL,
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, GIVES("t1")), TAGS("Bearer t1", .status = 401),
	  GET(SECRET, GIVES("t2")), TAGS("Bearer t2", LIST)}},
	{"and the next one is no better", &user, NULL, -EACCES, "does not accept",
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, GIVES("t1"), .times = 2), TAGS("Bearer t1", .status = 401, .times = 2)}},
	{"a password, and no word of it", &user, NULL, -EACCES, "does not know",
	 {TAGS(NULL, ASKS(BASIC)), TAGS(SECRET, .status = 401)}},
	{"clocks apart: the registry's words", &user, NULL, -EACCES, "not yet valid",
	 {TAGS(NULL, ASKS(BEARER)), GET(SECRET, GIVES("t1"), .times = 2),
	  TAGS("Bearer t1", ASKS(BEARER ",error=\"invalid_token\",error_description=\"not yet valid\""),
	       .times = 2)}},
	{"a realm in clear text, and Basic beside it", &user, NULL, 0, NULL,
	 {TAGS(NULL, ASKS("Bearer realm=\"http://auth.test/token\", " BASIC)), TAGS(SECRET, LIST)}},
	{"a realm that is a path", &user, NULL, -EACCES, "not https: /token",
	 {TAGS(NULL, ASKS("Bearer realm=\"/token\""))}},
	{"what the registry repeats of a login", &user, NULL, -EACCES, "***, not ***",
	 {TAGS(NULL, ASKS(BASIC)), TAGS(SECRET, ASKS(BASIC), .body = "dXNlcjpzM2NyZXQ=, not s3cret")}},
	{"even where a word of its own should be", &user, NULL, -EACCES, "denied",
	 {TAGS(NULL, ASKS(BASIC)),
	  TAGS(SECRET, .status = 403, .body = "{\"errors\":[{\"code\":\"s3cret\",\"message\":\"denied\"}]}")}},
	{"and the token server, of an identity token that is cut", &long_identity, NULL, -EACCES, "not ***, nor ***",
	 {TAGS(NULL, ASKS(BEARER)),
	  POST(REFRESH("s3cret-and-much-more"), .status = 400,
	       .body = "{\"error_description\":\"not s3cret-and-much-more, nor s3cret-and-muc\"}")}},
	{"a realm that names a user and a key", &user, NULL, -EIO, "no token from https://auth.test/token: ",
	 {TAGS(NULL, ASKS("Bearer realm=\"https://ad:s3cret@auth.test/token?key=s3cret\",service=\"reg\"")),
	  {.request = "GET https://ad:s3cret@auth.test/token?key=s3cret&service=reg"
		      "&scope=repository%3Aa%3Apull&account=user",
	   .authorization = SECRET, .status = 418, .body = "-"}}},
	{"Digest that was not allowed", &user, NULL, -EACCES, "digest_auth",
	 {TAGS(NULL, ASKS("Digest realm=\"x\",nonce=\"n\""))}},
	{"Negotiate", &user, NULL, -EACCES, "Negotiate", {TAGS(NULL, ASKS("Negotiate"))}},
};

/* ---- logins ---- */

struct renewal {
	struct script *script;
	const struct login *found;
	struct loop_task task;
	unsigned times;
};

static void fill(const struct login *login, struct reg_credentials *ret)
{
	*ret = (struct reg_credentials){
		.user = login->user ? strdup(login->user) : NULL,
		.password = login->password ? strdup(login->password) : NULL,
		.identity_token = login->identity ? strdup(login->identity) : NULL,
		.registry_token = login->registry ? strdup(login->registry) : NULL,
	};
}

static void on_renewed(struct loop_task *task)
{
	struct renewal *r = container_of(task, struct renewal, task);
	struct reg_credentials found;

	fill(r->found, &found);
	auth_renewed(logins_at(script_client(r->script)->session.logins, 0), &found, 0);
}

static void renew(void *data)
{
	struct renewal *r = data;

	r->times++;
	r->task.run = on_renewed;
	loop_post(script_client(r->script)->loop, &r->task);
}

/* Before the first call. */
static void log_in(struct script *s, const struct login *login, struct renewal *renewal)
{
	struct session *session = &script_client(s)->session;
	struct reg_credentials credentials;
	struct auth *own;
	const struct auth_options o = {
		.https = true,
		.credentials = &credentials,
		.fetch = session_fetch_token,
		.fetch_data = session,
		.renew = renewal ? renew : NULL,
		.renew_data = renewal,
		.log = &session->log,
	};

	fill(login, &credentials);
	logins_free(session->logins);
	assert_int_equal(auth_new(&o, &own), 0);
	assert_int_equal(logins_new_single(own, &session->logins), 0);
}

static void ask(struct script *s, struct answer *a)
{
	const struct reg_call call = answer_call(a, s, 0);

	assert_true(reg_tags(script_client(s), "a", NULL, &call));
	answer_wait(a);
}

static void one_call(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(scenes); k++) {
		const struct scene *scene = &scenes[k];
		struct renewal renewal = {.found = scene->found};
		struct answer a;
		size_t n = 0;

		while (n < MAX_ROWS && scene->rows[n].request)
			n++;
		print_message("             %s\n", scene->why);
		renewal.script = script_start(scene->rows, n, NULL, NULL);
		log_in(renewal.script, scene->login, scene->found ? &renewal : NULL);
		ask(renewal.script, &a);
		script_finish(renewal.script);
		check_int(a.err, scene->err, scene->why);
		if (scene->words && !strstr(a.error.msg, scene->words))
			fail_msg("%s: '%s' does not say '%s'", scene->why, a.error.msg, scene->words);
		check(!strstr(a.error.code, "s3cret"), scene->why);
		check(!strstr(a.error.msg, "s3cret") && !strstr(a.error.msg, "Bearer "), scene->why);
	}
}

/* What a token server gives in the place of an identity token is what it is shown next. */
static void rotated(void **state)
{
	static const struct script_row rows[] = {
		TAGS(NULL, ASKS(BEARER)),
		POST(REFRESH("i%20d"), .status = 200,
		     .body = "{\"access_token\":\"t1\",\"expires_in\":300,\"refresh_token\":\"second\"}"),
		TAGS("Bearer t1", LIST),
		POST(REFRESH("second"), GIVES("t2")),
		TAGS("Bearer t2", LIST),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;

	(void)state;
	log_in(s, &identity, NULL);
	ask(s, &a);
	script_advance(300000);
	ask(s, &a);
	script_finish(s);
	assert_int_equal(a.err, 0);
}

/* A wrong password is not shown for every call, or the account is locked; a right one that was found is. */
static void shut(void **state)
{
	static const struct script_row rows[] = {
		TAGS(NULL, ASKS(BEARER)),
		GET(SECRET, ASKS(BASIC), .times = 2),
		TAGS("Bearer t1", LIST),
		GET(OTHER, GIVES("t1")),
	};
	struct renewal renewal = {.found = &user};
	struct script *s = renewal.script = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;

	(void)state;
	log_in(s, &user, &renewal);
	for (int k = 0; k < 5; k++) {
		ask(s, &a);
		assert_int_equal(a.err, -EACCES);
		assert_non_null(strstr(a.error.msg, "not accepted"));
	}
	assert_int_equal(renewal.times, 1);
	script_advance(10000);
	renewal.found = &newer;
	ask(s, &a);
	script_finish(s);
	assert_int_equal(a.err, 0);
	assert_int_equal(renewal.times, 2);
}

/* A right that was given meanwhile: a token of some age is replaced before it is believed. */
static void rights_change(void **state)
{
	static const struct script_row rows[] = {
		TAGS(NULL, ASKS(BEARER)),
		GET(SECRET, GIVES("t1")),
		TAGS("Bearer t1", ASKS(BEARER ",error=\"insufficient_scope\""), .times = 3),
		GET(SECRET, GIVES("t2")),
		TAGS("Bearer t2", LIST),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;

	(void)state;
	log_in(s, &user, NULL);
	ask(s, &a);
	assert_int_equal(a.err, -EACCES);
	ask(s, &a);
	assert_int_equal(a.err, -EACCES);
	script_advance(10000);
	ask(s, &a);
	assert_int_equal(a.err, 0);
	script_finish(s);
}

/* A slow token server's time is part of the token's life. */
static void life_from_the_request_on(void **state)
{
	static const struct script_row rows[] = {
		TAGS(NULL, ASKS(BEARER)),
		GET(SECRET, .status = 200, .body = "{\"token\":\"t1\",\"expires_in\":60}", .takes = 20000),
		TAGS("Bearer t1", LIST, .times = 2),
		GET(SECRET, GIVES("t2")),
		TAGS("Bearer t2", LIST),
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;

	(void)state;
	log_in(s, &user, NULL);
	ask(s, &a);
	script_advance(29000);
	ask(s, &a);
	script_advance(2000);
	ask(s, &a);
	script_finish(s);
	assert_int_equal(a.err, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_call),      cmocka_unit_test(rotated),
		cmocka_unit_test(shut),          cmocka_unit_test(rights_change),
		cmocka_unit_test(life_from_the_request_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
