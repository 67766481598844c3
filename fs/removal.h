/* SPDX-License-Identifier: MIT */
/*
 * One removal. remove.c finds out for a call whether and what may go; from removal_start() on it runs by
 * itself to its end, whatever becomes of the caller: journal, requests, journal. With the lock, but for
 * removal_unref().
 */
#ifndef FS_REMOVAL_H
#define FS_REMOVAL_H

#include <stdatomic.h>

#include "plan.h"
#include "worker.h"

/*
 * How old the list of tags may be when something is removed; where the repository is so large that listing it
 * takes long, a little longer: removal_list_age().
 */
enum { REMOVAL_LIST_MS = 2000 };

struct removal;
/* What comes next when the registry has answered. */
typedef void removal_step(struct removal *m, const struct reg_result *result);

struct removal_bytes {
	struct reg_digest digest;
	struct reg_bytes *bytes;
};

struct removal {
	atomic_uint refs;
	struct repository *repository;
	struct tag *tag; /* the name that is removed; NULL: a manifest by its digest */
	struct manifest *manifest; /* what it points to */
	int pid; /* who asks */
	int64_t uid;

	/* What is found out first. */
	bool in_a_row; /* another has just ended */
	const struct image *seen; /* what the tag was known to point to when the call came; NULL: nothing */
	bool allowed; /* the caller may have seen that */
	bool checked; /* the registry was asked again, for this call */
	int check_err;
	struct reg_digest found; /* what it said */
	struct fetch check;
	enum journal_action action;
	struct plan plan;
	struct removal_bytes *bytes; /* of what is planned */
	size_t nbytes;
	struct reg_bytes *placeholder; /* to untag with */
	struct reg_digest placeholder_digest;

	/* While it runs. */
	bool started, over;
	bool again; /* nothing was sent, or nothing was done, and it is worth another try */
	unsigned restarts;
	uint64_t began; /* what was found out before does not count as new */
	uint64_t decided; /* when it was known who holds what */
	struct wait wait; /* for names that have come meanwhile */
	int err; /* what its caller is told in the end */
	removal_step *step;
	struct worker_task task;
	void (*recorded)(struct removal *m, int err);
	uint64_t journal_id;
	enum journal_outcome outcome;
	size_t at, name_at; /* the item, and its name, that is going */
	bool by_name; /* its names go first, one by one */
	const struct tag **others; /* untag: the names that the manifest keeps; NULL: not needed so far */
	size_t nothers;
	bool lost; /* untag: one of them has gone as well, and may not be there again */
	unsigned looks; /* how often it was looked what became of a tag */
	unsigned tries; /* how often the registry had no time */
	struct reg_digest *left; /* what should have gone and did not */
	size_t nleft;
};

uint64_t removal_list_age(const struct repository *r); /* milliseconds */

struct removal *removal_new(struct repository *r, int pid, int64_t uid); /* NULL: no memory */
struct removal *removal_ref(struct removal *m);
void removal_unref(struct removal *m);

/* The bytes of a manifest that goes; NULL: they are not here yet. */
struct reg_bytes *removal_get_bytes(const struct removal *m, const struct reg_digest *digest);
/* Takes over a reference. 0 or -ENOMEM. */
int removal_add_bytes(struct removal *m, const struct reg_digest *digest, struct reg_bytes *bytes);

/* All is decided: it goes. repository->changing is active until it is over. */
void removal_start(struct removal *m);

/* For its parts: requests, each answered by step; and the end. */
void removal_delete(struct removal *m, const char *reference, unsigned flags, removal_step *step);
void removal_get(struct removal *m, const char *reference, removal_step *step);
void removal_put(struct removal *m, const char *reference, const char *media_type, struct reg_bytes *bytes,
		 unsigned flags, removal_step *step);
void removal_finish(struct removal *m, enum journal_outcome outcome, int err);
/* The end, where somebody else was faster: nothing was removed by us. */
void removal_was_gone(struct removal *m);
/* The one line of a failure. */
void removal_log(const struct removal *m, const struct reg_result *result);

/* What went wrong: a "not found" that the registry did not say itself is a failure like any other. */
int removal_err(const struct reg_result *result);
/* Does the registry itself say that it is not there? A proxy's page proves nothing. */
bool removal_is_absent(const struct reg_result *result);
/* May the registry have done what it was asked, although it did not say so? */
bool removal_is_unclear(const struct reg_result *result);

/* Only the name goes, the manifest stays: untag.c. */
void untag_start(struct removal *m);

#endif
