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

/* A request that waits for a token. */
struct auth_waiter {
	struct list link;
	void (*ready)(struct auth_waiter *w, int err, const struct reg_error *error);
};

/* Fetches url with an Authorization (or NULL), then calls auth_token_answer() with token, once. */
typedef int auth_fetch_fn(void *data, const char *url, const char *authorization, void *token);

struct auth_options {
	bool https; /* the registry is https: so must a token realm be */
	struct reg_credentials *credentials; /* taken over */
	auth_fetch_fn *fetch;
	void *fetch_data;
	const struct reg_log *log;
};

int auth_new(const struct auth_options *o, struct auth **ret); /* 0 or -ENOMEM */
void auth_free(struct auth *a);
void auth_set_https(struct auth *a, bool https);

/*
 * The header for a request with this scope ("repository:NAME:pull", "registry:catalog:*", or ""): 0 and
 * *ret_header (NULL: none is needed as far as is known; it lives until the next call), 1: a token is being
 * fetched, w will be called; or a negative errno.
 */
int auth_header(struct auth *a, const char *scope, struct auth_waiter *w, const char **ret_header,
		struct reg_error *error);
void auth_forget_waiter(struct auth_waiter *w);

/*
 * A request with this scope, sent with `used` (or NULL), was answered 401 with this challenge. 0: ask
 * auth_header() again and repeat the request. Else a negative errno: what we have is not enough, and error
 * says why.
 */
int auth_challenged(struct auth *a, const char *scope, const char *used, const char *challenge,
		    struct reg_error *error);

void auth_token_answer(struct auth *a, void *token, int err, const struct reg_error *error,
		       const struct buf *body);

#endif
