/* SPDX-License-Identifier: MIT */
/*
 * The registry's own `garbage-collect`, run as a child, and its output, line by line, for versions 2 and 3.
 */
#ifndef REG_STORAGE_COLLECTOR_H
#define REG_STORAGE_COLLECTOR_H

#include <signal.h>
#include <stdbool.h>

#include "registry.h"

/* ---- its output ---- */

enum collector_event {
	COLLECTOR_REPOSITORY = 1, /* it begins one: repository */
	COLLECTOR_MARK, /* a manifest or blob is kept: repository, digest */
	COLLECTOR_MANIFEST, /* would go: repository, digest */
	COLLECTOR_BLOB, /* would go: digest */
	COLLECTOR_LAYER_LINK, /* would go (version 3): repository, digest */
	COLLECTOR_SUMMARY, /* marked, blobs, manifests */
	COLLECTOR_UNKNOWN, /* any other line */
};

struct collector_line {
	enum collector_event event;
	char repository[256];
	struct reg_digest digest;
	uint64_t marked, blobs, manifests;
	const char *text; /* the line itself */
};

struct collector_parser { /* zero it to begin */
	char repository[256]; /* version 2 names a manifest's repository some lines before */
};

void collector_parse(struct collector_parser *p, const char *line, struct collector_line *ret);

/* ---- running it ---- */

struct collector_options {
	const char *command; /* "docker exec reg registry": words, no shell; NULL: registry, then
				docker-registry */
	const char *config; /* as the command sees it */
	bool delete_untagged, dry_run;
	const volatile sig_atomic_t *signal; /* set by a handler: end it, -EINTR; or NULL */
};

/* Non-zero: kill it, this is returned. */
typedef int collector_fn(void *data, const struct collector_line *line);

struct collector_end {
	int status; /* exit status; -1: killed */
	char message[1024]; /* the last words of its stderr, printable */
};

/*
 * 0: it ran, see *ret. -ENOENT: no such program (error names what was tried), other errnos of starting it, or
 * what the callback returned. A child never outlives the call.
 */
int collector_run(const struct collector_options *o, collector_fn *fn, void *data, struct collector_end *ret,
		  struct reg_error *error);
/* The version that it says it is: major 2, 3, or 0 where that cannot be told. Of the options: command,
 * signal. */
int collector_version(const struct collector_options *o, int *ret_major, char text[128]);

#endif
