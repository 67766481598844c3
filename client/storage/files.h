/* SPDX-License-Identifier: MIT */
/*
 * Files of a storage, always opened below a folder that is open, and never through a symbolic link: what a
 * registry wrote has none. Functions return 0, or a descriptor, or a negative errno; -ELOOP: it is a symbolic
 * link, -ENOTDIR, -EISDIR or -EINVAL: it is not the kind of file that it should be.
 */
#ifndef REG_STORAGE_FILES_H
#define REG_STORAGE_FILES_H

#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/buf.h"

static inline void files_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A descriptor that is closed when it leaves scope. */
#define auto_close __attribute__((cleanup(files_close)))

/* path may have several components: none of them may be a symbolic link. The caller closes it. */
int files_open_folder(int above, const char *path);
/* A regular file for reading; never blocks, whatever it is. *ret may be NULL. */
int files_open(int above, const char *path, struct stat *ret);

/* The names in a folder without "." and "..", sorted by bytes. */
struct files_names {
	size_t count;
	char **items;
	unsigned char *types; /* d_type: DT_UNKNOWN where the file system does not say */
	char *text; /* what the items point into */
};
int files_list(int folder, struct files_names *ret);
void files_names_done(struct files_names *n);
/* 1: nothing is in it but what these names (NULL after the last) say; 0: more; or a negative errno. */
int files_is_empty(int folder, const char *const *but);

/* All of a regular file to the end of a buffer; -EFBIG if that is more than the buffer's maximum. */
int files_read(int above, const char *path, struct buf *ret, struct stat *ret_stat);
/* lstat */
int files_stat(int above, const char *path, struct stat *ret);

/* Makes the folders of a path (0755 as the umask allows) that are not there. */
int files_make_folders(int above, const char *path);
/* Renames without replacing anything: -EEXIST; -EXDEV: not the same file system. The target's folders are
 * made. */
int files_move(int above, const char *path, int to_above, const char *to);
/*
 * The same where nobody else writes to the target's folder, but to the source maybe: what is written there at
 * this moment comes along or stays. files_move() is for the other way round.
 */
int files_take(int above, const char *path, int to_above, const char *to);
/*
 * Removes the folders of a path from its end on while they are empty, but not `above`. What is not there is
 * passed over, so that it may be the path of a file that is gone.
 */
void files_prune(int above, const char *path);

#endif
