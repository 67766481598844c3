/* SPDX-License-Identifier: MIT */
#include "http_host.h"

#include <stdlib.h>
#include <string.h>

#include "origin.h"
#include "util/cleanup.h"

enum { MANY = 64 };

void http_hosts_init(struct http_hosts *hosts)
{
	*hosts = (struct http_hosts){0};
	map_init(&hosts->map);
	list_init(&hosts->turn);
}

static void forget(struct http_hosts *hosts, struct http_host *host)
{
	map_remove(&hosts->map, &host->node);
	list_remove(&host->link);
	queue_done(&host->queue);
	hosts->count--;
	free(host);
}

void http_hosts_done(struct http_hosts *hosts)
{
	struct map_node *node;

	while ((node = map_any(&hosts->map)))
		forget(hosts, container_of(node, struct http_host, node));
	map_done(&hosts->map);
}

static struct http_host *find(struct http_hosts *hosts, const char *origin, uint64_t hash)
{
	map_for_each_match(&hosts->map, hash, node)
	{
		struct http_host *host = container_of(node, struct http_host, node);

		if (strcmp(host->origin, origin) == 0)
			return host;
	}
	return NULL;
}

struct http_host *http_host_take(struct http_hosts *hosts, const char *url, unsigned connections)
{
	auto_free char *origin = origin_of(url);
	const size_t size = origin ? strlen(origin) : 0;
	const uint64_t hash = map_hash(origin, size);
	struct http_host *host;

	if (!origin)
		return NULL;
	host = find(hosts, origin, hash);
	if (!host) {
		host = calloc(1, sizeof(*host) + size + 1);
		if (!host || map_add(&hosts->map, &host->node, hash) < 0) {
			free(host);
			return NULL;
		}
		memcpy(host->origin, origin, size + 1);
		queue_init(&host->queue, connections);
		list_init(&host->link);
		list_append(&hosts->turn, &host->link);
		hosts->count++;
	}
	host->users++;
	return host;
}

void http_host_drop(struct http_hosts *hosts, struct http_host *host, uint64_t now)
{
	if (--host->users == 0 && (hosts->count > MANY || pace_idle(&host->pace, now)))
		forget(hosts, host);
}
