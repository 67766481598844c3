/* SPDX-License-Identifier: MIT */
/* Who asks: what the kernel says about a process. All of it may be gone, or out of sight in another
 * container, or because /proc is of another name space than this process. */
#ifndef FS_PROCESS_H
#define FS_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Its name as ps shows it, cut to size, arbitrary bytes; false: unknown, and ret is empty. */
bool process_name(int pid, char *ret, size_t size);
int process_parent(int pid); /* who runs it; 0: unknown */

/*
 * Does a thread that waits in the kernel have a signal that wants it to leave? Not one that a process gets in
 * passing: to stop and go on (Ctrl-Z, a debugger, a container that is paused), of a child, a terminal, a
 * profiler or a runtime's scheduler. Nor one that another thread of the program has taken and handled. True
 * if it is not known.
 */
bool process_is_leaving(int tid);

/* Milliseconds since the machine started, suspended or not. Since when a process runs, rounded down to a
 * clock tick, or 0: unknown; and now. */
uint64_t process_started(int pid);
uint64_t process_now(void);

#endif
