/* SPDX-License-Identifier: MIT */
/*
 * What must be known before something goes: every tag of the repository, at what it points now. In a row it
 * is not asked for again and again; a name that comes or moves is noticed; what fails is not asked about for
 * ever.
 */
#include <errno.h>

#include "scene.h"

static const struct document documents[] = {
	{"m1", UNDATED("1")},
	{"m2", UNDATED("2")},
	{"m3", UNDATED("3")},
	{"m4", UNDATED("4")},
	{"config", "{\"created\":\"2016-01-01T00:00:00Z\"}"},
	{"k1",
	 MANIFEST_OF("{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"@config\",\"size\":40}", "")},
	{"i1", INDEX(ITEM("m3"), "i1")},
};

#define GOES(tag, name) "CHECK " tag " = " name "\nDELETE @" name " 202\n"
#define FOUR "LIST v1 v2 v3 v4\nGET v1 = m1\nGET v2 = m2\nGET v3 = m3\nGET v4 = m4\n"

/* Two requests each, and no more. */
static void in_a_row(void **state)
{
	static const char script[] = FOUR GOES("v1", "m1") GOES("v2", "m2") GOES("v3", "m3") GOES("v4", "m4");
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	assert_int_equal(scene_rm(&s, "v1"), 0);
	assert_int_equal(scene_rm(&s, "v2"), 0);
	assert_int_equal(scene_rm(&s, "v3"), 0);
	assert_int_equal(scene_rm(&s, "v4"), 0);
	scene_finish(&s, NULL, "in a row");
}

/* So it is with those that are refused in between, and with the ttl of nothing. */
static void in_a_row_without_ttl(void **state)
{
	static const char script[] = FOUR GOES("v1", "m1") "CHECK v2 = m2\nDELETE @m2 403\n" GOES("v3", "m3");
	struct repository *r;
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	r = scene_repository(&s);
	s.st.tree->options.ttl = 0;
	assert_int_equal(scene_rm(&s, "v1"), 0);
	assert_int_equal(scene_rm(&s, "v2"), -EACCES);
	tree_lock(s.st.tree);
	r->abilities.deletes = DELETES_PROVEN;
	tree_unlock(s.st.tree);
	assert_int_equal(scene_rm(&s, "v3"), 0);
	scene_finish(&s, NULL, "in a row");
}

/* After a while everything is asked anew. */
static void later(void **state)
{
	static const char script[] = FOUR GOES(
		"v1", "m1") "LIST v2 v3 v4\nGET v2~m2 304\nGET v3~m3 304\nGET v4~m4 304\n" GOES("v2", "m2");
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	assert_int_equal(scene_rm(&s, "v1"), 0);
	scripted_tree_advance(5000);
	assert_int_equal(scene_rm(&s, "v2"), 0);
	scene_finish(&s, NULL, "later");
}

/* What comes meanwhile holds what it points to. */
static void comes(void **state)
{
	static const struct {
		const char *why, *script;
		const char *journal;
	} cases[] = {
		{"a name for it",
		 "LIST v2 v3 v4 v5\nGET v2~m2 304\nGET v3~m3 304\nGET v4~m4 304\nGET v5 = m2\nCHECK v2 = m2\nCHECK v2 = m2\n"
		 "DELETE v2 202\nCHECK @m2 = m2\n",
		 "untag v2: m2[v2] removed"},
		{"a name for something else",
		 "LIST v2 v3 v4 v5\nGET v2~m2 304\nGET v3~m3 304\nGET v4~m4 304\nGET v5 = m1\n" GOES("v2",
												     "m2"),
		 "delete v2: m2[v2] removed"},
		{"an index that lists it",
		 "LIST v2 v3 v4 v5\nGET v2~m2 304\nGET v3~m3 304\nGET v4~m4 304\nGET v5 = i1\n" GOES("v2",
												     "m2"),
		 "delete v2: m2[v2] removed"},
		{"another name moves to it",
		 "LIST v2 v3 v4\nGET v2~m2 304\nGET v3~m3 = m2\nGET v4~m4 304\nCHECK v2 = m2\nCHECK v2 = m2\nDELETE v2 202\n"
		 "CHECK @m2 = m2\n",
		 "untag v2: m2[v2] removed"},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		char script[2000], journal[200];
		struct scene s;

		print_message("             %s\n", cases[k].why);
		snprintf(script, sizeof(script), "%s%s", FOUR GOES("v1", "m1"), cases[k].script);
		snprintf(journal, sizeof(journal), "delete v1: m1[v1] removed; %s", cases[k].journal);
		scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_GO);
		check_int(scene_rm(&s, "v1"), 0, cases[k].why);
		scripted_tree_advance(3000);
		check_int(scene_rm(&s, "v2"), 0, cases[k].why);
		scene_finish(&s, journal, cases[k].why);
	}
}

/* Somebody's look finds out, within a row, that another name has moved: to it, or to an index that lists it.
 */
static void noticed(void **state)
{
	static const struct {
		const char *why, *moves;
	} cases[] = {{"to it", "GET v4~m4 = m3\nGET v4~m3 304 any\n"},
		     {"to an index", "GET v4~m4 = i1\nGET v4~i1 304 any\n"}};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		char script[1000];
		struct tag *v4;
		struct scene s;

		snprintf(script, sizeof(script), "%s%s%s", FOUR GOES("v1", "m1"), cases[k].moves,
			 "GET v2~m2 304 any\nGET v3~m3 304 any\nGET @m3 = m3 any\n"
			 "CHECK v3 = m3\nCHECK v3 = m3\nDELETE v3 202\nCHECK @m3 = m3\n");
		scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_GO);
		check_int(scene_rm(&s, "v1"), 0, cases[k].why);
		v4 = scripted_tag(&s.st, "a", "v4");
		tree_lock(s.st.tree);
		v4->resolved = 0; /* as if a ttl had passed */
		tree_unlock(s.st.tree);
		check_int(scene_stat(&s, 200, "v4"), 0, cases[k].why);
		check_int(scene_rm(&s, "v3"), 0, cases[k].why);
		scene_finish(&s, "delete v1: m1[v1] removed; untag v3: m3[v3] removed", cases[k].why);
	}
}

/* What cannot be resolved refuses, once, and is asked about again for one that stands alone; no loop. */
static void fails(void **state)
{
	static const struct {
		const char *why, *script;
		unsigned keep;
	} cases[] = {
		{"a tag", "LIST v1 v2\nGET v1 = m1\nGET v2 500 x4\n", 0},
		{"a tag that may not be read", "LIST v1 v2\nGET v1 = m1\nGET v2 403\n", 0},
		{"a tag that is no manifest", "LIST v1 v2\nGET v1 = m1\nGET v2 200\n", 0},
		{"all tags", "LIST v1 v2\nGET v1 timeout\nGET v2 timeout\n", 0},
		{"a date", "LIST v1 v2\nGET v1 = m1\nGET v2 = k1\nCONFIG config 500 x4\n", 1},
		{"a date that may not be read", "LIST v1 v2\nGET v1 = m1\nGET v2 = k1\nCONFIG config 403\n",
		 1},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		char script[2000];
		struct scene s;

		print_message("             %s\n", cases[k].why);
		snprintf(script, sizeof(script), "%sLIST v1 v2\n", cases[k].script);
		scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
		s.st.tree->options.keep = cases[k].keep;
		check_int(scene_rm(&s, "v1"), -EBUSY, cases[k].why);
		check_int(scene_rm(&s, "v1"), -EBUSY, cases[k].why); /* within seconds: known */
		scene_finish(&s, "", cases[k].why);
	}
}

/* And it is tried again. */
static void mended(void **state)
{
	static const char script[] =
		"LIST v1 v2\nGET v1 = m1\nGET v2 500 x4\nLIST v1 v2\nGET v1~m1 304\nGET v2 = m2\n" GOES("v1",
													"m1");
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	assert_int_equal(scene_rm(&s, "v1"), -EBUSY);
	scripted_tree_advance(6000);
	assert_int_equal(scene_rm(&s, "v1"), 0);
	scene_finish(&s, "delete v1: m1[v1] removed", "mended");
}

/* A tag of the list that has gone when it is asked for holds nothing. */
static void gone_meanwhile(void **state)
{
	static const char script[] = "LIST v1 v2\nGET v1 = m1\nGET v2 404\n" GOES("v1", "m1");
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	assert_int_equal(scene_rm(&s, "v1"), 0);
	scene_finish(&s, "delete v1: m1[v1] removed", "gone meanwhile");
}

/* Many come at once: they are one survey. */
static void at_once(void **state)
{
	static const char script[] = FOUR
		"CHECK v1 = m1\nDELETE @m1 202\nCHECK v2 = m2\nDELETE @m2 202\nCHECK v3 = m3\nDELETE @m3 202\n";
	static const char *const names[] = {"v1", "v2", "v3"};
	struct question *q[3];
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	for (size_t k = 0; k < s.script.nrows; k++)
		s.script.rows[k].ordered = false; /* whose turn it is, is nobody's business */
	s.script.rows[0].held = 1; /* whoever comes after the list asks for one of his own */
	for (size_t k = 0; k < ARRAY_SIZE(q); k++)
		q[k] = scene_rm_begin(&s, 100 + (int)k, names[k]);
	script_settle(s.st.script);
	script_release(s.st.script);
	for (size_t k = 0; k < ARRAY_SIZE(q); k++)
		assert_int_equal(ask_end(&s.st, q[k]), 0);
	assert_string_equal(scene_shown(&s), "v4");
	scene_finish(&s, NULL, "at once");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_row), cmocka_unit_test(in_a_row_without_ttl),
		cmocka_unit_test(later),    cmocka_unit_test(comes),
		cmocka_unit_test(noticed),  cmocka_unit_test(fails),
		cmocka_unit_test(mended),   cmocka_unit_test(gone_meanwhile),
		cmocka_unit_test(at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
