/* SPDX-License-Identifier: MIT */
#ifndef REG_UTIL_RANDOM_H
#define REG_UTIL_RANDOM_H

#include <stddef.h>

enum { RANDOM_HEX = 64 };

/* So many hexadecimal digits that nobody has ever seen, and a NUL. */
void random_hex(char ret[static RANDOM_HEX + 1]);

#endif
