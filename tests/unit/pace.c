/* SPDX-License-Identifier: MIT */
#include "pace.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

enum { START = 1000000 };

/* Asks as often as it may until `end`; a server takes `limit` a second, and so many at once. */
struct server {
	double limit, burst, credit;
	uint64_t last;
	unsigned taken, refused;
};

static bool takes(struct server *s, uint64_t now)
{
	s->credit += s->limit * (double)(now - s->last) / 1000;
	s->last = now;
	if (s->credit > s->burst)
		s->credit = s->burst;
	if (s->credit < 1) {
		s->refused++;
		return false;
	}
	s->credit -= 1;
	s->taken++;
	return true;
}

static void ask_until(struct pace *p, struct server *s, uint64_t *now, uint64_t end)
{
	uint64_t wait;

	while (*now < end) {
		if (pace_ask(p, *now, &wait) != PACE_GO) {
			*now += wait < 10 ? wait : 10;
			continue;
		}
		pace_start(p, *now);
		if (takes(s, *now))
			pace_served(p, *now, *now);
		else
			pace_refused(p, *now, *now, -1);
		*now += p->rate > 0 ? 0 : 1;
	}
}

static void finds_the_limit(void **state)
{
	static const double limits[] = {2, 10, 100, 500};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(limits); k++) {
		struct pace p = {0};
		struct server s = {.limit = limits[k], .burst = 5, .last = START};
		uint64_t now = START;

		ask_until(&p, &s, &now, START + 10000); /* it may look for it first */
		s.taken = s.refused = 0;
		ask_until(&p, &s, &now, START + 130000);
		check(s.taken > 120 * limits[k] * 0.6, "most of what is offered is taken");
		check(s.refused < s.taken / 5 + 10, "few are refused");
	}
}

static const struct reg_error unavailable = {.err = -EAGAIN, .status = 503, .msg = "not now"};

static void answer_503(struct pace *p, uint64_t now)
{
	pace_start(p, now);
	pace_unavailable(p, now, now, &unavailable);
}

/* One 503 is an accident; many in a row are a limit, and after that each is, until it is forgotten. */
static void vague(void **state)
{
	struct pace p = {0};
	uint64_t wait;

	(void)state;
	for (unsigned k = 0; k < 20; k++) {
		answer_503(&p, START);
		assert_int_equal(pace_ask(&p, START, &wait), PACE_GO);
		if (k % 4 == 3)
			pace_served(&p, START, START);
	}
	answer_503(&p, START);
	for (unsigned k = 0; k < 5; k++)
		pace_unavailable(&p, START, START, &unavailable);
	assert_int_equal(pace_ask(&p, START, &wait), PACE_WAIT);
	pace_start(&p, START + 200);
	pace_served(&p, START + 200, START + 200);
	pace_start(&p, START + 400);
	assert_int_equal(pace_ask(&p, START + 600, &wait), PACE_GO);
	answer_503(&p, START + 600);
	assert_int_equal(pace_ask(&p, START + 601, &wait), PACE_WAIT);
	pace_start(&p, START + 60000);
	pace_served(&p, START + 60000, START + 60000);
	assert_int_equal(pace_ask(&p, START + 60000, &wait), PACE_GO); /* forgotten */
	answer_503(&p, START + 60000);
	assert_int_equal(pace_ask(&p, START + 60001, &wait), PACE_GO);
}

/* Nobody behind the proxy: nothing else than 503, however slowly it is asked. */
static void nobody_behind(void **state)
{
	struct pace p = {0};
	uint64_t wait, now = START;
	unsigned asked = 0;

	(void)state;
	for (; pace_ask(&p, now, &wait) != PACE_DEAD; asked++) {
		for (; pace_ask(&p, now, &wait) == PACE_WAIT; now += wait)
			;
		answer_503(&p, now);
	}
	assert_in_range(asked, 5, 20);
	assert_in_range(now - START, 0, 10000);
	assert_string_equal(p.last.msg, "not now");
	for (unsigned k = 0; k < 20; k++) {
		now = p.dead_until;
		assert_int_equal(pace_ask(&p, now, &wait), PACE_GO); /* one looks */
		answer_503(&p, now);
		assert_in_range(p.dead_until, now + 1000, now + 30000);
		assert_int_equal(pace_ask(&p, p.dead_until - 1, &wait), PACE_DEAD);
	}
	assert_int_equal(p.dead_until, now + 30000);
	now = p.dead_until;
	pace_start(&p, now);
	pace_served(&p, now, now);
	assert_int_equal(pace_ask(&p, now + 1000, &wait), PACE_GO);
}

/* A hundred wait; the host says wait, and then one goes. */
static void no_herd(void **state)
{
	struct pace p = {0};
	uint64_t wait;

	(void)state;
	for (unsigned k = 0; k < 100; k++) {
		assert_int_equal(pace_ask(&p, START, &wait), PACE_GO);
		pace_start(&p, START);
	}
	for (unsigned k = 0; k < 100; k++)
		pace_refused(&p, START + 50, START, 3000);
	assert_int_equal(pace_ask(&p, START + 50, &wait), PACE_WAIT);
	assert_int_equal(wait, 3000);
	assert_int_equal(pace_ask(&p, START + 3049, &wait), PACE_WAIT);
	assert_int_equal(pace_ask(&p, START + 3050, &wait), PACE_GO);
	pace_start(&p, START + 3050);
	assert_int_equal(pace_ask(&p, START + 3900, &wait), PACE_WAIT); /* one goes first */
	pace_served(&p, START + 3900, START + 3050);
	assert_int_equal(pace_ask(&p, START + 3900, &wait), PACE_GO);
	pace_start(&p, START + 3900);
	assert_int_equal(pace_ask(&p, START + 3900, &wait), PACE_WAIT); /* and the others in good order */
	assert_in_range(wait, 1, 200);
	/* It has been forgotten after a while. */
	pace_start(&p, START + 60000);
	assert_true(pace_idle(&p, START + 60000));
}

/* A probe that breaks or is given up does not stop the others for ever. */
static void lost_probe(void **state)
{
	struct pace p = {0};
	uint64_t wait;

	(void)state;
	pace_start(&p, START);
	pace_refused(&p, START, START, 1000);
	pace_start(&p, START + 1000);
	assert_int_equal(pace_ask(&p, START + 2000, &wait), PACE_WAIT);
	pace_ended(&p, false);
	assert_int_equal(pace_ask(&p, START + 2000, &wait), PACE_GO);
}

static void hopeless(void **state)
{
	struct pace p = {0};

	(void)state;
	assert_false(pace_hopeless(&p, START, 0, 1000)); /* a long queue alone is no reason */
	pace_start(&p, START);
	pace_refused(&p, START, START, 60000);
	assert_true(pace_hopeless(&p, START, START, 30000)); /* longer than may be waited */
	assert_false(pace_hopeless(&p, START, START, 60000));
	assert_true(pace_hopeless(&p, START + 60001, START, 60000)); /* nothing was taken all the time */
	pace_start(&p, START + 60001);
	pace_served(&p, START + 60001, START + 60001);
	assert_false(pace_hopeless(&p, START + 60002, START, 60000));
	pace_refused(&p, START + 60002, START + 60002, (int64_t)10000000 * 1000);
	assert_true(p.until <= START + 60002 + 600000); /* it is asked again all the same */
}

static void told_beforehand(void **state)
{
	struct pace p = {0};
	uint64_t wait;

	(void)state;
	pace_start(&p, START);
	pace_served(&p, START, START);
	pace_exhausted(&p, START, 2000);
	assert_int_equal(pace_ask(&p, START, &wait), PACE_WAIT);
	assert_int_equal(wait, 2000);
	assert_int_equal(pace_ask(&p, START + 2000, &wait), PACE_GO);
	pace_start(&p, START + 2000);
	assert_int_equal(pace_ask(&p, START + 2000, &wait), PACE_WAIT);
}

static void fail_once(struct pace *p, uint64_t now)
{
	const struct reg_error error = {.err = -ECONNREFUSED, .msg = "nobody there"};

	pace_start(p, now);
	pace_unreachable(p, now, &error);
}

static void dead(void **state)
{
	static const uint64_t rests[] = {1000, 2000, 4000, 8000, 16000, 30000, 30000};
	struct pace p = {0};
	uint64_t wait, now = START;

	(void)state;
	for (unsigned k = 0; k < 5; k++) {
		assert_int_equal(pace_ask(&p, now, &wait), PACE_GO);
		fail_once(&p, now);
	}
	for (size_t k = 0; k < ARRAY_SIZE(rests); k++) {
		assert_int_equal(pace_ask(&p, now, &wait), PACE_DEAD);
		assert_string_equal(p.last.msg, "nobody there");
		assert_int_equal(pace_ask(&p, now + rests[k] - 1, &wait), PACE_DEAD);
		now += rests[k];
		assert_int_equal(pace_ask(&p, now, &wait), PACE_GO); /* one looks */
		if (k + 1 < ARRAY_SIZE(rests))
			fail_once(&p, now);
	}
	pace_start(&p, now);
	assert_int_equal(pace_ask(&p, now, &wait), PACE_DEAD); /* while it does the others are told */
	pace_served(&p, now, now);
	assert_int_equal(pace_ask(&p, now, &wait), PACE_GO);
	assert_true(pace_idle(&p, now));
}

/* Only failures in a row count, and those that were under way together count once. */
static void not_quite_dead(void **state)
{
	const struct reg_error error = {.err = -ETIMEDOUT};
	struct pace p = {0};
	uint64_t wait;

	(void)state;
	for (unsigned k = 0; k < 20; k++) {
		fail_once(&p, START);
		if (k % 4 == 3) {
			pace_start(&p, START);
			pace_ended(&p, true); /* cut, but there was somebody */
		}
	}
	assert_int_equal(pace_ask(&p, START, &wait), PACE_GO);
	for (unsigned k = 0; k < 64; k++)
		pace_start(&p, START);
	for (unsigned k = 0; k < 64; k++)
		pace_unreachable(&p, START + 10000, &error);
	assert_int_equal(pace_ask(&p, START + 10999, &wait), PACE_DEAD);
	assert_int_equal(pace_ask(&p, START + 11000, &wait), PACE_GO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_limit), cmocka_unit_test(no_herd),
		cmocka_unit_test(lost_probe),      cmocka_unit_test(hopeless),
		cmocka_unit_test(told_beforehand), cmocka_unit_test(dead),
		cmocka_unit_test(not_quite_dead),  cmocka_unit_test(vague),
		cmocka_unit_test(nobody_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
