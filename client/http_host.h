/* SPDX-License-Identifier: MIT */
/* The hosts that requests go to: for each a queue of what has not started, and the pace that it can bear. */
#ifndef REG_HTTP_HOST_H
#define REG_HTTP_HOST_H

#include "pace.h"
#include "queue.h"
#include "util/list.h"
#include "util/map.h"

struct http_host {
	struct map_node node;
	struct list link; /* in http_hosts.turn */
	struct queue queue;
	struct pace pace;
	unsigned users; /* requests that wait for it or are under way to it */
	char origin[]; /* "https://host:443" */
};

struct http_hosts {
	struct map map;
	struct list turn;
	unsigned count;
};

void http_hosts_init(struct http_hosts *hosts);
void http_hosts_done(struct http_hosts *hosts); /* nothing may use one */

/* The host of a URL, which then has one user more. NULL: no memory, or no URL. */
struct http_host *http_host_take(struct http_hosts *hosts, const char *url, unsigned connections);
/* One less. What nobody uses is forgotten, once there is nothing to remember of it or there are too many. */
void http_host_drop(struct http_hosts *hosts, struct http_host *host, uint64_t now);

#endif
