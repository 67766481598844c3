/* SPDX-License-Identifier: MIT */
/* PUT and DELETE of manifests: when they are repeated, and what their answers mean. Over a scripted registry.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

#define BODY "{\"schemaVersion\":2}"
#define TYPE "application/vnd.oci.image.index.v1+json"
#define OTHER "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define SAYS(code) .body = "{\"errors\":[{\"code\":\"" code "\",\"message\":\"m\"}]}"
#define WAIT(seconds) .headers = "Retry-After: " #seconds "\n"

enum { MAX_ROWS = 6 };

enum what { PUT_TAG, PUT_DIGEST, DELETE_TAG, DELETE_DIGEST, WHATS };

static char digest[REG_DIGEST_MAX], digest512[REG_DIGEST_MAX];
static char paths[WHATS][200];

static int setup(void **state)
{
	struct reg_digest d;

	(void)state;
	digest_of(BODY, digest);
	assert_int_equal(reg_digest_compute(REG_SHA512, BODY, strlen(BODY), &d), 0);
	reg_digest_text(&d, digest512);
	for (unsigned k = 0; k < WHATS; k++)
		snprintf(paths[k], sizeof(paths[k]), "%s /v2/a/manifests/%s",
			 k < DELETE_TAG ? "PUT" : "DELETE", k % 2 ? digest : "v1");
	return 0;
}

static const char *reference(enum what what)
{
	return what % 2 ? digest : "v1";
}

static uint64_t put(struct script *s, const char *name, const char *type, struct answer *a)
{
	struct reg_bytes *bytes = reg_bytes_copy(BODY, strlen(BODY));
	const struct reg_call call = answer_call(a, s, 0);
	uint64_t number;

	assert_non_null(bytes);
	number = reg_manifest_put(script_client(s), "a", name, type, bytes, &call);
	reg_bytes_unref(bytes); /* the call has its own */
	return number;
}

static uint64_t start(struct script *s, enum what what, struct answer *a)
{
	struct reg_call call;

	if (what < DELETE_TAG)
		return put(s, reference(what), TYPE, a);
	call = answer_call(a, s, 0);
	return reg_manifest_delete(script_client(s), "a", reference(what), &call);
}

/* Makes a row one of a request; rows end with one that is empty. Returns how many there are. */
static size_t address(struct script_row *rows, const struct script_row *answers, enum what what)
{
	size_t n = 0;

	for (; n < MAX_ROWS && (answers[n].status || answers[n].err); n++) {
		rows[n] = answers[n];
		rows[n].request = paths[what];
		rows[n].upload = what < DELETE_TAG ? TYPE " " BODY : NULL;
	}
	return n;
}

static void run(enum what what, const struct script_row *answers, const char *why, struct answer *ret)
{
	struct script_row rows[MAX_ROWS] = {0};
	const size_t n = address(rows, answers, what);
	struct script *s;

	print_message("             %s: %s\n", paths[what], why);
	s = script_start(rows, n, NULL, NULL);
	check(start(s, what, ret), why);
	answer_wait(ret);
	script_finish(s);
	check_int(ret->times, 1, why);
}

/*
 * What an attempt came to, and whether another one follows: of what must not happen twice, and of a DELETE by
 * digest, which is repeated as a read is. Rows are used as often as they say, so a repetition too many fails.
 */
static void repeated(void **state)
{
	static const struct {
		const char *why;
		struct script_row row;
		bool once, digest;
		int err; /* where none follows */
	} cases[] = {
		{"the connection broke", {.err = -EIO, .transient = true}, false, true, -EIO},
		{"it broke before anything left",
		 {.err = -EIO, .transient = true, .unsent = true},
		 true,
		 true,
		 0},
		{"refused: as reads", {.err = -ECONNREFUSED, .unsent = true}, false, false, -ECONNREFUSED},
		{"no time is left", {.err = -ETIMEDOUT}, false, false, -ETIMEDOUT},
		{"no TLS", {.err = -EPROTO, .unsent = true}, false, false, -EPROTO},
		{"500", {.status = 500}, false, true, -EIO},
		{"502", {.status = 502}, false, true, -EIO},
		{"504", {.status = 504}, false, true, -EIO},
		{"501", {.status = 501}, false, false, -EIO},
		{"503: not now", {.status = 503}, true, true, 0},
		{"503 with a time", {.status = 503, .headers = "Retry-After: 3\n"}, true, true, 0},
		{"429", {.status = 429, .headers = "Retry-After: 3\n"}, true, true, 0},
		{"429 for too long", {.status = 429, .headers = "Retry-After: 31\n"}, false, false, -EAGAIN},
		{"400", {.status = 400}, false, false, -EIO},
		{"403", {.status = 403}, false, false, -EACCES},
		{"404", {.status = 404}, false, false, -ENOENT},
		{"405, not here", {.status = 405, SAYS("UNSUPPORTED")}, false, false, -EPERM},
		{"405, read-only", {.status = 405, .body = "Method not allowed\n"}, false, false, -EROFS},
		{"408", {.status = 408}, false, false, -ETIMEDOUT},
		{"409", {.status = 409}, false, false, -EBUSY},
		{"412", {.status = 412}, false, false, -EPERM},
		{"413", {.status = 413}, false, false, -EFBIG},
		{"301 is not followed", {.status = 301}, false, false, -EIO},
		{"304 is nonsense", {.status = 304}, false, false, -EIO},
		{"307 is not followed", {.status = 307}, false, false, -EIO},
		{"203 is no answer", {.status = 203}, false, false, -EIO},
		{"206 is no answer", {.status = 206}, false, false, -EIO},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		for (enum what what = 0; what < WHATS; what++) {
			const bool again = what == DELETE_DIGEST ? cases[k].digest : cases[k].once;
			const struct script_row rows[MAX_ROWS] = {cases[k].row,
								  again ? (struct script_row){.status = 202}
									: (struct script_row){0}};
			struct answer a;

			run(what, rows, cases[k].why, &a);
			check_int(a.err, again ? 0 : cases[k].err, cases[k].why);
			check(!a.err || a.error.msg[0], cases[k].why);
			check_int(a.error.status, a.err ? cases[k].row.status : 0, cases[k].why);
			if (cases[k].row.status == 307)
				check(strstr(a.error.msg, "redirects a "), cases[k].why);
		}
	}
}

/* Several attempts, and what they mean together. */
static const struct scene {
	const char *why;
	enum what what;
	int err;
	struct script_row rows[MAX_ROWS];
} scenes[] = {
	{"gone before", DELETE_DIGEST, -ENOENT, {{.status = 404}}},
	{"gone after a failure: that was it", DELETE_DIGEST, 0, {{.status = 500}, {.status = 404}}},
	{"gone after the connection broke",
	 DELETE_DIGEST,
	 0,
	 {{.err = -EIO, .transient = true}, {.status = 404}}},
	{"gone, in zot's words", DELETE_DIGEST, 0, {{.status = 502}, {.status = 400, SAYS("NAME_UNKNOWN")}}},
	{"gone, and nothing was sent before: somebody else's",
	 DELETE_DIGEST,
	 -ENOENT,
	 {{.err = -EIO, .transient = true, .unsent = true}, {.status = 404}}},
	{"gone while we were asked to wait: somebody else's",
	 DELETE_DIGEST,
	 -ENOENT,
	 {{.status = 429}, {.status = 404}}},
	{"and while the registry was not there", DELETE_DIGEST, -ENOENT, {{.status = 503}, {.status = 404}}},
	{"a doubt stays, whatever follows",
	 DELETE_DIGEST,
	 0,
	 {{.status = 500}, {.status = 429}, {.status = 503}, {.status = 404}}},
	{"never an answer",
	 DELETE_DIGEST,
	 -EIO,
	 {{.status = 500}, {.status = 502}, {.status = 504}, {.status = 500}}},
	{"refused in the end",
	 DELETE_DIGEST,
	 -EPERM,
	 {{.status = 500}, {.status = 405, SAYS("UNSUPPORTED")}}},
	{"a tag that is gone", DELETE_TAG, -ENOENT, {{.status = 429}, {.status = 404}}},
	{"waited for, and then in doubt", DELETE_TAG, -EIO, {{.status = 429}, {.status = 500}}},
	{"waited for, and then cut off", PUT_TAG, -EIO, {{.status = 503}, {.err = -EIO, .transient = true}}},
	{"waited for again and again",
	 PUT_TAG,
	 0,
	 {{.status = 429}, {.status = 429}, {.status = 503}, {.status = 429}, {.status = 429}, {.status = 201}}},
	{"waited for until no time is left",
	 PUT_TAG,
	 -EAGAIN,
	 {{.status = 429, WAIT(8)}, {.status = 429, WAIT(8)}, {.status = 503, WAIT(8)}, {.status = 429, WAIT(8)}}},
	{"waited for, and then no answer: it may have been done",
	 PUT_TAG,
	 -ETIMEDOUT,
	 {{.status = 503}, {.err = -ETIMEDOUT}}},
	{"a digest's as well", DELETE_DIGEST, -ETIMEDOUT, {{.status = 429}, {.err = -ETIMEDOUT}}},
	{"tags are not deleted here", DELETE_TAG, -EPERM, {{.status = 400, SAYS("DIGEST_INVALID")}}},
	{"nor here", DELETE_TAG, -EPERM, {{.status = 400, SAYS("UNSUPPORTED")}}},
	{"nor here, either", DELETE_TAG, -EPERM, {{.status = 405, SAYS("UNSUPPORTED")}}},
	{"a bad request", DELETE_TAG, -EIO, {{.status = 400, SAYS("MANIFEST_INVALID")}}},
	{"a digest that is bad is none of that",
	 DELETE_DIGEST,
	 -EIO,
	 {{.status = 400, SAYS("DIGEST_INVALID")}}},
	{"nor is one of a PUT", PUT_DIGEST, -EIO, {{.status = 400, SAYS("DIGEST_INVALID")}}},
	{"still tagged", DELETE_DIGEST, -EBUSY, {{.status = 400, SAYS("GOOGLE_MANIFEST_DANGLING_TAG")}}},
	{"a part is missing", PUT_TAG, -ENOENT, {{.status = 400, SAYS("MANIFEST_BLOB_UNKNOWN")}}},
	{"deleted, 200", DELETE_DIGEST, 0, {{.status = 200}}},
	{"deleted, 204", DELETE_TAG, 0, {{.status = 204}}},
	{"created is no answer to a DELETE", DELETE_TAG, -EIO, {{.status = 201}}},
	{"stored, 200", PUT_TAG, 0, {{.status = 200}}},
	{"stored, 201", PUT_DIGEST, 0, {{.status = 201}}},
	{"stored, 204", PUT_TAG, 0, {{.status = 204}}},
};

static void together(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(scenes); k++) {
		const struct scene *scene = &scenes[k];
		struct answer a;

		run(scene->what, scene->rows, scene->why, &a);
		check_int(a.err, scene->err, scene->why);
		if (scene->err)
			continue;
		check_text(a.digest_text, scene->what == DELETE_TAG ? "" : digest, scene->why);
		check_int(a.size, scene->what < DELETE_TAG ? strlen(BODY) : 0, scene->why);
	}
}

/* The digest that the registry states after a PUT. */
static void stated(void **state)
{
	static const struct {
		const char *why, *digest; /* "256", "512": the right one */
		int err;
	} cases[] = {
		{"as it is", "256", 0},
		{"another", OTHER, -EBADMSG},
		{"of another algorithm", "512", 0},
		{"nonsense says nothing", "sha256:1", 0},
		{"of an algorithm that nobody knows", "md5:d41d8cd98f00b204e9800998ecf8427e", 0},
	};
	char headers[300];

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const struct script_row rows[MAX_ROWS] = {{.status = 201, .headers = headers}};
		struct answer a;

		snprintf(headers, sizeof(headers), "Docker-Content-Digest: %s\n",
			 strcmp(cases[k].digest, "256") == 0   ? digest
			 : strcmp(cases[k].digest, "512") == 0 ? digest512
							       : cases[k].digest);
		for (enum what what = PUT_TAG; what <= PUT_DIGEST; what++) {
			run(what, rows, cases[k].why, &a);
			check_int(a.err, cases[k].err, cases[k].why);
			check_text(a.digest_text, a.err ? "" : digest, cases[k].why);
			check_text(a.media_type, a.err ? "" : TYPE, cases[k].why);
		}
	}
}

/* A token for each thing that is asked for; a PUT's body goes again. */
static void tokens(void **state)
{
#define REALM                                                                                                \
	.status = 401,                                                                                       \
	.headers = "WWW-Authenticate: Bearer realm=\"https://auth.test/token\",service=\"reg\"\n"
#define TOKEN(scope, name)                                                                                   \
	{                                                                                                    \
		.request = "GET https://auth.test/token?service=reg&scope=repository%3Aa%3A" scope,          \
		.status = 200, .body = "{\"token\":\"" name "\"}"                                            \
	}
	const struct script_row rows[] = {
		{.request = "HEAD /v2/a/manifests/v1", REALM},
		TOKEN("pull", "reads"),
		{.request = "HEAD /v2/a/manifests/v1", .authorization = "Bearer reads", .status = 200,
		 .headers = "Docker-Content-Digest: "
			    "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"},
		TOKEN("pull%2Cpush", "writes"),
		{.request = paths[PUT_TAG], .authorization = "Bearer writes", .upload = TYPE " " BODY, REALM},
		TOKEN("pull%2Cpush", "writes2"),
		{.request = paths[PUT_TAG],
		 .authorization = "Bearer writes2",
		 .upload = TYPE " " BODY,
		 .status = 201},
		TOKEN("delete", "deletes"),
		{.request = paths[DELETE_DIGEST], .authorization = "Bearer deletes", .status = 202},
		{.request = paths[DELETE_TAG], .authorization = "Bearer deletes", .status = 202},
	};
	static const enum what order[] = {PUT_TAG, DELETE_DIGEST, DELETE_TAG};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;
	const struct reg_call call = answer_call(&a, s, 0);

	(void)state;
	assert_true(reg_manifest_head(script_client(s), "a", "v1", &call));
	answer_wait(&a);
	assert_int_equal(a.err, 0);
	for (size_t k = 0; k < ARRAY_SIZE(order); k++) {
		assert_true(start(s, order[k], &a));
		answer_wait(&a);
		assert_int_equal(a.err, 0);
	}
	script_finish(s);
}

/* A challenge is no doubt: what it was a challenge to was not done. */
static void challenged(void **state)
{
	const struct script_row rows[] = {
		{.request = paths[DELETE_DIGEST],
		 .status = 401,
		 .headers = "WWW-Authenticate: Basic realm=\"x\"\n"},
		{.request = paths[DELETE_DIGEST], .authorization = "Basic dTpw", .status = 404},
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), "u", "p");
	struct answer a;

	(void)state;
	assert_true(start(s, DELETE_DIGEST, &a));
	answer_wait(&a);
	script_finish(s);
	assert_int_equal(a.err, -ENOENT);
}

/* Two calls of the same are two requests, and the answer of one is not that of the other. */
static void apart(void **state)
{
	(void)state;
	for (enum what what = 0; what < WHATS; what++) {
		const struct script_row answers[MAX_ROWS] = {{.status = 202, .held = 2},
							     {.status = 404, .held = 1}};
		struct script_row rows[MAX_ROWS] = {0};
		const size_t n = address(rows, answers, what);
		struct script *s = script_start(rows, n, NULL, NULL);
		struct answer first, second;

		assert_true(start(s, what, &first));
		script_wait_sent(s, 1);
		assert_true(start(s, what, &second));
		script_wait_sent(s, 2);
		script_release(s);
		answer_wait(&second);
		assert_int_equal(second.err, -ENOENT);
		assert_int_equal(first.times, 0);
		script_release(s);
		answer_wait(&first);
		assert_int_equal(first.err, 0);
		script_finish(s);
	}
}

static void cancelled(void **state)
{
	const struct script_row rows[] = {{.request = paths[DELETE_TAG], .status = 202, .held = 1}};
	struct script *s = script_start(rows, 1, NULL, NULL);
	struct answer a;
	const uint64_t number = start(s, DELETE_TAG, &a);

	(void)state;
	script_wait_sent(s, 1);
	reg_cancel(script_client(s), number);
	answer_wait(&a);
	script_settle(s);
	assert_int_equal(script_cancelled(s), 1);
	script_finish(s);
	assert_int_equal(a.times, 1);
	assert_int_equal(a.err, -ECANCELED);
}

static void read_digest(struct script *s, struct answer *a)
{
	const struct reg_call call = answer_call(a, s, 0);

	assert_true(reg_manifest(script_client(s), "a", digest, NULL, &call));
	answer_wait(a);
}

/* What was removed is asked for again; what stayed is still in memory. */
static void forgotten(void **state)
{
	static const struct {
		const char *why;
		enum what what;
		int status;
		bool gone;
	} cases[] = {
		{"removed", DELETE_DIGEST, 202, true},
		{"not there", DELETE_DIGEST, 404, true},
		{"refused", DELETE_DIGEST, 403, false},
		{"a tag alone", DELETE_TAG, 202, false},
	};
	char get[200];

	(void)state;
	snprintf(get, sizeof(get), "GET /v2/a/manifests/%s", digest);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const struct script_row rows[] = {
			{.request = get, .status = 200, .body = BODY},
			{.request = paths[cases[k].what], .status = cases[k].status},
			{.request = get, .status = 404},
		};
		struct script *s = script_start(rows, cases[k].gone ? 3 : 2, NULL, NULL);
		struct answer a;

		read_digest(s, &a);
		check_int(a.err, 0, cases[k].why);
		assert_true(start(s, cases[k].what, &a));
		answer_wait(&a);
		read_digest(s, &a);
		check_int(a.err, cases[k].gone ? -ENOENT : 0, cases[k].why);
		script_finish(s);
	}
}

static void refused(void **state)
{
	static const char *const types[] = {NULL,    "",       "text",      "a/b\r\nX-Evil: 1",
					    "a/b\n", "a/\x7f", "a/\xc3\xbc"};
	struct script *s = script_start(NULL, 0, NULL, NULL);
	struct answer a;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
		assert_true(put(s, "v1", types[k], &a));
		answer_wait(&a);
		check_int(a.err, -EINVAL, types[k] ? types[k] : "none");
		assert_null(strpbrk(a.error.msg, "\r\n"));
	}
	assert_true(put(s, OTHER, TYPE, &a)); /* a registry would refuse it as well: its bytes are others */
	answer_wait(&a);
	assert_int_equal(a.err, -EINVAL);
	script_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeated),  cmocka_unit_test(together),   cmocka_unit_test(stated),
		cmocka_unit_test(tokens),    cmocka_unit_test(challenged), cmocka_unit_test(apart),
		cmocka_unit_test(cancelled), cmocka_unit_test(forgotten),  cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
