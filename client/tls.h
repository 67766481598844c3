/* SPDX-License-Identifier: MIT */
/* Whom we trust, and who we are: the files that a TLS connection is made with. */
#ifndef REG_TLS_H
#define REG_TLS_H

#include "registry.h"

struct tls {
	bool insecure; /* no certificate is verified */
	bool insecure_own; /* nor, at least, the registry's own */
	char *cafile; /* what to trust, or NULL: libcurl's own */
	int cafd; /* behind cafile where that was put together, or -1 */
	char *cert, *key; /* or NULL */
};

/* host: the registry's, whose certs.d is looked for. -ENOENT, -EACCES, -EINVAL, -ENOMEM. */
int tls_init(struct tls *t, const struct reg_options *o, const char *host, struct reg_error *error);
void tls_done(struct tls *t);

#endif
