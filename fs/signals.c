/* SPDX-License-Identifier: MIT */
#include "signals.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

/* Wakes the loop's thread out of its wait, and tells our own thread to end. */
enum { WAKE = SIGUSR1, END = SIGUSR2 };

struct signals {
	struct fuse_session *session;
	void (*hangup)(void *data);
	void *data;
	pthread_t thread, loop;
	atomic_bool ended;
};

static void our_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGHUP);
	sigaddset(ret, SIGINT);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, END);
}

static void do_nothing(int signal)
{
	(void)signal;
}

void signals_block(void)
{
	const struct sigaction wake = {.sa_handler = do_nothing};
	sigset_t set;

	our_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(WAKE, &wake, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a journal that may not grow is an error like any other */
}

/*
 * The loop looks at the flag and then sleeps: a wake-up in between is lost, so it is repeated until the loop
 * has ended.
 */
static void end_loop(struct signals *s)
{
	const struct timespec pause = {.tv_nsec = 20000000};

	fuse_session_exit(s->session);
	while (!atomic_load(&s->ended)) {
		pthread_kill(s->loop, WAKE);
		nanosleep(&pause, NULL);
	}
}

static void *signals_main(void *data)
{
	struct signals *s = data;
	sigset_t set;
	int signal;

	our_signals(&set);
	for (;;) {
		if (sigwait(&set, &signal) != 0)
			continue;
		if (signal == END)
			return NULL;
		if (signal != SIGHUP) {
			end_loop(s);
			return NULL;
		}
		s->hangup(s->data);
	}
}

int signals_start(struct fuse_session *session, void (*hangup)(void *data), void *data, struct signals **ret)
{
	struct signals *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->session = session;
	s->hangup = hangup;
	s->data = data;
	s->loop = pthread_self();
	atomic_init(&s->ended, false);
	r = pthread_create(&s->thread, NULL, signals_main, s);
	if (r) {
		free(s);
		return -r;
	}
	*ret = s;
	return 0;
}

void signals_stop(struct signals *s)
{
	if (!s)
		return;
	atomic_store(&s->ended, true);
	pthread_kill(s->thread, END);
	pthread_join(s->thread, NULL);
	free(s);
}
