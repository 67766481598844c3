/* SPDX-License-Identifier: MIT */
#include "token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credentials.h"
#include "unit.h"

static void answers(void **state)
{
	static const struct {
		const char *body;
		int err;
		const char *header;
		int seconds;
		const char *refresh;
	} cases[] = {
		{"{\"token\":\"t\",\"expires_in\":300}", 0, "Bearer t", 300, NULL},
		{"{\"access_token\":\"a\"}", 0, "Bearer a", 60, NULL},
		{"{\"token\":\"\",\"access_token\":\"a\"}", 0, "Bearer a", 60, NULL},
		{"{\"token\":\"t\",\"access_token\":\"a\"}", 0, "Bearer t", 60, NULL},
		{"{\"token\":\"t\",\"expires_in\":\"300\"}", 0, "Bearer t", 60, NULL},
		{"{\"token\":\"t\",\"expires_in\":31536000}", 0, "Bearer t", 86400, NULL},
		{"{\"token\":\"t\",\"expires_in\":0}", 0, "Bearer t", 60, NULL},
		{"{\"token\":\"t\",\"issued_at\":\"1999-01-01T00:00:00Z\",\"expires_in\":90}", 0, "Bearer t",
		 90, NULL},
		{"{\"token\":\"t\",\"refresh_token\":\"r\"}", 0, "Bearer t", 60, "r"},
		{"{\"token\":\"t\",\"refresh_token\":\"\"}", 0, "Bearer t", 60, NULL},
		{"{\"token\":\"t\",\"refresh_token\":null}", 0, "Bearer t", 60, NULL},
		{"{\"token\":\"t t\"}", -EBADMSG, NULL, 0, NULL},
		{"{\"token\":\"t\\r\\nX: 1\"}", -EBADMSG, NULL, 0, NULL},
		{"{\"token\":\"\\u00e9\"}", -EBADMSG, NULL, 0, NULL},
		{"{\"token\":5}", -EBADMSG, NULL, 0, NULL},
		{"{}", -EBADMSG, NULL, 0, NULL},
		{"[]", -EBADMSG, NULL, 0, NULL},
		{"<html>", -EBADMSG, NULL, 0, NULL},
		{"", -EBADMSG, NULL, 0, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *const body = cases[i].body;
		const struct buf buf = {.data = (char *)(uintptr_t)body, .size = strlen(body)};
		struct reg_token t = {0};
		struct reg_error error = {0};

		check_int(reg_token_read(&buf, &t, &error), cases[i].err, body);
		check_text(t.header, cases[i].header, body);
		check_int((int64_t)t.life_ms, cases[i].seconds * 1000LL, body);
		check_text(t.refresh, cases[i].refresh, body);
		check_int(error.err, cases[i].err, body);
		reg_token_done(&t);
	}
}

static void too_large(void **state)
{
	static char body[70000];
	const struct buf buf = {.data = body, .size = sizeof(body) - 1};
	struct reg_token t = {0};

	(void)state;
	memset(body, 'x', sizeof(body) - 1);
	memcpy(body, "{\"token\":\"", 10);
	memcpy(body + sizeof(body) - 3, "\"}", 3);
	assert_int_equal(reg_token_read(&buf, &t, NULL), -EFBIG);
	assert_null(t.header);
}

/* The header of a JWT with these claims, signed by nobody. */
static char *jwt(const char *claims)
{
	char *text = reg_base64_encode(claims, strlen(claims)), *header;

	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p == '=' ? '\0' : *p;
	assert_true(asprintf(&header, "Bearer e30.%s.c2ln", text) > 0);
	free(text);
	return header;
}

static void scopes(void **state)
{
	static const struct {
		const char *claims, *scopes;
	} cases[] = {
		{"{\"access\":[{\"type\":\"repository\",\"name\":\"a/b\",\"actions\":[\"pull\",\"push\"]}]}",
		 "repository:a/b:pull,push"},
		{"{\"access\":[{\"type\":\"repository\",\"name\":\"a\",\"actions\":[\"pull\"]},"
		 "{\"type\":\"registry\",\"name\":\"catalog\",\"actions\":[\"*\"]}]}",
		 "repository:a:pull registry:catalog:*"},
		{"{\"access\":[]}", ""},
		{"{\"access\":[{\"type\":\"repository\",\"name\":\"a\",\"actions\":[]}]}", ""},
		{"{\"access\":[{\"type\":\"repository\",\"name\":\"a b\",\"actions\":[\"pull\"]}]}", ""},
		{"{\"access\":null}", NULL},
		{"{\"sub\":\"?\?>>~~\"}", NULL}, /* with - and _ in its base64 */
		{"[]", NULL},
		{"no JSON", NULL},
	};
	static const char *const others[] = {"Bearer opaque", "Bearer a.b", "Bearer ..", "Bearer a.!!.c",
					     "Basic x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *header = jwt(cases[i].claims), *have = reg_token_scopes(header);

		check_text(have, cases[i].scopes, cases[i].claims);
		free(have);
		free(header);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		check(!reg_token_scopes(others[i]), others[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(too_large),
		cmocka_unit_test(scopes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
