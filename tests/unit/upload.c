/* SPDX-License-Identifier: MIT */
/* An upload that is begun and cancelled: what its answers mean. Over a scripted registry. */
#include <errno.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

#define POST "POST /v2/a/b/blobs/uploads/"
#define BODY "application/octet-stream "

enum { MAX_ROWS = 3 };

static void answers(void **state)
{
	static const struct {
		const char *why;
		struct script_row rows[MAX_ROWS];
		int err, status;
	} cases[] = {
		{"taken, and cancelled",
		 {{.request = POST,
		   .upload = BODY,
		   .status = 202,
		   .headers = "Location: https://reg.test/v2/a/b/blobs/uploads/1?_state=x%3D\n"},
		  {.request = "DELETE /v2/a/b/blobs/uploads/1?_state=x%3D", .status = 204}},
		 0,
		 0},
		{"a path, and the cancel fails",
		 {{.request = POST,
		   .upload = BODY,
		   .status = 202,
		   .headers = "Location: /v2/a/b/blobs/uploads/1\n"},
		  {.request = "DELETE /v2/a/b/blobs/uploads/1", .status = 404}},
		 0,
		 0},
		{"another scheme, behind a proxy",
		 {{.request = POST,
		   .upload = BODY,
		   .status = 202,
		   .headers = "Location: http://REG.test/v2/a/b/blobs/uploads/1\n"},
		  {.request = "DELETE /v2/a/b/blobs/uploads/1", .status = 204}},
		 0,
		 0},
		{"another host is not asked",
		 {{.request = POST,
		   .upload = BODY,
		   .status = 202,
		   .headers = "Location: https://reg.test.example/v2/a/b/blobs/uploads/1\n"}},
		 0,
		 0},
		{"another host in short",
		 {{.request = POST, .upload = BODY, .status = 202, .headers = "Location: //example/1\n"}},
		 0,
		 0},
		{"no Location", {{.request = POST, .upload = BODY, .status = 202}}, 0, 0},
		{"read-only",
		 {{.request = POST, .upload = BODY, .status = 405, .body = "Method Not Allowed\n"}},
		 -EROFS,
		 405},
		{"no pushes here",
		 {{.request = POST,
		   .upload = BODY,
		   .status = 405,
		   .body = "{\"errors\":[{\"code\":\"UNSUPPORTED\"}]}"}},
		 -EPERM,
		 405},
		{"not from us", {{.request = POST, .upload = BODY, .status = 403}}, -EACCES, 403},
		{"no registry", {{.request = POST, .upload = BODY, .status = 200}}, -EIO, 200},
		{"a redirect", {{.request = POST, .upload = BODY, .status = 307}}, -EIO, 307},
		{"nobody there", {{.request = POST, .upload = BODY, .err = -ECONNREFUSED}}, -ECONNREFUSED, 0},
		{"in doubt: not again",
		 {{.request = POST, .upload = BODY, .err = -EIO, .transient = true}},
		 -EIO,
		 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = 0;
		struct script *s;
		struct answer a;
		struct reg_call call;

		while (n < MAX_ROWS && cases[i].rows[n].request)
			n++;
		s = script_start(cases[i].rows, n, NULL, NULL);
		call = answer_call(&a, s, 0);
		check(reg_upload_try(script_client(s), "a/b", &call), cases[i].why);
		answer_wait(&a);
		script_finish(s);
		check_int(a.err, cases[i].err, cases[i].why);
		check_int(a.error.status, cases[i].status, cases[i].why);
		check(!a.err || a.error.msg[0], cases[i].why);
	}
}

static void bad_name(void **state)
{
	struct script *s = script_start(NULL, 0, NULL, NULL);
	struct answer a;
	const struct reg_call call = answer_call(&a, s, 0);

	(void)state;
	assert_true(reg_upload_try(script_client(s), "../a", &call));
	answer_wait(&a);
	script_finish(s);
	assert_int_equal(a.err, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(bad_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
