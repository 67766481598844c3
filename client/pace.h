/* SPDX-License-Identifier: MIT */
/*
 * How fast one host is asked, and whether at all: a policy without a clock or a network of its own.
 *
 * A host that says "too many requests" slows all transfers to it, not the one that it said it to. Nothing
 * starts while it wants to be left alone; then one request probes, and the rest follow at a rate below the
 * one that was too high, which grows slowly near that one and fast beyond it (as TCP's CUBIC does, and the
 * clients of AWS). A host that cannot be reached is not asked for a while: calls are answered at once with
 * what went wrong, until one request that is let through finds it back.
 */
#ifndef REG_PACE_H
#define REG_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "registry.h"

struct pace {
	/* Requests a second. */
	double rate; /* 0: no limit */
	double met; /* where the limit was met last */
	double seen; /* what the host took lately */
	uint64_t met_at, bucket, taken; /* taken: since bucket began, in milliseconds */
	double next; /* no request before: milliseconds */
	uint64_t until; /* nothing at all before: the host asked for it */
	unsigned strikes; /* refusals in a row */
	unsigned row; /* 503 in a row */
	bool vague; /* so many that they are refusals: no other word for a limit is known here */
	uint64_t good; /* when it last took a request */
	bool probe, probing; /* one request goes first; it is under way */
	bool first; /* there was no limit before that was met */
	/* A host that cannot be reached. */
	unsigned failures; /* in a row */
	uint64_t dead_until;
	struct reg_error last;
};

enum pace_verdict { PACE_GO, PACE_WAIT, PACE_DEAD };

/* May a request start? *ret_ms: after PACE_WAIT, how long until it is worth asking again, if nothing ends
 * before. */
enum pace_verdict pace_ask(const struct pace *p, uint64_t now, uint64_t *ret_ms);
/* It does. Every start is followed by one of those below. */
void pace_start(struct pace *p, uint64_t now);

/* An answer, of whatever sort but the next; started: when its request was. */
void pace_served(struct pace *p, uint64_t now, uint64_t started);
/* Too many requests. asked_ms: the wait that the host asked for, or -1. */
void pace_refused(struct pace *p, uint64_t now, uint64_t started, int64_t asked_ms);
/*
 * 503, and not how long: a fault of one request, unless there are many in a row. Then it is a limit, told as
 * nginx tells one by default, or nobody is behind the proxy: that host is left alone as one that is not there.
 */
void pace_unavailable(struct pace *p, uint64_t now, uint64_t started, const struct reg_error *error);
void pace_unreachable(struct pace *p, uint64_t now, const struct reg_error *error);
/* Given up, or a broken connection; reached: there was one. */
void pace_ended(struct pace *p, bool reached);

/* It says beforehand that it will take no more for so long. */
void pace_exhausted(struct pace *p, uint64_t now, uint64_t ms);
/*
 * Is a request that has waited since `since`, and may wait timeout_ms, to be given up? Only because of
 * refusals: how long a queue is has no limit.
 */
bool pace_hopeless(const struct pace *p, uint64_t now, uint64_t since, uint64_t timeout_ms);
/* Nothing is known of it that a new one would not know. */
bool pace_idle(const struct pace *p, uint64_t now);

#endif
