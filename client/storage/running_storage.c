/* SPDX-License-Identifier: MIT */
/*
 * Is the storage of a process ours? A folder is the same by its device and inode, whatever path leads there:
 * a link, a bind mount, or another root.
 */
#include "storage/running_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "storage/layout.h"

static const char *const places[PLACES] = {
	"",
	"/docker",
	"/docker/registry",
	"/" LAYOUT_V2,
	"/" LAYOUT_V2 "/blobs",
	"/" LAYOUT_V2 "/repositories",
	"/" LAYOUT_V2 "/blobs/sha256",
};

static int path_of(char path[PATH_MAX], const char *root, int place)
{
	const int n = snprintf(path, PATH_MAX, "%s%s", root, places[place]);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int take(struct places *p, int place, int fd)
{
	struct statfs filesystem;

	if (fstat(fd, &p->st[place]) < 0)
		return -errno;
	p->overlay[place] = fstatfs(fd, &filesystem) == 0 && filesystem.f_type == OVERLAYFS_SUPER_MAGIC;
	p->there[place] = true;
	return 0;
}

void places_find(const char *root, struct places *ret)
{
	char path[PATH_MAX];

	*ret = (struct places){0};
	for (int i = 0; i < PLACES; i++) {
		const int fd = path_of(path, root, i) < 0 ? -1 : open(path, O_PATH | O_CLOEXEC);

		if (fd < 0)
			continue;
		take(ret, i, fd);
		close(fd);
	}
}

/* 1, 0, or -EXDEV: an overlay and the folder below it have one inode number, but not one device. */
static int is_same(const struct places *a, const struct places *b, int place)
{
	const struct stat *const x = &a->st[place], *const y = &b->st[place];

	if (!a->there[place] || !b->there[place] || x->st_ino != y->st_ino)
		return 0;
	if (x->st_dev == y->st_dev)
		return 1;
	return a->overlay[place] || b->overlay[place] ? -EXDEV : 0;
}

int places_shared(const struct places *ours, int process, const char *root)
{
	struct places its = {0};
	char path[PATH_MAX];
	int doubt = 0;

	for (int i = 0; i < PLACES; i++) {
		int r = path_of(path, root, i);
		const int fd = r < 0 ? r : process_open(process, path, O_PATH);

		r = fd < 0 ? fd : take(&its, i, fd);
		if (fd >= 0)
			close(fd);
		if (r == 0)
			r = is_same(ours, &its, i);
		if (r > 0)
			return 1;
		/* What is not there is not ours: nobody pushed yet. */
		if (r < 0 && r != -ENOENT && r != -ENOTDIR)
			doubt = r;
	}
	return doubt;
}
