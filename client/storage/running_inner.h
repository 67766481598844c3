/* SPDX-License-Identifier: MIT */
/* What the files of running.h share: one looks at processes, one at sockets. */
#ifndef REG_STORAGE_RUNNING_INNER_H
#define REG_STORAGE_RUNNING_INNER_H

#include <time.h>

#include "storage/running.h"

/* ---- processes ---- */

enum process_says {
	PROCESS_NOTHING = 1, /* it serves this storage, or may do so, and nothing more is known */
	PROCESS_READONLY, /* its configuration says so, and is older than it is */
	PROCESS_WRITABLE, /* likewise */
};

/* A registry that serves this storage, or that cannot be told from one that does. */
struct process {
	int pid;
	enum process_says says;
	const char *why; /* of PROCESS_NOTHING, for people */
	char config[256]; /* as it sees it; "" : not known */
	bool known; /* it does serve this storage, and settings are its own */
	struct settings settings;
};

typedef int process_fn(void *data, struct process *p);

/* Every such process below o->proc. 0, -ENOMEM, or what the callback returned. */
int processes_look(const struct running_options *o, process_fn *fn, void *data);

/* ---- sockets ---- */

/*
 * Does anybody listen there? Within two seconds. On true *ret is HOST:PORT as a URL has it. An address
 * without a host is looked for on this machine.
 */
bool socket_answers(const char *addr, char ret[300]);

/* 0: an upload was taken. -EROFS or -EPERM: refused. Else it says nothing; error tells why. */
int upload_try(const struct reg_options *client, const char *source, struct reg_error *error);
/* Removes what upload_try() left below this root, if it was this storage. */
void upload_clean(const char *root);

#endif
