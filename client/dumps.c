/* SPDX-License-Identifier: MIT */
#include "dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif

void dumps_off(void)
{
	const struct rlimit none = {0, 0};

	/* Neither fails where the arguments are right. */
	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef SANITIZED /* the leak sanitizer attaches to its own process */
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}
