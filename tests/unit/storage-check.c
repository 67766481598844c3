/* SPDX-License-Identifier: MIT */
#include "storage/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawn.h"
#include "unit.h"

/* "layer-missing a:t l": a problem, as far as it is for machines; those of the scan first. */
static const char *told(const struct drawn *d, char ret[2048])
{
	size_t n = 0;

	*ret = 0;
	for (size_t i = 0; i < d->store.problems.count; i++) {
		const struct problem *p = &d->store.problems.items[i];
		const uint32_t blob = store_blob_find(&d->store, &p->digest);

		n += (size_t)snprintf(ret + n, 2048 - n, "%s%s %s%s%s %s", n ? "; " : "",
				      problem_name(p->kind), p->repository ? p->repository : "-",
				      p->tag ? ":" : "", p->tag ? p->tag : "",
				      blob == STORE_NONE ? "-" : d->names[blob]);
		assert_true(n < 2048);
	}
	return ret;
}

/* (check): unit.h has a macro of this name. */
static void run(struct drawn *d, struct check_result *ret)
{
	const struct mark_options mo = {0};
	const struct check_options o = {0};
	struct mark m;

	assert_int_equal(mark(&d->store, &mo, &m), 0);
	assert_int_equal((check)(NULL, &d->store, &m, &o, NULL, ret), 0);
	mark_done(&m);
}

static const struct {
	const char *why, *text, *want;
} cases[] = {
	{"nothing", "", ""},
	{"all is well", "X=c,l [a t@X +X .c .l", ""},
	{"nobody's blob is nobody's problem", "X=c g? [a t@X +X .c", ""},
	{"a layer", "X=c,l? [a t@X +X .c .l", "layer-missing a:t l"},
	{"a config", "X=c?,l [a t@X +X .c .l", "config-missing a:t c"},
	{"of an untagged one", "X=c,l? [a +X .c .l", "layer-missing a l"},
	{"both", "X=c?,l? [a t@X +X .c .l", "config-missing a:t c; layer-missing a:t l"},
	{"it stands there twice", "X=c,l?,l [a t@X +X .c .l", "layer-missing a:t l"},
	{"in two tags' images", "X=c,l? Y=d,l [a t@X u@Y +X +Y .c .d .l",
	 "layer-missing a:t l; layer-missing a:u l"},
	{"two tags of one", "X=c,l? [a t@X u@X +X .c .l", "layer-missing a:t l; layer-missing a:u l"},
	{"in two repositories", "X=c,l? [a t@X +X .c .l [b u@X +X .c .l",
	 "layer-missing a:t l; layer-missing b:u l"},
	{"a layer that is kept elsewhere", "X=c/f? [a t@X +X .c", ""},
	{"is here, and nobody may read it", "X=c/f [a t@X +X .c", ""},
	/* links */
	{"manifest there, layers 404", "X=c,l [a t@X +X .c", "unlinked a:t l"},
	{"likewise the config", "X=c,l [a t@X +X .l", "unlinked a:t c"},
	{"a link elsewhere is none", "X=c,l [a t@X +X .c [b .l", "unlinked a:t l"},
	{"an orphan", "X=c l? [a t@X +X .c .l", "orphan-link a l"},
	{"no orphan: it is missed", "X=c,l? [a +X .c .l", "layer-missing a l"},
	{"no orphan: it is aside", "X=c l~ [a t@X +X .c .l", ""},
	{"an orphan's link aside is nothing", "X=c l? [a t@X +X .c .l~", ""},
	{"a bad link is the scan's to tell", "X=c,l [a t@X +X% .c% .l%", ""},
	/* Two digests of the same bytes: k names them, l keeps them. */
	{"a layer that is kept under another digest", "X=c,k? l [a t@X +X .c .k=l .l", "size a:t k"},
	{"and is gone", "X=c,k? l? [a t@X +X .c .k=l .l", "layer-missing a:t k"},
	{"and nobody needs it", "X=c k? l [a t@X +X .c .k=l .l", ""},
	{"or it is gone", "X=c k? l? [a t@X +X .c .k=l", "orphan-link a k"},
	/* tags */
	{"a tag that nothing links", "X=c [a t@X .c", "tag-dangling a:t X"},
	{"and that is gone", "X? [a t@X", "tag-dangling a:t X"},
	{"linked, and gone", "X? [a t@X +X", "manifest-missing a:t X"},
	{"a bad one is the scan's to tell", "X=c [a t@ +X .c", ""},
	{"registry 2.1.0", "X=c [a t@X .X .c", ""},
	/* indexes */
	{"all is well in an index", "I>X,Y X=c Y=d [a t@I +I +X +Y .c .d", ""},
	{"a child", "I>X,Y X=c Y? [a t@I +I +X .c", "child-missing a:t Y"},
	{"a child whose link is left", "I>X,Y X=c Y? [a t@I +I +X +Y .c", "child-missing a:t Y"},
	{"a child without a link", "I>X,Y X=c Y=d [a t@I +I +X .c .d", "child-missing a:t Y"},
	{"a child's layer", "I>X X=c,l? [a t@I +I +X .c .l", "layer-missing a:t l"},
	{"under an index's tag and its own", "I>X X=c,l? [a t@I u@X +I +X .c .l",
	 "layer-missing a:t l; layer-missing a:u l"},
	{"a circle", "I>J J>I,X X=c? [a t@I +I +J +X .c", "config-missing a:t c"},
	{"a child that cannot be read", "I>X X! [a t@I +I +X", ""},
	{"an odd one is the scan's to tell", "X=c*,l [a t@X +X .c .l", ""},
	{"one of them linked as a manifest only", "I>X=l,m X=c [a t@I +I +X +m .c .l", ""},
	{"which is no link to a layer elsewhere", "X=c,m [a t@X +X +m .c", "unlinked a:t m"},
	{"an index of layers: a build cache", "I>X=l,m X=c [a t@I +I +X .c .l .m", ""},
	/* subjects */
	{"a subject need not be here", "S^X=s X? [a t@S +S .s", ""},
	{"a referrer", "S^X=s? X=c [a t@X +X +S .s .c", "config-missing a s"},
	/* sizes */
	{"cut off", "X=c,l# [a t@X +X .c .l", "size a:t l"},
	{"a child", "I>X X#=c [a t@I +I +X .c", "size a:t X"},
	/* aside */
	{"a layer aside", "X=c,l~ [a t@X +X .c .l", "aside a:t l"},
	{"its link", "X=c,l [a t@X +X .c .l~", "aside a:t l"},
	{"a tag's manifest", "X=c X~ [a t@X +X .c", "aside a:t X"},
	{"its link as well", "X=c [a t@X +X~ .c", "aside a:t X"},
	{"a revision's", "X=c X~ [a +X .c", "aside a X"},
	{"a child", "I>X X~=c [a t@I +I +X .c", "aside a:t X"},
	{"a revision aside is nobody's", "X=c? [a +X~", ""},
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct check_result result;
		char why[256], buf[2048];
		struct drawn d;

		snprintf(why, sizeof(why), "%s: %s", cases[i].why, cases[i].text);
		drawn_init(&d, cases[i].text);
		run(&d, &result);
		check_text(told(&d, buf), cases[i].want, why);
		drawn_done(&d);
	}
}

/* In a cache, and where indexes may be sparse. */
static void not_cached(void **state)
{
	static const struct {
		const char *why, *text;
		bool cache, sparse;
		const char *want;
	} table[] = {
		{"a layer", "X=c,l? [a t@X +X .c .l", 1, 0, "not-cached a:t l"},
		{"a config", "X=c?,l [a t@X +X .c .l", 1, 0, "not-cached a:t c"},
		{"a child", "I>X,Y X=c Y? [a t@I +I +X .c", 1, 0, "not-cached a:t Y"},
		{"fetched for another repository", "X=c,l [a t@X +X .c", 1, 0, "not-cached a:t l"},
		{"a manifest that expired", "X? [a t@X +X", 1, 0, "not-cached a:t X"},
		{"and its link", "X=c [a t@X .c", 1, 0, "not-cached a:t X"},
		{"a wrong size is wrong", "X=c,l# [a t@X +X .c .l", 1, 0, "size a:t l"},
		{"what is aside is there", "X=c,l~ [a t@X +X .c .l", 1, 0, "aside a:t l"},
		{"a child that was never pushed", "I>X,Y X=c Y? [a t@I +I +X .c", 0, 1, "not-cached a:t Y"},
		{"or elsewhere", "I>X,Y X=c Y=d [a t@I +I +X .c .d", 0, 1, "not-cached a:t Y"},
		{"a layer must be there", "X=c,l? [a t@X +X .c .l", 0, 1, "layer-missing a:t l"},
		{"and a manifest", "X? [a t@X +X", 0, 1, "manifest-missing a:t X"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct check_result result;
		struct drawn d;
		char buf[2048];

		drawn_init(&d, table[i].text);
		d.store.cache = table[i].cache;
		d.store.sparse = table[i].sparse;
		run(&d, &result);
		check_text(told(&d, buf), table[i].want, table[i].why);
		assert_int_equal(d.store.problems.nproblems, strncmp(table[i].want, "not-cached", 10) != 0);
		drawn_done(&d);
	}
}

static void texts(void **state)
{
	static const struct {
		const char *text, *want, *platform;
	} table[] = {
		{"X=c,l? [a t@X +X .c .l", "layer $l is missing (needed by $X)", NULL},
		{"X=c,l? [a t@X +X .c .l", "layer $l is missing (needed by $X, linux/arm64)", "linux/arm64"},
		{"X=c,l# [a t@X +X .c .l", "layer $l has 0 bytes instead of 4 (needed by $X)", NULL},
		{"I>X X? [a t@I +I", "manifest $X is missing (needed by $I)", NULL},
		{"X=c [a t@X +X",
		 "config $c is there, but this repository has no link to it: push the image again (needed by $X)",
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		char want[512] = "", digest[REG_DIGEST_MAX];
		struct check_result result;
		struct drawn d;
		bool second = false;

		drawn_init(&d, table[i].text);
		if (table[i].platform)
			d.store.blobs[0]->manifest->platform = strdup(table[i].platform);
		run(&d, &result);
		for (const char *p = table[i].want; *p; p++) {
			const size_t n = strlen(want);
			const char name[2] = {p[1], 0};

			if (*p != '$') {
				want[n] = *p;
				continue;
			}
			/* The blob in full, the manifest that needs it shortly. */
			reg_digest_text(&d.store.blobs[drawn_number(&d, name)]->digest, digest);
			snprintf(want + n, sizeof(want) - n, "%.*s", second ? 19 : REG_DIGEST_MAX, digest);
			second = true;
			p++;
		}
		assert_int_equal(d.store.problems.count, 1);
		check_text(d.store.problems.items[0].text, want, table[i].text);
		drawn_done(&d);
	}
}

static void counts(void **state)
{
	struct check_result result;
	struct drawn d;
	char buf[1024];

	(void)state;
	drawn_init(&d, "I>X,Y X=c,l Y=d,l Z=e? g [a t@I u@X v@ +I +X +Y .c .d .l [b w@X +X +Z .c .l");
	run(&d, &result);
	assert_int_equal(result.tags, 4);
	assert_int_equal(result.manifests, 4);
	assert_int_equal(result.blobs, 7);
	assert_string_equal(drawn_bits(&d, result.bytes, buf), "I X Y c l d Z");
	assert_int_equal(result.verified, 0);
	drawn_done(&d);
}

static void add(struct drawn *d, enum problem_kind kind, const char *repository, const char *blob)
{
	const struct problem p = {
		.kind = kind,
		.repository = (char *)repository,
		.digest = d->store.blobs[drawn_number(d, blob)]->digest,
	};

	assert_int_equal(problems_add(&d->store.problems, &p, "from the scan"), 0);
}

/* What the scan told of a manifest gets its tags, and is not told again. */
static void from_the_scan(void **state)
{
	static const struct {
		const char *why, *text;
		enum problem_kind kind;
		const char *repository, *want;
	} table[] = {
		{"a tag's", "X! [a t@X +X", PROBLEM_MANIFEST_UNREADABLE, "a", "manifest-unreadable a:t X"},
		{"untagged", "X! [a +X", PROBLEM_MANIFEST_UNREADABLE, "a", "manifest-unreadable a X"},
		{"two tags", "X! [a t@X u@X +X", PROBLEM_DIGEST, "a", "digest a:t X; digest a:u X"},
		{"a child", "I>X X! [a t@I +I +X", PROBLEM_DIGEST, "a", "digest a:t X"},
		{"its repository alone", "X! [a t@X +X [b u@X +X", PROBLEM_DIGEST, "b", "digest b:u X"},
		{"every repository", "X! [a t@X +X [b u@X +X", PROBLEM_DIGEST, NULL,
		 "digest a:t X; digest b:u X"},
		{"nobody's", "X! [a", PROBLEM_DIGEST, NULL, "digest - X"},
		{"missing, a tag's", "X? [a t@X +X", PROBLEM_MANIFEST_MISSING, "a", "manifest-missing a:t X"},
		{"missing, untagged", "X? [a +X", PROBLEM_MANIFEST_MISSING, "a", "manifest-missing a X"},
		{"missing, a child", "I>X X? [a t@I +I +X", PROBLEM_MANIFEST_MISSING, "a",
		 "child-missing a:t X"},
		{"missing, elsewhere", "X? [a t@X +X [b +X", PROBLEM_MANIFEST_MISSING, "b",
		 "manifest-missing a:t X; manifest-missing b X"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct check_result result;
		struct drawn d;
		char buf[2048];

		drawn_init(&d, table[i].text);
		add(&d, table[i].kind, table[i].repository, "X");
		run(&d, &result);
		check_text(told(&d, buf), table[i].want, table[i].why);
		check_int(d.store.problems.nproblems, d.store.problems.count, table[i].why);
		drawn_done(&d);
	}
}

static void many_tags(void **state)
{
	struct check_result result;
	struct drawn d;
	char name[16];

	(void)state;
	drawn_init(&d, "X=c? [a +X");
	for (int i = 0; i < 33; i++) {
		snprintf(name, sizeof(name), "t%02d", i);
		assert_int_equal(store_tag_add(&d.store.repositories[0], name, 0, 0), 0);
	}
	run(&d, &result);
	assert_int_equal(d.store.problems.count, 20);
	assert_string_equal(d.store.problems.items[0].tag, "t00");
	assert_null(strstr(d.store.problems.items[0].text, "more"));
	assert_string_equal(d.store.problems.items[19].tag, "t19");
	assert_non_null(strstr(d.store.problems.items[19].text, "; 13 more tags hold it"));
	drawn_done(&d);
}

static void interrupted(void **state)
{
	static const volatile sig_atomic_t flag = 1;
	struct progress *p = progress_new(-1, true);
	const struct mark_options mo = {0};
	const struct check_options o = {0};
	struct check_result result;
	struct drawn d;
	struct mark m;

	(void)state;
	assert_non_null(p);
	progress_interrupt(p, &flag);
	drawn_init(&d, "X=c [a t@X +X .c");
	assert_int_equal(mark(&d.store, &mo, &m), 0);
	assert_int_equal((check)(NULL, &d.store, &m, &o, p, &result), -EINTR);
	mark_done(&m);
	drawn_done(&d);
	progress_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),       cmocka_unit_test(not_cached),    cmocka_unit_test(texts),
		cmocka_unit_test(counts),      cmocka_unit_test(from_the_scan), cmocka_unit_test(many_tags),
		cmocka_unit_test(interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
