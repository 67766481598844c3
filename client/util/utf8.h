/* SPDX-License-Identifier: MIT */
/* Text of others: told from bytes that are none, and made fit for a log or a terminal. */
#ifndef REG_UTIL_UTF8_H
#define REG_UTIL_UTF8_H

#include <stddef.h>

/* The length of the UTF-8 sequence at p, which ends in a NUL somewhere, and its code point; 0: it is none. */
size_t utf8_decode(const char *p, unsigned *ret_point);

/* In place, and never longer: a control or what turns the writing direction becomes a space, what is no UTF-8
 * a '?'. */
void utf8_make_printable(char *text);

#endif
