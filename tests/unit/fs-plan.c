/* SPDX-License-Identifier: MIT */
/*
 * What goes with a manifest: children that nothing else holds, referrers and signatures of what goes. The
 * journal says what was planned, and the order of the requests that subjects and parents go first.
 */
#include <errno.h>

#include "scene.h"

static const struct document documents[] = {
	{"m1", UNDATED("m1")},
	{"m2", UNDATED("m2")},
	{"c1", UNDATED("c1")},
	{"c2", UNDATED("c2")},
	{"c3", UNDATED("c3")},
	{"c4", UNDATED("c4")},
	{"i1", INDEX(ITEM("c1") "," ITEM("c2"), "i1")},
	{"i2", INDEX(ITEM("c2") "," ITEM("c3"), "i2")},
	{"i3", INDEX(ITEM("c1") "," ITEM("c2"), "i3")},
	{"twice", INDEX(ITEM("c1") "," ITEM("c1"), "twice")},
	{"nest", INDEX(NESTED("i1") "," ITEM("c4"), "nest")},
	{"short", INDEX(ITEM("c1") "," NESTED("i1"), "short")},
	{"diamond", INDEX(NESTED("i1") "," NESTED("i2"), "diamond")},
	{"empty", INDEX("", "empty")},
	{"config", "{}"},
	{"k1",
	 MANIFEST_OF("{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"@config\",\"size\":2}", "")},
	{"i4", INDEX(ITEM("k1") "," ITEM("c1"), "i4")},
	{"s1", UNDATED("s1")},
	{"s2", UNDATED("s2")},
	{"s3", UNDATED("s3")},
	{"r1", SUBJECT("r1", "m1")},
	{"r2", SUBJECT("r2", "r1")},
	{"rc", SUBJECT("rc", "c1")},
	{"ri", INDEX(ITEM("c3"), "ri")},
	{"fallback", INDEX(ITEM("r1"), "list")},
};

struct planning {
	const char *why, *script;
	const char *remove; /* one after the other */
	const char *journal;
	int err; /* of the last */
	const char *pattern, *references; /* what is protected */
	enum shared shared;
};

static void play(const struct planning *cases, size_t n, unsigned flags)
{
	for (size_t k = 0; k < n; k++) {
		const struct planning *c = &cases[k];
		char names[200], *rest = NULL;
		struct scene s;
		int err = 0;

		print_message("             %s\n", c->why);
		scene_start(&s, documents, ARRAY_SIZE(documents), c->script, ABLE | flags);
		s.st.tree->options.shared = c->shared;
		if (c->pattern || c->references)
			scene_protect(&s, c->pattern, c->references);
		snprintf(names, sizeof(names), "%s", c->remove);
		for (char *name = strtok_r(names, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
			check_int(err, 0, c->why);
			err = scene_rm(&s, name);
		}
		check_int(err, c->err, c->why);
		scene_finish(&s, c->journal, c->why);
	}
}

#define GONE(name) "DELETE @" name " 202\n"
#define READ(name) "GET @" name " = " name "\n"
#define I1 "LIST a\nGET a = i1\n"

/* ---- children ---- */

static const struct planning with_children[] = {
	{"all of an index", I1 READ("c1") READ("c2") "CHECK a = i1\n" GONE("i1") GONE("c1") GONE("c2"), "a",
	 .journal = "delete a: i1[a] +c1 +c2 removed"},
	{"one that is listed twice",
	 "LIST a\nGET a = twice\n" READ("c1") "CHECK a = twice\n" GONE("twice") GONE("c1"), "a",
	 .journal = "delete a: twice[a] +c1 removed"},
	{"none", "LIST a\nGET a = empty\nCHECK a = empty\n" GONE("empty"), "a",
	 .journal = "delete a: empty[a] removed"},
	{"one that another index lists stays",
	 "LIST a b\nGET a = i1\nGET b = i2\n" READ("c1") "CHECK a = i1\n" GONE("i1") GONE("c1"), "a",
	 .journal = "delete a: i1[a] +c1 removed"},
	{"and goes with that",
	 "LIST a b\nGET a = i1\nGET b = i2\n" READ("c1") "CHECK a = i1\n" GONE("i1") GONE("c1") READ("c2")
		 READ("c3") "CHECK b = i2\n" GONE("i2") GONE("c2") GONE("c3"),
	 "a b", .journal = "delete a: i1[a] +c1 removed; delete b: i2[b] +c2 +c3 removed"},
	{"two indexes of the same",
	 "LIST a b\nGET a = i1\nGET b = i3\nCHECK a = i1\n" GONE("i1") READ("c1")
		 READ("c2") "CHECK b = i3\n" GONE("i3") GONE("c1") GONE("c2"),
	 "a b", .journal = "delete a: i1[a] removed; delete b: i3[b] +c1 +c2 removed"},
	{"one that has a tag stays",
	 "LIST a t\nGET a = i1\nGET t = c1\n" READ("c2") "CHECK a = i1\n" GONE("i1") GONE("c2"), "a",
	 .journal = "delete a: i1[a] +c2 removed"},
	{"all that have tags stay, and go with these",
	 "LIST a t u\nGET a = i1\nGET t = c1\nGET u = c2\nCHECK a = i1\n" GONE("i1") "CHECK t = c1\n" GONE(
		 "c1") "CHECK u = c2\n" GONE("c2"),
	 "a t u", .journal = "delete a: i1[a] removed; delete t: c1[t] removed; delete u: c2[u] removed"},
	{"one that was never pushed", I1 "GET @c1 404\n" READ("c2") "CHECK a = i1\n" GONE("i1") GONE("c2"),
	 "a", .journal = "delete a: i1[a] +c2 removed"},
	{"none was ever pushed", I1 "GET @c1 404\nGET @c2 404\nCHECK a = i1\n" GONE("i1"), "a",
	 .journal = "delete a: i1[a] removed"},
	{"one that cannot be read", I1 "GET @c1 500 x4\n" READ("c2"), "a", .journal = "", .err = -EIO},
	{"one that may not be read", I1 "GET @c1 403\n" READ("c2"), "a", .journal = "", .err = -EACCES},
	{"a proxy says that one is not there", I1 "GET @c1 404:-\n" READ("c2"), "a", .journal = "",
	 .err = -EIO},
};

static void children(void **state)
{
	(void)state;
	play(with_children, ARRAY_SIZE(with_children), NO_REFERRERS);
}

/* ---- indexes in indexes ---- */

static const struct planning with_indexes[] = {
	{"all of it",
	 "LIST a\nGET a = nest\n" READ("i1") READ("c4") READ("c1") READ("c2") "CHECK a = nest\n" GONE("nest")
		 GONE("i1") GONE("c4") GONE("c1") GONE("c2"),
	 "a", .journal = "delete a: nest[a] +i1 +c4 +c1 +c2 removed"},
	{"what another index lists stays",
	 "LIST a b\nGET a = nest\nGET b = i2\n" READ("i1") READ("c4")
		 READ("c1") "CHECK a = nest\n" GONE("nest") GONE("i1") GONE("c4") GONE("c1"),
	 "a", .journal = "delete a: nest[a] +i1 +c4 +c1 removed"},
	{"an index that has a tag stays, whole",
	 "LIST a b\nGET a = nest\nGET b = i1\n" READ("c4") "CHECK a = nest\n" GONE("nest") GONE("c4"), "a",
	 .journal = "delete a: nest[a] +c4 removed"},
	{"a child of an index and of one that it lists",
	 "LIST a\nGET a = short\n" READ("i1") READ("c1") READ("c2") "CHECK a = short\n" GONE("short")
		 GONE("i1") GONE("c1") GONE("c2"),
	 "a", .journal = "delete a: short[a] +i1 +c1 +c2 removed"},
	{"a child of two that it lists",
	 "LIST a\nGET a = diamond\n" READ("i1") READ("i2") READ("c1") READ("c2")
		 READ("c3") "CHECK a = diamond\n" GONE("diamond") GONE("i1") GONE("i2") GONE("c1") GONE("c2")
			 GONE("c3"),
	 "a", .journal = "delete a: diamond[a] +i1 +i2 +c1 +c2 +c3 removed"},
	{"a child of two, of which one has a tag",
	 "LIST a b\nGET a = diamond\nGET b = i2\n" READ("i1") READ("c1") "CHECK a = diamond\n" GONE("diamond")
		 GONE("i1") GONE("c1"),
	 "a", .journal = "delete a: diamond[a] +i1 +c1 removed"},
	{"an index that was never pushed",
	 "LIST a\nGET a = nest\nGET @i1 404\n" READ("c4") "CHECK a = nest\n" GONE("nest") GONE("c4"), "a",
	 .journal = "delete a: nest[a] +c4 removed"},
	{"an index that cannot be read may hold anything", "LIST a\nGET a = nest\nGET @i1 500 x4\n", "a",
	 .journal = "", .err = -EBUSY},
};

static void nested(void **state)
{
	(void)state;
	play(with_indexes, ARRAY_SIZE(with_indexes), NO_REFERRERS);
}

/* ---- signatures by their names ---- */

#define TWO_IMAGES                                                                                           \
	"LIST v1 v2 %m1.sig %m2.sig\nGET v1 = m1\nGET v2 = m2\nGET %m1.sig = s1\nGET %m2.sig = s1\n"

static const struct planning with_signatures[] = {
	{"all of an image",
	 "LIST v1 %m1 %m1.sig %m1.att %m1.sbom\nGET v1 = m1\nGET %m1 = fallback\nGET %m1.sig = s1\nGET %m1.att = s2\nGET %m1.sbom = s3\n" READ(
		 "r1") "CHECK v1 = m1\n" GONE("m1") GONE("fallback") GONE("s1") GONE("s2") GONE("s3")
		 GONE("r1"),
	 "v1",
	 .journal = "delete v1: m1[v1] ~fallback[%m1] ~s1[%m1.sig] ~s2[%m1.att] ~s3[%m1.sbom] +r1 removed"},
	{"of something else they stay",
	 "LIST v1 v2 %m2.sig\nGET v1 = m1\nGET v2 = m2\nGET %m2.sig = s1\nCHECK v1 = m1\n" GONE("m1"), "v1",
	 .journal = "delete v1: m1[v1] removed"},
	{"of children",
	 "LIST a %c1.sig %c2.att\nGET a = i1\nGET %c1.sig = s1\nGET %c2.att = s2\n" READ("c1")
		 READ("c2") "CHECK a = i1\n" GONE("i1") GONE("c1") GONE("c2") GONE("s1") GONE("s2"),
	 "a", .journal = "delete a: i1[a] +c1 +c2 ~s1[%c1.sig] ~s2[%c2.att] removed"},
	{"of a child that stays",
	 "LIST a b %c2.sig\nGET a = i1\nGET b = i2\nGET %c2.sig = s1\n" READ("c1") "CHECK a = i1\n" GONE("i1")
		 GONE("c1"),
	 "a", .journal = "delete a: i1[a] +c1 removed"},
	{"one of two images stays with the other", TWO_IMAGES "CHECK v1 = m1\n" GONE("m1"), "v1",
	 .journal = "delete v1: m1[v1] removed"},
	{"and goes with the last",
	 TWO_IMAGES "CHECK v1 = m1\n" GONE("m1") "CHECK v2 = m2\n" GONE("m2") GONE("s1"), "v1 v2",
	 .journal = "delete v1: m1[v1] removed; delete v2: m2[v2] ~s1[%m2.sig,%m1.sig] removed"},
	{"one that has a name of its own stays",
	 "LIST v1 x %m1.sig\nGET v1 = m1\nGET x = s1\nGET %m1.sig = s1\nCHECK v1 = m1\n" GONE("m1"), "v1",
	 .journal = "delete v1: m1[v1] removed"},
	{"signatures of signatures",
	 "LIST v1 %m1.sig %s1.sig\nGET v1 = m1\nGET %m1.sig = s1\nGET %s1.sig = s2\nCHECK v1 = m1\n" GONE(
		 "m1") GONE("s1") GONE("s2"),
	 "v1", .journal = "delete v1: m1[v1] ~s1[%m1.sig] ~s2[%s1.sig] removed"},
	{"a signature alone",
	 "LIST v1 %m1.sig\nGET v1 = m1\nGET %m1.sig = s1\nCHECK %m1.sig = s1\n" GONE("s1"), "%m1.sig",
	 .journal = "delete %m1.sig: s1[%m1.sig] removed"},
	{"the image itself is named so", "LIST %m1.sig\nGET %m1.sig = m1\nCHECK %m1.sig = m1\n" GONE("m1"),
	 "%m1.sig", .journal = "delete %m1.sig: m1[%m1.sig] removed"},
};

static void signatures(void **state)
{
	(void)state;
	play(with_signatures, ARRAY_SIZE(with_signatures), NO_REFERRERS);
}

/* ---- referrers by the API ---- */

#define V1 "LIST v1\nGET v1 = m1\n"

static const struct planning with_referrers[] = {
	{"of an image", V1 "REF m1 = r1\n" READ("r1") "REF r1 =\nCHECK v1 = m1\n" GONE("m1") GONE("r1"), "v1",
	 .journal = "delete v1: m1[v1] ~r1 removed"},
	{"of a referrer",
	 V1 "REF m1 = r1\n" READ("r1") "REF r1 = r2\n" READ("r2") "REF r2 =\nCHECK v1 = m1\n" GONE("m1")
		 GONE("r1") GONE("r2"),
	 "v1", .journal = "delete v1: m1[v1] ~r1 ~r2 removed"},
	{"of a child",
	 I1 "REF i1 =\nREF c1 = rc\nREF c2 =\n" READ("rc") "REF rc =\n" READ("c1")
		 READ("c2") "CHECK a = i1\n" GONE("i1") GONE("c1") GONE("c2") GONE("rc"),
	 "a", .journal = "delete a: i1[a] +c1 +c2 ~rc removed"},
	{"an index, with its children",
	 V1 "REF m1 = ri\n" READ("ri") "REF ri =\nREF c3 =\n" READ("c3") "CHECK v1 = m1\n" GONE("m1")
		 GONE("ri") GONE("c3"),
	 "v1", .journal = "delete v1: m1[v1] ~ri +c3 removed"},
	{"an index whose child somebody else lists",
	 "LIST b v1\nGET b = i2\nGET v1 = m1\nREF i2 =\nREF m1 = ri\nREF c2 =\nREF c3 =\n" READ(
		 "ri") "REF ri =\nCHECK v1 = m1\n" GONE("m1") GONE("ri"),
	 "v1", .journal = "delete v1: m1[v1] ~ri removed"},
	{"one that has a tag stays",
	 "LIST v1 x\nGET v1 = m1\nGET x = r1\nREF m1 = r1\nREF r1 =\nCHECK v1 = m1\n" GONE("m1"), "v1",
	 .journal = "delete v1: m1[v1] removed"},
	{"one that is not there", V1 "REF m1 = r1\nGET @r1 404\nCHECK v1 = m1\n" GONE("m1"), "v1",
	 .journal = "delete v1: m1[v1] removed"},
	{"one that leads back",
	 V1 "REF m1 = r1\n" READ("r1") "REF r1 = m1\nCHECK v1 = m1\n" GONE("m1") GONE("r1"), "v1",
	 .journal = "delete v1: m1[v1] ~r1 removed"},
	{"by both ways",
	 "LIST v1 %m1\nGET v1 = m1\nGET %m1 = fallback\nREF m1 = r1\nREF fallback =\n" READ(
		 "r1") "REF r1 =\nCHECK v1 = m1\n" GONE("m1") GONE("fallback") GONE("r1"),
	 "v1", .journal = "delete v1: m1[v1] ~fallback[%m1] +r1 removed"},
	{"they cannot be asked for", "LIST v1 x\nGET v1 = m1\nGET x = m2\nREF m1 =\nREF m2 500 x4\n", "v1",
	 .journal = "", .err = -EBUSY},
};

static void referrers(void **state)
{
	(void)state;
	play(with_referrers, ARRAY_SIZE(with_referrers), 0);
}

/* ---- what is protected stays ---- */

static const struct planning protected_parts[] = {
	{"a child that is in use keeps its index", I1, "a", .journal = "", .err = -EPERM,
	 .references = "@c1"},
	{"a child far below keeps it as well", "LIST a\nGET a = nest\n" READ("i1"), "a", .journal = "",
	 .err = -EPERM, .references = "@c2"},
	{"so does a child's config, which is known once it is read",
	 "LIST a\nGET a = i4\n" READ("k1") READ("c1"), "a", .journal = "", .err = -EPERM,
	 .references = "@config"},
	{"a child of another repository does not",
	 I1 READ("c1") READ("c2") "CHECK a = i1\n" GONE("i1") GONE("c1") GONE("c2"), "a",
	 .journal = "delete a: i1[a] +c1 +c2 removed", .references = "reg.test/b@@c1"},
	{"a signature that is in use stays alone",
	 "LIST v1 %m1.sig\nGET v1 = m1\nGET %m1.sig = s1\nCHECK v1 = m1\n" GONE("m1"), "v1",
	 .journal = "delete v1: m1[v1] removed", .references = "@s1"},
	{"a signature that is protected by name",
	 "LIST v1 %m1.att %m1.sig\nGET v1 = m1\nGET %m1.sig = s1\nGET %m1.att = s2\nCHECK v1 = m1\n" GONE(
		 "m1") GONE("s2"),
	 "v1", .journal = "delete v1: m1[v1] ~s2[%m1.att] removed", .pattern = "a:*.sig"},
	{"one of two names of a signature",
	 TWO_IMAGES "CHECK v1 = m1\n" GONE("m1") "CHECK v2 = m2\n" GONE("m2"), "v1 v2",
	 .journal = "delete v1: m1[v1] removed; delete v2: m2[v2] removed", .references = "a:%m2.sig"},
};

static void protected(void **state)
{
	(void)state;
	play(protected_parts, ARRAY_SIZE(protected_parts), NO_REFERRERS);
}

/* ---- others hold it ---- */

#define SHARED_TAG "LIST v1 v2\nGET v1 = m1\nGET v2 = m1\n"
#define LISTED_TAG "LIST a t\nGET a = i1\nGET t = c1\n"

static const struct planning sharing[] = {
	{"untag: another tag", SHARED_TAG "CHECK v1 = m1\nCHECK v1 = m1\nDELETE v1 202\nCHECK @m1 = m1\n",
	 "v1", .journal = "untag v1: m1[v1] removed"},
	{"untag: an index", LISTED_TAG "CHECK t = c1\nCHECK t = c1\nDELETE t 202\nCHECK @c1 = c1\n", "t",
	 .journal = "untag t: c1[t] removed"},
	{"untag: nothing goes with it",
	 "LIST a b %i1.sig\nGET a = i1\nGET b = i1\nGET %i1.sig = s1\nCHECK a = i1\nCHECK a = i1\nDELETE a 202\nCHECK @i1 = i1\n",
	 "a", .journal = "untag a: i1[a] removed"},
	{"refuse: another tag", SHARED_TAG, "v1", .journal = "", .err = -EBUSY, .shared = SHARED_REFUSE},
	{"refuse: an index", LISTED_TAG, "t", .journal = "", .err = -EBUSY, .shared = SHARED_REFUSE},
	{"refuse: nobody", V1 "CHECK v1 = m1\n" GONE("m1"), "v1", .journal = "delete v1: m1[v1] removed",
	 .shared = SHARED_REFUSE},
	{"all: every tag goes", SHARED_TAG "CHECK v1 = m1\n" GONE("m1"), "v1",
	 .journal = "delete v1: m1[v1,v2] removed", .shared = SHARED_ALL},
	{"all: but what an index lists stays",
	 LISTED_TAG "CHECK t = c1\nCHECK t = c1\nDELETE t 202\nCHECK @c1 = c1\n", "t",
	 .journal = "untag t: c1[t] removed", .shared = SHARED_ALL},
	{"all: but none if one is protected", SHARED_TAG, "v1", .journal = "", .err = -EPERM,
	 .pattern = "a:v2", .shared = SHARED_ALL},
};

static void shared(void **state)
{
	(void)state;
	play(sharing, ARRAY_SIZE(sharing), NO_REFERRERS | TAGS_GO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(children),  cmocka_unit_test(nested),    cmocka_unit_test(signatures),
		cmocka_unit_test(referrers), cmocka_unit_test(protected), cmocka_unit_test(shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
