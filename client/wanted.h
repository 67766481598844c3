/* SPDX-License-Identifier: MIT */
/* What of a journal is to be there again: of several removals of a tag, the newest says what it pointed to.
 */
#ifndef REG_WANTED_H
#define REG_WANTED_H

#include "restore.h"

/* What the user names: a repository, or one tag or manifest of it. */
struct wanted_name {
	char *repository;
	char *tag; /* or NULL */
	struct reg_digest digest; /* algorithm 0: none */
	bool found; /* the journal has it; set by wanted_new() */
};

/* REPOSITORY[:TAG] or REPOSITORY@DIGEST. -EINVAL, -ENOMEM. */
REG_MUST_CHECK int wanted_name_parse(const char *text, struct wanted_name *ret, struct reg_error *error);
void wanted_name_done(struct wanted_name *name);

struct wanted_filter {
	struct timespec since; /* removals from then on */
	const char *host; /* of the registry (restore_host()); NULL: any */
	const char *prefix; /* repositories of this name or below it; NULL or "": any */
	struct wanted_name *names; /* none: everything */
	size_t nnames;
};

bool wanted_passes(const struct wanted_filter *f, const struct restore_entry *e);
/* Does a removal that passes hold what one of the names means? */
bool wanted_concerns(const struct wanted_filter *f, const struct restore_entry *e);

/* A tag that is to point to a manifest, or a manifest that is to be there. */
struct wanted {
	const struct restore_entry *entry;
	const struct restore_item *item; /* of the entry */
	const char *tag; /* NULL: the manifest alone */
	bool along; /* it hung from entry->items[0], and goes along with that */
};

struct wanted_list {
	struct wanted *items; /* by repository and tag, what goes along last */
	size_t count;
	struct reg_digest *placeholders; /* what regfs itself put over tags: nobody's image; sorted */
	size_t nplaceholders;
};

/*
 * The journal must outlive the list. A removal that failed (JOURNAL_KEPT) says what the tag pointed to, but
 * took nothing: it is only put back where it is named. 0 or -ENOMEM.
 */
REG_MUST_CHECK int wanted_new(const struct restore_journal *j, const struct wanted_filter *f,
			      struct wanted_list *ret);
void wanted_done(struct wanted_list *list);

bool wanted_is_placeholder(const struct wanted_list *list, const struct reg_digest *digest);

#endif
