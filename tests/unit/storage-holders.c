/* SPDX-License-Identifier: MIT */
#include "storage/holders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawn.h"
#include "unit.h"

struct answer {
	const struct drawn *d;
	char text[1024];
	int result;
};

static void add(struct answer *a, const char *one, const char *two)
{
	const size_t n = strlen(a->text);

	snprintf(a->text + n, sizeof(a->text) - n, "%s%s", one, two);
}

/* "a:t,u(2)+X,I(2)": tags and revisions, and how many of each there are. */
static int note(void *data, const struct holders_one *one)
{
	struct answer *a = data;
	char number[32];

	add(a, *a->text ? " " : "", one->repository->name);
	for (size_t i = 0; i < one->ntags; i++)
		add(a, i ? "," : ":", one->tags[i]);
	snprintf(number, sizeof(number), "(%zu)", one->all_tags);
	add(a, number, "");
	for (size_t i = 0; i < one->nrevisions; i++)
		add(a, i ? "," : "+", a->d->names[one->revisions[i]]);
	snprintf(number, sizeof(number), "(%zu)", one->all_revisions);
	add(a, number, "");
	return a->result;
}

static const struct {
	const char *why, *text, *blob;
	size_t max;
	const char *want;
} cases[] = {
	{"nobody", "X=c g [a t@X +X", "g", 9, ""},
	{"a config", "X=c,l [a t@X +X", "c", 9, "a:t(1)+X(1)"},
	{"the manifest itself", "X=c,l [a t@X +X", "X", 9, "a:t(1)+X(1)"},
	{"untagged", "X=c [a +X", "c", 9, "a(0)+X(1)"},
	{"through an index, the nearest first", "I>X X=c,l [a t@I +I +X", "l", 9, "a:t(1)+X,I(2)"},
	{"not what is beside it", "I>X,Y X=c,l Y=d [a t@I u@Y +I +X +Y", "l", 9, "a:t(1)+X,I(2)"},
	{"two repositories", "X=c [b t@X +X [a +X", "c", 9, "b:t(1)+X(1) a(0)+X(1)"},
	{"a link to a layer alone is no holder", "X=c [a t@X +X [b .c", "c", 9, "a:t(1)+X(1)"},
	{"many tags, by name", "X=c [a w@X t@X u@X +X", "c", 2, "a:t,u(3)+X(1)"},
	{"many revisions", "X=l Y=l Z=l [a t@X +X +Y +Z", "l", 2, "a:t(1)+X,Y(3)"},
	{"how many only", "X=c [a t@X +X", "c", 0, "a(1)(1)"},
	{"a tag whose manifest is not linked", "X=c [a t@X", "c", 9, "a:t(1)(0)"},
	{"a link aside is nobody's", "X=c [a +X~", "c", 9, ""},
	{"a subject is not held by what refers to it", "S^X=s X=c [a t@S +S +X", "X", 9, "a(0)+X(1)"},
	{"a layer that is named twice", "X=l,l [a t@X +X", "l", 9, "a:t(1)+X(1)"},
	{"a circle", "I>J J>I,X X=c [a t@I +I +J", "c", 9, "a:t(1)+J,I(2)"},
	{"under another digest", "X=c,k? l [a t@X +X .k=l .l", "l", 9, "a:t(1)+X(1)"},
	{"a bad tag", "X=c [a t@ +X", "c", 9, "a(0)+X(1)"},
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct answer a = {0};
		struct holders *h;
		struct drawn d;

		drawn_init(&d, cases[i].text);
		a.d = &d;
		check_int(holders_new(&d.store, &h), 0, cases[i].why);
		for (int times = 0; times < 2; times++) { /* a question leaves nothing behind */
			a.text[0] = 0;
			check_int(holders_of(h, drawn_number(&d, cases[i].blob), cases[i].max, note, &a), 0,
				  cases[i].why);
			check_text(a.text, cases[i].want, cases[i].why);
		}
		holders_free(h);
		drawn_done(&d);
	}
}

static void callback_ends_it(void **state)
{
	struct answer a = {.result = -ECANCELED};
	struct holders *h;
	struct drawn d;

	(void)state;
	drawn_init(&d, "X=c [a t@X +X [b t@X +X");
	a.d = &d;
	assert_int_equal(holders_new(&d.store, &h), 0);
	assert_int_equal(holders_of(h, 0, 9, note, &a), -ECANCELED);
	assert_string_equal(a.text, "a:t(1)+X(1)");
	holders_free(h);
	drawn_done(&d);
	holders_free(NULL);
}

static void nothing_at_all(void **state)
{
	struct holders *h;
	struct drawn d;

	(void)state;
	drawn_init(&d, "");
	assert_int_equal(holders_new(&d.store, &h), 0);
	holders_free(h);
	drawn_done(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(callback_ends_it),
		cmocka_unit_test(nothing_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
