/* SPDX-License-Identifier: MIT */
/* What a run of either engine did, or why it did not. */
#ifndef REG_STORAGE_REPORT_RUN_H
#define REG_STORAGE_REPORT_RUN_H

#include <stdio.h>

#include "storage/collector.h"
#include "storage/report.h"
#include "storage/running.h"
#include "storage/sweep.h"
#include "storage/verdict.h"

enum report_restart {
	RESTART_NOT_SAID, /* nothing was done, so nothing is to be said */
	RESTART_NOT_NEEDED,
	RESTART_NEEDED,
	RESTART_DONE,
	RESTART_FAILED,
};

#define REPORT_REASONS 8

struct report_run {
	const char *root, *engine;
	const char *status; /* report_status() */
	bool dry_run, forced;
	const struct running *registry; /* NULL: it was not looked for */
	const char *collector; /* its version, in its own words; NULL: it was not asked */
	const struct collector_end *end; /* NULL: it was not run */

	/* Why nothing was done, or what --force overrode; and what the collector would have destroyed. */
	const char *reasons[REPORT_REASONS];
	size_t nreasons;
	const struct verdict *verdict; /* or NULL */

	/* What would be done (dry_run), or was. */
	struct plan_sum future; /* by plan_future() */
	struct plan_sum young; /* what --grace alone keeps for now: not of the future */
	bool has_freed; /* it was measured, or is known beforehand */
	struct plan_sum freed;
	const struct sweep_result *sweep; /* builtin alone */
	uint64_t left; /* bytes more than before: somebody wrote meanwhile */
	enum report_restart restart;
	const char *cache; /* what the restart is for: "inmemory", "redis"; NULL: not known */

	/* The check afterwards; store NULL: there was none. */
	const struct store *store;
	const struct check_result *check;
	const struct report_known *known;
};

const char *report_running_state(enum running_state state); /* "stopped", "read-only", .. */
void report_run(FILE *out, const struct report_run *r);
int report_json_run(FILE *out, const struct report_run *r); /* 0 or -ENOMEM */

/* refused: why, or NULL */
int report_json_restore(FILE *out, const char *root, const char *status, const char *refused,
			const struct sweep_result *s, const struct problems *p);

#endif
