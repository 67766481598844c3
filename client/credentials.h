/* SPDX-License-Identifier: MIT */
/* What the user has to show a registry: options, environment, docker's and podman's auth files. */
#ifndef REG_CREDENTIALS_H
#define REG_CREDENTIALS_H

#include "registry.h"
#include "source.h"

struct reg_credentials {
	char *user, *password; /* both NULL: anonymous */
};

/*
 * Looks in this order: user and password, what is NULL from REGFS_USER and REGFS_PASSWORD (one without the
 * other is -EINVAL; a variable set to nothing counts as not set), $REGISTRY_AUTH_FILE,
 * $XDG_RUNTIME_DIR/containers/auth.json, ~/.config/containers/auth.json ($XDG_CONFIG_HOME),
 * $DOCKER_CONFIG/config.json or
 * ~/.docker/config.json. The entry of an "auths" object that fits best wins: HOST/PREFIX keys, longest first,
 * then HOST, https://HOST, http://HOST with or without /v1/ or /v2/ behind; Docker Hub has
 * https://index.docker.io/v1/. An entry without "auth" (or username and password) is passed over. A missing
 * file is no error, except $REGISTRY_AUTH_FILE; one that cannot be read or parsed is (-EACCES, -EBADMSG; the
 * error names the file). Files above 1 MiB are refused (-EFBIG).
 */
int reg_credentials_find(const struct reg_source *source, const char *user, const char *password,
			 struct reg_credentials *ret, struct reg_error *error);
void reg_credentials_done(struct reg_credentials *c); /* wipes the password before it is freed */

/* "Basic ..." for an Authorization header, allocated, to be wiped and freed by the caller; NULL: no memory.
 */
char *reg_credentials_basic(const struct reg_credentials *c);

/* Standard base64 (RFC 4648, 4). decode: NULL if it is not that; the result is NUL-terminated. */
char *reg_base64_encode(const void *data, size_t size);
char *reg_base64_decode(const char *text, size_t *ret_size);

void reg_wipe(char *secret); /* overwrites a string, so that it does not stay in freed memory; accepts NULL */

#endif
