/* SPDX-License-Identifier: MIT */
/*
 * A name is removed whose manifest others hold: by a placeholder, or by DELETE of the tag. At every step
 * everything may fail; what others hold is never harmed, and the journal says what became of it.
 */
#include <errno.h>

#include "scene.h"

#define DOCKER "application/vnd.docker.distribution.manifest.v2+json"

static const struct document documents[] = {
	{"m1", UNDATED("1")},
	{"m2", UNDATED("2")},
	{"m3", UNDATED("3")},
	{"d1", "{\"schemaVersion\":2,\"mediaType\":\"" DOCKER "\",\"layers\":[],\"config\":{\"mediaType\":"
	       "\"application/octet-stream\",\"digest\":\"sha256:" ZERO "\",\"size\":2}}"},
};

/* v1 and v2 share an image; the last line is what is asked just before it goes. */
#define KNOWN "LIST v1 v2 v3\nGET v1 = m1\nGET v2 = m1\nGET v3 = m2\nCHECK v1 = m1\n"
#define ENTRY "untag v1: m1[v1] "

struct removing {
	const char *why, *script;
	int err;
	const char *outcome;
	bool gone; /* the name is not shown any more */
};

static void remove_v1(const struct removing *c, const char *before, unsigned flags)
{
	char script[4096], journal[100];
	struct scene s;

	print_message("             %s\n", c->why);
	snprintf(script, sizeof(script), "%s%s", before, c->script);
	snprintf(journal, sizeof(journal), ENTRY "%s", c->outcome);
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | flags);
	check_int(scene_rm(&s, "v1"), c->err, c->why);
	check_text(scene_shown(&s), c->gone ? "v2 v3" : "v1 v2 v3", c->why);
	check(c->err == 0 || s.st.log[0], c->why);
	scene_finish(&s, journal, c->why);
}

/* ---- by a placeholder ---- */

#define PLACE "PUT v1 placeholder "
#define DROP PLACE "201\nDELETE @placeholder "
#define LOST "CHECK v1 500 x4\n"
#define BACK "CHECK v1 = placeholder\nPUT v1 m1 "
#define THERE "CHECK v1 = m1\n"

static const struct removing placeholder[] = {
	{"it goes", THERE DROP "202", 0, "removed", true},
	/* Nothing has been changed so far. */
	{"it went just before", "CHECK v1 404", -ENOENT, "kept", true},
	{"a proxy says that it went", "CHECK v1 404:-", -EIO, "kept", false},
	{"it moved just before", "CHECK v1 = m3", -ESTALE, "kept", false},
	{"it cannot be looked at", LOST, -EIO, "kept", false},
	{"it may not be looked at", "CHECK v1 403", -EACCES, "kept", false},
	{"nobody is there", "CHECK v1 refused", -ECONNREFUSED, "kept", false},
	/* The registry refuses the placeholder: there is nothing to mend, and nothing is asked. */
	{"PUT: 400", THERE PLACE "400:MANIFEST_INVALID", -EIO, "kept", false},
	{"PUT: 401", THERE PLACE "401", -EACCES, "kept", false},
	{"PUT: 403", THERE PLACE "403:DENIED", -EACCES, "kept", false},
	{"PUT: 404", THERE PLACE "404:NAME_UNKNOWN\n" THERE, -EIO, "kept", false},
	{"PUT: 405", THERE PLACE "405:UNSUPPORTED", -EPERM, "kept", false},
	{"PUT: 405, read-only", THERE PLACE "405", -EROFS, "kept", false},
	{"PUT: 409, an immutable tag", THERE PLACE "409", -EBUSY, "kept", false},
	{"PUT: 413", THERE PLACE "413", -EFBIG, "kept", false},
	/* It may have been done. */
	{"PUT: 429", THERE PLACE "429\n" THERE PLACE "429\n" THERE PLACE "429\n" THERE, -EAGAIN, "kept",
	 false},
	{"PUT: 503, then done", THERE PLACE "503\n" THERE DROP "202", 0, "removed", true},
	{"PUT: 429, then moved", THERE PLACE "429\nCHECK v1 = m3", -ESTALE, "kept", false},
	{"PUT: 500, not done", THERE PLACE "500\n" THERE, -EIO, "kept", false},
	{"PUT: 500, done", THERE PLACE "500\n" BACK "201\n" THERE, -EIO, "kept", false},
	{"PUT: 500, moved", THERE PLACE "500\nCHECK v1 = m3", -ESTALE, "kept", false},
	{"PUT: 500, gone", THERE PLACE "500\nCHECK v1 404", 0, "removed", true},
	{"PUT: 502, done", THERE PLACE "502\n" BACK "201\n" THERE, -EIO, "kept", false},
	{"PUT: cut, not done", THERE PLACE "cut\n" THERE, -EIO, "kept", false},
	{"PUT: cut, done", THERE PLACE "cut\n" BACK "201\n" THERE, -EIO, "kept", false},
	{"PUT: time-out, not done", THERE PLACE "timeout\n" THERE, -ETIMEDOUT, "kept", false},
	{"PUT: time-out, done", THERE PLACE "timeout\n" BACK "201\n" THERE, -ETIMEDOUT, "kept", false},
	{"PUT: 408, never read", THERE PLACE "408", -ETIMEDOUT, "kept", false},
	{"PUT: something else is stored", THERE PLACE "lied\nCHECK v1 = m3", -ESTALE, "kept", false},
	{"PUT: said to be something else", THERE PLACE "lied\n" BACK "201\n" THERE, -EBADMSG, "kept", false},
	/* The placeholder is there, and cannot be deleted: what was there comes back. */
	{"DELETE: 400", THERE DROP "400\n" BACK "201\n" THERE, -EIO, "kept", false},
	{"DELETE: 401", THERE DROP "401\n" BACK "201\n" THERE, -EACCES, "kept", false},
	{"DELETE: 403", THERE DROP "403:DENIED\n" BACK "201\n" THERE, -EACCES, "kept", false},
	{"DELETE: 405", THERE DROP "405:UNSUPPORTED\n" BACK "201\n" THERE, -EPERM, "kept", false},
	{"DELETE: 405, read-only", THERE DROP "405\n" BACK "201\n" THERE, -EROFS, "kept", false},
	{"DELETE: 409", THERE DROP "409\n" BACK "201\n" THERE, -EBUSY, "kept", false},
	{"DELETE: 429", THERE DROP "busy\n" BACK "201\n" THERE, -EAGAIN, "kept", false},
	{"DELETE: 429 for a while", THERE DROP "429 x4\nDELETE @placeholder 202", 0, "removed", true},
	{"DELETE: 500", THERE DROP "500 x4\n" BACK "201\n" THERE, -EIO, "kept", false},
	{"DELETE: 500, done", THERE DROP "500 x4\nCHECK v1 404", 0, "removed", true},
	{"DELETE: cut", THERE DROP "cut x4\n" BACK "201\n" THERE, -EIO, "kept", false},
	{"DELETE: cut, done", THERE DROP "cut x4\nCHECK v1 404", 0, "removed", true},
	{"DELETE: time-out", THERE DROP "timeout\n" BACK "201\n" THERE, -ETIMEDOUT, "kept", false},
	{"DELETE: time-out, done", THERE DROP "timeout\nCHECK v1 404", 0, "removed", true},
	{"DELETE: nobody is there", THERE DROP "refused\n" BACK "201\n" THERE, -ECONNREFUSED, "kept", false},
	{"DELETE: time-out, moved", THERE DROP "timeout\nCHECK v1 = m3", -ESTALE, "kept", false},
	{"DELETE: cut, then 404", THERE DROP "cut\nDELETE @placeholder 404", 0, "removed", true},
	{"DELETE: a proxy says that it is gone", THERE DROP "404:-\n" BACK "201\n" THERE, -EIO, "kept",
	 false},
	{"DELETE: 404, somebody was faster", THERE DROP "404:MANIFEST_UNKNOWN\n" "CHECK v1 404", 0, "removed", true},
	{"DELETE: 404, the PUT was a lie", THERE DROP "404:MANIFEST_UNKNOWN\n" THERE, -EIO, "kept", false},
	/* What was there does not come back at once. */
	{"PUT back: 500, not done", THERE DROP "403\n" BACK "500\n" BACK "201\n" THERE, -EACCES, "kept",
	 false},
	{"PUT back: 500, done", THERE DROP "403\n" BACK "500\n" THERE, -EACCES, "kept", false},
	{"PUT back: cut, done", THERE DROP "403\n" BACK "cut\n" THERE, -EACCES, "kept", false},
	{"PUT back: yes, and not done", THERE DROP "403\n" BACK "201\n" BACK "201\n" THERE, -EACCES, "kept",
	 false},
	{"PUT back: moved", THERE DROP "403\n" BACK "500\nCHECK v1 = m3", -ESTALE, "kept", false},
	{"PUT back: never",
	 THERE DROP "403\n" BACK "500\n" BACK "500\n" BACK "500\n" BACK "500\n" BACK "500\n", -EACCES,
	 "unknown", false},
	{"PUT back: yes, and never",
	 THERE DROP "403\n" BACK "201\n" BACK "201\n" BACK "201\n" BACK "201\n" BACK "201\n", -EACCES,
	 "unknown", false},
	/* Nobody says what became of it. */
	{"looked for twice", THERE PLACE "500\n" LOST THERE, -EIO, "kept", false},
	{"looked for three times", THERE PLACE "500\n" LOST LOST BACK "201\n" THERE, -EIO, "kept", false},
	{"looked for four times", THERE PLACE "timeout\n" LOST LOST LOST THERE, -ETIMEDOUT, "kept", false},
	{"never found", THERE PLACE "timeout\n" LOST LOST LOST LOST LOST, -ETIMEDOUT, "unknown", false},
	{"never found after DELETE", THERE DROP "timeout\n" LOST LOST LOST LOST LOST, -ETIMEDOUT, "unknown",
	 false},
	{"lost when it was put back", THERE DROP "403\n" LOST LOST LOST LOST BACK "201\n", -EACCES, "unknown",
	 false},
	{"found at last", THERE DROP "403\n" LOST LOST LOST BACK "201\n" THERE, -EACCES, "kept", false},
	{"a proxy says that it is gone", THERE DROP "403\nCHECK v1 404:-\n" BACK "201\n" THERE, -EACCES,
	 "kept", false},
};

static void by_placeholder(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(placeholder); k++)
		remove_v1(&placeholder[k], KNOWN, TAGS_STAY);
}

/* In the place of a manifest of Docker's comes a list of Docker's, and back comes the manifest as what it is.
 */
static void types(void **state)
{
	static const char script[] =
		"LIST v1 v2\nGET v1 = d1\nGET v2 = d1\nCHECK v1 = d1\nCHECK v1 = d1\n"
		"PUT v1 list 201\nDELETE @list 403\nCHECK v1 = list\nPUT v1 d1 201\nCHECK v1 = d1\n";
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_STAY);
	assert_int_equal(scene_rm(&s, "v1"), -EACCES);
	scene_finish(&s, "untag v1: d1[v1] kept", "a manifest of Docker's");
}

/* ---- by its name ---- */

#define DELETE THERE "DELETE v1 "
#define VERIFY "CHECK @m1 "
#define TOOK DELETE "202\n" VERIFY "404\nCHECK v2 404\n"
#define AGAIN(answer) "PUT v2 m1 " answer "\nCHECK v2 404\n"

static const struct removing named[] = {
	{"it goes", DELETE "202\n" VERIFY "= m1", 0, "removed", true},
	{"nobody says whether the others hold it yet", DELETE "202\n" VERIFY "500 x4", 0, "removed", true},
	{"a proxy says that they do not", DELETE "202\n" VERIFY "404:-", 0, "removed", true},
	{"a proxy says that it went", DELETE "404:-\n" THERE, -EIO, "kept", false},
	{"it went before", DELETE "404", -ENOENT, "kept", true},
	{"it went just before", "CHECK v1 404", -ENOENT, "kept", true},
	{"it moved just before", "CHECK v1 = m3", -ESTALE, "kept", false},
	{"it cannot be looked at", LOST, -EIO, "kept", false},
	{"400", DELETE "400:DIGEST_INVALID", -EBUSY, "kept", false},
	{"405", DELETE "405:UNSUPPORTED", -EBUSY, "kept", false},
	{"405, read-only", DELETE "405", -EROFS, "kept", false},
	{"401", DELETE "401", -EACCES, "kept", false},
	{"403", DELETE "403", -EACCES, "kept", false},
	{"409", DELETE "409", -EBUSY, "kept", false},
	{"412", DELETE "412", -EPERM, "kept", false},
	{"429", DELETE "429\n" DELETE "429\n" DELETE "429\n" THERE, -EAGAIN, "kept", false},
	{"429, then done", DELETE "429\n" DELETE "202\n" VERIFY "= m1", 0, "removed", true},
	{"503, then moved", DELETE "503\nCHECK v1 = m3", -ESTALE, "kept", false},
	{"500, not done", DELETE "500\n" THERE, -EIO, "kept", false},
	{"500, done", DELETE "500\nCHECK v1 404\n" VERIFY "= m1", 0, "removed", true},
	{"500, moved", DELETE "500\nCHECK v1 = m3", -ESTALE, "kept", false},
	{"500, never found", DELETE "500\n" LOST, -EIO, "unknown", false},
	{"cut, not done", DELETE "cut\n" THERE, -EIO, "kept", false},
	{"cut, done", DELETE "cut\nCHECK v1 404\n" VERIFY "= m1", 0, "removed", true},
	{"time-out, not done", DELETE "timeout\n" THERE, -ETIMEDOUT, "kept", false},
	{"time-out, done", DELETE "timeout\nCHECK v1 404\n" VERIFY "= m1", 0, "removed", true},
	{"time-out, never found", DELETE "timeout\nCHECK v1 timeout", -ETIMEDOUT, "unknown", false},
	/* It took the manifest as well: the others come back. */
	{"it took the other", TOOK "PUT v2 m1 201\nCHECK v2 = m1", 0, "removed", true},
	{"it took the other, nobody said so",
	 DELETE "500\nCHECK v1 404\n" VERIFY "404\nCHECK v2 404\nPUT v2 m1 201\nCHECK v2 = m1", 0, "removed",
	 true},
	{"the other is there nevertheless", DELETE "202\n" VERIFY "404\nCHECK v2 = m1", 0, "removed", true},
	{"the other has moved meanwhile", DELETE "202\n" VERIFY "404\nCHECK v2 = m3", 0, "removed", true},
	{"the other comes back, nobody said so", TOOK "PUT v2 m1 500\nCHECK v2 = m1", 0, "removed", true},
	{"the other comes back when it is put once more", TOOK AGAIN("cut") "PUT v2 m1 201\nCHECK v2 = m1", 0,
	 "removed", true},
	{"the other may not come back", TOOK AGAIN("403") AGAIN("403") AGAIN("403"), -EIO, "unknown", false},
	{"the other comes back, but it does not", TOOK AGAIN("201") AGAIN("201") AGAIN("201"), -EIO,
	 "unknown", false},
	{"the other cannot be looked at", DELETE "202\n" VERIFY "404\nCHECK v2 500 x4", -EIO, "unknown",
	 false},
	{"the other is lost", TOOK "PUT v2 m1 cut\nCHECK v2 500 x4", -EIO, "unknown", false},
};

static void by_name(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(named); k++)
		remove_v1(&named[k], KNOWN, TAGS_GO);
}

/* What took the manifest took all its names: one that does not come back stops no other. */
static void all_come_back(void **state)
{
	static const char script[] =
		"LIST v1 v2 v3\nGET v1 = m1\nGET v2 = m1\nGET v3 = m1\nCHECK v1 = m1\n" TOOK AGAIN("403")
		AGAIN("403") AGAIN("403") "CHECK v3 404\nPUT v3 m1 201\nCHECK v3 = m1\n";
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_GO);
	assert_int_equal(scene_rm(&s, "v1"), -EIO);
	scene_finish(&s, ENTRY "unknown", "three names");
}

/* Somebody notices that another name is not there before we do: it comes back all the same. */
static void noticed(void **state)
{
	static const char script[] =
		KNOWN DELETE "202\n" VERIFY "held 404\nGET v2~m1 404\nCHECK v2 404\nPUT v2 m1 201\nCHECK v2 = m1\n";
	struct question *q;
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_GO);
	q = scene_rm_begin(&s, 100, "v1");
	script_wait_sent(s.st.script, 8);
	scripted_tree_advance(3600 * 1000);
	assert_int_equal(scene_stat(&s, 200, "v2"), -ENOENT);
	script_release(s.st.script);
	assert_int_equal(ask_end(&s.st, q), 0);
	scene_finish(&s, ENTRY "removed", "noticed");
}

/* What a registry can was misjudged: the next try is made with a placeholder. */
static void misjudged(void **state)
{
	static const char *const answers[] = {"400:DIGEST_INVALID", "405:UNSUPPORTED"};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(answers); k++) {
		char script[4096];
		struct scene s;

		snprintf(script, sizeof(script), KNOWN DELETE "%s\n" THERE THERE DROP "202\n", answers[k]);
		scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_GO);
		check_int(scene_rm(&s, "v1"), -EBUSY, answers[k]);
		check_int(scene_rm(&s, "v1"), 0, answers[k]);
		check_text(scene_shown(&s), "v2 v3", answers[k]);
		scene_finish(&s, ENTRY "kept; " ENTRY "removed", answers[k]);
	}
}

/* That a registry leaves the manifest is verified once a repository. */
static void verified_once(void **state)
{
	static const char script[] =
		"LIST v1 v2 v3\nGET v1 = m1\nGET v2 = m1\nGET v3 = m1\nCHECK v1 = m1\n" DELETE "202\n" VERIFY
		"= m1\nCHECK v2 = m1\nCHECK v2 = m1\nDELETE v2 202\n";
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_GO);
	assert_int_equal(scene_rm(&s, "v1"), 0);
	assert_int_equal(scene_rm(&s, "v2"), 0);
	assert_string_equal(scene_shown(&s), "v3");
	scene_finish(&s, ENTRY "removed; untag v2: m1[v2] removed", "verified once");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_placeholder), cmocka_unit_test(types),         cmocka_unit_test(by_name),
		cmocka_unit_test(misjudged),      cmocka_unit_test(verified_once),
		cmocka_unit_test(all_come_back),  cmocka_unit_test(noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
