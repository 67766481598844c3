/* SPDX-License-Identifier: MIT */
/*
 * The network thread with a poller of the test's own. What counts is the order; no test measures time: the clock stands
 * still but for the poller's sleeps, which take none.
 */
#include "loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "unit.h"

struct scene {
	struct loop *loop;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	bool woken;
	unsigned steps, n;
	char log[2048]; /* what ran, a word each */
	pthread_t thread;
};

struct job {
	struct loop_task task;
	struct loop_timer timer;
	struct scene *scene;
	const char *word;
	void (*then)(struct job *job);
	struct job *other;
};

static atomic_ullong clock_ms = 1000000;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	const unsigned long long ms = atomic_load(&clock_ms);

	if (clock != CLOCK_MONOTONIC)
		return __real_clock_gettime(clock, ret);
	*ret = (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
	return 0;
}

static void note(struct scene *s, const char *word)
{
	pthread_mutex_lock(&s->lock);
	strncat(s->log, word, sizeof(s->log) - strlen(s->log) - 1);
	strncat(s->log, " ", sizeof(s->log) - strlen(s->log) - 1);
	s->n++;
	s->thread = pthread_self();
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void step(void *data)
{
	struct scene *s = data;

	pthread_mutex_lock(&s->lock);
	s->steps++;
	pthread_mutex_unlock(&s->lock);
}

/* Until the next timer is due; where that is a second or more, as long as no timer is near, until it is woken. */
static void poll(void *data, int timeout)
{
	struct scene *s = data;

	pthread_mutex_lock(&s->lock);
	while (!s->woken && timeout >= 1000)
		pthread_cond_wait(&s->changed, &s->lock);
	if (!s->woken)
		atomic_fetch_add(&clock_ms, (unsigned)timeout);
	s->woken = false;
	pthread_mutex_unlock(&s->lock);
}

static void wake(void *data)
{
	struct scene *s = data;

	pthread_mutex_lock(&s->lock);
	s->woken = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void scene_start(struct scene *s)
{
	const struct loop_poller poller = {step, poll, wake, s};

	*s = (struct scene){0};
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	assert_int_equal(loop_new(&s->loop), 0);
	assert_int_equal(loop_start(s->loop, &poller), 0);
}

static void wait_for(struct scene *s, unsigned n)
{
	pthread_mutex_lock(&s->lock);
	while (s->n < n)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void run(struct loop_task *task)
{
	struct job *job = container_of(task, struct job, task);

	if (job->then)
		job->then(job);
	note(job->scene, job->word);
}

static void fire(struct loop_timer *timer)
{
	struct job *job = container_of(timer, struct job, timer);

	if (job->then)
		job->then(job);
	note(job->scene, job->word);
}

static void job_init(struct job *job, struct scene *s, const char *word, void (*then)(struct job *job))
{
	*job = (struct job){.scene = s, .word = word, .then = then};
	job->task.run = run;
	loop_timer_init(&job->timer, fire);
}

static void scene_stop(struct scene *s)
{
	struct job last;

	job_init(&last, s, "last", NULL);
	loop_stop(s->loop, &last.task);
	loop_stop(s->loop, &last.task); /* nothing happens */
	loop_free(s->loop);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
}

static void tasks_in_order(void **state)
{
	static const char *const words[] = {"a", "b", "c", "d", "e", "f"};
	struct job jobs[6];
	struct scene s;

	(void)state;
	scene_start(&s);
	for (size_t k = 0; k < ARRAY_SIZE(jobs); k++) {
		job_init(&jobs[k], &s, words[k], NULL);
		loop_post(s.loop, &jobs[k].task);
	}
	scene_stop(&s); /* what was posted runs first */
	assert_string_equal(s.log, "a b c d e f last ");
	assert_false(pthread_equal(s.thread, pthread_self()));
}

static void post_other(struct job *job)
{
	loop_post(job->scene->loop, &job->other->task);
}

static void task_posts_task(void **state)
{
	struct job a, b, c;
	struct scene s;

	(void)state;
	scene_start(&s);
	job_init(&a, &s, "a", post_other);
	job_init(&b, &s, "b", post_other);
	job_init(&c, &s, "c", NULL);
	a.other = &b;
	b.other = &c;
	loop_post(s.loop, &a.task);
	wait_for(&s, 3);
	scene_stop(&s);
	assert_string_equal(s.log, "a b c last ");
}

/* Sets timers in this order of delays: c, a, b; then clears one, and sets another anew. */
static struct job timers[6];

static void set_timers(struct job *job)
{
	struct loop *loop = job->scene->loop;

	loop_timer_set(loop, &timers[2].timer, 30);
	loop_timer_set(loop, &timers[0].timer, 10);
	loop_timer_set(loop, &timers[1].timer, 20);
	loop_timer_set(loop, &timers[3].timer, 20); /* at the same time: as they were set */
	loop_timer_set(loop, &timers[4].timer, 5);
	loop_timer_set(loop, &timers[5].timer, 1);
	loop_timer_set(loop, &timers[5].timer, 40); /* anew: later */
	loop_timer_clear(&timers[4].timer);
	loop_timer_clear(&timers[4].timer);
}

static void timers_in_order(void **state)
{
	static const char *const words[] = {"t10", "t20", "t30", "t20b", "never", "t40"};
	struct scene s;
	struct job setter;

	(void)state;
	scene_start(&s);
	for (size_t k = 0; k < ARRAY_SIZE(timers); k++)
		job_init(&timers[k], &s, words[k], NULL);
	job_init(&setter, &s, "set", set_timers);
	loop_post(s.loop, &setter.task);
	wait_for(&s, 6);
	scene_stop(&s);
	assert_string_equal(s.log, "set t10 t20 t20b t30 t40 last ");
}

static void clear_other(struct job *job)
{
	loop_timer_clear(&job->other->timer);
}

static void set_pair(struct job *job)
{
	loop_timer_set(job->scene->loop, &timers[0].timer, 0);
	loop_timer_set(job->scene->loop, &timers[1].timer, 0);
	loop_timer_set(job->scene->loop, &timers[2].timer, 5);
	loop_timer_set(job->scene->loop, &timers[3].timer, 3600000); /* never comes */
}

/* One timer clears another that is due as well. */
static void timer_clears_timer(void **state)
{
	static const char *const words[] = {"first", "cleared", "second", "never"};
	struct scene s;
	struct job setter;

	(void)state;
	scene_start(&s);
	for (size_t k = 0; k < ARRAY_SIZE(words); k++)
		job_init(&timers[k], &s, words[k], k == 0 ? clear_other : NULL);
	timers[0].other = &timers[1];
	job_init(&setter, &s, "set", set_pair);
	loop_post(s.loop, &setter.task);
	wait_for(&s, 3);
	scene_stop(&s);
	assert_string_equal(s.log, "set first second last ");
}

static void set_self(struct job *job)
{
	if (job->scene->n < 20) /* only this thread changes it */
		loop_timer_set(job->scene->loop, &job->timer, 0);
}

static void start_self(struct job *job)
{
	loop_timer_set(job->scene->loop, &job->other->timer, 0);
}

/* A timer that sets itself does not keep the poller from its turn. */
static void timer_sets_itself(void **state)
{
	struct job setter, again;
	struct scene s;

	(void)state;
	scene_start(&s);
	job_init(&again, &s, "x", set_self);
	job_init(&setter, &s, "set", start_self);
	setter.other = &again;
	loop_post(s.loop, &setter.task);
	wait_for(&s, 21);
	scene_stop(&s);
	assert_int_equal(s.n, 22);
}

struct poster {
	pthread_t thread;
	struct scene *scene;
	struct job jobs[200];
};

static void *post_many(void *data)
{
	struct poster *p = data;

	for (size_t k = 0; k < ARRAY_SIZE(p->jobs); k++) {
		job_init(&p->jobs[k], p->scene, "", NULL);
		loop_post(p->scene->loop, &p->jobs[k].task);
	}
	return NULL;
}

static void many_threads_post(void **state)
{
	static struct poster posters[4];
	struct scene s;

	(void)state;
	scene_start(&s);
	for (size_t k = 0; k < ARRAY_SIZE(posters); k++) {
		posters[k].scene = &s;
		assert_int_equal(pthread_create(&posters[k].thread, NULL, post_many, &posters[k]), 0);
	}
	wait_for(&s, 800);
	for (size_t k = 0; k < ARRAY_SIZE(posters); k++)
		pthread_join(posters[k].thread, NULL);
	scene_stop(&s);
	assert_int_equal(s.n, 801);
}

static void look_at_signals(struct job *job)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	job->word = sigismember(&set, SIGTERM) && sigismember(&set, SIGINT) && sigismember(&set, SIGHUP)
			    ? "blocked"
			    : "open";
}

static void signals(void **state)
{
	struct scene s;
	struct job job;
	sigset_t before, after;

	(void)state;
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	scene_start(&s);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	job_init(&job, &s, "", look_at_signals);
	loop_post(s.loop, &job.task);
	scene_stop(&s);
	assert_string_equal(s.log, "blocked last ");
	assert_int_equal(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
}

static void never_started(void **state)
{
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	loop_stop(loop, NULL);
	loop_free(loop);
	loop_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tasks_in_order),    cmocka_unit_test(task_posts_task),
		cmocka_unit_test(timers_in_order),   cmocka_unit_test(timer_clears_timer),
		cmocka_unit_test(timer_sets_itself), cmocka_unit_test(many_threads_post),
		cmocka_unit_test(signals),           cmocka_unit_test(never_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
