/* SPDX-License-Identifier: MIT */
#include "storage/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawn.h"
#include "unit.h"

#define NOW (10 * 24 * 3600)

/* The same text for several: a tagged image, an untagged one that shares a layer, and another repository. */
#define SHARED "X=c,l Y=d,l Z=e,l g [a t@X +X +Y .c .d .l [b u@Z +Z .e .l .d"

static const struct {
	const char *why, *text;
	bool delete_untagged;
	time_t recent;
	/* The blobs in each sum: a blob's size is its bit. */
	const char *held, *young, *unsure, *garbage, *aside;
	/* Of the first repository. */
	const char *alone, *shared, *own_garbage;
	int manifests, untagged, revision_links, layer_links, empty, all_empty;
} cases[] = {
	{"nothing", "", false, 0, "", "", "", "", "", NULL, NULL, NULL, 0, 0, 0, 0, 0, 0},
	{"shared layers", SHARED, false, 0, "X c l Y d Z e", "", "", "g", "", "X c Y d", "l", "", 2, 1, 0, 0,
	 0, 0},
	{"the untagged go", SHARED, true, 0, "X c l Z e", "", "", "Y d g", "", "X c", "l", "Y d", 2, 1, 1, 1,
	 0, 0},
	{"a link to a blob that another holds is no share", "X=c [a .c [b t@X +X .c", true, 0, "X c", "", "",
	 "", "", "", "", "", 0, 0, 0, 1, 1, 1},
	{"what is gone counts nowhere", "X=c,l? [a t@X +X .c .l", true, 0, "X c", "", "", "", "", "X c", "",
	 "", 1, 0, 0, 0, 0, 0},
	{"aside", "X=c X~ g~ [a +X~ .c", false, 0, "", "", "", "c", "X g", "", "", "c", 0, 0, 0, 1, 1, 1},
	{"young", "X=c g' [a +X' .c", true, 1500, "", "X c g", "", "", "", "", "", "", 1, 1, 0, 0, 0, 0},
	{"unsure", "X! c [a +X .c", true, 0, "", "", "X c", "", "", "", "", "", 1, 1, 0, 0, 0, 0},
	{"a manifest that is linked twice counts once", "X=c Y=c [a t@X +X .X .c [b +X .X", false, 0, "X c",
	 "", "", "Y", "", "", "X c", "", 1, 0, 0, 0, 0, 0},
	{"and as garbage", "X=c [a +X .X .c", true, 0, "", "", "", "X c", "", "", "", "X c", 1, 1, 1, 2, 1,
	 1},
	{"empty ones", "c [a [b up:1 [c up:863999 [d t@ [e unsure [f", false, 0, "", "", "", "c", "", "", "",
	 "", 0, 0, 0, 0, 1, 3},
};

static void make(struct drawn *d, const char *text, const struct mark_options *o, time_t now,
		 struct plan *ret)
{
	const struct mark_options untagged = {.delete_untagged = true, .recent = o->recent};
	struct mark m, tagged;

	drawn_init(d, text);
	assert_int_equal(mark(&d->store, o, &m), 0);
	assert_int_equal(mark(&d->store, &untagged, &tagged), 0);
	assert_int_equal(plan(&d->store, &m, &tagged, now, ret), 0);
	mark_done(&m);
	mark_done(&tagged);
}

static void check_sum(const struct drawn *d, const struct plan_sum *sum, const char *want, const char *why)
{
	char buf[1024];

	check_text(drawn_bits(d, sum->bytes, buf), want, why);
	check_int(sum->count, __builtin_popcountll(sum->bytes), why);
}

static void sums(void **state)
{
	char buf[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct mark_options o = {cases[i].delete_untagged, cases[i].recent};
		const char *why = cases[i].why;
		struct drawn d;
		struct plan p;

		make(&d, cases[i].text, &o, NOW, &p);
		check_sum(&d, &p.held, cases[i].held, why);
		check_sum(&d, &p.young, cases[i].young, why);
		check_sum(&d, &p.unsure, cases[i].unsure, why);
		check_sum(&d, &p.garbage, cases[i].garbage, why);
		check_sum(&d, &p.aside, cases[i].aside, why);
		check_int(p.blobs.bytes, p.held.bytes + p.young.bytes + p.unsure.bytes + p.garbage.bytes,
			  why);
		check_int(p.blobs.count, p.held.count + p.young.count + p.unsure.count + p.garbage.count,
			  why);
		check_int(p.nempty, cases[i].all_empty, why);
		if (cases[i].alone) {
			const struct plan_repository *r = p.repositories;

			check_text(drawn_bits(&d, r->alone, buf), cases[i].alone, why);
			check_text(drawn_bits(&d, r->shared, buf), cases[i].shared, why);
			check_text(drawn_bits(&d, r->garbage, buf), cases[i].own_garbage, why);
			check_int(r->manifests, cases[i].manifests, why);
			check_int(r->untagged, cases[i].untagged, why);
			check_int(r->revision_links, cases[i].revision_links, why);
			check_int(r->layer_links, cases[i].layer_links, why);
			check_int(r->empty, cases[i].empty, why);
		}
		plan_done(&p);
		drawn_done(&d);
	}
}

/* "a+Y(Y d l)g" : a revision, what it holds, and whether it is garbage and held by its subject. */
static const char *untagged_text(const struct drawn *d, const struct plan *p, char ret[1024])
{
	size_t n = 0;

	*ret = 0;
	for (size_t i = 0; i < p->nuntagged; i++) {
		const struct plan_untagged *u = &p->untagged[i];
		char buf[1024];

		n += (size_t)snprintf(ret + n, 1024 - n, "%s%s+%s(%s)%s%s", n ? " " : "",
				      d->store.repositories[u->repository].name,
				      d->names[d->store.links[u->link].blob], drawn_bits(d, u->bytes, buf),
				      u->garbage ? "g" : "", u->by_subject ? "s" : "");
	}
	return ret;
}

static void untagged(void **state)
{
	static const struct {
		const char *why, *text;
		bool delete_untagged;
		const char *want;
	} table[] = {
		{"none", "X=c [a t@X +X", true, ""},
		{"one, told but not garbage", SHARED, false, "a+Y(l Y d)"},
		{"and garbage", SHARED, true, "a+Y(l Y d)g"},
		{"an index holds it", "I>X X=c [a t@I +I +X", true, ""},
		{"an untagged index does not", "I>X X=c [a +I +X", true, "a+I(I X c)g a+X(X c)g"},
		{"by its subject", "S^X=s X=c [a t@X +X +S", true, "a+S(S s)s"},
		{"by its subject's subject", "S^X=s T^S=u X=c [a t@X +X +S +T", true, "a+S(S s)s a+T(T u)s"},
		{"its subject is untagged", "S^X=s X=c [a +X +S", true, "a+S(S s)g a+X(X c)g"},
		{"the older first", "X=c Y=d Z=e [a +X' +Y +Z' [b +X", true,
		 "a+Y(Y d)g a+X(X c)g a+Z(Z e)g b+X(X c)g"},
		{"tagged there, not here", "X=c [a +X [b t@X +X", true, "a+X(X c)g"},
		{"one aside is not here", "X=c [a +X~", true, ""},
		{"a circle", "I>J J>I,X X=c [a +I", true, "a+I(I J X c)g"},
		{"what is gone has no bytes", "X=c?,l [a +X", true, "a+X(X l)g"},
		{"unsure", "X! Y=d [a +X +Y", true, "a+X(X) a+Y(Y d)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct mark_options o = {.delete_untagged = table[i].delete_untagged};
		char buf[1024];
		struct drawn d;
		struct plan p;

		make(&d, table[i].text, &o, NOW, &p);
		check_text(untagged_text(&d, &p, buf), table[i].want, table[i].why);
		plan_done(&p);
		drawn_done(&d);
	}
}

static void uploads(void **state)
{
	static const struct {
		const char *why;
		time_t started, changed;
		bool dead;
	} table[] = {
		{"a week to the second", 1000, 1000, false},
		{"and one more", 999, 999, true},
		{"it still grows", 999, 2000, false},
		{"no date but its file's", 0, 999, true},
		{"likewise", 0, 1000, false},
		{"from the future", 0, PLAN_UPLOAD_AGE * 3, false},
		{"no date at all", 0, 0, true},
	};
	const struct mark_options o = {0};
	struct drawn d;
	struct plan p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct store_upload u = {.started = table[i].started, .changed = table[i].changed};

		check_int(plan_upload_is_dead(&u, PLAN_UPLOAD_AGE + 1000), table[i].dead, table[i].why);
	}
	make(&d, "[a up:1 up:2 up:5000000 [b up:3", &o, NOW, &p);
	assert_int_equal(p.dead_uploads.count, 3);
	assert_int_equal(p.dead_uploads.bytes, 21);
	plan_done(&p);
	drawn_done(&d);
}

/* DRAWN_RECENT is what ' says. */
static void future(void **state)
{
	static const struct {
		const char *why, *text;
		bool delete_untagged;
		time_t ahead;
		const char *want;
	} table[] = {
		{"garbage", "X=c g' [a t@X +X .c", false, PLAN_AHEAD, "g"},
		{"a clock that is a little fast", "X=c g' [a t@X +X .c", false, PLAN_AHEAD - 1, ""},
		{"what is held may have any date", "X'=c' [a t@X +X' .c'", true, PLAN_AHEAD, ""},
		{"a link of the future", "X=c [a +X' .c", true, PLAN_AHEAD, "X c"},
		{"untagged ones stay anyway", "X=c [a +X' .c", false, PLAN_AHEAD, ""},
		{"a layer's link", "X=c l [a t@X +X .c .l'", false, PLAN_AHEAD, "l"},
		{"one aside is on its way", "X=c g'~ [a t@X +X .c", false, PLAN_AHEAD, ""},
		{"one that is gone", "X=c l? [a t@X +X .c .l'", false, PLAN_AHEAD, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct plan_sum sum;
		struct drawn d;

		drawn_init(&d, table[i].text);
		assert_int_equal(
			plan_future(&d.store, table[i].delete_untagged, DRAWN_RECENT - table[i].ahead, &sum),
			0);
		check_sum(&d, &sum, table[i].want, table[i].why);
		drawn_done(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),
		cmocka_unit_test(untagged),
		cmocka_unit_test(uploads),
		cmocka_unit_test(future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
