/* SPDX-License-Identifier: MIT */
/*
 * Does a registry write to this storage? By its socket, its process, its configuration, and by asking it to
 * begin an upload.
 */
#ifndef REG_STORAGE_RUNNING_H
#define REG_STORAGE_RUNNING_H

#include "registry.h"
#include "storage/settings.h"

enum running_state {
	RUNNING_STOPPED = 1, /* nobody answers, and no process serves this storage */
	RUNNING_READONLY, /* it refuses uploads, or was started with a configuration that says so */
	RUNNING_WRITABLE,
	RUNNING_UNKNOWN, /* it runs, and nothing shows that it refuses uploads */
};

struct running_options {
	const char *root; /* the driver's root folder */
	const struct settings *settings; /* or NULL: only --root was given */
	const char *config; /* its path, or NULL */
	const char *url; /* --url: the probe goes there; NULL: to http.addr */
	const char *proc; /* "/proc"; tests have another */
	struct reg_options client; /* for the probe: credentials, cacert, insecure; source is set by us */
};

struct running {
	enum running_state state;
	int pid; /* of a registry that serves this storage, 0: none was found */
	char *cache; /* that process's blobdescriptor cache as its own configuration says, or NULL */
	char evidence[512]; /* one line: what was looked at, what it showed, what to do about it */
};

/* 0 or -ENOMEM. What cannot be looked at is evidence for nothing. */
int running_look(const struct running_options *o, struct running *ret);
void running_done(struct running *r);

#endif
