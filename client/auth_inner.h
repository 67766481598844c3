/* SPDX-License-Identifier: MIT */
/* What the parts of auth share: auth.c, what is shown and what is done about a 401; auth_token.c, tokens
 * asked for. */
#ifndef REG_AUTH_INNER_H
#define REG_AUTH_INNER_H

#include "auth.h"
#include "grant.h"
#include "tokens.h"

enum auth_scheme { AUTH_NONE, AUTH_BASIC, AUTH_DIGEST, AUTH_READY, AUTH_BEARER };

struct auth {
	bool https, digest;
	auth_fetch_fn *fetch;
	void *fetch_data;
	auth_renew_fn *renew;
	void *renew_data;
	const struct reg_log *log;

	struct reg_credentials credentials; /* as they were found last */
	unsigned login; /* counts up whenever there is something new to show */
	char *basic, *ready; /* headers made of them, once they are needed */
	char *refresh; /* what the token server gave in the place of the identity token, or NULL */

	enum auth_scheme scheme; /* what the registry asked for last; READY: a token that we were given */
	char *realm, *service;
	enum grant_kind grant; /* how tokens are asked for */
	struct tokens tokens;

	bool renewing;
	struct list refused; /* auth_waiter: wait for credentials */
	struct list stranded; /* token: could not be had, likewise */

	/* Where each use of an identity token ends it and brings the next, one request is under way at a time. */
	bool parallel; /* it lasts: known from the first answer on */
	unsigned refreshing; /* how many are under way */
	struct list turn; /* token: waits for its own */

	/* A login that a token server refused, and never accepted, is not shown again for a while: accounts
	 * are locked for less. */
	bool accepted;
	uint64_t shut; /* loop_now() */
	struct reg_error refusal;
};

/* ---- auth.c ---- */

enum grant_kind auth_first_grant(const struct auth *a); /* how the login that we have is shown best */
const char *auth_basic(struct auth *a); /* the header, or NULL */
int auth_fail_login(const struct auth *a,
		    struct reg_error *error); /* -EACCES: refused, with how to mend it */
/* Looks for other credentials, unless that is under way. False: there is nowhere to look. */
bool auth_look_again(struct auth *a);

/* ---- auth_token.c ---- */

/* Begins to ask for a token; its waiters will be called. Or a negative errno. */
int auth_ask(struct auth *a, struct token *t, struct reg_error *error);
/* Is there one that may be used now? */
bool auth_token_good(const struct token *t);
/* After credentials were looked for: asks again with the new ones, or (err < 0) gives up. */
void auth_unstrand(struct auth *a, int err);
void auth_call_all(struct list *waiters, int err, const struct reg_error *error);

#endif
