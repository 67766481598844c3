/* SPDX-License-Identifier: MIT */
/* That no registry is seen shows that there is none only where one would be seen. */
#include "storage/running_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "storage/filesystem.h"
#include "storage/layout.h"
#include "util/cleanup.h"

/* The machine's first one: PROC_PID_INIT_INO of the kernel's linux/proc_ns.h, which is no part of its
 * headers. */
#define FIRST_NAMESPACE "pid:[4026531836]"

/* ---- processes ---- */

static bool sees_processes(const struct running_options *o, unsigned hidden, char ret_why[160])
{
	char path[PATH_MAX], name[64] = "";
	const char *why = NULL;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/self/ns/pid", o->proc);
	n = readlink(path, name, sizeof(name) - 1);
	/* Everybody may read what the first process is called, unless /proc hides it. */
	snprintf(path, sizeof(path), "%s/1/cmdline", o->proc);
	if (n <= 0)
		why = "it cannot be seen in /proc whether regfs-gc runs in a container";
	else if (strcmp(name, FIRST_NAMESPACE) != 0)
		why = "regfs-gc runs in a container, and sees no process outside";
	else if (o->user != 0)
		why = "only root can look at the processes of others";
	else if (hidden || access(path, R_OK) < 0)
		why = "processes of others are hidden (hidepid of /proc, or a missing capability)";
	snprintf(ret_why, 160, "%s", why ? why : "");
	return !why;
}

/* ---- the file system ---- */

static bool is_here(unsigned long type, char ret_why[160])
{
	char buf[32];

	if (filesystem_is_local(type))
		return true;
	snprintf(ret_why, 160, "the storage is on a file system that other machines may write to (%s)",
		 filesystem_name(type, buf));
	return false;
}

/* Each folder that can be a mount of its own. */
static bool sees_storage(const struct running_options *o, char ret_why[160])
{
	static const char *const below[] = {"", "/" LAYOUT_V2, "/" LAYOUT_V2 "/blobs",
					    "/" LAYOUT_V2 "/repositories"};
	struct statfs st;
	char path[PATH_MAX];

	if (!o->root) {
		snprintf(ret_why, 160, "other machines may write to the storage (%.60s)",
			 o->settings && o->settings->driver ? o->settings->driver : "no folder");
		return false;
	}
	if (o->filesystem)
		return is_here((unsigned long)o->filesystem & 0xffffffff, ret_why);
	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		snprintf(path, sizeof(path), "%s%s", o->root, below[i]);
		if (statfs(path, &st) == 0 && !is_here((unsigned long)st.f_type & 0xffffffff, ret_why))
			return false;
	}
	return true;
}

bool sight_is_clear(const struct running_options *o, unsigned hidden, char ret_why[160])
{
	return sees_processes(o, hidden, ret_why) && sees_storage(o, ret_why);
}
