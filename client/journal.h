/* SPDX-License-Identifier: MIT */
/*
 * What was removed, written down and on disk before it is removed. A folder a run: the removed manifests,
 * each under its digest, and one file of JSON lines beside them: one line before a removal, one after it. So
 * a removal without a second line was cut off, and may or may not have happened.
 *
 *     DIR/20261121T081502Z-4711/removals.jsonl
 *     DIR/20261121T081502Z-4711/sha256:<hex>
 *
 * Writing is for one thread at a time; it blocks, on the disk. Reading is for everybody (restore.h).
 */
#ifndef REG_JOURNAL_H
#define REG_JOURNAL_H

#include "registry.h"

struct journal;

enum journal_action {
	JOURNAL_DELETE = 1, /* the manifest goes by its digest, and with it every tag that points to it */
	JOURNAL_UNTAG, /* the name alone goes, the manifest stays */
};

enum journal_outcome {
	JOURNAL_REMOVED = 1,
	JOURNAL_KEPT, /* refused, failed, put back, or somebody else's to remove: nothing went through us */
	JOURNAL_PARTLY, /* what was asked for is gone, some of what hung from it (left) is not */
	JOURNAL_UNKNOWN, /* it failed, and what the registry made of it could not be found out */
};

enum journal_role {
	JOURNAL_IMAGE = 1, /* what the name pointed to */
	JOURNAL_CHILD, /* listed by an index that goes */
	JOURNAL_REFERRER, /* refers to a manifest that goes */
};

/* One manifest that goes, or whose name does. */
struct journal_item {
	struct reg_digest digest;
	enum journal_role role;
	const char *media_type; /* or NULL */
	struct reg_bytes *bytes; /* exactly as the registry served them */
	const char *const *tags; /* every tag that goes with it */
	size_t ntags;
};

struct journal_entry {
	enum journal_action action;
	const char *repository;
	const char *tag; /* the name that was asked for; NULL: a manifest by its digest */
	const struct journal_item *items; /* in the order in which they go; the first is what the name points
					     to */
	size_t nitems;
	struct reg_digest placeholder; /* untag by an empty index: its digest; algorithm 0: none is used */
	int64_t uid, pid; /* who asked; -1: unknown */
	const char *command; /* their program's name, or NULL */
};

/*
 * A journal below dir, which is made if need be (0700), for one registry: its URL, with prefix and without
 * credentials. Checks that it can write there; the run's own folder comes with the first entry. A negative
 * errno, and error says how to mend it.
 */
REG_MUST_CHECK int journal_new(const char *dir, const char *registry, struct journal **ret,
			       struct reg_error *error);
void journal_free(struct journal *j);

/*
 * Writes an entry: when it returns 0 the manifests and the line are on disk, and *ret_id is its number in
 * this run. Otherwise nothing may be removed; a line that was written in part is taken back.
 */
REG_MUST_CHECK int journal_begin(struct journal *j, const struct journal_entry *entry, uint64_t *ret_id,
				 struct reg_error *error);
/* Writes how it ended. left: what should have gone as well and did not. */
REG_MUST_CHECK int journal_end(struct journal *j, uint64_t id, enum journal_outcome outcome,
			       const struct reg_digest *left, size_t nleft, struct reg_error *error);

/* "/var/lib/regfs" for root, else regfs below $XDG_STATE_HOME or ~/.local/state; NULL: no memory, or no home.
 * To be freed. */
char *journal_default_dir(void);

#endif
