/* SPDX-License-Identifier: MIT */
#include "handle.h"

#include <stdlib.h>

#include "util/cleanup.h"

void handles_init(struct handles *h)
{
	pthread_mutex_init(&h->lock, NULL);
	list_init(&h->open);
}

static void release(struct handle *handle)
{
	reg_bytes_unref(handle->bytes);
	listing_unref(handle->listing);
	free(handle);
}

void handles_done(struct handles *h)
{
	struct list *node;

	while ((node = list_pop(&h->open)))
		release(container_of(node, struct handle, link));
	pthread_mutex_destroy(&h->lock);
}

struct handle *handle_new(struct handles *h, struct reg_bytes *bytes, struct listing *listing)
{
	struct handle *handle = calloc(1, sizeof(*handle));

	if (!handle)
		return NULL;
	handle->bytes = bytes;
	handle->listing = listing;
	pthread_mutex_lock(&h->lock);
	list_append(&h->open, &handle->link);
	pthread_mutex_unlock(&h->lock);
	return handle;
}

void handle_free(struct handles *h, struct handle *handle)
{
	pthread_mutex_lock(&h->lock);
	list_remove(&handle->link);
	pthread_mutex_unlock(&h->lock);
	release(handle);
}
