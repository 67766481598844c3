/* SPDX-License-Identifier: MIT */
/* For tests that are tables of cases: a failure says which case, and why it is in the table. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "util/cleanup.h"

#define check(condition, why)                                                                                \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("%s: not so: %s", (why), #condition);                                       \
	} while (0)

#define check_int(have, want, why)                                                                           \
	do {                                                                                                 \
		const long long check_have = (have), check_want = (want);                                    \
		if (check_have != check_want)                                                                \
			fail_msg("%s: %s is %lld, not %lld", (why), #have, check_have, check_want);          \
	} while (0)

/* NULL equals NULL only. */
#define check_text(have, want, why)                                                                          \
	do {                                                                                                 \
		const char *check_have = (have), *check_want = (want);                                       \
		if (!check_have != !check_want || (check_have && strcmp(check_have, check_want) != 0))       \
			fail_msg("%s: %s is '%s', not '%s'", (why), #have, check_have ? check_have : "NULL", \
				 check_want ? check_want : "NULL");                                          \
	} while (0)

#endif
