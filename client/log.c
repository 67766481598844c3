/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

void reg_log(const struct reg_log *log, enum reg_log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (!log->fn || level > log->level)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	log->fn(log->data, level, line);
}
