/* SPDX-License-Identifier: MIT */
/* The script's clock, in the place of the network thread's. */
#include "loop.h"
#include "scripted.h"

static atomic_ullong clock_ms = 1000000;
static atomic_bool timers_held;

uint64_t __wrap_loop_now(void);
void __wrap_loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms);
void __real_loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms);

uint64_t __wrap_loop_now(void)
{
	return atomic_load(&clock_ms);
}

void __wrap_loop_timer_set(struct loop *loop, struct loop_timer *timer, uint64_t delay_ms)
{
	if (atomic_load(&timers_held)) {
		__real_loop_timer_set(loop, timer, 3600000);
		return;
	}
	atomic_fetch_add(&clock_ms, delay_ms);
	__real_loop_timer_set(loop, timer, 0);
}

uint64_t script_clock(void)
{
	return atomic_load(&clock_ms);
}

void script_advance(uint64_t ms)
{
	atomic_fetch_add(&clock_ms, ms);
}

void script_hold_timers(bool hold)
{
	atomic_store(&timers_held, hold);
}
