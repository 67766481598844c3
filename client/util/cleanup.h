/* SPDX-License-Identifier: MIT */
/* Scope cleanup: a variable marked with one of these is released when it leaves scope; steal() hands it over.
 */
#ifndef REG_UTIL_CLEANUP_H
#define REG_UTIL_CLEANUP_H

#include <stdlib.h>

static inline void reg_free_p(void *p)
{
	free(*(void **)p);
}

#define auto_free __attribute__((cleanup(reg_free_p)))

#define steal(p)                                                                                             \
	(__extension__({                                                                                     \
		__typeof__(*(p)) steal_tmp = *(p);                                                           \
		*(p) = NULL;                                                                                 \
		steal_tmp;                                                                                   \
	}))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
