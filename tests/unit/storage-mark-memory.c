/* SPDX-License-Identifier: MIT */
/* What marks, sums and checks, without memory: each allocation in turn fails, and nothing is lost or wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawn.h"
#include "failing.h"
#include "storage/check.h"
#include "storage/holders.h"
#include "storage/plan.h"
#include "unit.h"

#define MOST 500 /* allocations of one run: far fewer are made */

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	const bool fails = atomic_load(&failing_left) >= 0 && atomic_fetch_sub(&failing_left, 1) == 0;

	return fails ? NULL : __real_reallocarray(p, n, size);
}

static int no_more(void *data, const struct holders_one *one)
{
	(void)one;
	++*(int *)data;
	return 0;
}

static int ask(const struct store *s)
{
	struct holders *h;
	int calls = 0, r = holders_new(s, &h);

	if (r == 0) {
		r = s->nblobs ? holders_of(h, s->nblobs - 1, 5, no_more, &calls) : 0;
		holders_free(h);
	}
	return r;
}

/* Marks are released by whoever made them; a mark that failed left nothing. */
static int all(struct store *s)
{
	const struct mark_options o = {0}, untagged = {.delete_untagged = true};
	const struct check_options co = {0};
	struct check_result result;
	struct mark m = {0}, tagged = {0};
	struct plan p = {0};
	int r = mark(s, &o, &m);

	if (r == 0)
		r = mark(s, &untagged, &tagged);
	if (r == 0)
		r = plan(s, &m, &tagged, 0, &p);
	if (r == 0)
		r = ask(s);
	if (r == 0)
		r = (check)(NULL, s, &m, &co, NULL, &result);
	mark_done(&m);
	mark_done(&tagged);
	plan_done(&p);
	return r;
}

static void each_allocation(void **state)
{
	static const char *const stores[] = {
		"",
		"I>X,Y X=c,l Y=d,l? S^X=s [a t@I +I +X +Y +S .c .d .l",
		"X? Y=d? Z! l? [a t@X u@Y +X +Y +Z .l [b +Y .d",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		int r = -ENOMEM, n;

		for (n = 0; r < 0 && n < MOST; n++) {
			struct drawn d;

			drawn_init(&d, stores[i]);
			atomic_store(&failing_left, n);
			r = all(&d.store);
			atomic_store(&failing_left, -1);
			check(r == 0 || r == -ENOMEM, stores[i]);
			drawn_done(&d);
		}
		check(n > 5 && n < MOST, stores[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
