/* SPDX-License-Identifier: MIT */
/* Who asks: what the kernel says about a process. All of it may be gone, or out of sight in another
 * container. */
#ifndef FS_PROCESS_H
#define FS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Its name as ps shows it, cut to size, arbitrary bytes; false: unknown, and ret is empty. */
bool process_name(int pid, char *ret, size_t size);
int process_parent(int pid); /* who runs it; 0: unknown */

/* Milliseconds since the machine started, suspended or not. Since when a process runs, rounded down to a
 * clock tick, or 0: unknown; and now. */
uint64_t process_started(int pid);
uint64_t process_now(void);

#endif
