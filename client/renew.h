/* SPDX-License-Identifier: MIT */
/*
 * Looking for credentials once more, while the client works: a login ends (ECR's after 12 hours, and
 * Kubernetes renews the file that a secret is in), and a mount stands for a month. A search may take as long
 * as helpers do, so it has a thread for that time.
 */
#ifndef REG_RENEW_H
#define REG_RENEW_H

#include "credentials.h"
#include "loop.h"

struct renew;

/* On the network thread; found is the callee's to take over. As auth_renewed(). */
typedef void renewed_fn(void *data, struct reg_credentials *found, int err);

/* Copies of what lookup points to; cancel is its own. 0 or -ENOMEM. */
int renew_new(const struct reg_lookup *lookup, struct loop *loop, const struct reg_log *log, renewed_fn *done,
	      void *data, struct renew **ret);
/* Once the loop has ended: stops a search that is under way; nobody is told. Accepts NULL. */
void renew_free(struct renew *r);

/*
 * On the network thread: searches, then calls done(), never from within. -EAGAIN comes at once if the last
 * search ended less than ten seconds ago: what is refused over and over does not start a helper each time.
 */
void renew_start(struct renew *r);

#endif
