/* SPDX-License-Identifier: MIT */
/* Files that hold secrets: read once, into memory that is never moved, so that there is one copy to wipe. */
#ifndef REG_SECRETFILE_H
#define REG_SECRETFILE_H

#include <stddef.h>
#include <sys/types.h>

#include "log.h"
#include "registry.h"

/*
 * The whole file, with a NUL behind it, into *ret, which secretfile_free() releases; returns its size. It
 * need not be a regular file: <(...) is a pipe. A negative errno: it cannot be read, has more than max bytes
 * (-EFBIG), nobody writes into the pipe (-ETIMEDOUT), or cancel, a descriptor (NULL: there is none), became
 * readable meanwhile (-ECANCELED).
 */
ssize_t secretfile_read(const char *path, size_t max, const int *cancel, char **ret);
/* Says so in error, with what named the file ("password_file=", or nothing) before its path, and returns err.
 */
int secretfile_fail(struct reg_error *error, const char *named, const char *path, int err);
void secretfile_free(char *data, size_t size); /* wipes it first; accepts NULL */

/* Warns of a file that everybody may read. Not more: Kubernetes mounts secrets so, into containers of their
 * own. */
void secretfile_check(const char *path, const struct reg_log *log);

#endif
