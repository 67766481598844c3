/* SPDX-License-Identifier: MIT */
/* What is wrong with a storage, or worth a word: collected, sorted by repository, and told at the end. */
#ifndef REG_STORAGE_PROBLEM_H
#define REG_STORAGE_PROBLEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry.h"

enum problem_kind {
	/* Something that a tag or a manifest needs is not as it must be: exit status 1. */
	PROBLEM_TAG_BAD, /* its link is missing, empty or no digest */
	PROBLEM_TAG_DANGLING, /* it points to a manifest that this repository does not link */
	PROBLEM_MANIFEST_MISSING, /* a revision's content is gone */
	PROBLEM_MANIFEST_UNREADABLE, /* no manifest, ambiguous, too large, not allowed */
	PROBLEM_CHILD_MISSING, /* an index lists it, and it is gone or not linked here */
	PROBLEM_CONFIG_MISSING,
	PROBLEM_LAYER_MISSING,
	PROBLEM_UNLINKED, /* "manifest there, layers 404": the content is there, but not linked here */
	PROBLEM_SIZE, /* not as many bytes as the descriptor says */
	PROBLEM_DIGEST, /* not the bytes of its digest */
	PROBLEM_ASIDE, /* it is needed, and in the quarantine */
	PROBLEM_LINK_BAD, /* a link file that is empty, or names something else than its path */
	PROBLEM_ACCESS, /* a file or folder that cannot be read */
	PROBLEM_SYMLINK, /* never followed */
	PROBLEM_BLIND, /* what needs the blobs is not here: it is in a database, or not mounted */
	PROBLEM_STRAY_DATA, /* a file `data` in no blob's place: the registry's collector fails there */
	/* Notes: nothing is broken. */
	PROBLEM_ORPHAN_LINK, /* a layer link to content that is gone, and that nothing needs */
	PROBLEM_STRAY, /* a file or folder that no registry makes */
	PROBLEM_UPLOAD, /* half an upload: no date */
	PROBLEM_NOT_CACHED, /* missing, and need not be here: it was not fetched, or never pushed */
	PROBLEM_KINDS,
};

struct problem {
	enum problem_kind kind;
	char *repository, *tag; /* or NULL */
	struct reg_digest digest; /* algorithm 0: about none */
	char *path; /* below the storage's root, or NULL */
	char *text; /* one printable line: what it is, and how to mend it where that is known */
};

/* At most so many are kept in full, and half as many notes, so that no problem gives way to one; all are
 * counted. */
#define PROBLEMS_MAX 100000

struct problems {
	size_t count, nproblems, nnotes; /* kept; of each sort in all */
	struct problem *items;
	size_t room;
};

void problems_done(struct problems *p);
/* Copies everything, the text made printable. 0 or -ENOMEM. */
int problems_add(struct problems *p, const struct problem *what, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* By repository, tag, kind, digest; those without a repository first. */
void problems_sort(struct problems *p);
bool problem_is_note(enum problem_kind kind);
const char *problem_name(enum problem_kind kind); /* "layer-missing": for --json */

#endif
