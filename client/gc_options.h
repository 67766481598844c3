/* SPDX-License-Identifier: MIT */
/* The command line of regfs-gc. */
#ifndef REG_GC_OPTIONS_H
#define REG_GC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "registry.h"

enum gc_command {
	GC_CHECK = 1,
	GC_PLAN = 2,
	GC_BLOBS = 4,
	GC_RUN = 8,
	GC_RESTORE = 16,
	GC_HELP = 32,
	GC_VERSION = 64,
};

enum gc_engine { GC_ENGINE_REGISTRY, GC_ENGINE_BUILTIN };

/* All texts are argv's own. */
struct gc_options {
	enum gc_command command;
	enum gc_engine engine;
	const char *config, *root; /* where; both may be NULL, see gc_where.h */
	bool delete_untagged;
	int64_t grace, settle; /* seconds, the defaults filled in */
	bool verify;
	const char *registry, *registry_config; /* the collector's program, and the config as that sees it */
	const char *url, *cacert;
	bool insecure;
	bool force, stopped;
	const char *quarantine;
	bool keep_empty;
	const char *restart_command;
	bool dry_run, json, quiet, verbose;
};

/* 0, or -EINVAL with one line in error. */
int gc_options_parse(int argc, char **argv, struct gc_options *ret, struct reg_error *error);
void gc_options_help(FILE *out);

/* "90s", "30m", "24h", "7d", "2w", or plain seconds. False: none of these. */
bool gc_time_parse(const char *text, int64_t *ret);

#endif
