/* SPDX-License-Identifier: MIT */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"

/* Fields of /proc/PID/stat (proc(5)); what is behind the name begins with field 3. */
enum { PARENT = 4, STARTED = 22, BEHIND_NAME = 3 };

/* In the /proc of another name space the same number is somebody else; there, we have another one as well. */
static bool proc_is_ours(void)
{
	char text[32];
	const ssize_t n = readlink("/proc/self", text, sizeof(text) - 1);

	if (n < 0)
		return false;
	text[n] = '\0';
	return strtol(text, NULL, 10) == getpid();
}

/* The beginning of a file of a process, with a NUL behind; its length, or -1. */
static ssize_t read_proc(int pid, const char *name, char *ret, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	if (pid <= 0 || !size || !proc_is_ours())
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	do
		n = read(fd, ret, size - 1);
	while (n < 0 && errno == EINTR);
	close(fd);
	if (n >= 0)
		ret[n] = '\0';
	return n;
}

bool process_name(int pid, char *ret, size_t size)
{
	char text[128];
	ssize_t n = read_proc(pid, "comm", text, sizeof(text));

	if (size)
		ret[0] = '\0';
	if (n <= 0 || !size)
		return false;
	if (text[n - 1] == '\n')
		n--;
	if ((size_t)n >= size)
		n = (ssize_t)size - 1;
	memcpy(ret, text, (size_t)n);
	ret[n] = '\0';
	return true;
}

/* A field behind the name; 0: unknown. */
static unsigned long long stat_field(int pid, int wanted)
{
	char text[1024];
	char *p;

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0)
		return 0;
	p = strrchr(text, ')'); /* the name, in parentheses, may hold anything */
	for (int field = BEHIND_NAME - 1; p && field < wanted; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

int process_parent(int pid)
{
	return (int)stat_field(pid, PARENT);
}

uint64_t process_started(int pid)
{
	const long ticks = sysconf(_SC_CLK_TCK);

	return ticks > 0 ? stat_field(pid, STARTED) * 1000 / (uint64_t)ticks : 0;
}

/* A set of signals of /proc/PID/status. */
static bool status_set(const char *status, const char *name, uint64_t *ret)
{
	const char *p = strstr(status, name);

	if (p)
		*ret = strtoull(p + strlen(name), NULL, 16);
	return p;
}

bool process_is_leaving(int tid)
{
	static const int passing[] = {SIGCHLD, SIGCONT, SIGSTOP,  SIGTSTP, SIGTTIN,  SIGTTOU,
				      SIGURG,  SIGIO,   SIGWINCH, SIGPROF, SIGVTALRM};
	uint64_t thread, process, blocked, leaving;
	char text[32768]; /* before the signals it lists the groups, of which there may be thousands */

	if (read_proc(tid, "status", text, sizeof(text)) <= 0 || !status_set(text, "\nSigPnd:", &thread) ||
	    !status_set(text, "\nShdPnd:", &process) || !status_set(text, "\nSigBlk:", &blocked))
		return true;
	leaving = (thread | process) & ~blocked;
	for (size_t k = 0; k < ARRAY_SIZE(passing); k++)
		leaving &= ~(UINT64_C(1) << (passing[k] - 1));
	return leaving;
}

uint64_t process_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}
