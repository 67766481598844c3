/* SPDX-License-Identifier: MIT */
/* What may not go: what is named, what is in use, what is among the newest; and the signatures of all that.
 */
#include <errno.h>
#include <sys/stat.h>

#include "scene.h"

static const struct document documents[] = {
	{"m1", UNDATED("m1")},
	{"m2", UNDATED("m2")},
	{"old", DATED("2015-01-01T00:00:00Z")},
	{"mid", DATED("2018-01-01T00:00:00Z")},
	{"new", DATED("2021-01-01T00:00:00Z")},
	{"same",
	 MANIFEST_OF(EMPTY_CONFIG,
		     ",\"annotations\":{\"org.opencontainers.image.created\":\"2018-01-01T00:00:00Z\","
		     "\"n\":\"same\"}")},
	{"config", "{\"created\":\"2016-01-01T00:00:00Z\"}"},
	{"k1",
	 MANIFEST_OF("{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"@config\",\"size\":40}", "")},
	{"i1", INDEX(ITEM("old"), "i1")},
	{"nest", INDEX(NESTED("i1"), "nest")},
	{"s1", UNDATED("s1")},
	{"s2", UNDATED("s2")},
};

struct guarding {
	const char *why, *script;
	const char *pattern, *references;
	unsigned keep;
	const char *gone, *kept; /* names: what may be removed, one after the other, and what may not */
};

/* Nothing that is kept is even asked about just before, let alone written into the journal. */
static void play(const struct guarding *c, unsigned flags)
{
	char names[2][300], *rest = NULL;
	struct scene s;

	print_message("             %s\n", c->why);
	scene_start(&s, documents, ARRAY_SIZE(documents), c->script, ABLE | NO_REFERRERS | flags);
	s.st.tree->options.keep = c->keep;
	if (c->pattern || c->references)
		scene_protect(&s, c->pattern, c->references);
	snprintf(names[0], sizeof(names[0]), "%s", c->gone);
	snprintf(names[1], sizeof(names[1]), "%s", c->kept);
	for (char *name = strtok_r(names[0], " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		check_int(scene_rm(&s, name), 0, c->why);
	for (char *name = strtok_r(names[1], " ", &rest); name; name = strtok_r(NULL, " ", &rest))
		check_int(scene_rm(&s, name), -EPERM, c->why);
	scene_finish(&s, c->gone[0] ? NULL : "", c->why);
}

/* ---- by name: nobody has to be asked ---- */

#define GOES(tag, name) "CHECK " tag " = " name "\nDELETE @" name " 202\n"
#define V1_V2 "KNOW v1=m1 v2=m2\n"

static const struct guarding by_name[] = {
	{"a pattern", "", .pattern = "a:v*", .gone = "", .kept = "v1 v2"},
	{"a pattern of one", V1_V2 GOES("v1", "m1"), .pattern = "*:v2", .gone = "v1", .kept = "v2"},
	{"a pattern of another repository", V1_V2 GOES("v1", "m1") GOES("v2", "m2"), .pattern = "b:*",
	 .gone = "v1 v2", .kept = ""},
	{"a reference", "", .references = "reg.test/a:v1", .gone = "", .kept = "v1"},
	{"a reference of another repository", V1_V2 GOES("v1", "m1"), .references = "reg.test/b:v1",
	 .gone = "v1", .kept = ""},
	{"a reference without a tag", "KNOW latest=m2 v1=m1\n" GOES("v1", "m1"), .references = "a",
	 .gone = "v1", .kept = "latest"},
};

static void names(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(by_name); k++)
		play(&by_name[k], 0);
}

/* ---- in use, by digest ---- */

static const struct guarding in_use[] = {
	{"its digest", V1_V2 GOES("v2", "m2"), .references = "a@@m1", .gone = "v2", .kept = "v1"},
	{"its digest, of whatever repository", V1_V2 GOES("v2", "m2"), .references = "@m1", .gone = "v2",
	 .kept = "v1"},
	{"its digest, under another repository's name", V1_V2 GOES("v1", "m1"), .references = "b@@m1",
	 .gone = "v1", .kept = ""},
	{"its config's digest, as docker ps says it", "KNOW v1=k1 v2=m2\n" GOES("v2", "m2"),
	 .references = "@config", .gone = "v2", .kept = "v1"},
	{"a child of an index", "KNOW v1=i1 v2=m2\n" GOES("v2", "m2"), .references = "@old", .gone = "v2",
	 .kept = "v1"},
	{"a child of an index in an index", "KNOW v1=nest v2=m2\nGET @i1 = i1 any\n" GOES("v2", "m2"),
	 .references = "@old", .gone = "v2", .kept = "v1"},
	{"an index that is in use does not keep a child's own tag",
	 "KNOW t=old v1=i1\nCHECK t = old\nCHECK t = old\nDELETE t 202\nCHECK @old = old\n",
	 .references = "@i1", .gone = "t", .kept = "v1"},
	{"an index that is in use without a tag holds a child, which is put back if it went with its tag",
	 "KNOW t=old v1=m1\nGET @i1 = i1\nCHECK t = old\nCHECK t = old\nDELETE t 202\nCHECK @old 404\n"
	 "PUT @old old 201\n" GOES("v1", "m1"),
	 .references = "a@@i1", .gone = "t v1", .kept = ""},
	{"every name of what is in use", "KNOW v1=m1 v2=m1\n", .references = "@m1", .gone = "",
	 .kept = "v1 v2"},
};

static void digests(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(in_use); k++)
		play(&in_use[k], TAGS_GO);
}

/* A manifest that no tag holds is in use as well. */
static void unheld(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), "KNOW v1=m1\nGET @m2 = m2\n", ABLE | NO_REFERRERS);
	scene_protect(&s, NULL, "@m2");
	assert_int_equal(scene_rm(&s, "@m2"), -EPERM);
	scene_finish(&s, "", "a manifest");
}

/* ---- the newest ---- */

#define THREE "KNOW v1=old v2=mid v3=new\n"
#define UNDATED_TOO "KNOW u=m1 v1=old v2=mid\n"
#define SIGNED "KNOW %mid.sig=s1 v1=old v2=mid\nGET @mid = mid any\n"

static const struct guarding newest[] = {
	{"one", THREE GOES("v1", "old") GOES("v2", "mid"), .keep = 1, .gone = "v1 v2", .kept = "v3"},
	{"two", THREE GOES("v1", "old"), .keep = 2, .gone = "v1", .kept = "v2 v3"},
	{"all there are", THREE, .keep = 3, .gone = "", .kept = "v1 v2 v3"},
	{"more than there are", THREE, .keep = 100, .gone = "", .kept = "v1 v2 v3"},
	{"of the same age all stay", "KNOW v1=mid v2=same v3=old\n" GOES("v3", "old"), .keep = 1,
	 .gone = "v3", .kept = "v1 v2"},
	{"two names of one are two", "KNOW v1=old v2=new v3=new\n" GOES("v1", "old"), .keep = 2, .gone = "v1",
	 .kept = "v2 v3"},
	{"what is undated is the newest", UNDATED_TOO GOES("v1", "old") GOES("v2", "mid"), .keep = 1,
	 .gone = "v1 v2", .kept = "u"},
	{"and counts", UNDATED_TOO GOES("v1", "old"), .keep = 2, .gone = "v1", .kept = "u v2"},
	{"a signature stays with its image, and does not count", SIGNED GOES("v1", "old"), .keep = 1,
	 .gone = "v1", .kept = "%mid.sig v2"},
	{"a signature of what may go",
	 "KNOW %old.sig=s1 v1=old v2=mid\nGET @old = old any\n" GOES("%old.sig", "s1") GOES("v1", "old"),
	 .keep = 1, .gone = "%old.sig v1", .kept = "v2"},
	{"a signature of nothing stands for itself",
	 "KNOW %new.sig=s1 v1=old\nGET @new 404\n" GOES("v1", "old"), .keep = 1, .gone = "v1",
	 .kept = "%new.sig"},
	{"a signature of a child of what is kept", "KNOW %old.sig=s1 v1=i1 v2=m1\nGET @old = old any\n",
	 .keep = 2, .gone = "", .kept = "%old.sig v1 v2"},
	{"a protected one counts as well", THREE GOES("v1", "old") GOES("v2", "mid"), .pattern = "a:v3",
	 .keep = 1, .gone = "v1 v2", .kept = "v3"},
};

static void keep(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(newest); k++)
		play(&newest[k], 0);
}

/* Of what is pushed meanwhile, the newest counts: another one may go then. */
static void keep_moves_on(void **state)
{
	static const char script[] =
		"LIST v1 v2\nGET v1 = old\nGET v2 = mid\nLIST v1 v2 v3\nGET v1~old 304\nGET v2~mid 304\n"
		"GET v3 = new\n" GOES("v2", "mid");
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	s.st.tree->options.keep = 1;
	assert_int_equal(scene_rm(&s, "v2"), -EPERM);
	assert_int_equal(scene_rm(&s, "v2"), 0);
	assert_int_equal(scene_rm(&s, "v3"), -EPERM);
	scene_finish(&s, "delete v2: mid[v2] removed", "keep moves on");
}

/* Where a date is not known, none is old enough. */
static void unknown_dates(void **state)
{
	static const char script[] = "LIST v1 v2\nGET v1 = old\nGET v2 = k1\nCONFIG config 500 x4\n";
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	s.st.tree->options.keep = 1;
	assert_int_equal(scene_rm(&s, "v1"), -EBUSY);
	scene_finish(&s, "", "a date is not known");
}

/* ---- signatures ---- */

#define SIGNATURE "KNOW %m1.sig=s1 %m1.att=s2 v1=m1 v2=m2\n"

static const struct guarding signatures[] = {
	{"of what is protected by name", SIGNATURE, .pattern = "a:v1", .gone = "",
	 .kept = "%m1.sig %m1.att v1"},
	{"of what is in use", SIGNATURE, .references = "@m1", .gone = "", .kept = "%m1.sig %m1.att v1"},
	{"of what is not", SIGNATURE GOES("%m1.sig", "s1") GOES("%m1.att", "s2"), .references = "@m2",
	 .gone = "%m1.sig %m1.att", .kept = "v2"},
	{"one that is in use itself", SIGNATURE GOES("%m1.att", "s2"), .references = "@s1", .gone = "%m1.att",
	 .kept = "%m1.sig"},
	{"of a child of what is protected by name", "KNOW %old.sig=s1 v1=i1\n", .pattern = "a:v1", .gone = "",
	 .kept = "%old.sig v1"},
	{"of a grandchild of what is protected by name", "KNOW %old.sig=s1 v1=nest\nGET @i1 = i1 any\n",
	 .pattern = "a:v1", .gone = "", .kept = "%old.sig v1"},
	{"of an image of which one name is protected", "KNOW %m1.sig=s1 v1=m1 v2=m1\n", .pattern = "a:v2",
	 .gone = "", .kept = "%m1.sig v2"},
};

static void of_signatures(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(signatures); k++)
		play(&signatures[k], 0);
}

/* ---- what is shown ---- */

/* The mode says what may go: find -writable and rm agree. */
static void shown(void **state)
{
	static const struct {
		const char *tag;
		bool writable;
	} tags[] = {{"v1", false}, {"v2", true}, {"v3", false}, {"v4", false}};
	static const char script[] = "KNOW v1=old v2=mid v3=new v4=same\n" GOES("v2", "mid");
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	s.st.tree->options.keep = 1;
	scene_protect(&s, "a:v1", "@same");
	for (size_t k = 0; k < ARRAY_SIZE(tags); k++) {
		check_int(scene_stat(&s, 100, tags[k].tag), 0, tags[k].tag);
		check_int(s.st.entry.attr.mode & S_IWUSR, tags[k].writable ? S_IWUSR : 0, tags[k].tag);
	}
	for (size_t k = 0; k < ARRAY_SIZE(tags); k++)
		check_int(scene_rm(&s, tags[k].tag), tags[k].writable ? 0 : -EPERM, tags[k].tag);
	scene_finish(&s, "delete v2: mid[v2] removed", "what is shown");
}

/* What is protected can change while it is mounted. */
static void changes(void **state)
{
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), V1_V2 GOES("v1", "m1"), ABLE | NO_REFERRERS);
	scene_protect(&s, "a:*", NULL);
	assert_int_equal(scene_rm(&s, "v1"), -EPERM);
	scene_protect(&s, NULL, "@m2");
	assert_int_equal(scene_rm(&s, "v1"), 0);
	scene_protect(&s, NULL, "a:v2");
	assert_int_equal(scene_rm(&s, "v2"), -EPERM);
	scene_finish(&s, "delete v1: m1[v1] removed", "it changes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),         cmocka_unit_test(digests),
		cmocka_unit_test(unheld),        cmocka_unit_test(keep),
		cmocka_unit_test(keep_moves_on), cmocka_unit_test(unknown_dates),
		cmocka_unit_test(of_signatures), cmocka_unit_test(shown),
		cmocka_unit_test(changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
