/* SPDX-License-Identifier: MIT */
#include "pace.h"

#include <math.h>

/*
 * In milliseconds, but for the rates. DEAD_AFTER: how many requests in a row fail to reach a host before it
 * is left alone. VAGUE_AFTER: how many 503 in a row are no accident.
 */
enum {
	BUCKET = 500,
	FIRST_PAUSE = 200,
	LAST_PAUSE = 5000,
	DEAD_AFTER = 5,
	VAGUE_AFTER = 5,
	FIRST_REST = 1000,
	LAST_REST = 30000,
	LONGEST = 600000, /* a mount stands for months: one mistaken number must not end it */
};

#define LOWEST 1.0 /* requests a second */
#define GUESS 20.0 /* where nobody asked for much before */
#define HIGHEST 2000.0 /* nobody limits this: so does nothing */
#define DROP 0.7 /* of what was too fast */
#define GROWTH 0.4 /* CUBIC's constant */

static uint64_t doubled(uint64_t first, unsigned times, uint64_t last)
{
	const uint64_t ms = first << (times < 16 ? times : 16);

	return ms < last ? ms : last;
}

/*
 * After the first refusal hardly anything is known of the limit: the rate doubles each second, until the
 * next. From then on the curve is flat where the limit was met, and steep far from there.
 */
static double rate_at(const struct pace *p, uint64_t now)
{
	const uint64_t from = p->until > p->met_at ? p->until : p->met_at;
	const double growth = GROWTH * (p->met < GUESS ? p->met / GUESS : 1); /* what is slow grows slowly */
	const double t = (double)(now - p->met_at) / 1000 - cbrt(p->met * (1 - DROP) / growth);
	const double rate = growth * t * t * t + p->met;

	if (p->first)
		return p->met * DROP * (now > from ? exp2((double)(now - from) / 1000) : 1);
	return rate > LOWEST ? rate : LOWEST;
}

static void count(struct pace *p, uint64_t now)
{
	const uint64_t length = now - p->bucket;

	if (length >= BUCKET) {
		p->seen = 0.8 * (double)p->taken * 1000 / (double)length + 0.2 * p->seen;
		p->bucket = now;
		p->taken = 0;
	}
}

enum pace_verdict pace_ask(const struct pace *p, uint64_t now, uint64_t *ret_ms)
{
	*ret_ms = 1000;
	if (p->dead_until && (now < p->dead_until || p->probing))
		return PACE_DEAD;
	if (p->until > now) {
		*ret_ms = p->until - now;
		return PACE_WAIT;
	}
	if (p->probing)
		return PACE_WAIT;
	if (p->rate > 0 && p->next > (double)now) {
		*ret_ms = (uint64_t)ceil(p->next - (double)now);
		return PACE_WAIT;
	}
	return PACE_GO;
}

void pace_start(struct pace *p, uint64_t now)
{
	p->probing = p->probing || p->probe || p->dead_until;
	if (p->rate <= 0)
		return;
	p->rate = rate_at(p, now);
	if (p->rate > HIGHEST)
		p->rate = 0;
	else
		p->next = (p->next > (double)now - 5 ? p->next : (double)now) + 1000 / p->rate;
}

static void set_reached(struct pace *p)
{
	p->failures = 0;
	p->dead_until = 0;
	p->probing = false;
}

void pace_served(struct pace *p, uint64_t now, uint64_t started)
{
	set_reached(p);
	p->row = 0;
	/* What was under way when the first was refused tells how much would have been taken. */
	if (p->rate > 0 && p->first && started <= p->met_at && now - p->met_at < 4 * BUCKET)
		p->met += 1000.0 / BUCKET;
	count(p, now);
	p->taken++;
	p->good = now;
	if (p->until <= now) {
		p->strikes = 0;
		p->probe = false;
	}
}

void pace_refused(struct pace *p, uint64_t now, uint64_t started, int64_t asked_ms)
{
	/* One that was under way when the pace was lowered says nothing of the lower one. */
	const bool known = p->met_at && started <= p->met_at;
	uint64_t wait = asked_ms >= 0 ? (uint64_t)asked_ms : doubled(FIRST_PAUSE, p->strikes, LAST_PAUSE);
	double lately;

	if (wait > LONGEST)
		wait = LONGEST;
	set_reached(p);
	if (!known || asked_ms > 0)
		p->until = p->until > now + wait ? p->until : now + wait;
	p->probe = true;
	if (known)
		return;
	count(p, now);
	lately = (double)p->taken * 1000 / (now - p->bucket > BUCKET ? (double)(now - p->bucket) : BUCKET);
	p->first = p->rate <= 0;
	p->met = p->seen > lately ? p->seen : lately;
	if (p->rate > 0 && p->rate < p->met)
		p->met = p->rate;
	if (p->met < (p->first ? GUESS : LOWEST))
		p->met = p->first ? GUESS : LOWEST;
	p->met_at = now;
	p->rate = rate_at(p, now);
	p->strikes++;
}

void pace_unavailable(struct pace *p, uint64_t now, uint64_t started, const struct reg_error *error)
{
	p->vague = ++p->row >= VAGUE_AFTER || (p->vague && p->rate > 0);
	if (!p->vague) {
		pace_ended(p, true);
		return;
	}
	pace_refused(p, now, started, -1);
	p->last = *error;
	if (p->strikes < DEAD_AFTER)
		return;
	p->dead_until = now + doubled(FIRST_REST, p->strikes - DEAD_AFTER, LAST_REST);
	if (p->dead_until < p->until)
		p->dead_until = p->until;
}

void pace_unreachable(struct pace *p, uint64_t now, const struct reg_error *error)
{
	p->probing = false;
	p->last = *error;
	if (++p->failures < DEAD_AFTER)
		return;
	/* Those that were under way with it count for nothing more. */
	if (p->dead_until > now)
		p->failures--;
	else
		p->dead_until = now + doubled(FIRST_REST, p->failures - DEAD_AFTER, LAST_REST);
}

void pace_ended(struct pace *p, bool reached)
{
	p->probing = false;
	if (reached)
		set_reached(p);
}

void pace_exhausted(struct pace *p, uint64_t now, uint64_t ms)
{
	if (ms > LONGEST)
		ms = LONGEST;
	if (p->until < now + ms)
		p->until = now + ms;
	p->probe = true;
}

bool pace_hopeless(const struct pace *p, uint64_t now, uint64_t since, uint64_t timeout_ms)
{
	const uint64_t from = since > p->good ? since : p->good;

	if (p->until > now && p->until - now > timeout_ms)
		return true;
	return p->strikes && now > from && now - from > timeout_ms;
}

bool pace_idle(const struct pace *p, uint64_t now)
{
	return p->rate <= 0 && !p->failures && p->until <= now && !p->probing;
}
