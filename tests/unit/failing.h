/* SPDX-License-Identifier: MIT */
/* Allocations that fail: the linker sends those of everything that is linked with it here (--wrap). */
#ifndef FAILING_H
#define FAILING_H

#include <stdatomic.h>

/* How many succeed until one fails, once; negative: none fails. */
extern atomic_int failing_left;

#endif
