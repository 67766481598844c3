/* SPDX-License-Identifier: MIT */
#ifndef REG_BYTES_H
#define REG_BYTES_H

#include "registry.h"

/* Takes over data, which was allocated and has a NUL at data[size]; data is freed if NULL (no memory) is
 * returned. */
struct reg_bytes *reg_bytes_take(char *data, size_t size);

#endif
