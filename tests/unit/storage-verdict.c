/* SPDX-License-Identifier: MIT */
/*
 * The collector held against the mark. What it says is what Debian's docker-registry 2.8.2 and distribution
 * 3.1.1 printed for such storages, with names in the place of digests.
 */
#include "storage/verdict.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawn.h"
#include "unit.h"

struct scene {
	struct drawn drawn;
	struct mark mark;
	struct verdict verdict;
};

static void begin(struct scene *s, const char *drawn, int major, bool delete_untagged)
{
	const struct mark_options o = {.delete_untagged = delete_untagged};

	drawn_init(&s->drawn, drawn);
	assert_int_equal(mark(&s->drawn.store, &o, &s->mark), 0);
	assert_int_equal(verdict_init(&s->verdict, &s->drawn.store, &s->mark, major, delete_untagged), 0);
}

static void end(struct scene *s)
{
	verdict_done(&s->verdict);
	mark_done(&s->mark);
	drawn_done(&s->drawn);
}

/* <X> becomes the digest of what is called X. */
static void write_out(const char *text, char *to, size_t size)
{
	size_t n = 0;

	while (*text && n + REG_DIGEST_MAX < size) {
		const char *close = *text == '<' ? strchr(text, '>') : NULL;
		struct reg_digest d;

		if (!close) {
			to[n++] = *text++;
			continue;
		}
		assert_int_equal(reg_digest_compute(REG_SHA256, text + 1, (size_t)(close - text - 1), &d), 0);
		reg_digest_text(&d, to + n);
		n += strlen(to + n);
		text = close + 1;
	}
	to[n] = '\0';
}

static void feed(struct scene *s, const char *output)
{
	char text[8192], *save = NULL;
	struct collector_parser p = {0};
	struct collector_line line;

	write_out(output, text, sizeof(text));
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		collector_parse(&p, l, &line);
		assert_int_equal(verdict_line(&s->verdict, &line), 0);
	}
}

/* "B3 X r:v, B3 c r:v" */
static const char *told(struct scene *s, char buf[4096])
{
	const struct verdict *v = &s->verdict;

	buf[0] = '\0';
	for (size_t i = 0; i < v->nrefusals; i++) {
		const struct refusal *r = &v->refusals[i];
		const uint32_t blob = store_blob_find(&s->drawn.store, &r->digest);
		const size_t n = strlen(buf);

		snprintf(buf + n, 4096 - n, "%s%s%s%s%s%s%s%s", i ? ", " : "",
			 r->bug ? bug_name(r->bug) : "-", r->digest.algorithm ? " " : "",
			 !r->digest.algorithm ? ""
			 : blob == STORE_NONE ? "?"
					      : s->drawn.names[blob],
			 r->repository ? " " : "", r->repository ? r->repository : "", r->tag ? ":" : "",
			 r->tag ? r->tag : "");
	}
	return buf;
}

struct scenario {
	const char *why, *drawn;
	int major;
	bool delete_untagged;
	const char *output;
	const char *refusals;
	unsigned deleted;
	const char *text; /* in the first refusal, with <X> */
};

static void check_scenario(const struct scenario *c)
{
	const struct collector_end ended = {0};
	struct scene s;
	char have[4096], want[600];

	begin(&s, c->drawn, c->major, c->delete_untagged);
	feed(&s, c->output);
	check_int(verdict_end(&s.verdict, &ended), 0, c->why);
	check_text(told(&s, have), c->refusals, c->why);
	check_int(s.verdict.all_refusals, s.verdict.nrefusals, c->why);
	check_int(s.verdict.ndeleted, c->deleted, c->why);
	if (c->text) {
		write_out(c->text, want, sizeof(want));
		if (!strstr(s.verdict.refusals[0].text, want))
			fail_msg("%s: no '%s' in '%s'", c->why, want, s.verdict.refusals[0].text);
	}
	end(&s);
}

static void right(void **state)
{
	static const struct scenario cases[] = {
		{"version 2", "M=c,l O=d,k G [a/b v1@M +M +O .c .l .d .k", 2, false,
		 "a/b\na/b: marking manifest <O> \na/b: marking blob <d>\na/b: marking blob <k>\n"
		 "a/b: marking manifest <M> \na/b: marking blob <c>\na/b: marking blob <l>\n"
		 "\n6 blobs marked, 1 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <G>\n",
		 "", 1, NULL},
		{"version 2, untagged", "M=c,l O=d,k G [a/b v1@M +M +O .c .l .d .k", 2, true,
		 "a/b\nmanifest eligible for deletion: <O>\na/b: marking manifest <M> \n"
		 "a/b: marking blob <c>\na/b: marking blob <l>\n"
		 "\n3 blobs marked, 4 blobs and 1 manifests eligible for deletion\n"
		 "blob eligible for deletion: <d>\nblob eligible for deletion: <G>\n"
		 "blob eligible for deletion: <k>\nblob eligible for deletion: <O>\n",
		 "", 4, NULL},
		{"version 3, untagged", "M=c,l O=d,k G [a/b v1@M +M +O .c .l .d .k", 3, true,
		 "a/b\na/b: marking manifest <M> \na/b: marking blob <c>\na/b: marking blob <l>\n"
		 "manifest eligible for deletion: {a/b <O> [v1]}\n"
		 "\n3 blobs marked, 4 blobs and 1 manifests eligible for deletion\n"
		 "blob eligible for deletion: <k>\nblob eligible for deletion: <O>\n"
		 "blob eligible for deletion: <d>\nblob eligible for deletion: <G>\n"
		 "a/b: layer link eligible for deletion: <d>\na/b: layer link eligible for deletion: <k>\n",
		 "", 4, NULL},
		{"version 3 and an index", "I>X X=c,l [r v@I +I +X .c .l", 3, true,
		 "r\nr: marking manifest <I> \nr: marking blob <X>\nr: marking blob <c>\nr: marking blob <l>\n"
		 "\n4 blobs marked, 0 blobs and 0 manifests eligible for deletion\n",
		 "", 0, NULL},
		{"the same line twice", "G", 2, false,
		 "0 blobs marked, 1 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <G>\n",
		 "", 1, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_scenario(&cases[i]);
}

static void wrong(void **state)
{
	static const struct scenario cases[] = {
		{"B1", "I>X X=c,l o [a v1@I +I .o [b v1@I +I +X .c .l", 3, true,
		 "a\na: marking manifest <I> \na: marking blob <X>\nb\nb: marking manifest <I> \n"
		 "\n2 blobs marked, 3 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <o>\nblob eligible for deletion: <c>\n"
		 "blob eligible for deletion: <l>\na: layer link eligible for deletion: <o>\n"
		 "b: layer link eligible for deletion: <l>\nb: layer link eligible for deletion: <c>\n",
		 "B1 c a:v1, B1 l a:v1, B1 l a:v1, B1 c a:v1", 3, "blob <c> is needed by a:v1"},
		{"B2", "X=c,l O=d,k [a o@O +X +O .c .l .d .k [b v1@X +X .c .l", 3, true,
		 "a\na: marking manifest <O> \na: marking blob <d>\na: marking blob <k>\nb\n"
		 "b: marking manifest <X> \nb: marking blob <c>\nb: marking blob <l>\n"
		 "\n6 blobs marked, 0 blobs and 0 manifests eligible for deletion\n"
		 "a: layer link eligible for deletion: <l>\na: layer link eligible for deletion: <c>\n",
		 "B2 X a", 0, "a: manifest <X> would stay"},
		{"version 2 where 3 has B2", "X=c,l O=d,k [a o@O +X +O .c .l .d .k [b v1@X +X .c .l", 2, true,
		 "a\nmanifest eligible for deletion: <X>\na: marking manifest <O> \na: marking blob <d>\n"
		 "a: marking blob <k>\nb\nb: marking manifest <X> \nb: marking blob <c>\nb: marking blob <l>\n"
		 "\n6 blobs marked, 0 blobs and 1 manifests eligible for deletion\n",
		 "", 0, NULL},
		{"B3", "I>X X=c,l [r v1@I +I +X .c .l", 2, true,
		 "r\nr: marking manifest <I> \nr: marking blob <X>\nmanifest eligible for deletion: <X>\n"
		 "\n2 blobs marked, 2 blobs and 1 manifests eligible for deletion\n"
		 "blob eligible for deletion: <c>\nblob eligible for deletion: <l>\n",
		 "B3 X r:v1, B3 c r:v1, B3 l r:v1", 2,
		 "manifest <X> in r is listed by the index <I>, tag v1"},
		{"B3, of a version that does not say which it is", "I>X X=c,l [r v1@I +I +X .c .l", 0, true,
		 "r\nmanifest eligible for deletion: <X>\n"
		 "\n2 blobs marked, 0 blobs and 1 manifests eligible for deletion\n",
		 "- X r:v1", 0, NULL},
		{"an index in an index", "J>I I>X X=c,l [r v1@J +J +I +X .c .l", 2, true,
		 "r\nmanifest eligible for deletion: <I>\nmanifest eligible for deletion: <X>\n"
		 "\n1 blobs marked, 2 blobs and 2 manifests eligible for deletion\n"
		 "blob eligible for deletion: <X>\nblob eligible for deletion: <c>\n",
		 "B3 I r:v1, B3 X r:v1, B3 X r:v1, B3 c r:v1", 2, NULL},
		{"B7, version 2", "X?=c,l [r v1@X +X .c .l", 2, false,
		 "r\n\n0 blobs marked, 2 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <l>\nblob eligible for deletion: <c>\n",
		 "B7 l r, B7 c r", 2, "blob <l> may be needed by r: manifest <X> is linked here and missing"},
		{"B7, version 3", "X?=c,l [r v1@X +X .c .l", 3, false,
		 "r\n\n0 blobs marked, 2 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <l>\nblob eligible for deletion: <c>\n"
		 "r: layer link eligible for deletion: <l>\nr: layer link eligible for deletion: <c>\n",
		 "B7 l r, B7 c r, B7 l r, B7 c r", 2, NULL},
		{"B12, version 2", "X=c,l S^X=d,k [r v1@X +X +S .c .l .d .k", 2, true,
		 "r\nr: marking manifest <X> \nr: marking blob <c>\nr: marking blob <l>\n"
		 "manifest eligible for deletion: <S>\n"
		 "\n3 blobs marked, 3 blobs and 1 manifests eligible for deletion\n"
		 "blob eligible for deletion: <k>\nblob eligible for deletion: <S>\n"
		 "blob eligible for deletion: <d>\n",
		 "B12 S r:v1, B12 k r:v1, B12 S r:v1, B12 d r:v1", 3,
		 "manifest <S> in r belongs to its subject <X>, tag v1"},
		{"B12, version 3", "X=c,l S^X=d,k [r v1@X +X +S .c .l .d .k", 3, true,
		 "r\nr: marking manifest <X> \nr: marking blob <c>\nr: marking blob <l>\n"
		 "manifest eligible for deletion: {r <S> [v1]}\n"
		 "\n3 blobs marked, 1 blobs and 1 manifests eligible for deletion\n"
		 "blob eligible for deletion: <d>\nr: layer link eligible for deletion: <k>\n",
		 "B12 S r:v1, B12 d r:v1, B12 k r:v1", 1, NULL},
		{"B17", "X=c,l [my/r +X .c .l", 3, true,
		 "my/r\nmanifest tags path of repository my/r does not exist\n"
		 "\n0 blobs marked, 3 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <X>\nblob eligible for deletion: <l>\n"
		 "blob eligible for deletion: <c>\nmy/r: layer link eligible for deletion: <l>\n"
		 "my/r: layer link eligible for deletion: <c>\n",
		 "B17 X my/r", 3, "/docker/registry/v2/repositories/my/r/_manifests/revisions/sha256/"},
		{"B17, of a link that is aside", "X=c,l [r +X~ .c .l", 3, true,
		 "r\nmanifest tags path of repository r does not exist\n"
		 "\n0 blobs marked, 3 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <X>\nblob eligible for deletion: <l>\n"
		 "blob eligible for deletion: <c>\nr: layer link eligible for deletion: <l>\n"
		 "r: layer link eligible for deletion: <c>\n",
		 "", 3, NULL},
		{"a child whose link was deleted, version 2", "I>X X=c,l [r v1@I +I .c .l", 2, false,
		 "r\nr: marking manifest <I> \nr: marking blob <X>\n"
		 "\n2 blobs marked, 2 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <l>\nblob eligible for deletion: <c>\n",
		 "- l r:v1, - c r:v1", 2, "the index still lists <X>, whose link was deleted"},
		{"a child whose link was deleted, version 3", "I>X X=c,l [r v1@I +I .c .l", 3, true,
		 "r\nr: marking manifest <I> \nr: marking blob <X>\n"
		 "\n2 blobs marked, 1 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <c>\nr: layer link eligible for deletion: <l>\n",
		 "- c r:v1, - l r:v1", 1, "the index still lists <X>, whose link was deleted"},
		{"what the scan did not see", "X=c,l [r v1@X +X .c .l", 3, true,
		 "r\nnew\nmanifest eligible for deletion: {new <N> []}\n"
		 "\n3 blobs marked, 1 blobs and 1 manifests eligible for deletion\n"
		 "blob eligible for deletion: <N>\nr: layer link eligible for deletion: <N>\n",
		 "- ? new, - ?, - ? r", 0, "manifest <N>, which was not there a moment ago"},
		{"an odd file", "G*", 2, false,
		 "0 blobs marked, 1 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <G>\n",
		 "- G", 0, "not a plain file"},
		{"a plain mistake", "X=c,l [r +X .c .l", 2, false,
		 "r\n\n0 blobs marked, 1 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <l>\n",
		 "- l r", 1, "r, by its digest alone"},
		{"no collector", "X=c,l [r +X .c .l", 2, false, "hello\n", "-", 0, "is it one?"},
		{"a part of its output", "G H", 2, false,
		 "0 blobs marked, 2 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <G>\n",
		 "-", 1, "cannot be compared"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_scenario(&cases[i]);
}

static void blind(void **state)
{
	const struct collector_end ended = {0};
	struct scene s;
	char have[4096];

	(void)state;
	drawn_init(&s.drawn, "G");
	assert_int_equal(store_blind(&s.drawn.store, "repositories/x cannot be read"), 0);
	assert_int_equal(mark(&s.drawn.store, &(struct mark_options){0}, &s.mark), 0);
	assert_int_equal(verdict_init(&s.verdict, &s.drawn.store, &s.mark, 2, false), 0);
	feed(&s, "0 blobs marked, 1 blobs and 0 manifests eligible for deletion\nblob eligible for deletion: "
		 "<G>\n");
	assert_int_equal(verdict_end(&s.verdict, &ended), 0);
	check_text(told(&s, have), "- G", "blind");
	assert_non_null(strstr(s.verdict.refusals[0].text, "repositories/x cannot be read"));
	end(&s);
}

/* A blob that is here is kept or goes, and is named; what is kept is here. */
static void sight(void **state)
{
	static const struct {
		const char *why, *drawn, *output;
		enum verdict_sight sight;
		const char *name;
	} cases[] = {
		{"all of it", "X=c,l G [r +X .c .l",
		 "r\nr: marking manifest <X> \nr: marking blob <c>\nr: marking blob <l>\n"
		 "\n3 blobs marked, 1 blobs and 0 manifests eligible for deletion\n"
		 "blob eligible for deletion: <G>\n",
		 SIGHT_SAME, ""},
		{"not this one", "X=c,l G [r +X .c .l",
		 "r\nr: marking manifest <X> \nr: marking blob <c>\nr: marking blob <l>\n"
		 "\n3 blobs marked, 0 blobs and 0 manifests eligible for deletion\n",
		 SIGHT_PART, "G"},
		{"none", "G", "0 blobs marked, 0 blobs and 0 manifests eligible for deletion\n", SIGHT_PART,
		 "G"},
		{"what is missing need not be named", "X=c?,l [r +X .c .l",
		 "r\nr: marking manifest <X> \nr: marking blob <l>\n"
		 "\n2 blobs marked, 0 blobs and 0 manifests eligible for deletion\n",
		 SIGHT_SAME, ""},
		{"a failure says nothing of the rest", "X=c,l [r +X .c .l", "r\nr: marking manifest <X> \n",
		 SIGHT_SAME, ""},
		{"another blob", "X=c [r +X .c", "r\nr: marking manifest <N> \n", SIGHT_STRANGE, "N"},
		{"another repository", "X=c [r +X .c", "q\nq: marking manifest <X> \n", SIGHT_STRANGE, "X"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_digest digest = {0}, want = {0};
		struct scene s;

		begin(&s, cases[i].drawn, 3, false);
		feed(&s, cases[i].output);
		check_int(verdict_sight(&s.verdict, &digest), cases[i].sight, cases[i].why);
		if (cases[i].name[0])
			assert_int_equal(
				reg_digest_compute(REG_SHA256, cases[i].name, strlen(cases[i].name), &want),
				0);
		check(reg_digest_equal(&digest, &want) || !want.algorithm, cases[i].why);
		end(&s);
	}
}

/* Of very many the first are told, all are counted. */
static void many(void **state)
{
	const struct collector_end ended = {0};
	struct scene s;

	(void)state;
	begin(&s, "G", 2, false);
	for (unsigned i = 0; i < VERDICT_MAX + 49; i++) {
		struct collector_line line = {.event = COLLECTOR_BLOB};

		assert_int_equal(reg_digest_compute(REG_SHA256, &i, sizeof(i), &line.digest), 0);
		assert_int_equal(verdict_line(&s.verdict, &line), 0);
	}
	assert_int_equal(verdict_end(&s.verdict, &ended), 0);
	assert_int_equal(s.verdict.nrefusals, VERDICT_MAX);
	assert_int_equal(s.verdict.all_refusals, VERDICT_MAX + 50);
	end(&s);
}

/* ---- failures ---- */

static void add_problem(struct scene *s, enum problem_kind kind, const char *repository, const char *path)
{
	const struct problem p = {.kind = kind, .repository = (char *)repository, .path = (char *)path};

	assert_int_equal(problems_add(&s->drawn.store.problems, &p, "a problem"), 0);
}

static void failures(void **state)
{
	static const struct {
		const char *output;
		int status;
		const char *message, *refusal, *text;
	} cases[] = {
		{"art\nmanifest eligible for deletion: <X>\n", 1,
		 "failed to garbage collect: failed to mark: filesystem: filesystem: failed to retrieve tags "
		 "unknown repository name=art",
		 "B4 art", "in art"},
		{"r\n", 1,
		 "failed to garbage collect: failed to mark: filesystem: filesystem: invalid checksum digest "
		 "format",
		 "B5 r", "look at r/bad/link"},
		{"r\n", 1,
		 "failed to garbage collect: failed to mark: filesystem: filesystem: invalid checksum digest "
		 "length",
		 "B5 r", "look at r/bad/link"},
		{"q\n", 1,
		 "failed to garbage collect: failed to mark: filesystem: filesystem: failed to retrieve tags for "
		 "digest <X>: invalid checksum digest format",
		 "B5 X q", "look at q/v1/link"},
		{"other\n", 1,
		 "failed to garbage collect: failed to mark: filesystem: filesystem: unsupported digest "
		 "algorithm",
		 "B5 other", "look at r/bad/link, q/v1/link"},
		{"r\n", 1,
		 "failed to garbage collect: error enumerating blobs: filesystem: unsupported digest algorithm",
		 "B6", "look at blobs/lost/data"},
		{"r\n", 1,
		 "failed to garbage collect: error enumerating blobs: filesystem: invalid checksum digest "
		 "length",
		 "B6", "look at blobs/lost/data"},
		{"", 1,
		 "failed to garbage collect: failed to mark: filesystem: Path not found: "
		 "/docker/registry/v2/repositories",
		 "-", "another storage"},
		{"r\n", 1,
		 "failed to garbage collect: error enumerating blobs: filesystem: Path not found: "
		 "/docker/registry/v2/blobs",
		 "-", "another storage"},
		{"art\nart: marking manifest <X> \n", 1,
		 "failed to garbage collect: failed to mark: filesystem: Path not found: "
		 "/docker/registry/v2/repositories/my/art/_layers",
		 "B9 my/art", "in my/art"},
		{"r\nr: marking manifest <X> \n", 1,
		 "failed to garbage collect: failed to mark: filesystem: filesystem: failed to retrieve manifest "
		 "for digest <X>: unrecognized manifest schema version 1",
		 "B15 X r", "schema version 1"},
		{"r\nr: marking manifest <X> \n", 1,
		 "failed to garbage collect: failed to mark: filesystem: filesystem: failed to retrieve manifest "
		 "for digest <X>: invalid character 'o' in literal null (expecting 'u')",
		 "B15 X r", "invalid character"},
		{"Bad_\n", 1,
		 "failed to garbage collect: failed to mark: filesystem: failed to parse repo name Bad_: invalid "
		 "reference format",
		 "-", "Bad_"},
		{"", 1, "configuration error: open c.yml: no such file", "-", "c.yml: no such file; name its"},
		{"", 127, "", "-", "the collector fails"},
		{"", -1, "", "-", "it was killed"},
		{"", 1, "for digest sha256:", "-", "for digest"},
		{"", 1, "failed to retrieve tags unknown repository name=Not One", "B4", "Not One"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct collector_end ended = {.status = cases[i].status};
		char have[4096];
		struct scene s;

		begin(&s, "X=c,l [art +X [q +X [r +X", 2, true);
		add_problem(&s, PROBLEM_LINK_BAD, "r", "r/bad/link");
		add_problem(&s, PROBLEM_TAG_BAD, "q", "q/v1/link");
		add_problem(&s, PROBLEM_STRAY_DATA, NULL, "blobs/lost/data");
		add_problem(&s, PROBLEM_STRAY, "r", "r/stray");
		feed(&s, cases[i].output);
		write_out(cases[i].message, ended.message, sizeof(ended.message));
		check_int(verdict_end(&s.verdict, &ended), 0, cases[i].message);
		check_text(told(&s, have), cases[i].refusal, cases[i].message);
		if (!strstr(s.verdict.refusals[0].text, cases[i].text))
			fail_msg("no '%s' in '%s'", cases[i].text, s.verdict.refusals[0].text);
		end(&s);
	}
}

static void bugs(void **state)
{
	static const enum bug all[] = {BUG_B1, BUG_B2, BUG_B3, BUG_B4,  BUG_B5,  BUG_B6,
				       BUG_B7, BUG_B8, BUG_B9, BUG_B12, BUG_B15, BUG_B17};

	(void)state;
	check_text(bug_name(BUG_NONE), "", "none");
	check_text(bug_name(BUG_END - 1), "B17", "the last one");
	assert_true(strlen(bug_text(BUG_NONE)) > 10);
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		assert_int_equal(bug_name(all[i])[0], 'B');
		assert_true(strlen(bug_text(all[i])) > 40 && !strchr(bug_text(all[i]), '\n'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right), cmocka_unit_test(wrong), cmocka_unit_test(blind),
		cmocka_unit_test(sight), cmocka_unit_test(many),  cmocka_unit_test(failures),
		cmocka_unit_test(bugs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
