/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

/* Names that look like the end of one, and like more fields; nothing of a name may be taken for a field. */
static const struct {
	const char *name, *shown;
} names[] = {
	{"find", "find"},
	{"a b", "a b"},
	{"a) R 1 2 3 4", "a) R 1 2 3 4"},
	{"))) (((", "))) ((("},
	{"new\nline\n", "new\nline\n"},
	{"\"\\\xff\x01", "\"\\\xff\x01"},
	{"sixteen bytes and more", "sixteen bytes a"},
};

struct child {
	pid_t pid;
	int end; /* it ends when this is closed */
};

/* Returns when it has begun. */
static struct child start(void (*begin)(const void *data), const void *data)
{
	int ready[2], end[2];
	struct child c;
	char byte;

	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (c.pid == 0) {
		close(end[1]);
		begin(data);
		if (write(ready[1], "x", 1) == 1 && read(end[0], &byte, 1) == 0)
			_exit(0);
		_exit(1);
	}
	close(ready[1]);
	close(end[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	c.end = end[1];
	return c;
}

static void take_name(const void *name)
{
	prctl(PR_SET_NAME, name);
}

static void stop(struct child c)
{
	close(c.end);
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
}

static void known(void **state)
{
	const uint64_t tick = 1000 / (uint64_t)sysconf(_SC_CLK_TCK) + 1;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		const uint64_t before = process_now();
		const struct child c = start(take_name, names[k].name);
		const uint64_t started = process_started(c.pid), after = process_now();
		char name[64];

		check(process_name(c.pid, name, sizeof(name)), names[k].name);
		check_text(name, names[k].shown, names[k].name);
		check_int(process_parent(c.pid), getpid(), names[k].name);
		check(started + tick >= before && started <= after, names[k].name);
		stop(c);
	}
}

static void cut_to_size(void **state)
{
	static const char *const want[] = {"", "l", "lo", "lon", "long", "long"};
	const struct child c = start(take_name, "long");

	(void)state;
	for (size_t size = 1; size <= ARRAY_SIZE(want); size++) {
		char name[8] = "#######";

		check(process_name(c.pid, name, size), want[size - 1]);
		check_text(name, want[size - 1], want[size - 1]);
		check(name[size] == '#', "nothing is written behind it");
	}
	assert_false(process_name(c.pid, NULL, 0));
	stop(c);
}

static void unknown(void **state)
{
	const struct child c = start(take_name, "gone");
	const int pids[] = {c.pid, 0, -1, -c.pid, INT_MAX, INT_MIN};
	char name[16];

	(void)state;
	stop(c);
	for (size_t k = 0; k < ARRAY_SIZE(pids); k++) {
		memset(name, 'x', sizeof(name));
		assert_false(process_name(pids[k], name, sizeof(name)));
		assert_string_equal(name, "");
		assert_true(process_started(pids[k]) == 0);
		assert_int_equal(process_parent(pids[k]), 0);
		assert_true(process_is_leaving(pids[k]));
	}
}

/* FUSE tells the thread that asks, and a thread is not listed in /proc. */
static void itself(void **state)
{
	char name[16];

	(void)state;
	assert_true(process_name(getpid(), name, sizeof(name)));
	assert_true(process_started(gettid()) > 0);
	assert_true(process_started(getpid()) <= process_now());
}

/* Two processes of the same number, and /proc knows the wrong one. Runs in a process of its own. */
static int in_another_name_space(void)
{
	char name[16];
	pid_t pid;
	int status = 1;

	if (unshare(CLONE_NEWPID) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return 77;
	pid = fork();
	if (pid == 0) /* its number is 1 */
		_exit(process_name(getpid(), name, sizeof(name)) || process_started(1) || process_parent(1) ||
		      !process_is_leaving(1));
	waitpid(pid, &status, 0);
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void another_name_space(void **state)
{
	const pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(in_another_name_space());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- signals ---- */

static void on_signal(int number)
{
	(void)number;
}

/*
 * A process that waits in the kernel for as long as its child lives, as one does that waits for FUSE: signals
 * for which it has a handler stay pending. (vfork() is no fork under every sanitizer.)
 */
static void wait_for_child(const void *blocked)
{
	const int *const number = blocked;
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	for (int k = 1; k < SIGRTMIN; k++)
		sigaction(k, &action, NULL);
	sigemptyset(&set);
	if (*number)
		sigaddset(&set, *number);
	sigprocmask(SIG_SETMASK, &set, NULL);
	if (syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) != 0)
		_exit(0);
}

static void stop_waiting(struct child c)
{
	close(c.end);
	kill(c.pid, SIGCONT); /* it may have been told to stop */
	assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
}

static void leaving(void **state)
{
	static const struct {
		const char *why;
		int signals[3], blocked;
		bool leaves;
	} cases[] = {
		{"none", {0}, 0, false},
		{"interrupt", {SIGINT}, 0, true},
		{"terminate", {SIGTERM}, 0, true},
		{"hang up", {SIGHUP}, 0, true},
		{"quit", {SIGQUIT}, 0, true},
		{"alarm", {SIGALRM}, 0, true},
		{"of the user", {SIGUSR1}, 0, true},
		{"blocked", {SIGINT}, SIGINT, false},
		{"another than the blocked", {SIGINT, SIGTERM}, SIGINT, true},
		{"child", {SIGCHLD}, 0, false},
		{"stop", {SIGSTOP}, 0, false},
		{"stop and go on", {SIGSTOP, SIGCONT}, 0, false},
		{"Ctrl-Z", {SIGTSTP}, 0, false},
		{"background", {SIGTTIN, SIGTTOU}, 0, false},
		{"window", {SIGWINCH}, 0, false},
		{"scheduler", {SIGURG}, 0, false},
		{"profiler", {SIGPROF, SIGVTALRM}, 0, false},
		{"input", {SIGIO}, 0, false},
		{"child and interrupt", {SIGCHLD, SIGINT}, 0, true},
		{"interrupt and stop", {SIGINT, SIGSTOP}, 0, true},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const struct child c = start(wait_for_child, &cases[k].blocked);

		for (size_t n = 0; n < ARRAY_SIZE(cases[k].signals) && cases[k].signals[n]; n++)
			assert_int_equal(kill(c.pid, cases[k].signals[n]), 0);
		check_int(process_is_leaving(c.pid), cases[k].leaves, cases[k].why);
		stop_waiting(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),  cmocka_unit_test(cut_to_size), cmocka_unit_test(unknown),
		cmocka_unit_test(itself), cmocka_unit_test(leaving),     cmocka_unit_test(another_name_space),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
