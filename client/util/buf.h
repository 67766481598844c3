/* SPDX-License-Identifier: MIT */
/* A growing buffer with a maximum that is set when it is made: what comes from the network is bounded. */
#ifndef REG_UTIL_BUF_H
#define REG_UTIL_BUF_H

#include <stddef.h>

struct buf {
	char *data; /* NULL while empty, else followed by a NUL that size does not count */
	size_t size, room, max;
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* empty again; keeps its memory */

/* 0, -EFBIG if it would grow past its maximum, -ENOMEM; the buffer is unchanged on failure. */
int buf_add(struct buf *b, const void *data, size_t size);
int buf_puts(struct buf *b, const char *text);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
