/* SPDX-License-Identifier: MIT */
#include "storage/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "storage/files.h"
#include "storage/filesystem.h"
#include "storage/quarantine.h"
#include "util/cleanup.h"

#define LOCK_NAME "lock"

void lock_drop(struct lock *l)
{
	files_close(&l->file);
	files_close(&l->folder);
}

/* What the holder wrote: only for the message, so that a file full of anything does no harm. */
static int held(const struct storage *s, struct reg_error *error)
{
	auto_close int fd = files_open(s->root, LAYOUT_OURS "/" LOCK_NAME, NULL);
	char text[128] = "";
	const ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return reg_fail(error, -EBUSY, "%s: another regfs-gc is at work here (%s)", s->path,
			text[0] ? text : "it has not said which");
}

/* For people: that it cannot be written is no reason to end. */
static void say_who(int fd)
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
		(void)ftruncate(fd, 0);
}

/* flock() belongs to the inode: containers that share the storage by a mount share the lock too. */
static int lock_one(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

/* ---- the folder ---- */

/* Does a folder's lock keep everybody away? On a network's file system it is this machine's own. */
static bool is_known_to_all(int folder)
{
	struct statfs st;

	return fstatfs(folder, &st) == 0 && filesystem_is_local((unsigned long)st.f_type);
}

/* 0 also where it cannot be had: ret_fd is -1 then. */
static int take_folder(const struct storage *s, int *ret_fd, struct reg_error *error)
{
	int fd = openat(s->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int r = fd < 0 ? -errno : lock_one(fd);

	if (r == -EWOULDBLOCK)
		held(s, error);
	if (r < 0)
		files_close(&fd);
	*ret_fd = fd;
	return r == -EWOULDBLOCK ? -EBUSY : 0;
}

/* ---- the file ---- */

static bool cannot_be_made(int err)
{
	return err == -ENOSPC || err == -EDQUOT || err == -EROFS || err == -EACCES || err == -EPERM;
}

static int open_file(const struct storage *s, int *ret_fd, struct reg_error *error)
{
	auto_close int folder = quarantine_ours(s, error);
	struct stat st;
	int fd;

	if (folder < 0)
		return folder;
	fd = openat(folder, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
	if (fd < 0)
		return reg_fail(error, -errno, "%s/%s/%s: %s", s->path, LAYOUT_OURS, LOCK_NAME,
				strerror(errno));
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return reg_fail(error, -EINVAL, "%s/%s/%s: not a file", s->path, LAYOUT_OURS, LOCK_NAME);
	}
	*ret_fd = fd;
	return 0;
}

static int take_file(const struct storage *s, int *ret_fd, struct reg_error *error)
{
	int fd = -1, r = open_file(s, &fd, error);

	if (r < 0)
		return r;
	r = lock_one(fd);
	if (r == 0) {
		say_who(fd);
		*ret_fd = fd;
		return 0;
	}
	close(fd);
	if (r == -EWOULDBLOCK)
		return held(s, error);
	return reg_fail(error, r, "%s/%s/%s: cannot be locked: %s", s->path, LAYOUT_OURS, LOCK_NAME,
			strerror(-r));
}

int lock_take(const struct storage *s, struct lock *ret, struct reg_error *error)
{
	struct lock l = LOCK_NONE;
	int r = take_folder(s, &l.folder, error);

	if (r == 0)
		r = take_file(s, &l.file, error);
	if (cannot_be_made(r) && l.folder >= 0 && is_known_to_all(l.folder))
		r = 0;
	if (r < 0)
		lock_drop(&l);
	else
		*ret = l;
	return r;
}
