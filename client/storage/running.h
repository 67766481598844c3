/* SPDX-License-Identifier: MIT */
/*
 * Does a registry write to this storage? By its socket, its process, its configuration, and by asking it to
 * begin an upload.
 */
#ifndef REG_STORAGE_RUNNING_H
#define REG_STORAGE_RUNNING_H

#include <sys/types.h>

#include "registry.h"
#include "storage/settings.h"

enum running_state {
	RUNNING_STOPPED = 1, /* nobody answers, and no process serves this storage, which would be seen here */
	RUNNING_READONLY, /* it refuses uploads, or was started with a configuration that says so */
	RUNNING_WRITABLE,
	RUNNING_UNKNOWN, /* it runs, and nothing shows that it writes nothing; or it would not be seen */
};

struct running_options {
	const char *root; /* the driver's root folder */
	const struct settings *settings; /* or NULL: only --root was given */
	const char *config; /* its path, or NULL */
	const char *url; /* --url: the probe goes there; NULL: to http.addr */
	bool stopped; /* --stopped: where nothing is seen of a registry, there is none */
	const char *proc; /* "/proc"; tests have another */
	uid_t user; /* who looks */
	long filesystem; /* 0: the storage's, as statfs(2) has it; tests have another */
	struct reg_options client; /* for the probe: credentials, cacert, insecure; source is set by us */
};

struct running {
	enum running_state state;
	int pid; /* of a registry that serves this storage, 0: none was found */
	int collector; /* of a registry's garbage-collect that is at work in this storage, likewise */
	bool unseen; /* a process may serve this storage, and what it is configured to do cannot be seen */
	bool changed; /* one does, and its configuration is not any more what it was started with */
	char *cache; /* that process's blobdescriptor cache as its own configuration says, or NULL */
	char evidence[640]; /* one line: what was looked at, and what it showed */
	const char *mend; /* what to do about it where nobody may write; NULL: nobody does */
};

/* 0 or -ENOMEM. What cannot be looked at is evidence for nothing. */
int running_look(const struct running_options *o, struct running *ret);
void running_done(struct running *r);

#endif
