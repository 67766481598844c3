/* SPDX-License-Identifier: MIT */
/* Names that went along with another: who removed it comes for them as well, and is told that they are gone
 * already. */
#include <errno.h>

#include "scene.h"

static const struct document documents[] = {
	{"m1", DATED("2015-01-01T00:00:00Z")}, {"m2", UNDATED("2")}, {"s1", UNDATED("s1")}};

enum { FIND = 100, SHELL = 50, OTHER = 300, MINUTES = 60 * 1000 };

static const struct fake_process processes[] = {{FIND, SHELL, 10}, {SHELL, 1, 5}, {OTHER, 1, 20}, {0, 0, 0}};

#define SIGNED                                                                                               \
	"LIST %m1.sig v1\nGET %m1.sig = s1\nGET v1 = m1\nCHECK v1 = m1\nDELETE @m1 202\nDELETE @s1 202\n"

/* FIND removes v1, and with it its signature. */
static void start(struct scene *s, const char *more)
{
	char script[1000];

	snprintf(script, sizeof(script), "%s%s", SIGNED, more);
	scene_processes = processes;
	scene_start(s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	assert_int_equal(scene_rm_as(s, FIND, "v1"), 0);
	assert_string_equal(scene_shown(s), "");
}

#define JOURNAL "delete v1: m1[v1] ~s1[%m1.sig] removed"

/* Asks for a name as the kernel does. True: it resolves. */
static bool resolves(struct scene *s, int pid, const char *name)
{
	const char *word = scene_script_word(&s->script, name);

	assert_int_equal(
		ask_end(&s->st, ask_begin(&s->st, tree_lookup, scene_node(s, NODE_TAGS, NULL), word, pid)),
		0);
	return s->st.entry.node;
}

static void who_sees_it(void **state)
{
	struct scene s;

	(void)state;
	start(&s, "");
	assert_int_equal(scene_stat(&s, OTHER, "%m1.sig"), -ENOENT);
	assert_int_equal(scene_stat(&s, FIND, "%m1.sig"), 0);
	assert_true(s.st.entry.attr.size > 0);
	assert_true(s.st.entry.attr_valid <= 0); /* the kernel must not tell others */
	assert_int_equal(scene_stat(&s, FIND, "%m1.sig"), 0);
	assert_int_equal(scene_stat(&s, OTHER, "%m1.sig"), -ENOENT);
	assert_int_equal(scene_stat(&s, FIND, "v1"), -ENOENT); /* that was asked for */
	scene_finish(&s, JOURNAL, "who sees it");
}

/* find -exec rm: who runs the program looks once as well. */
static void parent(void **state)
{
	struct scene s;

	(void)state;
	start(&s, "");
	assert_int_equal(scene_stat(&s, SHELL, "%m1.sig"), 0);
	assert_int_equal(scene_stat(&s, SHELL, "%m1.sig"), -ENOENT);
	assert_int_equal(scene_stat(&s, FIND, "%m1.sig"), 0);
	scene_finish(&s, JOURNAL, "the parent");
}

/* It is removed once more, and from then on it is gone for everybody. */
static void once_more(void **state)
{
	static const int pids[] = {FIND, OTHER};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(pids); k++) {
		struct scene s;

		start(&s, "");
		assert_true(resolves(&s, pids[k], "%m1.sig"));
		assert_int_equal(scene_rm_as(&s, pids[k], "%m1.sig"), 0);
		assert_false(resolves(&s, pids[k], "%m1.sig"));
		assert_int_equal(scene_stat(&s, FIND, "%m1.sig"), -ENOENT);
		assert_int_equal(scene_rm_as(&s, pids[k], "%m1.sig"), -ENOENT);
		scene_finish(&s, JOURNAL, "once more");
	}
}

/* Nobody comes for it after that time. */
static void too_late(void **state)
{
	struct scene s;

	(void)state;
	start(&s, "");
	scripted_tree_advance(9 * MINUTES);
	assert_true(resolves(&s, FIND, "%m1.sig"));
	scripted_tree_advance(2 * MINUTES);
	assert_false(resolves(&s, FIND, "%m1.sig"));
	assert_int_equal(scene_stat(&s, FIND, "%m1.sig"), -ENOENT);
	scene_finish(&s, JOURNAL, "too late");
}

/* It is pushed again: what is there now is another one, and is not removed by mistake. */
static void pushed_again(void **state)
{
	struct scene s;

	(void)state;
	start(&s,
	      "LIST %m1.sig\nGET %m1.sig = m2\nLIST %m1.sig\nGET %m1.sig~m2 304\nCHECK %m1.sig = m2\nDELETE @m2 202\n");
	scripted_tree_advance(5 * MINUTES);
	tree_forget(s.st.tree);
	assert_int_equal(scene_ls(&s), 0);
	assert_string_equal(scene_shown(&s), "%m1.sig");
	assert_int_equal(scene_stat(&s, OTHER, "%m1.sig"), 0);
	assert_int_equal(scene_rm_as(&s, OTHER, "%m1.sig"), 0);
	scene_finish(&s, JOURNAL "; delete %m1.sig: m2[%m1.sig] removed", "pushed again");
}

/* Every name of a digest: who removes them one by one is told yes each time, and it is one removal. */
static void every_name(void **state)
{
	static const char script[] =
		"GET v1 = m1\nLIST v1 v2 v3\nGET v1~m1 304\nGET v2 = m1\nGET v3 = m1\nCHECK v1 = m1\nDELETE @m1 202\n";
	struct scene s;

	(void)state;
	scene_processes = processes;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	s.st.tree->options.shared = SHARED_ALL;
	assert_int_equal(scene_stat(&s, FIND, "v1"), 0);
	assert_int_equal(scene_rm_as(&s, FIND, "v1"), 0);
	assert_int_equal(scene_stat(&s, FIND, "v2"), 0);
	assert_int_equal(s.st.entry.attr.mtime.tv_sec, 1420070400); /* find -mtime decides by it */
	assert_int_equal(scene_rm_as(&s, FIND, "v2"), 0);
	assert_int_equal(scene_rm_as(&s, FIND, "v3"), 0);
	assert_int_equal(scene_rm_as(&s, FIND, "v1"), -ENOENT);
	scene_finish(&s, "delete v1: m1[v1,v2,v3] removed", "every name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_sees_it), cmocka_unit_test(parent),       cmocka_unit_test(once_more),
		cmocka_unit_test(too_late),    cmocka_unit_test(pushed_again), cmocka_unit_test(every_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
