/* SPDX-License-Identifier: MIT */
/* repos_from=FILE: repositories, one a line, for registries without a catalog. */
#ifndef FS_REPOS_H
#define FS_REPOS_H

#include <stddef.h>

#include "registry.h"

struct repos {
	char **names; /* NULL: no such file was given */
	size_t count;
};

/*
 * Empty lines and what follows a # are passed over. -EINVAL: a line is no repository (error says which); or
 * why it cannot be read.
 */
int repos_read(const char *path, struct repos *ret, struct reg_error *error);
void repos_done(struct repos *r);

#endif
