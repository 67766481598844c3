/* SPDX-License-Identifier: MIT */
#include "secretfile.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "loop.h"

enum { LIMIT_MS = 30000 }; /* as a credential helper's */

/* Until somebody writes. 0; 1: whoever had it open to write has gone; -ETIMEDOUT, -ECANCELED. */
static int wait_for(int fd, uint64_t until, const int *cancel)
{
	const uint64_t now = loop_now();
	struct pollfd fds[] = {{fd, POLLIN, 0}, {cancel ? *cancel : -1, POLLIN, 0}};

	if (now >= until || poll(fds, 2, (int)(until - now)) == 0)
		return -ETIMEDOUT;
	if (fds[1].revents)
		return -ECANCELED;
	return (fds[0].revents & (POLLIN | POLLHUP)) == POLLHUP;
}

/* Of a pipe that nobody has opened to write, the end is what the first read sees. */
static ssize_t read_all(int fd, char *data, size_t room, const int *cancel)
{
	const uint64_t until = loop_now() + LIMIT_MS;
	struct stat st;
	const bool pipe = fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
	size_t size = 0;

	while (size < room) {
		const ssize_t n = read(fd, data + size, room - size);
		int r = 0;

		if (n > 0)
			size += (size_t)n;
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		else if (n == 0 && (size || !pipe))
			break;
		else
			r = wait_for(fd, until, cancel);
		if (r < 0)
			return r;
		if (r > 0)
			break;
	}
	return (ssize_t)size;
}

ssize_t secretfile_read(const char *path, size_t max, const int *cancel, char **ret)
{
	char *data = malloc(max + 2);
	ssize_t n;
	int fd;

	if (!data)
		return -ENOMEM;
	/* Not even to open a pipe may take for ever: an unmount waits for whoever looks for a login. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	n = fd < 0 ? -errno : read_all(fd, data, max + 1, cancel);
	if (fd >= 0)
		close(fd);
	if (n > (ssize_t)max)
		n = -EFBIG;
	if (n < 0) {
		secretfile_free(data, max + 2);
		return n;
	}
	data[n] = '\0';
	*ret = data;
	return n;
}

int secretfile_fail(struct reg_error *error, const char *named, const char *path, int err)
{
	if (err == -ETIMEDOUT)
		return reg_fail(error, err, "%s%s: nobody writes into this pipe", named, path);
	return reg_fail(error, err, "%s%s: %s", named, path, strerror(-err));
}

void secretfile_free(char *data, size_t size)
{
	if (data)
		explicit_bzero(data, size);
	free(data);
}

void secretfile_check(const char *path, const struct reg_log *log)
{
	struct stat st;

	if (log && stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH))
		reg_log(log, REG_LOG_WARN, "%s: every user may read the password in it; chmod 600 %s", path,
			path);
}
