/* SPDX-License-Identifier: MIT */
/*
 * What the journals below a folder hold (journal.h), for those who put it back. Nothing in them is trusted:
 * names keep to the grammar, manifests to their digests; what does not is reported and left out.
 */
#ifndef REG_RESTORE_H
#define REG_RESTORE_H

#include "journal.h"

/* One manifest that went, or whose name did. */
struct restore_item {
	struct reg_digest digest;
	enum journal_role role;
	char *media_type; /* or NULL */
	char **tags;
	size_t ntags;
};

/* One removal. */
struct restore_entry {
	char *run; /* the name of its folder */
	size_t line; /* in that folder's file, from 1 */
	uint64_t id;
	struct timespec time;
	char *registry; /* a SOURCE (source.h) */
	char *host; /* of it: restore_host() */
	char *repository, *tag; /* tag: the name that was asked for, among those of items[0]; or NULL */
	enum journal_action action;
	enum journal_outcome outcome; /* 0: no line says how it ended */
	struct reg_digest placeholder;
	struct restore_item *items; /* at least one; the first is what the name pointed to */
	size_t nitems;
	int64_t uid, pid; /* -1: unknown */
	char *command; /* printable; or NULL */
};

struct restore_journal {
	char *dir;
	struct restore_entry **entries; /* in the order of their time */
	size_t count;
};

enum restore_severity {
	RESTORE_NOTE, /* nothing is lost by it: a line that was cut off, a file that is none of ours */
	RESTORE_PROBLEM, /* a removal that cannot be read */
};

/* line 0: the file or folder as a whole. */
typedef void restore_report_fn(void *data, enum restore_severity severity, const char *file, size_t line,
			       const char *message);

/* Reads all runs below dir. A negative errno if dir itself cannot be read. *ret: restore_free(). */
REG_MUST_CHECK int restore_read(const char *dir, restore_report_fn *report, void *data,
				struct restore_journal **ret, struct reg_error *error);
void restore_free(struct restore_journal *j);

/* The manifest that was saved; -EBADMSG if it does not hash to its digest; the errno of a file that cannot be
 * read. *ret is to be unreferenced. */
REG_MUST_CHECK int restore_bytes(const struct restore_journal *j, const struct restore_entry *entry,
				 const struct restore_item *item, struct reg_bytes **ret,
				 struct reg_error *error);

/*
 * HOST:PORT, by which registries are told apart: that one is written with http and another with https, or
 * with a prefix, does not make them two. NULL: no memory. To be freed.
 */
struct reg_source;
char *restore_host(const struct reg_source *source);

/* One line, without its line feed. */
struct restore_line {
	uint64_t id;
	struct restore_entry *entry; /* the line before a removal, without run, line and outcome; else NULL */
	enum journal_outcome outcome; /* the line after it */
};

/* -EBADMSG: no such line; -ENOMEM. */
REG_MUST_CHECK int restore_line_parse(const char *text, size_t size, struct restore_line *ret,
				      struct reg_error *error);
void restore_entry_free(struct restore_entry *e);

#endif
