/* SPDX-License-Identifier: MIT */
/* How a token server is asked: the token specification's GET, or the OAuth2 specification's POST. */
#ifndef REG_GRANT_H
#define REG_GRANT_H

#include "util/buf.h"

enum grant_kind {
	GRANT_GET, /* the login, if there is one, goes as Basic */
	GRANT_REFRESH, /* POST, with an identity token */
	GRANT_PASSWORD, /* POST, for a server that refuses the GET */
};

struct grant {
	enum grant_kind kind;
	const char *realm, *service; /* service "": none */
	const char *scopes; /* with spaces between */
	const char *user, *password; /* or NULL */
	const char *identity_token; /* of GRANT_REFRESH */
};

/* Fills url and, for a POST, form. 0 or a negative errno. The form holds a secret: it is to be wiped. */
int grant_write(const struct grant *g, struct buf *url, struct buf *form);

#endif
