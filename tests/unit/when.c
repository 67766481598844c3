/* SPDX-License-Identifier: MIT */
#include "when.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define NOW 1795248902 /* 2026-11-21T08:15:02Z */

static void moments(void **state)
{
	static const struct {
		const char *text;
		long long seconds; /* -1: none */
	} cases[] = {
		{"0s", NOW},
		{"90s", NOW - 90},
		{"30m", NOW - 1800},
		{"2h", NOW - 7200},
		{"7d", NOW - 604800},
		{"2w", NOW - 1209600},
		{"999999d", NOW - 86399913600},
		{"2026-11-21T08:15:02Z", NOW},
		{"2026-11-21T09:15:02+01:00", NOW},
		{"2026-11-21T08:15:02.999Z", NOW},
		{"2026-11-20", NOW - 8 * 3600 - 902 - 86400 + 5 * 3600}, /* five hours west of Greenwich */
		{"2026-07-01", 1782864000 + 4 * 3600}, /* in summer four */
		{"2026-13-01", -1},
		{"2026-02-29", -1},
		{"2026-11-2", -1},
		{"2026-11-20x", -1},
		{"2026-11-20 08:00", -1},
		{"1000000d", -1},
		{"", -1},
		{"h", -1},
		{"2", -1},
		{"2H", -1},
		{"-2h", -1},
		{"2h ", -1},
		{"2 h", -1},
		{"yesterday", -1},
	};

	(void)state;
	setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct timespec t = {.tv_sec = -1};

		check_int(when_parse(cases[i].text, NOW, &t), cases[i].seconds != -1, cases[i].text);
		check_int(t.tv_sec, cases[i].seconds, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(moments)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
