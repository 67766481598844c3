/* SPDX-License-Identifier: MIT */
/* A folder of a test's own, with files in it. */
#ifndef FOLDER_H
#define FOLDER_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

struct folder {
	char path[64];
};

static inline void folder_make(struct folder *f)
{
	strcpy(f->path, "/tmp/regfs-unit-XXXXXX");
	assert_non_null(mkdtemp(f->path));
}

/* In memory, where there is such a place: for tests that make folders by the thousand. */
static inline void folder_make_fast(struct folder *f)
{
	strcpy(f->path, "/dev/shm/regfs-unit-XXXXXX");
	if (!mkdtemp(f->path))
		folder_make(f);
}

static inline int folder_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void folder_remove(struct folder *f)
{
	assert_int_equal(nftw(f->path, folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* The path of something in it; in turns of four buffers. */
static inline const char *folder_path(const struct folder *f, const char *name)
{
	static char paths[4][512];
	static unsigned turn;
	char *path = paths[turn++ % ARRAY_SIZE(paths)];

	snprintf(path, sizeof(paths[0]), "%s/%s", f->path, name);
	return path;
}

/* With the folders above it. */
static inline void folder_write(const struct folder *f, const char *name, const void *data, size_t size)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	for (char *p = path + strlen(f->path) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0700);
		*p = '/';
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

#endif
