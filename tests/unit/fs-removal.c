/* SPDX-License-Identifier: MIT */
/*
 * A manifest is removed by its digest, with what hangs from it: the order, what becomes of it when a step
 * fails, and that nobody who comes or goes meanwhile changes that.
 */
#include <errno.h>
#include <unistd.h>

#include "scene.h"

static const struct document documents[] = {
	{"m1", UNDATED("1")},
	{"m2", UNDATED("2")},
	{"c1", UNDATED("c1")},
	{"c2", UNDATED("c2")},
	{"i1", INDEX(ITEM("c1") "," ITEM("c2"), "i")},
	{"s1", SUBJECT("s1", "i1")},
	{"r1", SUBJECT("r1", "m1")},
};

struct removing {
	const char *why, *script;
	int err;
	const char *outcome;
	const char *shown;
};

static void run(const struct removing *c, const char *before, const char *tag, const char *entry)
{
	char script[4096], journal[400];
	struct scene s;

	print_message("             %s\n", c->why);
	snprintf(script, sizeof(script), "%s%s", before, c->script);
	snprintf(journal, sizeof(journal), "%s %s", entry, c->outcome);
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
	check_int(scene_rm(&s, tag), c->err, c->why);
	check_text(scene_shown(&s), c->shown, c->why);
	check(c->err == 0 || c->err == -ENOENT || s.st.log[0], c->why);
	scene_finish(&s, journal, c->why);
}

/* ---- one manifest ---- */

#define READ "GET v1 = m1\nGET v2 = m2\nCHECK v1 = m1\n"
#define KNOWN "LIST v1 v2\n" READ
#define DELETE "DELETE @m1 "
#define NAME "DELETE v1 "
#define LOOK "CHECK @m1 "
#define ENTRY "delete v1: m1[v1] "
/* Nothing was done, and it begins anew; so often, and no more. */
#define ANEW "CHECK v1 = m1\n" DELETE
#define NEVER(answer)                                                                                        \
	DELETE answer "\n" LOOK "= m1\n" ANEW answer "\n" LOOK "= m1\n" ANEW answer "\n" LOOK                \
		      "= m1\n" ANEW answer "\n" LOOK "= m1\n"
#define KEPT_EACH_TIME "kept; " ENTRY "kept; " ENTRY "kept; " ENTRY "kept"

static const struct removing one[] = {
	{"it goes", DELETE "202", 0, "removed", "v2"},
	{"200", DELETE "200", 0, "removed", "v2"},
	{"somebody else was faster", DELETE "404", -ENOENT, "kept", "v2"},
	{"429, then done", DELETE "429\n" LOOK "= m1\n" ANEW "202", 0, "kept; " ENTRY "removed", "v2"},
	{"cut, then done", DELETE "cut\n" LOOK "= m1\n" ANEW "202", 0, "kept; " ENTRY "removed", "v2"},
	{"503, done nevertheless", DELETE "503\n" LOOK "404", 0, "removed", "v2"},
	/* No clear answer: it is looked for, once. */
	{"cut, done", DELETE "cut\n" LOOK "404", 0, "removed", "v2"},
	{"cut, not done", NEVER("cut"), -EIO, KEPT_EACH_TIME, "v1 v2"},
	{"cut, never found", DELETE "cut\n" LOOK "500 x4", -EIO, "unknown", "v1 v2"},
	{"cut, and a proxy says that it is gone", DELETE "cut\n" LOOK "404:-", -EIO, "unknown", "v1 v2"},
	{"500, done", DELETE "500\n" LOOK "404", 0, "removed", "v2"},
	{"500, not done", DELETE "500\n" LOOK "= m1", -EIO, "kept", "v1 v2"},
	{"502, not done", DELETE "502\n" LOOK "= m1", -EIO, "kept", "v1 v2"},
	{"429", NEVER("429"), -EAGAIN, KEPT_EACH_TIME, "v1 v2"},
	{"time-out, done", DELETE "timeout\n" LOOK "404", 0, "removed", "v2"},
	{"time-out, not done", DELETE "timeout\n" LOOK "= m1", -ETIMEDOUT, "kept", "v1 v2"},
	{"time-out, never found", DELETE "timeout\n" LOOK "timeout", -ETIMEDOUT, "unknown", "v1 v2"},
	{"nobody is there", DELETE "refused\n" LOOK "refused", -ECONNREFUSED, "unknown", "v1 v2"},
	{"203 is no answer", DELETE "203\n" LOOK "= m1", -EIO, "kept", "v1 v2"},
	/* A clear one. */
	{"400", DELETE "400", -EIO, "kept", "v1 v2"},
	{"401", DELETE "401", -EACCES, "kept", "v1 v2"},
	{"403", DELETE "403:DENIED", -EACCES, "kept", "v1 v2"},
	{"405", DELETE "405:UNSUPPORTED", -EPERM, "kept", "v1 v2"},
	{"405, a child of an index that is not known", DELETE "405:DENIED", -EPERM, "kept", "v1 v2"},
	{"405, read-only", DELETE "405", -EROFS, "kept", "v1 v2"},
	{"412, an immutable tag", DELETE "412", -EPERM, "kept", "v1 v2"},
	/* Names first. */
	{"409", DELETE "409\n" NAME "202\n" DELETE "202", 0, "removed", "v2"},
	{"409, as Google says it", DELETE "400:GOOGLE_MANIFEST_DANGLING_TAG\n" NAME "202\n" DELETE "202", 0,
	 "removed", "v2"},
	{"409, and it goes with its last name", DELETE "409\n" NAME "202\n" DELETE "404", 0, "removed", "v2"},
	{"409, and the name was gone", DELETE "409\n" NAME "404\n" DELETE "202", 0, "removed", "v2"},
	{"409, names do not go", DELETE "409\n" NAME "400:DIGEST_INVALID", -EBUSY, "kept", "v1 v2"},
	{"409, names do not go here", DELETE "409\n" NAME "405:UNSUPPORTED", -EBUSY, "kept", "v1 v2"},
	{"409, the name may not go", DELETE "409\n" NAME "403", -EACCES, "kept", "v1 v2"},
	{"409, nothing helps", DELETE "409\n" NAME "202\n" DELETE "409", -EBUSY, "unknown", "v1 v2"},
	{"409, and not after its name", DELETE "409\n" NAME "202\n" DELETE "403", -EACCES, "unknown",
	 "v1 v2"},
	{"409, lost after its name, not done", DELETE "409\n" NAME "202\n" DELETE "timeout\n" LOOK "= m1",
	 -ETIMEDOUT, "unknown", "v1 v2"},
	{"409, lost after its name, done", DELETE "409\n" NAME "202\n" DELETE "timeout\n" LOOK "404", 0,
	 "removed", "v2"},
	{"409, never found after its name", DELETE "409\n" NAME "202\n" DELETE "timeout\n" LOOK "500 x4",
	 -ETIMEDOUT, "unknown", "v1 v2"},
	{"409, the name is lost, done", DELETE "409\n" NAME "500\nCHECK v1 404\n" DELETE "202", 0, "removed",
	 "v2"},
	{"409, the name is lost, not done", DELETE "409\n" NAME "500\nCHECK v1 = m1", -EIO, "kept", "v1 v2"},
	{"409, the name is never found", DELETE "409\n" NAME "timeout\nCHECK v1 timeout", -ETIMEDOUT,
	 "unknown", "v1 v2"},
};

static void one_manifest(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(one); k++)
		run(&one[k], "LIST v1 v2 any\nGET v1~m1 304 any\nGET v2~m2 304 any\n" READ, "v1",
		    "delete v1: m1[v1]");
}

/* ---- several names of one manifest ---- */

static void all_names(void **state)
{
	static const struct removing cases[] = {
		{"they go with the digest", DELETE "202", 0, "removed", ""},
		{"409", DELETE "409\nDELETE v1 202\nCHECK v2 = m1\nDELETE v2 202\n" DELETE "202", 0,
		 "removed", ""},
		{"409, one does not go", DELETE "409\nDELETE v1 202\nCHECK v2 = m1\nDELETE v2 403", -EACCES,
		 "unknown", "v1 v2"},
		{"409, one is lost, done",
		 DELETE "409\nDELETE v1 202\nCHECK v2 = m1\nDELETE v2 500\nCHECK v2 404\n" DELETE "202", 0,
		 "removed", ""},
		{"409, one is lost, not done",
		 DELETE "409\nDELETE v1 202\nCHECK v2 = m1\nDELETE v2 500\nCHECK v2 = m1", -EIO, "unknown",
		 "v1 v2"},
		{"409, one cannot be looked at", DELETE "409\nDELETE v1 202\nCHECK v2 500 x4", -EIO,
		 "unknown", "v1 v2"},
		{"409, one has gone", DELETE "409\nDELETE v1 202\nCHECK v2 404\n" DELETE "202", 0, "removed",
		 ""},
		{"409, one has moved", DELETE "409\nDELETE v1 202\nCHECK v2 = m2", -ESTALE, "unknown",
		 "v1 v2"},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		char script[4096], journal[200];
		struct scene s;

		snprintf(script, sizeof(script), "LIST v1 v2\nGET v1 = m1\nGET v2 = m1\nCHECK v1 = m1\n%s",
			 cases[k].script);
		snprintf(journal, sizeof(journal), "delete v1: m1[v1,v2] %s", cases[k].outcome);
		scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS);
		s.st.tree->options.shared = SHARED_ALL;
		check_int(scene_rm(&s, "v1"), cases[k].err, cases[k].why);
		check_text(scene_shown(&s), cases[k].shown, cases[k].why);
		if (!cases[k].err) /* who has listed them comes for the other as well, once */
			check_int(scene_rm(&s, "v2"), 0, cases[k].why);
		scene_finish(&s, journal, cases[k].why);
	}
}

/* ---- what hangs from it ---- */

#define INDEXED                                                                                              \
	"LIST idx %i1.sig v2\nGET idx = i1\nGET %i1.sig = s1\nGET v2 = m2\nGET @c1 = c1\nGET @c2 = c2\nCHECK idx = i1\n"
#define I1 "DELETE @i1 "
#define C1 "DELETE @c1 "
#define C2 "DELETE @c2 "
#define S1 "DELETE @s1 "

static const struct removing hanging[] = {
	{"parents first", I1 "202\n" C1 "202\n" C2 "202\n" S1 "202", 0, "removed", "v2"},
	{"the index is refused", I1 "403", -EACCES, "kept", "idx %i1.sig v2"},
	{"the index is lost", I1 "timeout\nCHECK @i1 = i1", -ETIMEDOUT, "kept", "idx %i1.sig v2"},
	{"the index went nevertheless", I1 "timeout\nCHECK @i1 404\n" C1 "202\n" C2 "202\n" S1 "202", 0,
	 "removed", "v2"},
	{"somebody else was faster", I1 "404", -ENOENT, "kept", "%i1.sig v2"},
	/* What was asked for is gone: it is no failure that something else is not. */
	{"a child is refused", I1 "202\n" C1 "403\n" C2 "202\n" S1 "202", 0, "partly !c1", "v2"},
	{"a child is gone", I1 "202\n" C1 "404\n" C2 "202\n" S1 "202", 0, "removed", "v2"},
	{"a child is busy", I1 "202\n" C1 "409\n" C2 "202\n" S1 "202", 0, "partly !c1", "v2"},
	{"a proxy says that a child is gone", I1 "202\n" C1 "404:-", 0, "partly !c1 !c2 !s1", "%i1.sig v2"},
	{"all are refused", I1 "202\n" C1 "405:DENIED\n" C2 "405:DENIED\n" S1 "405:DENIED", 0,
	 "partly !c1 !c2 !s1", "%i1.sig v2"},
	/* No time for the others, if one has no answer. */
	{"a child is lost", I1 "202\n" C1 "timeout", 0, "partly !c1 !c2 !s1", "%i1.sig v2"},
	{"the second child is lost", I1 "202\n" C1 "202\n" C2 "500", 0, "partly !c2 !s1", "%i1.sig v2"},
	/* A signature has a name. */
	{"a signature is refused", I1 "202\n" C1 "202\n" C2 "202\n" S1 "403", 0, "partly !s1", "%i1.sig v2"},
	{"a signature wants its name gone first",
	 I1 "202\n" C1 "202\n" C2 "202\n" S1 "409\nCHECK %i1.sig = s1\nDELETE %i1.sig 202\n" S1 "202", 0,
	 "removed", "v2"},
	{"a signature's name does not go",
	 I1 "202\n" C1 "202\n" C2 "202\n" S1 "409\nCHECK %i1.sig = s1\nDELETE %i1.sig 400:DIGEST_INVALID", 0,
	 "partly !s1", "%i1.sig v2"},
	{"a signature's name cannot be looked at",
	 I1 "202\n" C1 "202\n" C2 "202\n" S1 "409\nCHECK %i1.sig 500 x4\n", 0, "partly !s1", "%i1.sig v2"},
	{"a signature's name has moved", I1 "202\n" C1 "202\n" C2 "202\n" S1 "409\nCHECK %i1.sig = m2\n", 0,
	 "partly !s1", "%i1.sig v2"},
	{"all want their names gone first",
	 I1 "409\nDELETE idx 202\n" I1 "202\n" C1 "202\n" C2 "202\n" S1
	    "409\nCHECK %i1.sig = s1\nDELETE %i1.sig 202\n" S1 "202",
	 0, "removed", "v2"},
};

#define INDEX_ENTRY "delete idx: i1[idx] +c1 +c2 ~s1[%i1.sig]"

static void with_what_hangs(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(hanging); k++)
		run(&hanging[k], INDEXED, "idx", INDEX_ENTRY);
}

/* ---- meanwhile ---- */

enum meanwhile { A_TAG, A_PROTECTION, THE_END, MEANWHILES };

/* Between the index and its children something comes: what it needs is left. */
static void comes_between(void **state)
{
	static const struct {
		const char *why, *script, *journal;
	} cases[MEANWHILES] = {
		[A_TAG] = {"a tag of a child", INDEXED I1 "held 202\nGET v9 = c1\n" C2 "202\n" S1 "202",
			   INDEX_ENTRY " partly !c1"},
		[A_PROTECTION] = {"a child is in use now", INDEXED I1 "held 202\n" C1 "202\n" S1 "202",
				  INDEX_ENTRY " partly !c2"},
		[THE_END] = {"unmounted", INDEXED I1 "held 202\n", INDEX_ENTRY " partly !c1 !c2 !s1"},
	};

	(void)state;
	for (enum meanwhile what = 0; what < MEANWHILES; what++) {
		struct question *q;
		struct scene s;
		int err;

		scene_start(&s, documents, ARRAY_SIZE(documents), cases[what].script, ABLE | NO_REFERRERS);
		q = scene_rm_begin(&s, 100, "idx");
		script_wait_sent(s.st.script, 8);
		if (what == A_TAG)
			check_int(ask_tag(&s.st, scripted_tag(&s.st, "a", "v9")), 0, cases[what].why);
		else if (what == A_PROTECTION)
			scene_protect(&s, NULL, "@c2");
		tree_lock(s.st.tree);
		s.st.tree->ending = what == THE_END;
		tree_unlock(s.st.tree);
		script_release(s.st.script);
		err = ask_end(&s.st, q);
		check_int(err, 0, cases[what].why);
		scene_finish(&s, cases[what].journal, cases[what].why);
	}
}

/* Who asked goes away: before it has begun nothing goes; afterwards it comes to its end. */
static void interrupted(void **state)
{
	static const struct {
		const char *why, *script;
		unsigned sent;
		const char *journal, *shown;
	} cases[] = {
		{"in the list", "LIST v1 v2\nGET v1 = m1\nGET v2 held 200\n", 3, "", "v1 v2"},
		{"before it goes", "LIST v1 v2\nGET v1 = m1\nGET v2 = m2\nCHECK v1 held 200\n", 4, "",
		 "v1 v2"},
		{"while it goes", KNOWN DELETE "held 202", 5, "delete v1: m1[v1] removed", "v2"},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct question *q;
		struct scene s;

		scene_start(&s, documents, ARRAY_SIZE(documents), cases[k].script, ABLE | NO_REFERRERS);
		q = scene_rm_begin(&s, 100, "v1");
		script_wait_sent(s.st.script, cases[k].sent);
		ask_interrupt(&s.st, q);
		check_int(ask_end(&s.st, q), -EINTR, cases[k].why);
		script_release(s.st.script);
		tree_end(s.st.tree);
		check_text(scene_shown(&s), cases[k].shown, cases[k].why);
		scene_finish(&s, cases[k].journal, cases[k].why);
	}
}

/* The end comes while it is looked at for the last time: it stays, since nobody would hear what became of it.
 */
static void ended(void **state)
{
	struct question *q;
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents),
		    "LIST v1 v2\nGET v1 = m1\nGET v2 = m2\nCHECK v1 held = m1\n", ABLE | NO_REFERRERS);
	q = scene_rm_begin(&s, 100, "v1");
	script_wait_sent(s.st.script, 4);
	tree_end(s.st.tree);
	script_release(s.st.script);
	assert_int_equal(ask_end(&s.st, q), -EIO);
	scene_finish(&s, "", "the end");
}

/* Several at once: one after the other, and each looks again at what is left. */
static void at_once(void **state)
{
	static const char script[] =
		"LIST v1 v2 v3\nGET v1 = m1\nGET v2 = m1\nGET v3 = m2\nCHECK v1 = m1\nCHECK v1 = m1\nDELETE v1 held 202\n"
		"CHECK @m1 = m1\nCHECK v2 = m1\nDELETE @m1 202\n";
	struct question *q[3];
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_GO);
	q[0] = scene_rm_begin(&s, 100, "v1");
	script_wait_sent(s.st.script, 7);
	q[1] = scene_rm_begin(&s, 101, "v2");
	q[2] = scene_rm_begin(&s, 102, "v1"); /* the same once more */
	script_settle(s.st.script);
	assert_int_equal(script_sent(s.st.script), 7);
	script_release(s.st.script);
	assert_int_equal(ask_end(&s.st, q[0]), 0);
	assert_int_equal(ask_end(&s.st, q[1]), 0);
	assert_int_equal(ask_end(&s.st, q[2]), -ENOENT);
	assert_string_equal(scene_shown(&s), "v3");
	scene_finish(&s, "untag v1: m1[v1] removed; delete v2: m1[v2] removed", "two at once");
}

/* ---- compare, then delete ---- */

#define LOOKED "LIST v1 v2\nGET v1 = m1\nGET v2 = m2\n"
#define ALL_AGAIN "GET v1~c1 304\nGET v2~m2 304\n"

static void compare(void **state)
{
	static const struct {
		const char *why, *script;
		int err;
		const char *shown;
		bool look; /* before */
	} cases[] = {
		{"it moved since the look",
		 "GET v1 = m1\nLIST v1 v2\nGET v1~m1 304\nGET v2 = m2\nCHECK v1 = c1\n" ALL_AGAIN, -ESTALE,
		 "v1 v2", true},
		{"it moved before the survey", "GET v1 = m1\nLIST v1 v2\nGET v1~m1 = c1\nGET v2 = m2\n",
		 -ESTALE, "v1 v2", true},
		{"it moved, and nobody had looked", LOOKED "CHECK v1 = c1\n" ALL_AGAIN "DELETE @c1 202\n", 0,
		 "v2", false},
		{"it moved and moved back",
		 LOOKED "CHECK v1 = c1\nGET v1~c1 = m1\nGET v2~m2 304\nCHECK v1 = m1\nDELETE @m1 202\n", 0,
		 "v2", false},
		{"it went since the look", LOOKED "CHECK v1 404\n", -ENOENT, "v2", false},
		{"it cannot be looked at", LOOKED "CHECK v1 500 x4\n", -EIO, "v1 v2", false},
		{"it is no manifest", LOOKED "CHECK v1 200\n", -EBADMSG, "v1 v2", false},
		{"there is no such name", "LIST v2\nGET v2 = m2\nGET v1 404\n", -ENOENT, "v2", false},
		{"there is no such repository", "LIST 404:NAME_UNKNOWN\n", -ENOENT, "", false},
		{"the list does not come", "LIST 500 x4\n", -EIO, "", false},
		{"who holds it cannot be known", "LIST v1 v2\nGET v1 = m1\nGET v2 500 x4\n", -EBUSY, "v1 v2",
		 false},
		{"not listed yet, and pushed",
		 "LIST v2\nGET v2 = m2\nGET v1 = m1\nGET v2~m2 304\nCHECK v1 = m1\nDELETE @m1 202\n", 0, "v2",
		 false},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct scene s;

		print_message("             %s\n", cases[k].why);
		scene_start(&s, documents, ARRAY_SIZE(documents), cases[k].script, ABLE | NO_REFERRERS);
		if (cases[k].look)
			check_int(ask_tag(&s.st, scripted_tag(&s.st, "a", "v1")), 0, cases[k].why);
		check_int(scene_rm(&s, "v1"), cases[k].err, cases[k].why);
		check_text(scene_shown(&s), cases[k].shown, cases[k].why);
		scene_finish(&s, cases[k].err ? "" : NULL, cases[k].why);
	}
}

/* ---- _manifests ---- */

static void manifests(void **state)
{
	static const struct {
		const char *why, *name, *script;
		int err;
		const char *journal;
	} cases[] = {
		{"a tag holds it", "@m1", "LIST v1\nGET v1 = m1\nREF m1 404\n", -EBUSY, ""},
		{"an index holds it", "@c1", "LIST idx\nGET idx = i1\nREF i1 404\n", -EBUSY, ""},
		{"nothing holds it", "@m2",
		 "LIST v1\nGET v1 = m1\nREF m1 404\nGET @m2 = m2\nCHECK @m2 = m2\nDELETE @m2 202\n", 0,
		 "delete: m2 removed"},
		{"it is not there", "@m2", "LIST v1\nGET v1 = m1\nREF m1 404\nGET @m2 404\n", -ENOENT, ""},
		{"it went meanwhile", "@m2",
		 "LIST v1\nGET v1 = m1\nREF m1 404\nGET @m2 = m2\nCHECK @m2 404\n", -ENOENT, ""},
		{"an index that nothing holds", "@i1",
		 "LIST v1\nGET v1 = m1\nREF m1 404\nGET @i1 = i1\nGET @c1 = c1\nGET @c2 = c2\nCHECK @i1 = i1\n" I1
		 "202\n" C1 "202\n" C2 "202\n",
		 0, "delete: i1 +c1 +c2 removed"},
		{"it is refused", "@m2",
		 "LIST v1\nGET v1 = m1\nREF m1 404\nGET @m2 = m2\nCHECK @m2 = m2\nDELETE @m2 403\n", -EACCES,
		 "delete: m2 kept"},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct scene s;

		print_message("             %s\n", cases[k].why);
		scene_start(&s, documents, ARRAY_SIZE(documents), cases[k].script, ABLE);
		check_int(scene_rm(&s, cases[k].name), cases[k].err, cases[k].why);
		scene_finish(&s, cases[k].journal, cases[k].why);
	}
}

/* ---- nothing goes that is not in the journal ---- */

static void no_journal(void **state)
{
	char away[100], path[100];
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), KNOWN, ABLE | NO_REFERRERS);
	snprintf(path, sizeof(path), "%s", folder_path(&s.folder, "journal"));
	snprintf(away, sizeof(away), "%s", folder_path(&s.folder, "away"));
	assert_int_equal(rename(path, away), 0);
	folder_write(&s.folder, "journal", "", 0);
	assert_true(scene_rm(&s, "v1") < 0);
	assert_string_equal(scene_shown(&s), "v1 v2");
	assert_non_null(strstr(s.st.log, "not in the journal"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rename(away, path), 0);
	scene_finish(&s, "", "no journal");
}

/* "Not now", for a while: what was known is old by then, and found out anew before it is tried again. */
static void wait_long(void *data, const char *request)
{
	(void)data;
	if (strncmp(request, "DELETE ", 7) == 0)
		scripted_tree_advance(10000);
}

static void not_now(void **state)
{
	static const char script[] =
		KNOWN DELETE "429\n" LOOK "= m1\nLIST v1 v2 v3\nGET v1~m1 304\nGET v2~m2 304\nGET v3 = m1\n"
			     "CHECK v1 = m1\nCHECK v1 = m1\nDELETE v1 202\nCHECK @m1 = m1\n";
	struct scene s;

	(void)state;
	scene_start(&s, documents, ARRAY_SIZE(documents), script, ABLE | NO_REFERRERS | TAGS_GO);
	script_watch(s.st.script, wait_long, NULL);
	assert_int_equal(scene_rm(&s, "v1"), 0);
	scene_finish(&s, "delete v1: m1[v1] kept; untag v1: m1[v1] removed", "v3 has come meanwhile");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_manifest),    cmocka_unit_test(all_names),
		cmocka_unit_test(with_what_hangs), cmocka_unit_test(comes_between),
		cmocka_unit_test(interrupted),     cmocka_unit_test(at_once),
		cmocka_unit_test(compare),         cmocka_unit_test(manifests),
		cmocka_unit_test(no_journal),      cmocka_unit_test(not_now),
		cmocka_unit_test(ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
