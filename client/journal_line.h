/* SPDX-License-Identifier: MIT */
/* The lines of a journal: what they say. Pure: nothing of the disk. */
#ifndef REG_JOURNAL_LINE_H
#define REG_JOURNAL_LINE_H

#include "journal.h"
#include "util/buf.h"

#define JOURNAL_VERSION 1
#define JOURNAL_FILE "removals.jsonl"
#define JOURNAL_MAX_LINE ((size_t)64 << 20) /* bytes; some 300,000 manifests or tags */

/* The words that lines have for these; NULL: none. */
const char *journal_action_name(enum journal_action action);
const char *journal_role_name(enum journal_role role);
const char *journal_outcome_name(enum journal_outcome outcome);
/* And back; 0: no such word, or NULL. */
enum journal_action journal_action_from(const char *name);
enum journal_role journal_role_from(const char *name);
enum journal_outcome journal_outcome_from(const char *name);

/* The line before a removal. -EINVAL: names and manifests that nobody would put back; -EFBIG; -ENOMEM. */
int journal_line_before(struct buf *ret, uint64_t id, const struct timespec *time, const char *registry,
			const struct journal_entry *entry, struct reg_error *error);
/* The line after it. */
int journal_line_after(struct buf *ret, uint64_t id, const struct timespec *time,
		       enum journal_outcome outcome, const struct reg_digest *left, size_t nleft,
		       struct reg_error *error);

#endif
