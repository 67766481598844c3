/* SPDX-License-Identifier: MIT */
/* A program run as a child: its output line by line, its end, and nothing left of it afterwards. */
#ifndef REG_STORAGE_COLLECTOR_CHILD_H
#define REG_STORAGE_COLLECTOR_CHILD_H

#include "storage/collector.h"

/*
 * The words of a command, apart by blanks; '...' and "..." hold words together, and \ in "..." takes the next
 * character as it is. *ret is one piece of memory, ended by NULL, with room for `more` words behind them.
 * -EINVAL: no word, a quote without its end, more than 64 words; -ENOMEM.
 */
int collector_words(const char *command, size_t more, char ***ret, size_t *ret_count);

/* A line of its stdout, without its end; at most 64 KiB, the rest is cut off. Non-zero ends the child. */
typedef int child_line_fn(void *data, const char *line);

/*
 * 0: it ran. Else a negative errno of starting it (without words), or what the callback returned, or -EINTR:
 * a signal with a handler came, or *signal is set (NULL: nobody sets one), be it already.
 */
int child_run(char *const *words, const volatile sig_atomic_t *signal, child_line_fn *line, void *data,
	      struct collector_end *ret);

#endif
