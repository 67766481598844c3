/* SPDX-License-Identifier: MIT */
/*
 * Which folder a storage is in. What the user names may be reached through symbolic links; what is in it not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "storage/files.h"
#include "storage/layout.h"
#include "storage/owner.h"
#include "storage/scan.h"
#include "util/cleanup.h"

static int open_named(const char *path, struct reg_error *error)
{
	const int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int err = errno;

	return fd < 0 ? reg_fail(error, -err, "%s: %s", path, strerror(err)) : fd;
}

/* Its length without docker/registry/v2 at the end, 0: it does not end so. */
static size_t above_v2(const char *path)
{
	const size_t n = strlen(path), end = strlen("/" LAYOUT_V2);

	return n > end && strcmp(path + n - end, "/" LAYOUT_V2) == 0 ? n - end : 0;
}

/* The driver's root folder: the one that was named, or three above it. */
static int open_root(const char *path, struct reg_error *error)
{
	auto_close int fd = open_named(path, error);
	auto_free char *real = NULL;
	struct stat st;
	size_t n;
	int done;

	if (fd < 0)
		return fd;
	real = realpath(path, NULL);
	n = real ? above_v2(real) : 0;
	if (n && files_stat(fd, "docker", &st) == -ENOENT) {
		real[n] = '\0';
		return open_named(real, error);
	}
	done = fd;
	fd = -1;
	return done;
}

/* Of nothing but what others may put into any folder. */
static int is_empty(int folder)
{
	return files_is_empty(folder, (const char *const[]){LAYOUT_OURS, "lost+found", NULL});
}

static int folder_error(const char *path, const char *below, int err, struct reg_error *error)
{
	if (err == -ELOOP)
		return reg_fail(
			error, -EINVAL,
			"%s/%s is a symbolic link, which is never followed: mount the folder there instead",
			path, below);
	if (err == -ENOTDIR)
		return reg_fail(error, -EINVAL, "%s/%s is no folder", path, below);
	return reg_fail(error, err, "%s/%s: %s", path, below, strerror(-err));
}

/* *ret stays -1 where a registry has not written anything yet. */
static int open_v2(const char *path, int root, int *ret, struct reg_error *error)
{
	static const char *const steps[] = {"docker", "docker/registry", LAYOUT_V2};
	auto_close int above = files_open_folder(root, ".");

	if (above < 0)
		return folder_error(path, ".", above, error);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		int fd = files_open_folder(root, steps[i]);

		if (fd == -ENOENT) {
			const int empty = is_empty(above);

			if (empty < 0)
				return folder_error(path, steps[i], empty, error);
			return empty ? 0
				     : reg_fail(
					       error, -EINVAL,
					       "%s holds no registry's storage: there is no %s in it. Name the "
					       "folder that the registry has as its rootdirectory",
					       path, steps[i]);
		}
		if (fd < 0)
			return folder_error(path, steps[i], fd, error);
		files_close(&above);
		above = fd;
	}
	*ret = above;
	above = -1;
	return 0;
}

static int open_aside(struct storage *s, const char *quarantine, struct reg_error *error)
{
	const int fd = quarantine ? open(quarantine, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
				  : files_open_folder(s->root, LAYOUT_QUARANTINE);
	const int err = quarantine && fd < 0 ? -errno : fd;

	s->aside_path = strdup(quarantine ? quarantine : LAYOUT_QUARANTINE);
	s->aside_named = quarantine;
	s->aside = fd < 0 ? -1 : fd;
	if (!s->aside_path)
		return reg_fail(error, -ENOMEM, "no memory");
	if (fd >= 0)
		return quarantine ? owner_check(s, fd, quarantine, error) : 0;
	if (err == -ENOENT)
		return 0;
	return quarantine ? reg_fail(error, err, "%s: %s", quarantine, strerror(-err))
			  : folder_error(s->path, LAYOUT_QUARANTINE, err, error);
}

int storage_open(const char *path, const char *quarantine, struct storage *ret, struct reg_error *error)
{
	struct storage s = {.path = strdup(path), .root = -1, .v2 = -1, .aside = -1};
	int r = 0;

	if (!s.path)
		return reg_fail(error, -ENOMEM, "no memory");
	s.root = open_root(path, error);
	if (s.root < 0)
		r = s.root;
	if (r == 0)
		r = open_v2(path, s.root, &s.v2, error);
	if (r == 0)
		r = open_aside(&s, quarantine, error);
	if (r < 0)
		storage_close(&s);
	else
		*ret = s;
	return r < 0 ? r : 0;
}

void storage_close(struct storage *s)
{
	files_close(&s->aside);
	files_close(&s->v2);
	files_close(&s->root);
	free(s->path);
	free(s->aside_path);
	s->path = s->aside_path = NULL;
}
