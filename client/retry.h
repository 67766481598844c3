/* SPDX-License-Identifier: MIT */
/* When to try again: a policy without a clock, a random source or a network of its own. */
#ifndef REG_RETRY_H
#define REG_RETRY_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct retry_facts {
	unsigned tries; /* attempts made, at least 1 */
	int status; /* of the last answer, 0 if there was none */
	bool transient; /* the connection broke in a way that another attempt may not meet */
	const char *retry_after; /* the header, seconds or an HTTP date, or "" */
	time_t now; /* wall clock, for a date */
	uint64_t left_ms; /* until the deadline */
	unsigned jitter; /* any number: spreads clients that failed together */
};

/* The wait that a Retry-After asks for in milliseconds, or -1 if it asks for none. */
int64_t retry_asked(const char *text, time_t now);
/*
 * Milliseconds until more is taken, where RateLimit (all forms of the drafts), or RateLimit-Remaining and
 * RateLimit-Reset, say that nothing is left, and until when; -1 otherwise.
 */
int64_t retry_exhausted(const char *limit, const char *remaining, const char *reset, time_t now);

/*
 * Milliseconds to wait before the next attempt, or -1: give up. Only for requests that may be repeated. An
 * answer that asks for a longer wait than is left gives up at once: waiting in vain helps nobody.
 */
int64_t retry_delay(const struct retry_facts *f);

#endif
