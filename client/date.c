/* SPDX-License-Identifier: MIT */
#include "registry.h"

/* 2013-03-20T00:00:00Z, the day docker was released: no container image is older. */
#define FIRST_IMAGE 1363737600

/* Exactly n digits, or false; moves on behind them. */
static bool digits(const char **p, int n, int *ret)
{
	int value = 0;

	for (int i = 0; i < n; i++) {
		const char c = (*p)[i];

		if (c < '0' || c > '9')
			return false;
		value = value * 10 + (c - '0');
	}
	*p += n;
	*ret = value;
	return true;
}

static bool skip(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970-01-01, in the Gregorian calendar extended backwards. A year begins in March here. */
static int64_t days_since_epoch(int year, int month, int day)
{
	const int y = month <= 2 ? year - 1 : year;
	const int month_from_march = (month + 9) % 12;
	const int day_of_year = (153 * month_from_march + 2) / 5 + day - 1;

	return (int64_t)365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static bool parse_day(const char **p, int64_t *ret_days)
{
	int year, month, day;

	if (!digits(p, 4, &year) || !skip(p, '-') || !digits(p, 2, &month) || !skip(p, '-') ||
	    !digits(p, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	*ret_days = days_since_epoch(year, month, day);
	return true;
}

/* A leap second (:60) counts as the second after it, as POSIX time has none. */
static bool parse_time(const char **p, int64_t *ret_seconds)
{
	int hour, minute, second;

	if (!digits(p, 2, &hour) || !skip(p, ':') || !digits(p, 2, &minute) || !skip(p, ':') ||
	    !digits(p, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 60)
		return false;
	*ret_seconds = (int64_t)hour * 3600 + minute * 60 + second;
	return true;
}

/* Digits beyond the ninth are cut off. */
static bool parse_fraction(const char **p, long *ret_nsec)
{
	long nsec = 0, unit = 100000000;

	*ret_nsec = 0;
	if (!skip(p, '.'))
		return true;
	if (**p < '0' || **p > '9')
		return false;
	for (; **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
		nsec += (**p - '0') * unit;
	*ret_nsec = nsec;
	return true;
}

static bool parse_offset(const char **p, int64_t *ret_seconds)
{
	int hour, minute, sign;

	*ret_seconds = 0;
	if (skip(p, 'Z') || skip(p, 'z'))
		return true;
	sign = **p == '-' ? -1 : 1;
	if (!skip(p, '+') && !skip(p, '-'))
		return false;
	if (!digits(p, 2, &hour) || !skip(p, ':') || !digits(p, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*ret_seconds = sign * ((int64_t)hour * 3600 + minute * 60);
	return true;
}

bool reg_date_parse(const char *text, struct timespec *ret)
{
	int64_t days, seconds, offset, sum;
	const char *p = text;
	long nsec;

	if (!p || !parse_day(&p, &days) || (!skip(&p, 'T') && !skip(&p, 't')))
		return false;
	if (!parse_time(&p, &seconds) || !parse_fraction(&p, &nsec) || !parse_offset(&p, &offset) || *p)
		return false;
	sum = days * 86400 + seconds - offset;
	if ((int64_t)(time_t)sum != sum) /* a system with 32 bits for the time */
		return false;
	*ret = (struct timespec){.tv_sec = (time_t)sum, .tv_nsec = nsec};
	return true;
}

bool reg_date_plausible(const struct timespec *date, const struct timespec *now)
{
	if (date->tv_sec < FIRST_IMAGE)
		return false;
	return date->tv_sec < now->tv_sec || (date->tv_sec == now->tv_sec && date->tv_nsec <= now->tv_nsec);
}
