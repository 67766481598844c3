/* SPDX-License-Identifier: MIT */
#include "when.h"

#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

static bool parse_ago(const char *text, time_t now, struct timespec *ret)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	const size_t n = strspn(text, "0123456789");
	int64_t number = 0;

	if (!n || n > 6 || !text[n] || text[n + 1])
		return false;
	for (size_t i = 0; i < n; i++)
		number = number * 10 + (text[i] - '0');
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].letter != text[n])
			continue;
		*ret = (struct timespec){.tv_sec = (time_t)(now - number * units[i].seconds)};
		return true;
	}
	return false;
}

static bool parse_day(const char *text, struct timespec *ret)
{
	struct timespec midnight; /* in Greenwich: says whether there is such a day */
	char whole[32];
	struct tm tm;

	if (strlen(text) != strlen("2026-11-20"))
		return false;
	snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
	if (!reg_date_parse(whole, &midnight) || !gmtime_r(&midnight.tv_sec, &tm))
		return false;
	tm.tm_isdst = -1;
	*ret = (struct timespec){.tv_sec = mktime(&tm)};
	return true;
}

bool when_parse(const char *text, time_t now, struct timespec *ret)
{
	return parse_ago(text, now, ret) || parse_day(text, ret) || reg_date_parse(text, ret);
}
