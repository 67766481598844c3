/* SPDX-License-Identifier: MIT */
/* What regfs-gc tells, as text for people. Names from the disk are made printable. */
#ifndef REG_STORAGE_REPORT_H
#define REG_STORAGE_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "storage/check.h"
#include "storage/holders.h"
#include "storage/mark.h"
#include "storage/plan.h"
#include "storage/store.h"

#define REPORT_SIZE_MAX 32
#define REPORT_DATE_MAX 40
#define REPORT_SHORT_MAX 16

const char *report_size(char buf[REPORT_SIZE_MAX], uint64_t bytes); /* "512 B", "2.1 GiB" */
const char *report_date(char buf[REPORT_DATE_MAX], time_t t); /* RFC 3339, UTC; "" for 0 or before */
const char *report_short(char buf[REPORT_SHORT_MAX], const struct reg_digest *d); /* 12 digits */
/* "garbage", "young", "unsure", "held" */
const char *report_state(enum mark_state state);
/* Of an exit status: "done", "problems", "usage", "refused"; "interrupted": by a signal. */
const char *report_status(int status);
/* "blobs" for any number but 1, else without the s. */
const char *report_plural(uint64_t n, const char *plural, const char *singular);

/* ---- problems ---- */

/* Problems of before, to find which of those of afterwards are new. */
struct report_known {
	const struct problem **items;
	size_t count;
};
int report_known_init(struct report_known *k, const struct problems *before); /* 0 or -ENOMEM */
void report_known_done(struct report_known *k);
bool report_is_new(const struct report_known *k, const struct problem *p); /* k NULL: false */

/* The problems by repository, then the notes; known may be NULL. */
void report_problems(FILE *out, const struct problems *p, const struct report_known *known);
/* And a line that sums up. */
void report_check(FILE *out, const struct store *s, const struct check_result *c,
		  const struct report_known *known);

/* ---- a table, whose columns are as wide as what stands in them ---- */

#define TABLE_COLUMNS 8

struct table {
	int columns;
	bool right[TABLE_COLUMNS]; /* numbers */
	size_t count, room;
	char **cells; /* row by row */
	int err; /* -ENOMEM: nothing more was added */
};

void table_init(struct table *t, int columns, const char *right); /* "lrr": a letter for each column */
void table_done(struct table *t);
void table_row(struct table *t, const char *const *cells); /* copied, and made printable */
int table_print(const struct table *t, FILE *out, const char *indent); /* 0 or -ENOMEM */

/* ---- plan and blobs ---- */

struct report_plan {
	const char *root;
	const char *status; /* report_status(), for JSON */
	const struct store *store; /* scanned with SCAN_HISTORY */
	const struct mark *mark;
	const struct plan *plan;
	bool delete_untagged;
	int64_t grace;
	time_t now;
	struct plan_sum future; /* plan_future() */
};
int report_plan(FILE *out, const struct report_plan *p); /* 0 or -ENOMEM */
/* What plan_future() found, and how to mend it: a line, or nothing. */
void report_future(FILE *out, const char *root, const struct plan_sum *future);

/* The names of the tags that once pointed to manifests of a repository, and do not now. */
struct report_was {
	size_t count;
	struct report_was_one {
		uint32_t blob;
		const char *tag;
	} * items; /* sorted by blob, then name */
};
int report_was_init(struct report_was *w, const struct store_repository *r);
void report_was_done(struct report_was *w);
/* The first of a blob, and in *ret_count how many. */
const struct report_was_one *report_was_find(const struct report_was *w, uint32_t blob, size_t *ret_count);
/* "manifest", "index", "schema1", "missing", "unreadable" */
const char *report_manifest_kind(const struct store_blob *b);

struct report_blobs {
	const char *root;
	const struct storage *storage;
	const struct store *store;
	const struct mark *mark;
	struct progress *progress;
};
int report_blobs(FILE *out, const struct report_blobs *b); /* 0, -ENOMEM, -EINTR */
/* The next blob from *number on that is worth a line: there, or named by something. STORE_NONE: no more. */
uint32_t report_blobs_next(const struct report_blobs *b, const uint8_t *linked, uint32_t number);
/*
 * By the number of a blob: does a link name it? As an alias its data is under another digest, which is told
 * in its place. NULL: no memory.
 */
enum { REPORT_LINKED = 1, REPORT_ALIAS };
uint8_t *report_linked(const struct store *s);
/* "missing", or as report_state(). */
const char *report_blob_state(const struct report_blobs *b, uint32_t number);

#endif
