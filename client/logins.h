/* SPDX-License-Identifier: MIT */
/*
 * The logins of one client. Its user may have one for the registry and others for name spaces in it (podman
 * login HOST/PATH, containers-auth.json(5)): each request shows the one that is the closest to its
 * repository.
 */
#ifndef REG_LOGINS_H
#define REG_LOGINS_H

#include "auth.h"
#include "credentials.h"
#include "loop.h"

struct logins;

struct logins_options {
	struct reg_lookup lookup; /* copied, with what it points to */
	bool digest; /* HTTP Digest may be answered */
	auth_fetch_fn *fetch;
	void *fetch_data;
	struct loop *loop;
	const struct reg_log *log; /* stays the caller's */
};

/*
 * Looks for all of them, as reg_credentials_find(). One for a name space that cannot be read is a warning,
 * and why its requests are refused. 0 or a negative errno, which error explains.
 */
int logins_new(const struct logins_options *o, struct logins **ret, struct reg_error *error);
/* One login alone, which is taken over; for tests. 0 or -ENOMEM. */
int logins_new_single(struct auth *a, struct logins **ret);
/* Once the loop has ended. Accepts NULL. */
void logins_free(struct logins *l);

/* The one for a scope ("repository:NAME:pull", "registry:catalog:*", or ""). */
struct auth *logins_for(struct logins *l, const char *scope);
/* The source's own comes first; NULL behind the last one. */
struct auth *logins_at(struct logins *l, size_t i);
/* The next one behind the i-th that no one before it is the same as; NULL: there is none. */
struct auth *logins_next(struct logins *l, size_t *i);
void logins_set_https(struct logins *l, bool https);
/* auth_offered(), for all of them. */
void logins_offered(struct logins *l, const char *challenge);
/* auth_hide(), of all that were given out: what was shown for one repository may be repeated for another. */
void logins_hide(const struct logins *l, struct reg_error *error);

#endif
