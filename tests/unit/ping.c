/* SPDX-License-Identifier: MIT */
/* Is it a registry? Over a scripted one. */
#include <errno.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

#define PING(...) {.request = "GET /v2/", __VA_ARGS__}

static const struct scene {
	const char *why;
	bool may_fall_back;
	int err;
	const char *words;
	const char *base; /* afterwards */
	struct script_row rows[3];
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
};

static void table(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(scenes); k++) {
		const struct scene *scene = &scenes[k];
		struct reg_call call;
		struct script *s;
		struct answer a;
		size_t n = 0;

		while (n < ARRAY_SIZE(scene->rows) && scene->rows[n].request)
			n++;
		s = script_start(scene->rows, n, NULL, NULL);
		script_client(s)->source.may_fall_back = scene->may_fall_back; /* nothing is under way */
		call = answer_call(&a, s, 0);
		check(reg_ping(script_client(s), &call), scene->why);
		answer_wait(&a);
		script_settle(s);
		check(strncmp(script_client(s)->session.base, scene->base, strlen(scene->base)) == 0,
		      scene->why);
		script_finish(s);
		check_int(a.err, scene->err, scene->why);
		check(!scene->words || strstr(a.error.msg, scene->words), scene->why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
