/* SPDX-License-Identifier: MIT */
/* The files in which docker and podman keep logins (containers-auth.json(5), docker's config.json). */
#ifndef REG_AUTHFILE_H
#define REG_AUTHFILE_H

#include <stddef.h>

#include "credentials.h"
#include "credhelper.h"

/*
 * 1: *ret is what the file has for the source, or one of its helpers; 0: nothing is there, or the file is
 * missing and need not be there; a negative errno otherwise. It must be there if somebody named it:
 * "authfile=" or "REGISTRY_AUTH_FILE=" for the message; else NULL.
 */
int reg_authfile_find(const char *path, const char *named, const struct reg_lookup *lookup,
		      struct reg_credentials *ret, struct reg_error *error);

/* The "auths" of a file's content alone, in the same way; path is for errors only. */
int reg_authfile_parse(const void *data, size_t size, const char *path, const struct reg_lookup *lookup,
		       struct reg_credentials *ret, struct reg_error *error);

/* How many helpers a file's content has for the source; first the one that is asked first. -EBADMSG. */
int reg_authfile_helpers(const void *data, size_t size, const char *path, const struct reg_source *source,
			 struct credhelper ret[2], struct reg_error *error);

/* Docker Hub has several names: host is one of the source's. */
bool reg_authfile_host_fits(const char *host, size_t size, const struct reg_source *source);

#endif
