/* SPDX-License-Identifier: MIT */
#include "tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum { MANY = 100000, MAX = 1 << 20 };

static struct token *get(struct tokens *t, int n)
{
	char scope[64];

	snprintf(scope, sizeof(scope), "repository:team/app-%d:pull", n);
	return tokens_get(t, scope);
}

static char *text(size_t size)
{
	char *p = malloc(size + 1);

	assert_non_null(p);
	memset(p, 'x', size);
	p[size] = '\0';
	return p;
}

/* A walk over a large registry: each repository has a token, and few of them are needed any more. */
static void bounded(void **state)
{
	struct tokens t;

	(void)state;
	tokens_init(&t, MAX);
	for (int n = 0; n < MANY; n++) {
		struct token *token = get(&t, n);

		assert_non_null(token);
		tokens_set_header(&t, token, text(1000));
		assert_true(t.bytes < MAX + 2000);
	}
	assert_true(t.map.count > 500 && t.map.count < 2000);
	assert_non_null(get(&t, MANY - 1)->header);
	tokens_done(&t);
	assert_int_equal(t.bytes, 0);
}

static void the_least_used_goes(void **state)
{
	struct tokens t;

	(void)state;
	tokens_init(&t, 10000);
	tokens_set_header(&t, get(&t, 0), text(3000));
	tokens_set_header(&t, get(&t, 1), text(3000));
	tokens_set_header(&t, get(&t, 2), text(3000));
	assert_non_null(get(&t, 0)->header); /* used once more */
	tokens_set_asked(&t, get(&t, 2), text(3000));
	(void)get(&t, 3);
	assert_null(tokens_find(&t, "repository:team/app-1:pull"));
	assert_non_null(tokens_find(&t, "repository:team/app-0:pull"));
	assert_non_null(tokens_find(&t, "repository:team/app-2:pull"));
	tokens_done(&t);
}

/* Somebody waits for it. */
static void busy_stays(void **state)
{
	struct tokens t;
	struct token *first;

	(void)state;
	tokens_init(&t, 100);
	first = get(&t, 0);
	first->busy = true;
	for (int n = 1; n < 100; n++)
		(void)get(&t, n);
	assert_ptr_equal(get(&t, 0), first);
	assert_true(t.map.count < 4);
	tokens_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounded),
		cmocka_unit_test(the_least_used_goes),
		cmocka_unit_test(busy_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
