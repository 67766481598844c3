/* SPDX-License-Identifier: MIT */
/* Arguments, as regfs and mount(8) pass them. */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <sys/types.h>

#include "registry.h"

/* What happens to a tag that is not the only holder of its digest, when it is removed. */
enum shared {
	SHARED_UNTAG, /* its name goes, as one of several hard links does */
	SHARED_REFUSE,
	SHARED_ALL, /* the digest goes, with all its tags */
};

struct options {
	char *source, *mountpoint;
	bool help, version, foreground;
	unsigned ttl, connections, timeout, list_timeout;
	char *cacert, *cert, *key, *log, *repos_from;
	char *user, *password_file, *authfile, *netrc; /* netrc "": the usual one */
	bool insecure, digest_auth, tags_only, xattr, undated_epoch, allow_other, noexec;
	bool allow_delete, dry_run;
	char **protect; /* patterns over REPOSITORY:TAG */
	size_t nprotect;
	char *protect_from, *journal; /* journal NULL: the default folder */
	unsigned keep; /* the newest so many tags of a repository are protected; 0: none */
	enum shared shared;
	struct reg_platform platform;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	enum reg_log_level level;
	bool doctor, json, only_read, push; /* regfs doctor: --json, --read-only, --push */
	char *repository; /* doctor: --repository, or NULL */
	const char *removing; /* the last option that is there that says how to remove */
	bool read_only; /* the last of ro and rw is ro */
	char error[200]; /* what was wrong with the last one that was refused */
};

/* 0, or -EINVAL with error: one line on what is wrong and how to mend it. */
int options_parse(int argc, char **argv, struct options *ret);
void options_done(struct options *o);
/* How the registry is reached; the texts stay the options' own. */
void options_client(const struct options *o, struct reg_options *ret);
void options_help(const char *program);

#endif
