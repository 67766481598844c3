/* SPDX-License-Identifier: MIT */
/* libcurl behind the transport: one multi handle, pooled easy handles. */
#ifndef REG_HTTP_H
#define REG_HTTP_H

#include "loop.h"
#include "transport.h"

struct http;

/* cacert: a PEM file or NULL. 0, -ENOMEM; -ENOENT, -EACCES if cacert cannot be read. */
int http_new(unsigned connections, const char *cacert, bool insecure, struct http **ret,
	     struct reg_error *error);
void http_free(struct http *h); /* nothing may be under way */

struct transport *http_transport(struct http *h);
struct loop_poller http_poller(struct http *h);

#endif
