/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static void valid(void **state)
{
	static const struct {
		const char *text;
		long long sec;
		long nsec;
		const char *why;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0, 0, "epoch"},
		{"1969-12-31T23:59:59.25Z", -1, 250000000, "before the epoch"},
		{"2024-02-29T12:34:56.789Z", 1709210096, 789000000, "leap day"},
		{"2000-02-29T00:00:00Z", 951782400, 0, "leap century"},
		{"2023-05-04T17:37:03.872958712Z", 1683221823, 872958712, "docker's nine digits"},
		{"2023-05-04T17:37:03.8729587129999Z", 1683221823, 872958712, "more digits are cut"},
		{"2023-05-04T17:37:03.000000001Z", 1683221823, 1, "a nanosecond"},
		{"2023-05-04t17:37:03z", 1683221823, 0, "lower case"},
		{"2023-05-04T19:37:03+02:00", 1683221823, 0, "east"},
		{"2023-05-04T12:07:03-05:30", 1683221823, 0, "west"},
		{"2023-05-04T17:37:03-00:00", 1683221823, 0, "offset not known (RFC 3339, 4.3)"},
		{"2016-12-31T23:59:60Z", 1483228800, 0, "leap second"},
		{"0001-01-01T00:00:00Z", -62135596800, 0, "Go's zero time"},
		{"9999-12-31T23:59:59Z", 253402300799, 0, "last"},
		{"0001-01-01T00:00:00+23:59", -62135683140, 0, "before year 1 by offset"},
		{"1980-01-01T00:00:01Z", 315532801, 0, "nix"},
		{"2038-01-19T03:14:08Z", 2147483648, 0, "past 31 bits"},
		{"2100-03-01T00:00:00Z", 4107542400, 0, "after a century without leap day"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct timespec date;

		check(reg_date_parse(cases[i].text, &date), cases[i].why);
		check_int(date.tv_sec, cases[i].sec, cases[i].why);
		check_int(date.tv_nsec, cases[i].nsec, cases[i].why);
	}
}

static void invalid(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{NULL, "nothing"},
		{"", "empty"},
		{"2023-05-04", "day alone"},
		{"2023-05-04T17:37Z", "no seconds"},
		{"2023-05-04T17:37:03", "no zone"},
		{"2023-05-04 17:37:03Z", "space"},
		{"2023-05-04T17:37:03.Z", "point without digits"},
		{"2023-05-04T17:37:03,5Z", "comma"},
		{"2023-05-04T17:37:03Z ", "space behind"},
		{" 2023-05-04T17:37:03Z", "space before"},
		{"2023-05-04T17:37:03ZZ", "two zones"},
		{"2023-05-04T17:37:03+0200", "offset without a colon"},
		{"2023-05-04T17:37:03+2:00", "short offset"},
		{"2023-05-04T17:37:03+24:00", "offset of a day"},
		{"2023-05-04T17:37:03+02:60", "60 minutes of offset"},
		{"2023-05-04T17:37:03+-2:00", "two signs"},
		{"2023-02-29T00:00:00Z", "no leap year"},
		{"1900-02-29T00:00:00Z", "century"},
		{"2023-02-30T00:00:00Z", "February 30"},
		{"2023-04-31T00:00:00Z", "April 31"},
		{"2023-00-01T00:00:00Z", "month 0"},
		{"2023-13-01T00:00:00Z", "month 13"},
		{"2023-01-00T00:00:00Z", "day 0"},
		{"2023-01-32T00:00:00Z", "day 32"},
		{"0000-01-01T00:00:00Z", "year 0"},
		{"10000-01-01T00:00:00Z", "year 10000"},
		{"-001-01-01T00:00:00Z", "negative year"},
		{"2023-05-04T24:00:00Z", "hour 24"},
		{"2023-05-04T17:60:00Z", "minute 60"},
		{"2023-05-04T17:37:61Z", "second 61"},
		{"2023-5-4T17:37:03Z", "single digits"},
		{"2023-05-04T17:37:+3Z", "sign among the digits"},
		{"2023-05-04T17:37:0x3Z", "hexadecimal"},
		{"Thu, 04 May 2023 17:37:03 GMT", "HTTP's form"},
		{"1683221823", "seconds"},
		{"2023-05-04T17:37:03\xef\xbc\xba", "full-width Z"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct timespec date = {.tv_sec = 42, .tv_nsec = 43};

		check(!reg_date_parse(cases[i].text, &date), cases[i].why);
		check(date.tv_sec == 42 && date.tv_nsec == 43, cases[i].why);
	}
}

/* Noon of every day of 800 years, against the C library. */
static void calendar(void **state)
{
	(void)state;
	for (time_t t = -11676096000; t < 13569465600; t += 86400) {
		struct timespec date;
		char text[40];
		struct tm tm;

		assert_non_null(gmtime_r(&(time_t){t + 43200}, &tm));
		snprintf(text, sizeof(text), "%04d-%02d-%02dT12:00:00Z", tm.tm_year + 1900, tm.tm_mon + 1,
			 tm.tm_mday);
		check(reg_date_parse(text, &date), text);
		check_int(date.tv_sec, t + 43200, text);
	}
}

static void plausible(void **state)
{
	static const struct timespec now = {.tv_sec = 1700000000, .tv_nsec = 500};
	static const struct {
		struct timespec date;
		bool plausible;
		const char *why;
	} cases[] = {
		{{1363737600, 0}, true, "the first day"},
		{{1363737599, 999999999}, false, "just before it"},
		{{1700000000, 500}, true, "now"},
		{{1700000000, 501}, false, "a nanosecond ahead"},
		{{1700000001, 0}, false, "a second ahead"},
		{{1699999999, 999999999}, true, "just now"},
		{{0, 0}, false, "1970"},
		{{315532800, 0}, false, "1980"},
		{{-62135596800, 0}, false, "year 1"},
		{{253402300799, 0}, false, "year 9999"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_int(reg_date_plausible(&cases[i].date, &now), cases[i].plausible, cases[i].why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid),
		cmocka_unit_test(invalid),
		cmocka_unit_test(calendar),
		cmocka_unit_test(plausible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
