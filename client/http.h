/* SPDX-License-Identifier: MIT */
/* libcurl behind the transport: one multi handle, pooled easy handles. */
#ifndef REG_HTTP_H
#define REG_HTTP_H

#include "loop.h"
#include "source.h"
#include "transport.h"

struct http;

/*
 * source: the registry's host, and whether it is verified. Of the options: connections, and those about TLS. The environment says
 * which proxies there are. 0, -ENOMEM; -ENOENT, -EACCES, -EINVAL: a file or a proxy that cannot be used.
 */
int http_new(const struct reg_options *o, const struct reg_source *source, struct http **ret,
	     struct reg_error *error);
void http_free(struct http *h); /* nothing may be under way */

struct transport *http_transport(struct http *h);
struct loop_poller http_poller(struct http *h);

#endif
