/* SPDX-License-Identifier: MIT */
#include "storage/mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawn.h"
#include "unit.h"

#define M true /* delete untagged */

static const struct {
	const char *why, *text;
	bool delete_untagged;
	time_t recent;
	/* Blobs, in the order of their numbers. What is left is garbage. Then the links that are garbage. */
	const char *held, *young, *unsure, *links;
} cases[] = {
	{"nothing at all", "", M, 0, "", "", "", ""},
	{"a repository with nothing", "[a", false, 0, "", "", "", ""},
	{"an image and its tag", "X=c,l [a t@X +X .c .l", M, 0, "X c l", "", "", ""},
	{"revisions are roots unless the untagged go", "X=c,l [a +X .c .l", false, 0, "X c l", "", "", ""},
	{"untagged", "X=c,l [a +X .c .l", M, 0, "", "", "", "a+X a.c a.l"},
	{"a blob without a link", "X=c g [a t@X +X .c", false, 0, "X c", "", "", ""},
	{"a link that nothing needs", "X=c g [a t@X +X .c .g", false, 0, "X c", "", "", "a.g"},
	{"a layer shared with garbage", "X=c,l Y=d,l [a t@X +X +Y .c .d .l", M, 0, "X c l", "", "",
	 "a+Y a.d"},
	{"a link to a shared layer that is garbage here", "X=c,l Y=d,l [a t@X +X .c .l [b +Y .d .l", M, 0,
	 "X c l", "", "", "b.l b+Y b.d"},
	{"a tag that nothing links counts by its content", "X=c,l [a t@X .c .l", false, 0, "X c l", "", "",
	 ""},
	{"likewise", "X=c,l [a t@X .c .l", M, 0, "X c l", "", "", ""},
	{"a bad tag holds nothing by itself", "X=c [a t@ +X .c", M, 0, "", "", "", "a+X a.c"},
	{"what a tag was is not what it is", "X=c Y=d [a t@X,Y +X +Y .c .d", M, 0, "X c", "", "", "a+Y a.d"},
	{"bad links count like good ones", "X=c,l [a t@X +X% .c% .l%", M, 0, "X c l", "", "", ""},
	{"a bad revision is a root", "X=c,l [a +X% .c% .l%", false, 0, "X c l", "", "", ""},
	{"registry 2.1.0 linked manifests as layers", "X=c [a t@X .X .c", M, 0, "X c", "", "", ""},
	{"a layer that may be elsewhere", "X=c/f [a t@X +X .c .f", M, 0, "X c f", "", "", ""},
	/* indexes */
	{"an index holds its children", "I>X,Y X=c,l Y=d,l [a t@I +I +X +Y .c .d .l", M, 0, "I X Y c l d", "",
	 "", ""},
	{"B3, B16: and they go with it", "I>X,Y X=c Y=d [a +I +X +Y .c .d", M, 0, "", "", "",
	 "a+I a+X a+Y a.c a.d"},
	{"nested", "J>I I>X X=c,l [a t@J +J +I +X .c .l", M, 0, "J I X c l", "", "", ""},
	{"a child that is tagged as well", "I>X,Y X=c Y=d [a t@X +I +X +Y .c .d", M, 0, "X c", "", "",
	 "a+I a+Y a.d"},
	{"a child that no link names is followed", "I>X X=c,l [a t@I +I .c .l", false, 0, "I X c l", "", "",
	 ""},
	{"a child that is gone", "I>X X? [a t@I +I", M, 0, "I X", "", "", ""},
	{"an index in a circle", "I>J J>I,X X=c [a t@I +I +J +X .c", M, 0, "I J X c", "", "", ""},
	{"an index that lists itself, untagged", "I>I,X X=c [a +I +X .c", M, 0, "", "", "", "a+I a+X a.c"},
	{"B1: the same index, sparse in another repository", "I>X X=c,l [a t@I +I [b t@I +I +X .c .l", M, 0,
	 "I X c l", "", "", ""},
	{"B2: untagged here, tagged there", "X=c,l [a +X .c .l [b t@X +X .c .l", M, 0, "X c l", "", "",
	 "a+X a.c a.l"},
	{"a manifest as a layer is not followed", "X=c,Y Y=d [a t@X +X .c .Y .d", M, 0, "X c Y", "", "",
	 "a.d"},
	{"T6: an index of layers", "I>X=l,m X=c k [a t@I +I +X .c .l .m .k", M, 0, "I X l m c", "", "",
	 "a.k"},
	/* Two digests of the same bytes: k names them, l keeps them. */
	{"T1: a layer that is kept under another digest", "X=c,k? l [a t@X +X .c .k=l .l", M, 0, "X c k l",
	 "", "", ""},
	{"and is garbage", "X=c,k? l [a +X .c .k=l .l", M, 0, "", "", "", "a+X a.c a.k a.l"},
	{"in this repository only", "X=c,k? l [a t@X +X .c .k=l [b .l", M, 0, "X c k l", "", "", "b.l"},
	{"not in that one", "X=c,k? l [a t@X +X .c .k [b .k=l .l", M, 0, "X c k", "", "", "b.k b.l"},
	{"recent", "k? l [a .k=l' .l", M, 1500, "", "k l", "", ""},
	{"unsure", "k? l [a .k=l .l unsure", M, 0, "", "", "k l", ""},
	{"a child that is kept so", "I>k k? l [a t@I +I .k=l .l", M, 0, "I k l", "", "", ""},
	{"in a circle", "I>k k? l? [a t@I +I .k=l .l=k", M, 0, "I k l", "", "", ""},
	{"a layer that is linked as a manifest", "X=c,Y Y=d [a t@X +X +Y .c .d", M, 0, "X c Y d", "", "", ""},
	/* subjects */
	{"B12: a referrer by its digest alone", "S^X=s X=c [a t@X +X +S .s .c", M, 0, "S X s c", "", "", ""},
	{"it goes with its subject", "S^X=s X=c [a +X +S .s .c", M, 0, "", "", "", "a+S a+X a.s a.c"},
	{"it does not hold its subject", "S^X=s X=c [a t@S +X +S .s .c", M, 0, "S s", "", "", "a+X a.c"},
	{"a referrer's referrer, and one that is an index",
	 "S^X=s T^S=u K^T>Z Z=z X=c [a t@X +X +S +T +K +Z .s .u .z .c", M, 0, "S X s T u K Z z c", "", "",
	 ""},
	{"a child's referrer", "I>X X=c S^X=s [a t@I +I +X +S .c .s", M, 0, "I X c S s", "", "", ""},
	{"a referrer in another repository", "S^X=s X=c [a t@X +X .c [b +S .s", M, 0, "X c", "", "",
	 "b+S b.s"},
	{"a referrer whose subject is not here", "S^X=s X? [a +S .s", M, 0, "", "", "", "a+S a.s"},
	{"subjects in a circle", "S^T=s T^S=u [a +S +T .s .u", M, 0, "", "", "", "a+S a+T a.s a.u"},
	{"subjects in a circle that a tag holds", "S^T=s T^S=u [a t@S +S +T .s .u", M, 0, "S T s u", "", "",
	 ""},
	{"its own subject", "S^S=s [a +S .s", M, 0, "", "", "", "a+S a.s"},
	/* aside */
	{"a revision aside is no root", "X=c,l X~ [a +X~ .c .l", false, 0, "", "", "", "a+X a.c a.l"},
	{"but a tag holds it", "X~=c~,l [a t@X +X~ .c~ .l~", false, 0, "X c l", "", "", ""},
	{"or an index", "I>X X~=c [a +I +X~ .c", false, 0, "I X c", "", "", ""},
	{"a referrer aside comes back with its subject", "S^X=s X=c [a +X +S~ .s .c", false, 0, "S X s c", "",
	 "", ""},
	{"another repository's revision does not bring a link back", "X=c [a +X~ .c~ [b +X .c", false, 0,
	 "X c", "", "", "a+X a.c"},
	{"one aside that a push wrote anew right then", "X=c [a +X'~ .c", false, 1500, "", "X c", "", ""},
	/* young */
	{"a young revision holds what it names, as young", "X=c,l [a +X' .c .l", M, 1500, "", "X c l", "",
	 ""},
	{"and its index's children", "I>X X=c S^X=s [a +I' +X +S .c .s", M, 1500, "", "I X c S s", "", ""},
	{"held is more than young", "I>X,Y X=c Y=d [a t@X +I' +X +Y .c .d", M, 1500, "X c", "I Y d", "", ""},
	{"young blobs and links", "g' l h [a .l' .h .g", false, 1500, "", "g l", "", "a.g a.h"},
	{"nothing is young without a time", "g' X=c [a +X' .c", M, 0, "", "", "", "a+X a.c"},
	{"at this very time", "g' h [a", M, DRAWN_RECENT, "", "g", "", ""},
	{"a second later", "g' h [a", M, DRAWN_RECENT + 1, "", "", "", ""},
	/* unsure */
	{"B7: a revision whose manifest is gone", "X? Y=d l [a t@Y +X +Y .d .l", M, 0, "Y d", "", "X l", ""},
	{"or cannot be read", "X! Y=d l [a t@Y +X +Y .d .l", M, 0, "Y d", "", "X l", ""},
	{"also without the untagged", "X! Y=d l [a t@Y +X +Y .d .l", false, 0, "X Y d", "", "l", ""},
	{"it keeps what it links, and what that holds", "X? I>Y Y=d [a +X +I +Y .d", M, 0, "", "", "X I Y d",
	 ""},
	{"one that was so before", "X=c l [a +X .c .l unsure [b .l", M, 0, "", "", "X c l", "b.l"},
	{"a child that cannot be read", "I>X X! l [a t@I +I .l", M, 0, "I X", "", "l", ""},
	{"a tag's that cannot be read", "X! l [a t@X .l", M, 0, "X", "", "l", ""},
	{"a child that is odd", "I>X X* l [a t@I +I .l", M, 0, "I X", "", "l", ""},
	{"a tag whose manifest was deleted", "X? l [a t@X .l", M, 0, "X", "", "", "a.l"},
	{"one found by what is young", "I>X X! l [a +I' .l", M, 1500, "", "", "I X l", ""},
	{"one found by what is untagged", "I>X X! l [a +I .l", M, 0, "", "", "", "a+I a.l"},
	{"a revision aside that is gone says nothing", "X? l [a +X~ .l", M, 0, "", "", "", "a+X a.l"},
	{"what is aside is kept as well", "X! Y=d Y~ l~ [a t@X +X +Y~ .d~ .l~", M, 0, "X", "", "Y d l", ""},
	{"unsure is more than young", "X! Y'=d [a t@X +X +Y' .d", M, 1500, "X", "", "Y d", ""},
	{"its neighbour is sure", "X! l k [a t@X +X .l [b .k .l", M, 0, "X", "", "l", "b.l b.k"},
	{"an odd blob", "g* h", M, 0, "", "", "g", ""},
	{"an odd one that is recent", "g*' h", M, 1500, "", "", "g", ""},
};

static void check_case(size_t i, const struct drawn *d, const struct mark *m)
{
	char why[256], buf[1024];

	snprintf(why, sizeof(why), "%s: %s", cases[i].why, cases[i].text);
	check_text(drawn_blobs(d, m->blobs, MARK_HELD, buf), cases[i].held, why);
	check_text(drawn_blobs(d, m->blobs, MARK_YOUNG, buf), cases[i].young, why);
	check_text(drawn_blobs(d, m->blobs, MARK_UNSURE, buf), cases[i].unsure, why);
	check_text(drawn_links(d, m->links, MARK_GARBAGE, buf), cases[i].links, why);
}

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct mark_options o = {cases[i].delete_untagged, cases[i].recent};
		struct drawn d;
		struct mark m;

		drawn_init(&d, cases[i].text);
		check_int(mark(&d.store, &o, &m), 0, cases[i].why);
		check_case(i, &d, &m);
		mark_done(&m);
		drawn_done(&d);
	}
}

static void blind(void **state)
{
	const struct mark_options o = {.delete_untagged = true};
	char buf[1024];
	struct drawn d;
	struct mark m;

	(void)state;
	drawn_init(&d, "X=c Y=d g [a t@X +X +Y~ .c .d");
	assert_int_equal(store_blind(&d.store, "no way in"), 0);
	assert_int_equal(mark(&d.store, &o, &m), 0);
	assert_string_equal(drawn_blobs(&d, m.blobs, MARK_HELD, buf), "X c");
	assert_string_equal(drawn_blobs(&d, m.blobs, MARK_UNSURE, buf), "Y d g");
	assert_string_equal(drawn_links(&d, m.links, MARK_UNSURE, buf), "a+Y a.d");
	mark_done(&m);
	drawn_done(&d);
}

static void reasons(void **state)
{
	static const struct {
		const char *text, *unsure;
	} table[] = {
		{"X=c [a t@X +X", NULL},
		{"X? [a +X", "is linked here and missing"},
		{"X! [a +X", "is linked here and cannot be read"},
		{"I>X X! [a t@I +I", "is needed here and cannot be read"},
		{"X? [a +X unsure", "drawn so"},
	};
	const struct mark_options o = {.delete_untagged = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct drawn d;
		struct mark m;

		drawn_init(&d, table[i].text);
		check_int(mark(&d.store, &o, &m), 0, table[i].text);
		if (table[i].unsure)
			check(d.store.repositories[0].unsure &&
				      strstr(d.store.repositories[0].unsure, table[i].unsure),
			      table[i].text);
		else
			check(!d.store.repositories[0].unsure, table[i].text);
		mark_done(&m);
		drawn_done(&d);
	}
}

/* D, and the letters that follow it up to a blank, stand for the short digest of that name. */
static void with_digests(const char *text, char ret[512])
{
	size_t n = 0;

	for (const char *p = text; *p && n < 400; p++) {
		char digest[REG_DIGEST_MAX], name[16] = "";
		struct reg_digest d;

		if (*p != '$') {
			ret[n++] = *p;
			continue;
		}
		name[0] = *++p;
		assert_int_equal(reg_digest_compute(REG_SHA256, name, 1, &d), 0);
		n += (size_t)snprintf(ret + n, 64, "%.19s", reg_digest_text(&d, digest));
	}
	ret[n] = 0;
}

static void explain(void **state)
{
	static const struct {
		const char *why, *text, *blob;
		const char *repository, *tag, *top, *parent, *says; /* repository NULL: it is not held */
		const char *holder; /* "*": several */
	} table[] = {
		{"garbage", "X=c g [a t@X +X .c", "g", NULL, NULL, NULL, NULL, NULL, NULL},
		{"a tag's own", "X=c [a t@X +X .c", "X", "a", "t", "X", NULL, "a:t -> $X (manifest)", "a"},
		{"its config", "X=c [a t@X +X .c", "c", "a", "t", "X", "X",
		 "a:t -> $X (manifest) -> $c (config)", "a"},
		{"a child's layer", "I>X X=c,l [a t@I +I +X .l", "l", "a", "t", "I", "X",
		 "a:t -> $I (index) -> $X (manifest) -> $l (layer)", "a"},
		{"no tag", "X=c [a +X .c", "c", "a", NULL, "X", "X",
		 "a, by its digest alone -> $X (manifest) -> $c (config)", "a"},
		{"a tag is a better answer than a digest", "I>X J>X X=c [a t@J +I +J +X", "X", "a", "t", "J",
		 "J", "a:t -> $J (index) -> $X (manifest)", "a"},
		{"a referrer", "S^X=s X=c [a t@X +X +S", "s", "a", "t", "X", "S",
		 "a:t -> $X (manifest) -> $S (referrer) -> $s (config)", "a"},
		{"two repositories", "X=c [a t@X +X [b u@X +X", "c", "a", "t", "X", "X",
		 "a:t -> $X (manifest) -> $c (config)", "*"},
		{"a referrer of what another holds as well", "S^X=s X=c [a t@X +X [b u@X +X +S", "S", "b",
		 "u", "X", "X", "b:u -> $X (manifest) -> $S (referrer)", "b"},
		{"deep", "A>B B>C C>D D>E E>F F>G G=h [a t@A +A", "G", "a", "t", "A", "F",
		 "a:t -> $A (index) -> .. -> $D (index) -> $E (index) -> $F (index) -> $G (manifest)", "a"},
		{"its other digest", "X=c,k? l [a t@X +X .k=l .l", "l", "a", "t", "X", "X",
		 "a:t -> $X (manifest) -> $l (layer)", "a"},
		{"a circle", "I>J J>I,X X=c [a t@J +J", "c", "a", "t", "J", "X",
		 "a:t -> $J (index) -> $X (manifest) -> $c (config)", "a"},
	};
	const struct mark_options o = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct mark_reason reason;
		char says[512];
		struct drawn d;
		struct mark m;
		uint32_t n;

		drawn_init(&d, table[i].text);
		check_int(mark(&d.store, &o, &m), 0, table[i].why);
		n = drawn_number(&d, table[i].blob);
		check_int(mark_explain(&d.store, &m, n, &reason), table[i].repository != NULL, table[i].why);
		if (table[i].repository) {
			check_text(reason.repository, table[i].repository, table[i].why);
			check_text(reason.tag, table[i].tag, table[i].why);
			check_text(d.names[reason.top], table[i].top, table[i].why);
			check_text(reason.parent == STORE_NONE ? NULL : d.names[reason.parent],
				   table[i].parent, table[i].why);
			with_digests(table[i].says, says);
			check_text(reason.text, says, table[i].why);
			check_text(m.holder[n] == MARK_SHARED ? "*" : d.store.repositories[m.holder[n]].name,
				   table[i].holder, table[i].why);
		} else {
			check(m.holder[n] == STORE_NONE && m.via_repository[n] == STORE_NONE, table[i].why);
		}
		check(!mark_explain(&d.store, &m, m.nblobs, &reason), "a number that is no blob's");
		mark_done(&m);
		drawn_done(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(blind),
		cmocka_unit_test(reasons),
		cmocka_unit_test(explain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
