/* SPDX-License-Identifier: MIT */
/* What the files of running.h share: one looks at processes, one at sockets. */
#ifndef REG_STORAGE_RUNNING_INNER_H
#define REG_STORAGE_RUNNING_INNER_H

#include <sys/stat.h>
#include <time.h>

#include "storage/running.h"
#include "util/buf.h"

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
	bool collects; /* it does not serve, but collects */
	struct settings settings;
};

typedef int process_fn(void *data, struct process *p);

/*
 * Every such process below o->proc. 0, -ENOMEM, or what the callback returned. ret_hidden: how many others
 * there are of which it cannot be seen what they run.
 */
int processes_look(const struct running_options *o, process_fn *fn, void *data, unsigned *ret_hidden);

/*
 * A file as the process sees it, which is a folder of /proc: links in its path lead where they lead in the
 * process's root. A file descriptor or a negative errno.
 */
int process_open(int process, const char *path, int flags);

/* ---- is it a registry? ---- */

enum program {
	PROGRAM_OTHER = 1,
	PROGRAM_MAYBE, /* if its configuration is a registry's */
	PROGRAM_REGISTRY,
	PROGRAM_COLLECTOR, /* its garbage-collect, and no dry run */
};

/*
 * By its command line, whose words end in NULs, and by the program that it runs ("": not known). ret_config:
 * the word that would be its configuration, or NULL.
 */
enum program program_look(const struct buf *words, const char *exe, const char **ret_config);

/* The word after this one; NULL: the last. Words end in NULs, and a buffer in one more. */
const char *words_next(const struct buf *words, const char *word);

/* ---- is it this storage? ---- */

enum { PLACES = 7 };

/* The folders of a storage, any of which can be a link, or another one mounted there. */
struct places {
	bool there[PLACES];
	struct stat st[PLACES];
	bool overlay[PLACES];
};

void places_find(const char *root, struct places *ret);
/* 1: the process has one of them in its storage below this root; 0: none; negative: that cannot be told. */
int places_shared(const struct places *ours, int process, const char *root);

/* ---- is silence evidence? ---- */

/* True if a registry that writes to this storage would have been seen; else why not, for people. */
bool sight_is_clear(const struct running_options *o, unsigned hidden, char ret_why[160]);

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
