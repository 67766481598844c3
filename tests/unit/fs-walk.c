/* SPDX-License-Identifier: MIT */
/* What is fetched ahead, for whom: requests are counted, none of the manifests is ever answered. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scripted_tree.h"
#include "unit.h"
#include "walk.h"

/* Repositories r00 to r19 with 100 tags each; at most 4 * 16 dates are asked for ahead of a walker. */
enum { REPOSITORIES = 20, TAGS = 100, WINDOW = 64, LISTS = 16, MAX_ROWS = REPOSITORIES * (TAGS + 1) };

static char requests[MAX_ROWS][64], tags[4096];
static struct script_row rows[MAX_ROWS];

static int setup(void **state)
{
	size_t n = 0, size = 0;

	(void)state;
	size += (size_t)snprintf(tags, sizeof(tags), "{\"tags\":[");
	for (unsigned k = 0; k < TAGS; k++)
		size += (size_t)snprintf(tags + size, sizeof(tags) - size, "%s\"t%02u\"", k ? "," : "", k);
	snprintf(tags + size, sizeof(tags) - size, "]}");
	for (unsigned r = 0; r < REPOSITORIES; r++) {
		snprintf(requests[n], sizeof(requests[n]), "GET /v2/r%02u/tags/list?n=1000", r);
		rows[n] = (struct script_row){
			.request = requests[n], .status = 200, .body = tags, .times = SCRIPT_ANY};
		n++;
		for (unsigned k = 0; k < TAGS; k++) {
			snprintf(requests[n], sizeof(requests[n]), "GET /v2/r%02u/manifests/t%02u", r, k);
			rows[n] = (struct script_row){
				.request = requests[n], .held = 1, .status = 404, .times = SCRIPT_ANY};
			n++;
		}
	}
	return 0;
}

static struct repository *start(struct scripted_tree *st)
{
	static char names[REPOSITORIES][8];
	const char *list[REPOSITORIES];
	struct repository *r;

	for (unsigned k = 0; k < REPOSITORIES; k++) {
		snprintf(names[k], sizeof(names[k]), "r%02u", k);
		list[k] = names[k];
	}
	scripted_tree_start(st, rows, MAX_ROWS, 3600);
	tree_lock(st->tree);
	assert_int_equal(catalog_merge(st->tree, list, REPOSITORIES), 0);
	tree_unlock(st->tree);
	r = scripted_repository(st, "r00");
	assert_int_equal(ask_list(st, r), 0);
	return r;
}

/* A walker asks about a tag. Returns how many requests were sent so far, but for the first list. */
static unsigned look(struct scripted_tree *st, int pid, struct repository *r, unsigned k)
{
	tree_lock(st->tree);
	walk_stat(st->tree, pid, r->tags[k]);
	tree_unlock(st->tree);
	script_settle(st->script);
	return script_sent(st->script) - 1;
}

static void in_a_row(void **state)
{
	struct scripted_tree st;
	struct repository *r = start(&st);

	(void)state;
	assert_int_equal(look(&st, 1, r, 0), 0);
	assert_int_equal(look(&st, 1, r, 1), 0);
	assert_int_equal(look(&st, 1, r, 2), 32); /* the third in a row: a walk */
	/* The window doubles; one place is free again, since the walker came nearer by one. */
	assert_int_equal(look(&st, 1, r, 3), 32 + 32 + 1);
	assert_int_equal(look(&st, 1, r, 4), 32 + 32 + 2);
	assert_int_equal(look(&st, 1, r, 4), 32 + 32 + 2); /* the same again */
	for (unsigned k = 5; k < TAGS; k++)
		assert_true(look(&st, 1, r, k) <= k + WINDOW);
	assert_int_equal(look(&st, 1, r, TAGS - 1), TAGS - 3); /* all but what it had asked about itself */
	scripted_tree_finish(&st);
}

static void no_walk(void **state)
{
	static const unsigned random[] = {50, 3, 97, 20, 19, 18, 17, 40, 46, 52, 58, 64, 99, 0, 99, 0};
	struct scripted_tree st;
	struct repository *r = start(&st);

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(random); k++)
		assert_int_equal(look(&st, 1, r, random[k]), 0);
	assert_int_equal(look(&st, 1, r, 1), 0);
	scripted_tree_finish(&st);
}

static void passes_over(void **state)
{
	struct scripted_tree st;
	struct repository *r = start(&st);

	(void)state;
	look(&st, 1, r, 0);
	look(&st, 1, r, 4); /* what is known is not asked for */
	assert_int_equal(look(&st, 1, r, 7), 32);
	scripted_tree_finish(&st);
}

/* Walkers are told apart: two that take turns are two walks, and neither is none. */
static void two_walkers(void **state)
{
	struct scripted_tree st;
	struct repository *r = start(&st);

	(void)state;
	look(&st, 1, r, 0);
	look(&st, 2, r, 50);
	look(&st, 1, r, 1);
	assert_int_equal(look(&st, 2, r, 51), 0);
	assert_int_equal(look(&st, 1, r, 2), 32);
	assert_int_equal(look(&st, 2, r, 52), 64);
	assert_true(walk_is_alive(st.tree));
	scripted_tree_finish(&st);
}

/* Who was not heard of for a while has gone; whoever comes then begins anew. */
static void gone(void **state)
{
	struct scripted_tree st;
	struct repository *r = start(&st);

	(void)state;
	look(&st, 1, r, 0);
	look(&st, 1, r, 1);
	scripted_tree_advance(10000);
	assert_false(walk_is_alive(st.tree));
	assert_int_equal(look(&st, 1, r, 2), 0);
	assert_true(walk_is_alive(st.tree));
	assert_int_equal(look(&st, 1, r, 3), 0);
	assert_int_equal(look(&st, 1, r, 4), 32);
	scripted_tree_finish(&st);
}

/* More walkers than there are records: nothing breaks. */
static void many_walkers(void **state)
{
	struct scripted_tree st;
	struct repository *r = start(&st);

	(void)state;
	for (unsigned k = 0; k < 50; k++)
		for (int pid = 0; pid < 20; pid++)
			look(&st, pid, r, k);
	scripted_tree_finish(&st);
}

/* What was fetched ahead is given up when the walk is interrupted. */
static void interrupted(void **state)
{
	struct scripted_tree st;
	struct repository *r = start(&st);

	(void)state;
	for (unsigned k = 0; k < 4; k++)
		look(&st, 1, r, k);
	tree_lock(st.tree);
	fetch_cancel_ahead(st.tree);
	tree_unlock(st.tree);
	script_settle(st.script);
	assert_int_equal(script_cancelled(st.script), 65);
	tree_lock(st.tree);
	assert_true(list_empty(&st.tree->ahead));
	tree_unlock(st.tree);
	assert_int_equal(atomic_load(&st.errors), 0);
	scripted_tree_finish(&st);
}

static void list(struct scripted_tree *st, unsigned k)
{
	char name[8];
	struct repository *r;

	snprintf(name, sizeof(name), "r%02u", k);
	r = scripted_repository(st, name);
	assert_int_equal(ask_list(st, r), 0);
	tree_lock(st->tree);
	walk_list(st->tree, 1, r);
	tree_unlock(st->tree);
	script_settle(st->script);
}

/* Who lists one repository after the other finds the next ones listed, and no date is asked for. */
static void lists_ahead(void **state)
{
	struct scripted_tree st;

	(void)state;
	(void)start(&st);
	list(&st, 0);
	assert_int_equal(script_sent(st.script), 1);
	list(&st, 1);
	assert_int_equal(script_sent(st.script), 1 + LISTS); /* the walker has the first of them already */
	for (unsigned k = 2; k < REPOSITORIES; k++)
		list(&st, k);
	assert_int_equal(script_sent(st.script), REPOSITORIES);
	scripted_tree_finish(&st);
}

/* A jump to another repository is no walk across them. */
static void lists_apart(void **state)
{
	struct scripted_tree st;

	(void)state;
	(void)start(&st);
	list(&st, 0);
	list(&st, 5);
	list(&st, 3);
	list(&st, 10);
	assert_int_equal(script_sent(st.script), 4);
	scripted_tree_finish(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_row),    cmocka_unit_test(no_walk),     cmocka_unit_test(passes_over),
		cmocka_unit_test(two_walkers), cmocka_unit_test(gone),        cmocka_unit_test(many_walkers),
		cmocka_unit_test(interrupted), cmocka_unit_test(lists_ahead), cmocka_unit_test(lists_apart),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
