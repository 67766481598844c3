/* SPDX-License-Identifier: MIT */
#include "durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

int durable_sync_folder(int fd)
{
	/* Some file systems have nothing to sync in a folder, and say so. */
	return fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP ? -errno : 0;
}

static int open_folder(int above, const char *path)
{
	const int fd = openat(above, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* That somebody else makes it meanwhile is fine. */
static int make_folder(int above, const char *name)
{
	int r;

	if (mkdirat(above, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = durable_sync_folder(above);
	return r < 0 ? r : open_folder(above, name);
}

/* From the bottom up, until one is there: what is there already need not be writable. */
int durable_folder(const char *path, int *ret_fd)
{
	auto_free char *own = strdup(path);
	int fd, above, r;
	char *slash;

	if (!own)
		return -ENOMEM;
	for (size_t n = strlen(own); n > 1 && own[n - 1] == '/'; n--)
		own[n - 1] = '\0';
	fd = open_folder(AT_FDCWD, own);
	if (fd == -ENOENT) {
		slash = strrchr(own, '/');
		if (slash)
			*slash = '\0';
		r = durable_folder(!slash ? "." : slash == own ? "/" : own, &above);
		if (r < 0)
			return r;
		fd = make_folder(above, slash ? slash + 1 : own);
		close(above);
	}
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size) {
		const ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		data += n;
		size -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int durable_file(int folder, const char *name, const void *data, size_t size)
{
	int fd, r;

	if (unlinkat(folder, DURABLE_UNFINISHED, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(folder, DURABLE_UNFINISHED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, size);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(folder, DURABLE_UNFINISHED, folder, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(folder, DURABLE_UNFINISHED, 0);
	return r;
}
