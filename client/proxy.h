/* SPDX-License-Identifier: MIT */
/*
 * Which proxy a request goes through. The environment is read as docker and podman read it (Go's httpproxy):
 * both cases of its names, networks and ports in NO_PROXY, and never a proxy to this machine itself.
 */
#ifndef REG_PROXY_H
#define REG_PROXY_H

#include "registry.h"

struct proxies {
	char *http, *https; /* URLs, which may hold a password; NULL: none */
	char *except; /* NO_PROXY, or NULL */
};

/* 0, -ENOMEM; -EINVAL: a variable holds no URL of a proxy, whose value the error does not repeat. */
int proxies_init(struct proxies *p, struct reg_error *error);
void proxies_done(struct proxies *p);

/* For a request to an origin ("https://host:443"): the proxy's URL, or NULL. */
const char *proxies_choose(const struct proxies *p, const char *origin);

#endif
