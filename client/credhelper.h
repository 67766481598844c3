/* SPDX-License-Identifier: MIT */
/* Docker's credential helpers: docker-credential-NAME, which keeps logins or makes them as they are asked
 * for. */
#ifndef REG_CREDHELPER_H
#define REG_CREDHELPER_H

#include "credentials.h"

struct credhelper {
	char name[64]; /* of the program, without docker-credential- */
	char server[300]; /* what it is asked for */
};

/* Letters, digits, '-', '_' and '.': never a path, never an option. */
bool credhelper_name_is_valid(const char *name);

/*
 * Runs it, for limit_ms milliseconds at most (0: 30 s), without a shell, in this process's environment; it
 * has ended when this returns. From any thread, but never from one that must not wait. cancel: a descriptor
 * that ends the wait when it becomes readable (-ECANCELED), or NULL. 1: *ret is what it has; 0: it has
 * nothing for this server. Else a negative errno and an error that names the program, and holds nothing of
 * what it said that might be a secret: -ENOENT, it is not installed; -ETIMEDOUT; -EIO, it failed; -EBADMSG,
 * it answered otherwise than helpers do.
 */
int credhelper_get(const struct credhelper *helper, unsigned limit_ms, const int *cancel,
		   struct reg_credentials *ret, struct reg_error *error);

/* The same for what it said: exit status, and both outputs as strings. */
int credhelper_read(const char *name, int status, const char *out, size_t size, const char *err,
		    struct reg_credentials *ret, struct reg_error *error);

#endif
