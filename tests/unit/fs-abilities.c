/* SPDX-License-Identifier: MIT */
/* What a registry lets us remove: found out by harmless questions, once, and asked again where it may have
 * been mended. */
#include <errno.h>

#include "scene.h"

static const struct document documents[] = {{"m1", UNDATED("1")}, {"m2", UNDATED("2")}};

#define PROBE "DELETE sha256:$ "
#define PROBE_TAG "DELETE regfs-probe-$ "
#define KNOWN "LIST v1 v2\nGET v1 = m1\nGET v2 = m2\nCHECK v1 = m1\n"
#define SHARED "LIST v1 v2\nGET v1 = m1\nGET v2 = m1\n"
#define BY_PLACEHOLDER "CHECK v1 = m1\nCHECK v1 = m1\nPUT v1 placeholder 201\nDELETE @placeholder 202\n"
#define BY_NAME "CHECK v1 = m1\nCHECK v1 = m1\nDELETE v1 202\nCHECK @m1 = m1\n"

/* Removes v1 twice, and says what that came to. */
static void twice(const char *why, const char *script, int first, int second, unsigned errors,
		  const char *journal)
{
	struct scene s;

	print_message("             %s\n", why);
	scene_start(&s, documents, ARRAY_SIZE(documents), script, NO_REFERRERS);
	check_int(scene_rm(&s, "v1"), first, why);
	check_int(scene_rm(&s, "v1"), second, why);
	check_int(atomic_load(&s.st.errors), errors, why);
	scene_finish(&s, journal, why);
}

/* A refusal costs one question, and one line of the log, however many come. */
static void refused(void **state)
{
	static const struct {
		const char *answer;
		int err;
	} cases[] = {
		{"405:UNSUPPORTED", -EPERM},
		{"400:UNSUPPORTED", -EPERM},
		{"412", -EPERM},
		{"405", -EROFS},
		{"401", -EACCES},
		{"403:DENIED", -EACCES},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		char script[100];

		snprintf(script, sizeof(script), PROBE "%s", cases[k].answer);
		twice(cases[k].answer, script, cases[k].err, cases[k].err, 1, "");
	}
}

/* What is no answer is not remembered. */
static void unanswered(void **state)
{
	static const struct {
		const char *answer;
		int err;
	} cases[] = {
		{"500 x4", -EIO},           {"cut x4", -EIO},    {"timeout", -ETIMEDOUT},
		{"refused", -ECONNREFUSED}, {"busy", -EAGAIN},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		char script[1000];

		snprintf(script, sizeof(script),
			 PROBE "%s\n" PROBE "404:MANIFEST_UNKNOWN\n" KNOWN "DELETE @m1 202", cases[k].answer);
		twice(cases[k].answer, script, cases[k].err, 0, 1, "delete v1: m1[v1] removed");
	}
}

/* It is asked again after the ttl, or when somebody wants everything anew. */
static void mended(void **state)
{
	static const char script[] =
		PROBE "405:UNSUPPORTED\n" PROBE "405\n" PROBE "404:MANIFEST_UNKNOWN\n" KNOWN "DELETE @m1 202";
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, NO_REFERRERS);
	assert_int_equal(scene_rm(&s, "v1"), -EPERM);
	scripted_tree_advance(3599 * 1000 - 500);
	assert_int_equal(scene_rm(&s, "v1"), -EPERM);
	scripted_tree_advance(3600 * 1000);
	assert_int_equal(scene_rm(&s, "v1"), -EROFS);
	scripted_tree_advance(3600 * 1000);
	assert_int_equal(scene_rm(&s, "v1"), 0);
	scene_finish(&s, "delete v1: m1[v1] removed", "mended");
}

/* A registry that refuses the real thing is asked again what it can, and no more is sent than that. */
static void changed_its_mind(void **state)
{
	static const char *const answers[] = {"403", "405", "405:UNSUPPORTED"};
	static const int errs[] = {-EACCES, -EROFS, -EPERM};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(answers); k++) {
		char script[1000];

		snprintf(script, sizeof(script),
			 PROBE "404:MANIFEST_UNKNOWN\n" KNOWN "DELETE @m1 %s\n" PROBE "%s", answers[k],
			 answers[k]);
		twice(answers[k], script, errs[k], errs[k], 2, "delete v1: m1[v1] kept");
	}
}

/* What others hold goes by a placeholder only if it was proved that this can be deleted again. */
static void shared(void **state)
{
	static const struct {
		const char *why, *script;
		int err;
		const char *journal;
	} cases[] = {
		{"proved",
		 PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "400:DIGEST_INVALID\n" BY_PLACEHOLDER, 0,
		 "untag v1: m1[v1] removed"},
		{"a proxy's page", PROBE "404:-\n" SHARED PROBE_TAG "400:DIGEST_INVALID\n", -EBUSY, ""},
		{"it says yes to everything", PROBE "202\n" SHARED PROBE_TAG "405:UNSUPPORTED\n", -EBUSY, ""},
		{"it does not like the digest",
		 PROBE "400:DIGEST_INVALID\n" SHARED PROBE_TAG "400:DIGEST_INVALID\n", -EBUSY, ""},
		{"tags can go",
		 PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "404:MANIFEST_UNKNOWN\n" BY_NAME, 0,
		 "untag v1: m1[v1] removed"},
		{"tags can go, and nothing was proved",
		 PROBE "404:-\n" SHARED PROBE_TAG "404:MANIFEST_UNKNOWN\n" BY_NAME, 0,
		 "untag v1: m1[v1] removed"},
		{"tags can go, as distribution 3.0 says it",
		 PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "202\n" BY_NAME, 0,
		 "untag v1: m1[v1] removed"},
		{"a proxy's page about a tag",
		 PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "404:-\n" BY_PLACEHOLDER, 0,
		 "untag v1: m1[v1] removed"},
		{"501 about a tag", PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "501\n" BY_PLACEHOLDER, 0,
		 "untag v1: m1[v1] removed"},
		{"403 about a tag", PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "403\n", -EACCES, ""},
		{"500 about a tag", PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "500\n", -EIO, ""},
		{"429 about a tag", PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "busy\n", -EAGAIN, ""},
		{"429 about a tag, for a while",
		 PROBE "404:MANIFEST_UNKNOWN\n" SHARED PROBE_TAG "429 x4\n" PROBE_TAG "501\n" BY_PLACEHOLDER, 0,
		 "untag v1: m1[v1] removed"},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct scene s;

		print_message("             %s\n", cases[k].why);
		scene_start(&s, documents, ARRAY_SIZE(documents), cases[k].script, NO_REFERRERS);
		check_int(scene_rm(&s, "v1"), cases[k].err, cases[k].why);
		check_text(scene_shown(&s), cases[k].err ? "v1 v2" : "v2", cases[k].why);
		scene_finish(&s, cases[k].journal, cases[k].why);
	}
}

/* An answer about tags that was none is asked for again; one that was is not. */
static void asked_once(void **state)
{
	static const char script[] =
		PROBE "404:MANIFEST_UNKNOWN\nLIST v1 v2 v3\nGET v1 = m1\nGET v2 = m1\nGET v3 = m1\n" PROBE_TAG
		      "500\nLIST v1 v2 v3\nGET v1~m1 304\nGET v2~m1 304\nGET v3~m1 304\n" PROBE_TAG
		      "400:DIGEST_INVALID\n" BY_PLACEHOLDER
		      "CHECK v2 = m1\nCHECK v2 = m1\nPUT v2 placeholder 201\nDELETE @placeholder 202\n";
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, NO_REFERRERS);
	assert_int_equal(scene_rm(&s, "v1"), -EIO);
	assert_int_equal(scene_rm(&s, "v1"), 0);
	assert_int_equal(scene_rm(&s, "v2"), 0);
	scene_finish(&s, "untag v1: m1[v1] removed; untag v2: m1[v2] removed", "asked once");
}

/* In a dry run nothing is asked that is no read. */
static void dry_run(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), SHARED "CHECK v1 = m1\nCHECK v2 = m1\n",
		    NO_REFERRERS);
	s.st.tree->options.dry_run = true;
	assert_int_equal(scene_rm(&s, "v1"), 0);
	assert_string_equal(scene_shown(&s), "v2");
	assert_int_equal(scene_rm(&s, "v2"), 0);
	assert_string_equal(scene_shown(&s), "");
	assert_non_null(strstr(s.st.log, "would be untagged"));
	assert_non_null(strstr(s.st.log, "would be removed"));
	scene_finish(&s, "", "dry run");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused), cmocka_unit_test(unanswered),
		cmocka_unit_test(mended),  cmocka_unit_test(changed_its_mind),
		cmocka_unit_test(shared),  cmocka_unit_test(asked_once),
		cmocka_unit_test(dry_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
