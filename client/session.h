/* SPDX-License-Identifier: MIT */
/*
 * "Perform this registry request": transport, authorization and retries as one. On the network thread.
 */
#ifndef REG_SESSION_H
#define REG_SESSION_H

#include "auth.h"
#include "log.h"
#include "logins.h"
#include "loop.h"
#include "transport.h"

struct session {
	struct loop *loop;
	struct transport *transport;
	struct logins *logins;
	struct reg_log log;
	char base[300]; /* https://HOST[:PORT] */
	uint64_t token_timeout_ms;
	struct list tokens; /* token requests under way */
};

struct exchange {
	/* The caller's; req: method, accept, if_none_match, no_cache, upload, range, max_body and ahead. */
	struct http_request req;
	const char *path; /* "/v2/..." with its query; a whole URL if anonymous */
	const char *scope; /* for a token */
	struct auth *auth; /* whose login is shown; NULL: that which there is for the scope */
	const char *group;
	uint64_t timeout_ms; /* from when it first starts, retries included */
	bool bare; /* shows no login, and a 401 is an answer */
	bool single; /* not again at all, but to log in */
	bool once; /* not again unless it is certain that nothing was done: never after a failure in doubt */
	bool gateway; /* 502 and 504 are answers: the caller asks for less rather than again */
	void (*done)(struct exchange *x);

	/* The answer: 0 and a status below 400 in req, or a negative errno that error explains. */
	int err;
	struct reg_error error;

	/* The session's. */
	struct session *session;
	bool plain; /* a token request: url and authorization are the caller's */
	const char *plain_authorization;
	char *url, *used; /* used: the Authorization sent, a copy */
	unsigned tries;
	bool challenged, refused; /* 401: without an Authorization, with one */
	bool doubt; /* an attempt before the last one may have done what it asked for */
	struct reg_error told; /* the last that it said before it was asked again; err 0: nothing */
	uint64_t deadline;
	enum exchange_state { EXCHANGE_IDLE, EXCHANGE_TOKEN, EXCHANGE_SENT, EXCHANGE_PAUSE } state;
	struct auth_waiter waiter;
	struct loop_timer timer;
};

/* done() follows, never from within, unless exchange_cancel() comes first. */
void exchange_start(struct session *s, struct exchange *x);
void exchange_cancel(struct exchange *x); /* also of one that is not under way */
void exchange_urge(struct exchange *x);
void exchange_done(struct exchange *x); /* frees what it holds; it must not be under way */

auth_fetch_fn session_fetch_token; /* data: the session */
void session_cancel_tokens(struct session *s);

#endif
