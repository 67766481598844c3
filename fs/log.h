/* SPDX-License-Identifier: MIT */
/* Where log lines go: a file, the terminal in the foreground, else the system log. */
#ifndef FS_LOG_H
#define FS_LOG_H

#include <stdio.h>

#include "registry.h"

struct log {
	FILE *file; /* NULL: the system log */
	enum reg_log_level level;
	bool dated; /* lines of a file begin with the time */
};

/* Opens path (NULL: stderr in the foreground, else the system log). 0 or a negative errno. */
int log_open(struct log *log, const char *path, enum reg_log_level level, bool foreground);
void log_close(struct log *log);

reg_log_fn log_line; /* data: the struct log */
bool log_level_parse(const char *text, enum reg_log_level *ret);

#endif
