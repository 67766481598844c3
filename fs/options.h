/* SPDX-License-Identifier: MIT */
/* Arguments, as regfs and mount(8) pass them. */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <sys/types.h>

#include "registry.h"

struct options {
	char *source, *mountpoint;
	bool help, version, foreground;
	unsigned ttl, connections, timeout, list_timeout;
	char *cacert, *log, *repos_from;
	bool insecure, tags_only, xattr, undated_epoch, allow_other, noexec;
	struct reg_platform platform;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	enum reg_log_level level;
	char error[200]; /* what was wrong with the last one that was refused */
};

/* 0, or -EINVAL with error: one line on what is wrong and how to mend it. */
int options_parse(int argc, char **argv, struct options *ret);
void options_done(struct options *o);
void options_help(const char *program);

#endif
