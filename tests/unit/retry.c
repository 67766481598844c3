/* SPDX-License-Identifier: MIT */
#include "retry.h"

#include <stdio.h>

#include "unit.h"

enum { NOW = 1700000000 }; /* Tue, 14 Nov 2023 22:13:20 GMT */

#define LONG_ENOUGH 100000000

static const struct {
	const char *why;
	int status;
	bool transient;
	unsigned tries;
	const char *retry_after;
	uint64_t left_ms;
	long long least, most; /* -1: gives up */
} cases[] = {
	{"a lasting failure of the network", 0, false, 1, "", LONG_ENOUGH, -1, -1},
	{"a connection that broke", 0, true, 1, "", LONG_ENOUGH, 50, 100},
	{"again", 0, true, 2, "", LONG_ENOUGH, 200, 400},
	{"and again", 0, true, 3, "", LONG_ENOUGH, 800, 1600},
	{"four attempts are enough", 0, true, 4, "", LONG_ENOUGH, -1, -1},
	{"many more are too many", 0, true, 4000000, "", LONG_ENOUGH, -1, -1},
	{"a whole answer", 200, false, 1, "", LONG_ENOUGH, -1, -1},
	{"an answer that broke off", 200, true, 1, "", LONG_ENOUGH, 50, 100},
	{"400", 400, false, 1, "", LONG_ENOUGH, -1, -1},
	{"401", 401, false, 1, "", LONG_ENOUGH, -1, -1},
	{"403", 403, false, 1, "1", LONG_ENOUGH, -1, -1},
	{"404", 404, false, 1, "", LONG_ENOUGH, -1, -1},
	{"405", 405, false, 1, "", LONG_ENOUGH, -1, -1},
	{"416", 416, false, 1, "", LONG_ENOUGH, -1, -1},
	{"501 will not change", 501, false, 1, "", LONG_ENOUGH, -1, -1},
	{"500", 500, false, 1, "", LONG_ENOUGH, 50, 100},
	{"502", 502, false, 2, "", LONG_ENOUGH, 200, 400},
	{"504", 504, false, 3, "", LONG_ENOUGH, 800, 1600},
	{"500 asks for nothing", 500, false, 1, "20", LONG_ENOUGH, 50, 100},
	{"429 that does not say", 429, false, 1, "", LONG_ENOUGH, 50, 100},
	{"429 four times", 429, false, 4, "", LONG_ENOUGH, 2500, 5000},
	{"429, and no end of it", 429, false, 16, "", LONG_ENOUGH, -1, -1},
	{"503 in seconds", 503, false, 1, "7", LONG_ENOUGH, 7000, 7249},
	{"asked to wait is waited for oftener", 429, false, 15, "30", LONG_ENOUGH, 30000, 30249},
	{"but not for ever", 429, false, 16, "30", LONG_ENOUGH, -1, -1},
	{"at once means soon", 429, false, 1, "0", LONG_ENOUGH, 50, 100},
	{"at once, again and again: later and later", 429, false, 15, "0", LONG_ENOUGH, 2500, 5000},
	{"longer than is left", 429, false, 1, "31", 30000, -1, -1},
	{"just as long as is left", 429, false, 1, "30", 30000, -1, -1},
	{"nothing is left", 502, false, 1, "", 0, -1, -1},
	{"less is left than the pause", 502, false, 3, "", 799, -1, -1},
	{"a wait of centuries", 429, false, 1, "99999999999", LONG_ENOUGH, -1, -1},
	{"a wait beyond any number", 429, false, 1, "99999999999999999999999999", LONG_ENOUGH, -1, -1},
	{"a date", 503, false, 1, "Tue, 14 Nov 2023 22:13:25 GMT", LONG_ENOUGH, 5000, 5249},
	{"a date in the old form", 503, false, 1, "Tuesday, 14-Nov-23 22:13:25 GMT", LONG_ENOUGH, 5000, 5249},
	{"a date that is past", 503, false, 1, "Tue, 14 Nov 2023 22:13:19 GMT", LONG_ENOUGH, 50, 100},
	{"a date far away", 503, false, 1, "Wed, 14 Nov 2050 22:13:20 GMT", LONG_ENOUGH, -1, -1},
	{"garbage", 503, false, 1, "soon", LONG_ENOUGH, 50, 100},
	{"garbage after a number", 503, false, 1, "5 apples", LONG_ENOUGH, 50, 100},
	{"a fraction", 503, false, 1, "1.5", LONG_ENOUGH, 50, 100},
	{"a negative number", 503, false, 1, "-5", LONG_ENOUGH, 50, 100},
	{"garbage is tried as often as nothing", 503, false, 4, "soon", LONG_ENOUGH, -1, -1},
};

static void delays(void **state)
{
	static const unsigned jitters[] = {0, 1, 49, 50, 249, 250, 12345, ~0U};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		for (size_t j = 0; j < ARRAY_SIZE(jitters); j++) {
			const struct retry_facts facts = {
				.tries = cases[k].tries,
				.status = cases[k].status,
				.transient = cases[k].transient,
				.retry_after = cases[k].retry_after,
				.now = NOW,
				.left_ms = cases[k].left_ms,
				.jitter = jitters[j],
			};
			const int64_t delay = retry_delay(&facts);

			check(delay >= cases[k].least && delay <= cases[k].most, cases[k].why);
		}
	}
}

static void exhausted(void **state)
{
	static const struct {
		const char *limit, *remaining, *reset;
		long long want;
	} rows[] = {
		{"", "", "", -1},
		{"limit=100, remaining=0, reset=7", "", "", 7000},
		{"limit=100, remaining=1, reset=7", "", "", -1},
		{"\"default\";r=0;t=7", "", "", 7000},
		{"\"default\";r=50;t=7", "", "", -1},
		{"\"error=0;t=\"", "", "", -1},
		{"", "0", "7", 7000},
		{"", "1", "7", -1},
		{"", "0", "1700000009", 9000}, /* GitLab: when */
		{"", "0", "1600000000", 0}, /* that is past */
		{"", "0;w=21600", "", -1}, /* Docker Hub: in what window, not when it ends */
		{"", "0", "99999999999999999999", 1000000000},
		{"", "none", "7", -1},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
		char why[16];

		snprintf(why, sizeof(why), "row %zu", k);
		check_int(retry_exhausted(rows[k].limit, rows[k].remaining, rows[k].reset, NOW), rows[k].want,
			  why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(delays), cmocka_unit_test(exhausted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
