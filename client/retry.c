/* SPDX-License-Identifier: MIT */
#include "retry.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TRIES = 4, MAX_ASKED = 16, BASE_MS = 100, CAP_MS = 5000, NEVER = 1000000, EPOCH = 1000000000 };

int64_t retry_asked(const char *text, time_t now)
{
	char *end;
	time_t date;
	unsigned long seconds;

	if (!text[0])
		return -1;
	if (text[0] >= '0' && text[0] <= '9') {
		seconds = strtoul(text, &end, 10);
		if (*end)
			return -1;
		return (int64_t)(seconds < NEVER ? seconds : NEVER) * 1000;
	}
	date = curl_getdate(text, NULL);
	if (date == (time_t)-1)
		return -1;
	return date > now ? (int64_t)(date - now) * 1000 : 0;
}

/* The number behind NAME= among parameters, or -1. */
static int64_t parameter(const char *text, const char *name)
{
	const size_t n = strlen(name);

	for (const char *p = text; (p = strstr(p, name)); p += n)
		if ((p == text || strchr(" ,;", p[-1])) && p[n] == '=' && p[n + 1] >= '0' && p[n + 1] <= '9')
			return strtol(p + n + 1, NULL, 10);
	return -1;
}

static int64_t number(const char *text)
{
	return text[0] >= '0' && text[0] <= '9' ? strtol(text, NULL, 10) : -1;
}

int64_t retry_exhausted(const char *limit, const char *remaining, const char *reset, time_t now)
{
	int64_t left = parameter(limit, "r"), until = parameter(limit, "t");

	if (left < 0) {
		left = parameter(limit, "remaining");
		until = parameter(limit, "reset");
	}
	if (left < 0) {
		left = number(remaining);
		until = number(reset);
		/* Some say when, in seconds since 1970. */
		if (until > EPOCH)
			until = until > now ? until - now : 0;
	}
	if (left != 0 || until < 0)
		return -1;
	return (until < NEVER ? until : NEVER) * 1000;
}

int64_t retry_delay(const struct retry_facts *f)
{
	int64_t delay, asked = -1;

	switch (f->status) {
	case 0:
		if (!f->transient)
			return -1;
		break;
	case 429:
	case 503:
		asked = retry_asked(f->retry_after, f->now);
		break;
	case 500:
	case 502:
	case 504:
		break;
	default:
		/* A whole answer that will not change, unless its body broke off. */
		if (!f->transient)
			return -1;
	}
	/* That there were too many is no failure: all that is asked for is patience. */
	if (f->tries >= (asked < 0 && f->status != 429 ? MAX_TRIES : MAX_ASKED))
		return -1;
	delay = (int64_t)BASE_MS << (f->tries < 8 ? 2 * (f->tries - 1) : 14);
	if (delay > CAP_MS)
		delay = CAP_MS;
	delay = delay / 2 + (int64_t)f->jitter % (delay / 2 + 1);
	if (asked > delay)
		delay = asked + f->jitter % 250;
	return (uint64_t)delay < f->left_ms ? delay : -1;
}
