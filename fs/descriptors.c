/* SPDX-License-Identifier: MIT */
#include "descriptors.h"

#include <sys/resource.h>

/*
 * For a transfer: its connection, one at rest to another host, and a pair while a name is looked up. And what
 * there is without any: the session and its threads, logs, the journal, files of logins and certificates.
 */
enum { EACH = 4, OTHERS = 40 };

unsigned descriptors_fit(unsigned connections)
{
	const rlim_t need = (rlim_t)connections * EACH + OTHERS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= need)
		return connections;
	limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		(void)getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= need)
		return connections;
	return limit.rlim_cur > OTHERS + EACH ? (unsigned)(limit.rlim_cur - OTHERS) / EACH : 1;
}
