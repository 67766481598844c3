/* SPDX-License-Identifier: MIT */
/* A moment, as people write it. */
#ifndef REG_WHEN_H
#define REG_WHEN_H

#include "registry.h"

/*
 * "2026-11-20" (its beginning, where we are), RFC 3339, or so long before now: "90s", "30m", "2h", "7d",
 * "2w". False: none of these.
 */
bool when_parse(const char *text, time_t now, struct timespec *ret);

#endif
