/* SPDX-License-Identifier: MIT */
/* The restart command: how it ends, and what a signal does that comes at the worst moment. */
#include "gc_run.h"

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

#include "unit.h"

static volatile sig_atomic_t came;
static bool comes; /* a signal, once, just before the command is waited for */

pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);

/* As a handler does it, but for that it wakes nothing: nobody waits yet. */
pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	if (comes)
		came = SIGTERM;
	comes = false;
	return __real_waitpid(pid, status, options);
}

static int restart(const char *command)
{
	char words[200];
	struct gc_options options = {0};
	struct gc gc = {.options = &options, .signal = &came};
	const struct gc_run run = {.gc = &gc};

	snprintf(words, sizeof(words), "%s", command);
	options.restart_command = words;
	came = 0;
	return gc_run_restart(&run);
}

static void ends(void **state)
{
	static const struct {
		const char *command;
		int r;
	} cases[] = {{"true", 0}, {"exit 3", -EIO}, {"kill -KILL $$", -EIO}, {"sleep 0.1", 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_int(restart(cases[i].command), cases[i].r, cases[i].command);
}

static void signal_before_the_wait(void **state)
{
	(void)state;
	comes = true;
	assert_int_equal(restart("exec sleep 1000"), -EINTR);
	assert_int_equal(__real_waitpid(-1, NULL, WNOHANG), -1); /* nothing is left of it */
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(signal_before_the_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
