/* SPDX-License-Identifier: MIT */
#include "retry.h"

#include <curl/curl.h>
#include <stdlib.h>

enum { MAX_TRIES = 4, MAX_ASKED = 16, BASE_MS = 100, CAP_MS = 5000, NEVER = 1000000 };

/* The wait that the server asks for, or -1 if it asks for none. */
static int64_t asked_for(const char *text, time_t now)
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
		asked = asked_for(f->retry_after, f->now);
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
	if (f->tries >= (asked < 0 ? MAX_TRIES : MAX_ASKED))
		return -1;
	delay = (int64_t)BASE_MS << (f->tries < 8 ? 2 * (f->tries - 1) : 14);
	if (delay > CAP_MS)
		delay = CAP_MS;
	delay = delay / 2 + (int64_t)f->jitter % (delay / 2 + 1);
	if (asked > delay)
		delay = asked + f->jitter % 250;
	return (uint64_t)delay < f->left_ms ? delay : -1;
}
