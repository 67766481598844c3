/* SPDX-License-Identifier: MIT */
/* How far something is: a bar with bytes and the time left on a terminal, nothing elsewhere. */
#ifndef REG_STORAGE_PROGRESS_H
#define REG_STORAGE_PROGRESS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct progress;

/* Draws to a file descriptor (stderr) if that is a terminal and quiet is not set. NULL: no memory. */
struct progress *progress_new(int fd, bool quiet);
void progress_free(struct progress *p); /* wipes the bar */

/* A part begins: `what` is a literal, such as "reading repositories". total: 0 if it is not known. */
void progress_begin(struct progress *p, const char *what, uint64_t total, bool bytes);
/* So much more is done. Cheap: it draws ten times a second at most. p may be NULL. */
void progress_add(struct progress *p, uint64_t n);
void progress_end(struct progress *p);

/* A flag that a signal handler of the caller sets: what takes long ends with -EINTR then. */
void progress_interrupt(struct progress *p, const volatile sig_atomic_t *flag);
bool progress_interrupted(const struct progress *p); /* false where p is NULL, or has no flag */

#endif
