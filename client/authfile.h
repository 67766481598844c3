/* SPDX-License-Identifier: MIT */
/* The files in which docker and podman keep logins (containers-auth.json(5), docker's config.json). */
#ifndef REG_AUTHFILE_H
#define REG_AUTHFILE_H

#include <stddef.h>

#include "credentials.h"

/*
 * 1: *ret is what the file has for the source; 0: it has nothing, or is missing and need not be there; a
 * negative errno otherwise.
 */
int reg_authfile_find(const char *path, bool must_exist, const struct reg_source *source,
		      struct reg_credentials *ret, struct reg_error *error);

/* The same for a file's content; path is for errors only. */
int reg_authfile_parse(const void *data, size_t size, const char *path, const struct reg_source *source,
		       struct reg_credentials *ret, struct reg_error *error);

#endif
