/* SPDX-License-Identifier: MIT */
#include "background.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static void wait_for_child(int fd)
{
	char word = 1;
	ssize_t n;

	do {
		n = read(fd, &word, 1);
	} while (n < 0 && errno == EINTR);
	_exit(n == 1 && word == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int background_start(void)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (pid > 0) {
		close(fds[1]);
		wait_for_child(fds[0]);
	}
	close(fds[0]);
	/* Until it is mounted, who ends the parent means the child as well. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)setsid();
	return fds[1];
}

void background_ready(int fd)
{
	const char word = 0;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Nothing may hold the terminal, or the directory that regfs was started in. */
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		if (null > STDERR_FILENO)
			close(null);
	}
	if (fd < 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, 0);
	(void)!write(fd, &word, 1);
	close(fd);
}
