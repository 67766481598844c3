/* SPDX-License-Identifier: MIT */
#include "bytes.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

struct counted {
	struct reg_bytes bytes; /* what the user sees; never changes */
	atomic_uint refs;
	char *data;
};

struct reg_bytes *reg_bytes_take(char *data, size_t size)
{
	struct counted *c = malloc(sizeof(*c));

	if (!c) {
		free(data);
		return NULL;
	}
	c->bytes = (struct reg_bytes){.size = size, .data = (const uint8_t *)data};
	atomic_init(&c->refs, 1);
	c->data = data;
	return &c->bytes;
}

struct reg_bytes *reg_bytes_copy(const void *data, size_t size)
{
	char *copy = size < SIZE_MAX ? malloc(size + 1) : NULL;

	if (!copy)
		return NULL;
	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return reg_bytes_take(copy, size);
}

struct reg_bytes *reg_bytes_ref(struct reg_bytes *b)
{
	if (b)
		atomic_fetch_add_explicit(&container_of(b, struct counted, bytes)->refs, 1,
					  memory_order_relaxed);
	return b;
}

void reg_bytes_unref(struct reg_bytes *b)
{
	struct counted *c;

	if (!b)
		return;
	c = container_of(b, struct counted, bytes);
	if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(c->data);
	free(c);
}
