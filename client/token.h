/* SPDX-License-Identifier: MIT */
/* What a token server answers (token and OAuth2 specifications of distribution), and what a token tells of
 * itself. */
#ifndef REG_TOKEN_H
#define REG_TOKEN_H

#include <stdint.h>

#include "registry.h"
#include "util/buf.h"

struct reg_token {
	char *header; /* "Bearer ..." */
	uint64_t life_ms; /* counted from the request on: whose clock says issued_at is not known */
	char *refresh; /* takes the place of the identity token that was shown; or NULL */
};

/* 0, -EBADMSG, -EFBIG or -ENOMEM. */
int reg_token_read(const struct buf *body, struct reg_token *ret, struct reg_error *error);
void reg_token_done(struct reg_token *t); /* wipes both */

/*
 * The scopes that a "Bearer ..." holds by its own account (the access claim of a JWT), spaces between;
 * allocated. NULL: it does not say, as an opaque one. Nothing is verified: for words and for guesses only.
 */
char *reg_token_scopes(const char *header);

#endif
