/* SPDX-License-Identifier: MIT */
#include "scope.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void covering(void **state)
{
	static const struct {
		const char *scopes, *wanted;
		bool covered;
		const char *why;
	} cases[] = {
		{"repository:a:pull", "repository:a:pull", true, "the same"},
		{"repository:a:push,pull", "repository:a:pull,push", true, "another order"},
		{"repository:a:pull", "repository:a:pull,push", false, "less"},
		{"repository:a:*", "repository:a:delete", true, "all actions"},
		{"repository:a:pull", "repository:a:*", false, "all are wanted"},
		{"repository:b:pull", "repository:a:pull", false, "another repository"},
		{"repository:ab:pull", "repository:a:pull", false, "a longer name"},
		{"repository:a:pulls", "repository:a:pull", false, "a longer action"},
		{"repository:a:pull repository:a:push", "repository:a:pull,push", true, "in two scopes"},
		{"repository:b:pull  repository:a:pull", "repository:a:pull", true, "the second"},
		{"repository:h:5000/a:pull", "repository:h:5000/a:pull", true, "a colon in the name"},
		{"registry:catalog:*", "registry:catalog:*", true, "the catalog"},
		{"", "registry:catalog:*", false, "nothing is held"},
		{"", "", true, "nothing is wanted"},
		{"", "nonsense", true, "no scope is no wish"},
		{"nonsense", "repository:a:pull", false, "no scope holds nothing"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_int(reg_scope_covers(cases[i].scopes, cases[i].wanted), cases[i].covered, cases[i].why);
}

static void joining(void **state)
{
	static const struct {
		const char *theirs, *ours, *both, *why;
	} cases[] = {
		{"", "repository:a:pull", "repository:a:pull", "they say nothing"},
		{"repository:a:pull,push", "repository:a:pull", "repository:a:pull,push", "theirs is wider"},
		{"repository:a:pull", "repository:a:delete", "repository:a:pull repository:a:delete",
		 "theirs first"},
		{"repository:a:delete", "", "repository:a:delete", "we need nothing"},
		{"", "", "", "nobody says anything"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *both = reg_scope_join(cases[i].theirs, cases[i].ours);

		check_text(both, cases[i].both, cases[i].why);
		free(both);
	}
}

static void words(void **state)
{
	static const struct {
		const char *scope, *words, *held, *actions;
	} cases[] = {
		{"repository:a/b:delete", "to delete in a/b", "repository:a/b:pull,push", "pull,push"},
		{"repository:a:pull,push", "to pull,push in a", "repository:b:pull", "nothing"},
		{"registry:catalog:*", "to list the repositories (registry:catalog:*)", "", "nothing"},
		{"other:a:b", "for other:a:b", "x", "nothing"},
		{"", "to do this", "repository:a:pull", "nothing"},
		{"repository:a:pull", "to pull in a", "repository:a:", "nothing"},
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		reg_scope_words(cases[i].scope, text, sizeof(text));
		check_text(text, cases[i].words, cases[i].scope);
		reg_scope_held(cases[i].held, cases[i].scope, text, sizeof(text));
		check_text(text, cases[i].actions, cases[i].scope);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(covering),
		cmocka_unit_test(joining),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
