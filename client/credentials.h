/* SPDX-License-Identifier: MIT */
/* What the user has to show a registry: options, environment, docker's and podman's auth files. */
#ifndef REG_CREDENTIALS_H
#define REG_CREDENTIALS_H

#include "log.h"
#include "registry.h"
#include "source.h"

struct namelist;
struct reg_spaces;

struct reg_credentials {
	char *user, *password; /* both NULL: anonymous, or one of the tokens */
	/* An OAuth2 refresh token (docker's "identitytoken", a helper's user "<token>"), or NULL. */
	char *identity_token;
	char *registry_token; /* sent as it is, "Bearer ..." (docker's "registrytoken"), or NULL */
	char *lacking; /* where there is nothing: a helper that failed, a file that may not be read, or logins for less: in
			  words for who is refused, or NULL */
};

/*
 * What goes with the names in a lookup's deeper, in their order: read at the same time, since a file may have changed a
 * moment later, and a pipe is read once.
 */
struct reg_spaces {
	struct reg_space {
		struct reg_credentials credentials; /* of an entry that cannot be read: what it lacks alone */
		unsigned file; /* where it is from: what an earlier one has for a name space is for all below it */
	} *items;
	size_t count, room;
	unsigned files; /* looked at so far */
};

/* Where to look, and for whom. What is NULL was not given; nothing of it is owned. */
struct reg_lookup {
	const struct reg_source *source;
	const char *user, *password;
	const char *password_file; /* its first line, in the place of a password */
	const char *authfile; /* in the place of $REGISTRY_AUTH_FILE */
	const char *netrc; /* "": ~/.netrc */
	const struct reg_log *log;
	unsigned helper_ms; /* how long a credential helper may take; 0: 30 s */
	bool no_helpers; /* they have been asked */
	/* Name spaces below the source's that have a login of their own, where that goes before the source's, are added
	 * to it, and what they have to spaces; or NULL. */
	struct namelist *deeper;
	struct reg_spaces *spaces;
	struct reg_error *failure; /* is set where a helper fails, a file may not be read, or all there is are logins for parts
				      of the source */
	const int *cancel; /* a descriptor that ends the search when it becomes readable (-ECANCELED) */
};

/*
 * Looks in this order: user and password, what is NULL from REGFS_USER and REGFS_PASSWORD (one without the
 * other is -EINVAL; a variable set to nothing counts as not set), authfile or $REGISTRY_AUTH_FILE,
 * $XDG_RUNTIME_DIR/containers/auth.json (/run/containers/UID/auth.json), ~/.config/containers/auth.json
 * ($XDG_CONFIG_HOME), the auth file in $DOCKER_AUTH_CONFIG, $DOCKER_CONFIG/config.json or
 * ~/.docker/config.json, netrc. In a file its credential helpers are asked first: the one that "credHelpers"
 * has for the host, then "credsStore"; one that fails is passed over with a warning, as docker does. Then the
 * entry of "auths" that fits best: HOST/PREFIX keys, longest first, then HOST, https://HOST, http://HOST with
 * or without /v1/ or /v2/ behind; Docker Hub has https://index.docker.io/v1/. An entry without a login is
 * passed over. A missing file is no error, except one that was named; one that cannot be read or parsed is
 * (-EACCES, -EBADMSG; the error names the file). Files above 1 MiB are refused (-EFBIG). It may take as long
 * as helpers do.
 */
int reg_credentials_find(const struct reg_lookup *lookup, struct reg_credentials *ret,
			 struct reg_error *error);
void reg_credentials_done(struct reg_credentials *c); /* wipes the secrets before they are freed */
int reg_spaces_add(struct reg_spaces *s, struct reg_credentials *c); /* takes c over; 0 or -ENOMEM */
void reg_spaces_done(struct reg_spaces *s);
/* Is it the same login? */
bool reg_credentials_equal(const struct reg_credentials *a, const struct reg_credentials *b);

/* "Basic ..." for an Authorization header, allocated, to be wiped and freed by the caller; NULL: no memory.
 */
char *reg_credentials_basic(const struct reg_credentials *c);

/* Standard base64 (RFC 4648, 4). decode: NULL if it is not that; the result is NUL-terminated. */
char *reg_base64_encode(const void *data, size_t size);
char *reg_base64_decode(const char *text, size_t *ret_size);

void reg_wipe(char *secret); /* overwrites a string, so that it does not stay in freed memory; accepts NULL */

#endif
