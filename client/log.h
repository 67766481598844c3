/* SPDX-License-Identifier: MIT */
#ifndef REG_LOG_H
#define REG_LOG_H

#include "registry.h"

struct reg_log {
	reg_log_fn *fn; /* NULL: no log */
	void *data;
	enum reg_log_level level; /* what is below it is not even put into words */
};

/* Never given a secret: no Authorization, no token, no URL with a query that a token server or a storage
 * signed. */
void reg_log(const struct reg_log *log, enum reg_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
