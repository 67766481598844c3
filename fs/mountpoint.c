/* SPDX-License-Identifier: MIT */
#include "mountpoint.h"

#include <errno.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "util/cleanup.h"

/* The absolute path of a directory that itself cannot be looked at, since its daemon is dead. */
static char *absolute(const char *path)
{
	auto_free char *copy = strdup(path);
	auto_free char *parent = NULL;
	char *slash, *whole = NULL;
	size_t n = copy ? strlen(copy) : 0;

	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	if (!copy)
		return NULL;
	slash = strrchr(copy, '/');
	if (slash)
		*slash = '\0';
	parent = realpath(!slash ? "." : slash == copy ? "/" : copy, NULL);
	if (!parent ||
	    asprintf(&whole, "%s/%s", strcmp(parent, "/") ? parent : "", slash ? slash + 1 : copy) < 0)
		return NULL;
	return whole;
}

static bool is_regfs(const char *path)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	if (!mounts)
		return false;
	while ((m = getmntent(mounts)))
		if (strcmp(m->mnt_dir, path) == 0)
			found = strcmp(m->mnt_type, "fuse.regfs") == 0;
	endmntent(mounts);
	return found;
}

static int detach(const char *path)
{
	int status;
	pid_t pid;

	if (umount2(path, MNT_DETACH) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	pid = fork();
	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-z", "--", path, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return status == 0 ? 0 : -EPERM;
}

static int clear_stale(const char *path, struct reg_error *error)
{
	auto_free char *whole = absolute(path);
	int r;

	if (!whole || !is_regfs(whole))
		return reg_fail(error, -ENOTCONN, "%s is a mount whose server is gone: unmount it first",
				path);
	r = detach(whole);
	if (r < 0)
		return reg_fail(error, r,
				"%s is what a regfs that died left mounted: unmount it (fusermount3 -u %s)",
				path, path);
	return 0;
}

int mountpoint_prepare(const char *path, char **ret, struct reg_error *error)
{
	struct statfs fs;
	struct stat st;
	char *whole;
	int r;

	/* The kernel may still remember what the root of a dead mount was: only statfs() always asks. */
	if (statfs(path, &fs) < 0 && errno == ENOTCONN) {
		r = clear_stale(path, error);
		if (r < 0)
			return r;
	}
	if (stat(path, &st) < 0) {
		r = -errno;
		if (r == -ENOENT)
			return reg_fail(error, r, "the mount point %s does not exist: make it with mkdir",
					path);
		return reg_fail(error, r, "the mount point %s cannot be used: %s", path, strerror(-r));
	}
	if (!S_ISDIR(st.st_mode))
		return reg_fail(error, -ENOTDIR, "the mount point %s is not a directory", path);
	whole = realpath(path, NULL);
	if (!whole)
		return reg_fail(error, -errno, "the mount point %s cannot be used: %s", path,
				strerror(errno));
	*ret = whole;
	return 0;
}
