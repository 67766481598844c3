/* SPDX-License-Identifier: MIT */
/* Who was shown what a tag points to, and may remove it: a tag that moved since somebody looked stays. */
#include <errno.h>

#include "scene.h"

static const struct document documents[] = {{"m1", UNDATED("1")}, {"m2", UNDATED("2")}, {"m3", UNDATED("3")}};

enum {
	HOUR = 3600 * 1000,
	SHOWN = 1000,
	OLD = 100,
	LOOKER = 200,
	YOUNG = 300,
	TICK = 400,
	BEFORE = 401,
	NOBODY = 500
};

static const struct fake_process processes[] = {
	{OLD, 1, 50},         {LOOKER, 1, 60},         {YOUNG, 1, 1500},
	{TICK, 1, SHOWN - 9}, {BEFORE, 1, SHOWN - 10}, {0, 0, 0},
};

/* OLD looks, the tag moves, LOOKER sees it. */
static void start(struct scene *s, const char *more)
{
	char script[1000];

	snprintf(script, sizeof(script), "GET v1 = m1\nGET v1~m1 = m2\n%s", more);
	scene_processes = processes;
	scene_process_clock = SHOWN;
	scene_start(s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	assert_int_equal(scene_stat(s, OLD, "v1"), 0);
	assert_true(s->st.entry.attr_valid >= 0);
	scripted_tree_advance(HOUR);
	assert_int_equal(scene_stat(s, LOOKER, "v1"), 0);
}

#define REFUSED "LIST v1\nGET v1~m2 304\n"
#define GOES REFUSED "CHECK v1 = m2\nDELETE @m2 202\n"

static void who(void **state)
{
	static const struct {
		const char *why;
		int pid;
		const char *script;
		int err;
	} cases[] = {
		{"who saw what it was before", OLD, REFUSED, -ESTALE},
		{"who saw what it is", LOOKER, GOES, 0},
		{"who was started after that was seen", YOUNG, GOES, 0},
		{"who was started in that clock tick", TICK, GOES, 0},
		{"who was started just before", BEFORE, REFUSED, -ESTALE},
		{"of whom nothing is known", NOBODY, REFUSED, -ESTALE},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct scene s;

		start(&s, cases[k].script);
		check_int(scene_rm_as(&s, cases[k].pid, "v1"), cases[k].err, cases[k].why);
		check(!s.st.entry.attr_valid, cases[k].why);
		scene_finish(&s, cases[k].err ? "" : "delete v1: m2[v1] removed", cases[k].why);
	}
}

/* The kernel must ask for each who looks, as long as it matters. */
static void looks(void **state)
{
	struct scene s;

	(void)state;
	start(&s, GOES);
	assert_true(s.st.entry.attr_valid <= 0);
	assert_int_equal(scene_stat(&s, OLD, "v1"), 0);
	assert_true(s.st.entry.attr_valid <= 0);
	assert_int_equal(scene_rm_as(&s, OLD, "v1"), 0);
	scene_finish(&s, "delete v1: m2[v1] removed", "who looks again may");
}

/* What is read shows as well what it is. */
static void reads(void **state)
{
	struct scene s;

	(void)state;
	start(&s, GOES);
	assert_int_equal(
		ask_end(&s.st, ask_begin(&s.st, tree_open, scene_node(&s, NODE_TAG, "v1"), NULL, OLD)), 0);
	assert_int_equal(scene_rm_as(&s, OLD, "v1"), 0);
	scene_finish(&s, "delete v1: m2[v1] removed", "who reads it may");
}

/* Nobody holds on to what was seen for so long. */
static void long_ago(void **state)
{
	struct scene s;

	(void)state;
	start(&s, GOES);
	scripted_tree_advance(HOUR);
	assert_int_equal(scene_rm_as(&s, OLD, "v1"), 0);
	scene_finish(&s, "delete v1: m2[v1] removed", "after an hour");
}

/* It moves again: who has looked in between has seen something else, too. */
static void moves_again(void **state)
{
	struct scene s;

	(void)state;
	start(&s,
	      "GET v1~m2 = m3\nLIST v1\nGET v1~m3 304\nLIST v1\nGET v1~m3 304\nCHECK v1 = m3\nDELETE @m3 202\n");
	scripted_tree_advance(HOUR);
	assert_int_equal(scene_stat(&s, OLD, "v1"), 0);
	assert_int_equal(scene_rm_as(&s, LOOKER, "v1"), -ESTALE);
	assert_int_equal(scene_rm_as(&s, OLD, "v1"), 0);
	scene_finish(&s, "delete v1: m3[v1] removed", "it moved twice");
}

/* There is room for the last of many lookers: the first is asked to look again, and nothing breaks. */
static void many(void **state)
{
	struct scene s;

	(void)state;
	start(&s, REFUSED "LIST v1\nGET v1~m2 304\nCHECK v1 = m2\nDELETE @m2 202\n");
	for (int pid = 1000; pid < 1020; pid++)
		assert_int_equal(scene_stat(&s, pid, "v1"), 0);
	assert_int_equal(scene_rm_as(&s, 1000, "v1"), -ESTALE);
	assert_int_equal(scene_rm_as(&s, 1019, "v1"), 0);
	scene_finish(&s, "delete v1: m2[v1] removed", "many lookers");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who),      cmocka_unit_test(looks),       cmocka_unit_test(reads),
		cmocka_unit_test(long_ago), cmocka_unit_test(moves_again), cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
