/* SPDX-License-Identifier: MIT */
#include "storage/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "storage/quarantine.h"

#define LOCK_NAME "lock"

/* What the holder wrote: only for the message, so that a file full of anything does no harm. */
static int held(int fd, const struct storage *s, struct reg_error *error)
{
	char text[128] = "";
	const ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return reg_fail(error, -EBUSY, "%s: another regfs-gc is at work here (%s)", s->path,
			text[0] ? text : "it has not said which");
}

static int say_who(int fd)
{
	char host[65] = "", date[32] = "", text[160];
	const time_t now = time(NULL);
	struct tm tm;
	int n;

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	if (gmtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	n = snprintf(text, sizeof(text), "process %ld on %.64s since %s\n", (long)getpid(), host, date);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return -errno;
	return 0;
}

int lock_take(const struct storage *s, int *ret_fd, struct reg_error *error)
{
	struct stat st;
	int folder, fd, r;

	folder = quarantine_ours(s, error);
	if (folder < 0)
		return folder;
	/* flock() belongs to the inode: containers that share the storage by a mount share the lock too. */
	fd = openat(folder, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : 0;
	close(folder);
	if (r < 0)
		return reg_fail(error, r, "%s/%s/%s: %s", s->path, LAYOUT_OURS, LOCK_NAME, strerror(-r));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return reg_fail(error, -EINVAL, "%s/%s/%s: not a file", s->path, LAYOUT_OURS, LOCK_NAME);
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? held(fd, s, error)
					 : reg_fail(error, -errno, "%s/%s/%s: cannot be locked: %s", s->path,
						    LAYOUT_OURS, LOCK_NAME, strerror(errno));
		close(fd);
		return r;
	}
	r = say_who(fd);
	if (r < 0) {
		close(fd);
		return reg_fail(error, r, "%s/%s/%s: %s", s->path, LAYOUT_OURS, LOCK_NAME, strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}
