/* SPDX-License-Identifier: MIT */
/*
 * What regfs-gc tells, as JSON for programs: written piece by piece to a stream, so that a large document
 * needs no more memory than a small one.
 */
#ifndef REG_STORAGE_REPORT_JSON_H
#define REG_STORAGE_REPORT_JSON_H

#include <stdio.h>

#include "json.h"
#include "storage/report.h"
#include "util/buf.h"

struct report_json {
	FILE *out;
	struct buf buf;
	struct json_writer w;
};

/* Opens the document, an object, with what all of them begin with. root: of the storage, or NULL. */
void report_json_begin(struct report_json *j, FILE *out, const char *command, const char *root);
/* Closes it. 0 or -ENOMEM; errors of the stream are the stream's (ferror()). */
int report_json_end(struct report_json *j);
/* To be called between values, now and then: what is written so far goes to the stream if it is much. */
void report_json_flush(struct report_json *j);

void report_json_digest(struct report_json *j, const char *name, const struct reg_digest *d);
void report_json_date(struct report_json *j, const char *name, time_t t); /* no member if t is not known */
void report_json_sum(struct report_json *j, const char *name, uint64_t count, uint64_t bytes);
/* "problems" and "notes"; known may be NULL, else the new ones are marked. */
void report_json_problems(struct report_json *j, const struct problems *p, const struct report_known *known);

/* status: report_status() */
int report_json_check(FILE *out, const char *root, const char *status, const struct store *s,
		      const struct check_result *c);
int report_json_plan(FILE *out, const struct report_plan *p);
int report_json_blobs(FILE *out, const struct report_blobs *b); /* and -EINTR */

#endif
