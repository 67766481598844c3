/* SPDX-License-Identifier: MIT */
/* What the registry's configuration says of what its storage holds: storage-settings.c has the rest of it. */
#include <stdio.h>
#include <string.h>

#include "settings.h"

#define A "version: 0.1\nstorage: {filesystem: {rootdirectory: /A}}\n"

static void kind(void **state)
{
#define PLATFORMS(x) "validation: {manifests: {indexes: {platforms: " x "}}}"
	static const struct {
		const char *why, *more;
		const char *env[MAX_ENV];
		bool sparse, database;
	} cases[] = {
		{"nothing", "", {0}, 0, 0},
		{"no child is asked for", PLATFORMS("none"), {0}, 1, 0},
		{"some are", PLATFORMS("List"), {0}, 1, 0},
		{"all are", PLATFORMS("all"), {0}, 0, 0},
		{"by environment", "", {"REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMS=none"}, 1, 0},
		{"all, by environment",
		 PLATFORMS("none"),
		 {"REGISTRY_VALIDATION_MANIFESTS_INDEXES_PLATFORMS=all"},
		 0,
		 0},
		{"links alone", "validation: {manifests: {urls: {allow: [x]}}}", {0}, 0, 0},
		{"a database", "database: {enabled: true, host: h}", {0}, 0, 1},
		{"perhaps", "database: {enabled: prefer}", {0}, 0, 1},
		{"quoted", "database: {enabled: \"true\"}", {0}, 0, 1},
		{"by environment", "", {"REGISTRY_DATABASE_ENABLED=true"}, 0, 1},
		{"turned off", "database: {enabled: false, host: h}", {0}, 0, 0},
		{"not turned on", "database: {host: h}", {0}, 0, 0},
		{"no section", "database: x", {0}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error e = {.msg = "no error"};
		struct settings s;
		char yaml[500];

		snprintf(yaml, sizeof(yaml), "%s%s\n", A, cases[i].more);
		if (parse(yaml, cases[i].env, &s, &e) < 0)
			fail_msg("%s: %s", cases[i].why, e.msg);
		check_int(s.sparse, cases[i].sparse, cases[i].why);
		check_int(s.database, cases[i].database, cases[i].why);
		settings_done(&s);
	}
#undef PLATFORMS
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
