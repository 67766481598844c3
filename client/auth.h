/* SPDX-License-Identifier: MIT */
/*
 * Which Authorization goes with which request. Knows challenges, credentials and tokens; asks for a token by
 * a function that session.c gives it, one request at a time for one scope. On the network thread.
 */
#ifndef REG_AUTH_H
#define REG_AUTH_H

#include "credentials.h"
#include "log.h"
#include "registry.h"
#include "util/buf.h"
#include "util/list.h"

struct auth;

/* A request that waits for a token, or for credentials to be looked for again. */
struct auth_waiter {
	struct list link;
	void (*ready)(struct auth_waiter *w, int err, const struct reg_error *error);
};

/* What a token server is asked. */
struct auth_request {
	const char *url;
	const char *authorization; /* or NULL */
	const char *form; /* the body of a POST, application/x-www-form-urlencoded; NULL: a GET */
};

struct auth_answer {
	int err; /* 0 or a negative errno, which error explains */
	int status; /* HTTP, 0 if there was no answer */
	const struct reg_error *error;
	const struct buf *body;
	uint64_t started; /* loop_now() when the request left */
};

/* Copies and sends q, then calls auth_token_answer() with a and token, once and never from within. */
typedef int auth_fetch_fn(void *data, struct auth *a, const struct auth_request *q, void *token);

/*
 * What we have was refused: looks for credentials once more, off the network thread, then calls
 * auth_renewed(), once and never from within. Not to be called again before that.
 */
typedef void auth_renew_fn(void *data);

struct auth_options {
	bool https; /* the registry is https: so must a token realm be */
	bool digest; /* HTTP Digest may be answered */
	struct reg_credentials *credentials; /* taken over */
	auth_fetch_fn *fetch;
	void *fetch_data;
	auth_renew_fn *renew; /* NULL: there is nothing to look at again */
	void *renew_data;
	const struct reg_log *log;
};

int auth_new(const struct auth_options *o, struct auth **ret); /* 0 or -ENOMEM */
void auth_free(struct auth *a);
void auth_set_https(struct auth *a, bool https);
bool auth_has_login(const struct auth *a); /* or is it a stranger? */

/* How a request shows who asks. All NULL: not at all. The strings live until the next call. */
struct auth_shown {
	const char *
		header; /* the Authorization; for HTTP Digest it only stands for the login, and is not sent */
	const char *user, *password; /* HTTP Digest: the transport answers the challenge with these */
};

/*
 * What to show for a request with this scope ("repository:NAME:pull", "registry:catalog:*", or ""), as far as
 * is known: 0 and *ret, 1: a token is being fetched, w will be called; or a negative errno.
 */
int auth_show(struct auth *a, const char *scope, struct auth_waiter *w, struct auth_shown *ret,
	      struct reg_error *error);
/* The same at the moment when the request leaves, which may be long after: false if auth_show() has to be
 * asked again. */
bool auth_show_now(struct auth *a, const char *scope, struct auth_shown *ret);
void auth_forget_waiter(struct auth_waiter *w);

struct auth_refusal {
	const char *scope;
	const char *used; /* the header that was shown, or NULL */
	const char *challenge; /* WWW-Authenticate, one a line */
	bool last; /* it is not sent again: only say why */
};

/*
 * A request was answered 401. 0: call auth_show() again and repeat the request. 1: w will be called, then do
 * so. Else a negative errno: what we have is not enough, and error says why.
 */
int auth_challenged(struct auth *a, const struct auth_refusal *refusal, struct auth_waiter *w,
		    struct reg_error *error);

/*
 * A request without a login was answered, not refused, but with a challenge: strangers are let in, and may see
 * less (zot, with a policy for them: its catalog is then short). True: there is a password, and from now on it
 * is shown.
 */
bool auth_offered(struct auth *a, const char *challenge);

/* Takes out of a server's words what it repeats of our login, or of what was shown to it (or NULL). */
void auth_hide(const struct auth *a, const char *used, struct reg_error *error);

void auth_token_answer(struct auth *a, void *token, const struct auth_answer *answer);

/*
 * The answer to renew(). 0: found is taken over; it may be what we had (reg_credentials_equal()). Else a
 * negative errno and found is empty: -EAGAIN, it was looked less than ten seconds ago.
 */
void auth_renewed(struct auth *a, struct reg_credentials *found, int err);

#endif
