/* SPDX-License-Identifier: MIT */
/* Files and folders that are on disk when a function says so. Each returns 0 or a negative errno. */
#ifndef REG_UTIL_DURABLE_H
#define REG_UTIL_DURABLE_H

#include <stddef.h>

/*
 * Opens a folder, which is made if need be (0700), with those above it. What is made is on disk. *ret_fd is
 * to be closed.
 */
int durable_folder(const char *path, int *ret_fd);

/* The names in a folder are on disk. */
int durable_sync_folder(int fd);

/*
 * A file (0600) in a folder, all of it or nothing: written under another name, synced, renamed over what has
 * the name. Its content is on disk then, its name after durable_sync_folder(). One writer at a time.
 */
#define DURABLE_UNFINISHED ".unfinished" /* the other name; a kill leaves it */
int durable_file(int folder, const char *name, const void *data, size_t size);

#endif
