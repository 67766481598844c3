/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

static void statuses(void **state)
{
	static const struct {
		int status;
		const char *code;
		int err;
	} cases[] = {
		{200, "", 0},
		{202, "", 0},
		{304, "", 0},
		{307, "", 0},
		{400, "", -EIO},
		{400, "UNSUPPORTED", -EPERM},
		{400, "NAME_INVALID", -EINVAL},
		{400, "TAG_INVALID", -EINVAL},
		{400, "NAME_UNKNOWN", -ENOENT},
		{400, "MANIFEST_BLOB_UNKNOWN", -ENOENT},
		{400, "GOOGLE_MANIFEST_DANGLING_TAG", -EBUSY},
		{400, "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE", -EBUSY},
		{400, "DIGEST_INVALID", -EIO},
		{400, "MANIFEST_INVALID", -EIO},
		{400, NULL, -EIO},
		{401, "UNAUTHORIZED", -EACCES},
		{403, "DENIED", -EACCES},
		{404, "MANIFEST_UNKNOWN", -ENOENT},
		{404, "", -ENOENT},
		{404, NULL, -ENOENT},
		{405, "UNSUPPORTED", -EPERM},
		{405, "DENIED", -EPERM},
		{405, "WHATEVER", -EPERM},
		{405, "", -EROFS},
		{405, NULL, -EROFS},
		{408, "", -ETIMEDOUT},
		{409, "", -EBUSY},
		{409, "MANIFEST_INVALID", -EBUSY},
		{412, "PRECONDITION", -EPERM},
		{413, "", -EFBIG},
		{416, "RANGE_INVALID", -EIO},
		{418, "", -EIO},
		{429, "TOOMANYREQUESTS", -EAGAIN},
		{500, "UNKNOWN", -EIO},
		{500, "UNSUPPORTED", -EIO},
		{501, "", -EIO},
		{502, "", -EIO},
		{503, "UNAVAILABLE", -EAGAIN},
		{504, "", -EIO},
		{999, "", -EIO},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char why[64];

		snprintf(why, sizeof(why), "%d %s", cases[i].status, cases[i].code ? cases[i].code : "NULL");
		check_int(reg_error_from_status(cases[i].status, cases[i].code), cases[i].err, why);
	}
}

#define A100                                                                                                 \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggggggggghhhhhhhhhhiiiiiiiiiijjjjjjjjjj"

static void responses(void **state)
{
	static const struct {
		const char *body, *code, *msg, *why;
	} cases[] = {
		{"{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest unknown\",\"detail\":{\"Tag\":\"x\"}}]}",
		 "MANIFEST_UNKNOWN", "manifest unknown", "the specification's form"},
		{"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\",\"detail\":\"ask Bob\"}]}", "DENIED",
		 "no: ask Bob", "short detail"},
		{"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\",\"detail\":\"no\"}]}", "DENIED", "no",
		 "detail that says the same"},
		{"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"no\",\"detail\":\"" A100 "x\"}]}", "DENIED",
		 "no", "long detail"},
		{"{\"errors\":[{\"code\":\"A\",\"message\":\"first\"},{\"code\":\"B\",\"message\":\"second\"}]}",
		 "A", "first", "two errors"},
		{"{\"errors\":[{\"code\":\"DENIED\"}]}", "DENIED", "DENIED", "no message"},
		{"{\"errors\":[{\"message\":\"only text\"}]}", "", "only text", "no code"},
		{"{\"errors\":[{\"status\":404,\"message\":\"Not found\"}]}", "", "Not found", "Artifactory"},
		{"{\"errors\":[{\"code\":404,\"message\":[]}]}", "", "HTTP status 404", "wrong types"},
		{"{\"errors\":[]}", "", "HTTP status 404", "no error"},
		{"{\"errors\":null}", "", "HTTP status 404", "null"},
		{"{\"errors\":{\"code\":\"X\"}}", "", "HTTP status 404", "no array"},
		{"{\"errors\":[[[]]]}", "", "HTTP status 404", "array of arrays"},
		{"{\"details\":\"incorrect username or password\"}", "", "incorrect username or password",
		 "Hub's tokens"},
		{"{\"error\":\"invalid_grant\",\"error_description\":\"expired\"}", "", "expired", "OAuth"},
		{"{}", "", "HTTP status 404", "empty object"},
		{"[]", "", "HTTP status 404", "array"},
		{"{\"errors\":[{\"code\":\"has space\",\"message\":\"m\"}]}", "", "m",
		 "code that is no word"},
		{"{\"errors\":[{\"code\":\"" A100 "\",\"message\":\"m\"}]}", "", "m",
		 "code that does not fit"},
		{"{\"errors\":[{\"code\":\"\\u001b[31m\",\"message\":\"m\"}]}", "", "m",
		 "code with an escape"},
		{"{\"errors\":[{\"code\":\"X\",\"message\":\"a\\u001b[31mb\\nc\\u009bd\\u202ee\"}]}", "X",
		 "a [31mb c d e", "message with controls"},
		{"{\"errors\":[{\"code\":\"X\",\"message\":\"\\n \\t\"}]}", "X", "X",
		 "message of white space"},
		{"{\"errors\":[{\"code\":\"X\",\"message\":\"Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x90\xb3\"}]}",
		 "X", "Z\xc3\xbcrich \xe2\x82\xac \xf0\x9f\x90\xb3", "UTF-8 stays"},
		{"", "", "HTTP status 404", "empty body"},
		{"404 page not found\n", "", "404 page not found", "Go's text"},
		{"\n\n  first line\r\nsecond line", "", "first line", "first line of many"},
		{"a\tb", "", "a b", "tab"},
		{"<html><body>502</body></html>", "", "HTML page", "HTML"},
		{"\r\n<!DOCTYPE html>\n<html>", "", "HTML page", "HTML with a type"},
		{"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>", "", "XML document", "S3"},
		{A100 "cut", "", A100, "long line"},
		{"\x1b]0;title\x07", "", "HTTP status 404", "terminal escape"},
		{"\x1f\x8b\x08\x01\x02", "", "HTTP status 404", "gzip"},
		{"a\x1b[2Jb", "", "HTTP status 404", "escape inside"},
		{"bad \xff\xfe utf8 \xc3", "", "bad ?? utf8", "not UTF-8, and cut off"},
		{"\xc2\x9b"
		 "31m",
		 "", " 31m", "control of the second set"},
		{"\xc0\x9b overlong", "", "?? overlong", "overlong escape"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error e = {0};
		const int r = reg_error_from_response(&e, 404, cases[i].body, strlen(cases[i].body));

		check_int(r, -ENOENT, cases[i].why);
		check_int(e.err, -ENOENT, cases[i].why);
		check_int(e.status, 404, cases[i].why);
		check_text(e.code, cases[i].code, cases[i].why);
		check_text(e.msg, cases[i].msg, cases[i].why);
	}
}

/* What a status means by what comes with it, as registries send it. */
static void code_decides(void **state)
{
#define JSON(code) "{\"errors\":[{\"code\":\"" code "\",\"message\":\"m\",\"detail\":null}]}"
	static const struct {
		int status;
		const char *body;
		int err;
		const char *code, *why;
	} cases[] = {
		{400, JSON("UNSUPPORTED"), -EPERM, "UNSUPPORTED", "deletes are off, as the specification has it"},
		{400, JSON("DIGEST_INVALID"), -EIO, "DIGEST_INVALID", "a bad request"},
		{400, JSON("GOOGLE_MANIFEST_DANGLING_TAG"), -EBUSY, "GOOGLE_MANIFEST_DANGLING_TAG", "GCR"},
		{400, JSON("GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE"), -EBUSY,
		 "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE", "GCR, the longest code there is"},
		{405, JSON("UNSUPPORTED"), -EPERM, "UNSUPPORTED", "deletes are off"},
		{405, JSON("DENIED"), -EPERM, "DENIED", "zot, a child of an index"},
		{405, "Method not allowed\n", -EROFS, "", "distribution, read-only"},
		{405, "", -EROFS, "", "nothing said"},
		{405, "<html><h1>405 Not Allowed</h1></html>", -EROFS, "", "nginx"},
		{405, "{\"message\":\"no\"}", -EROFS, "", "JSON that is no registry's"},
		{405, "{\"errors\":[{\"code\":\"no word\"}]}", -EROFS, "", "a code that is none"},
		{409, JSON("MANIFEST_INVALID"), -EBUSY, "MANIFEST_INVALID", "zot, several tags"},
		{412, JSON("PRECONDITION"), -EPERM, "PRECONDITION", "Harbor, an immutable tag"},
		{500, JSON("UNSUPPORTED"), -EIO, "UNSUPPORTED", "a server's error stays one"},
	};
	struct reg_error e = {.err = 42};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check_int(reg_error_from_response(&e, cases[i].status, cases[i].body, strlen(cases[i].body)),
			  cases[i].err, cases[i].why);
		check_int(e.err, cases[i].err, cases[i].why);
		check_text(e.code, cases[i].code, cases[i].why);
	}
	assert_int_equal(reg_error_from_response(NULL, 500, NULL, 0), -EIO);
	assert_int_equal(reg_error_from_response(&e, 503, NULL, 0), -EAGAIN);
	assert_string_equal(e.msg, "HTTP status 503");
	e.err = 42;
	assert_int_equal(reg_error_from_response(&e, 200, "x", 1), 0);
	assert_int_equal(e.err, 42); /* untouched on success */
}

static void fail_fills(void **state)
{
	struct reg_error e = {.err = 1, .status = 500, .code = "OLD", .msg = "inner"};
	char huge[1000];

	(void)state;
	assert_int_equal(reg_fail(NULL, -EIO, "x"), -EIO);
	assert_int_equal(reg_fail(&e, -EIO, "outer: %s", e.msg), -EIO);
	assert_string_equal(e.msg, "outer: inner");
	assert_int_equal(e.status, 0);
	assert_string_equal(e.code, "");
	reg_fail(&e, -EIO, "%s", "two\nlines\tand\x1b[0m\x7f.");
	assert_string_equal(e.msg, "two lines and [0m .");
	reg_fail(&e, -EIO, "%s", "ends\n");
	assert_string_equal(e.msg, "ends");

	/* A character that the end of the buffer cuts in two goes as a whole. */
	for (size_t shift = 0; shift < 4; shift++) {
		memset(huge, 'a', sizeof(huge));
		for (size_t i = shift; i + 4 < sizeof(huge); i += 4)
			memcpy(huge + i, "\xf0\x9f\x90\xb3", 4);
		huge[sizeof(huge) - 1] = '\0';
		reg_fail(&e, -EIO, "%s", huge);
		assert_null(strchr(e.msg, '?'));
		assert_in_range(strlen(e.msg), sizeof(e.msg) - 5, sizeof(e.msg) - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses),
		cmocka_unit_test(responses),
		cmocka_unit_test(code_decides),
		cmocka_unit_test(fail_fills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
