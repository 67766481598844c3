/* SPDX-License-Identifier: MIT */
/*
 * The builtin engine: takes garbage away in two phases, so that a registry may be at work.
 *
 *   1. scan, mark. What lies in the quarantine from a run before and is not garbage goes back. Garbage
 *      revision links, layer links and blobs are renamed into the quarantine, in this order, each looked at
 *      once more right before: its date and size as the scan saw them. A link that stays for any reason makes
 *      its repository hold all that it links.
 *   2. settle, then the restart command, if there is one: a registry's cache says that blobs are there which
 *      are not any more, and takes manifests without looking. Neither if nothing was taken away.
 *   3. scan, mark again, with all that changed since phase 1 began as young. What is held, young or unsure
 *      goes back: blobs, then layer links, then revision links. What is there again is dropped from the
 *      quarantine, but a blob of another size stays in both and is told of.
 *   4. What is left in the quarantine is deleted unless it is to be kept. Then tag entries of revisions that
 *      are gone (with delete_untagged), dead uploads, empty folders, empty repositories.
 *
 * It may be killed at any moment: the next run begins with what it finds in the quarantine, where nothing is
 * a root, and everything can go back. With a quarantine of its own it first empties the usual one into the
 * storage again, in case a run with that was killed.
 *
 * A grace of 0 means that age does not matter. Since dates are kept in seconds, such a run waits two seconds
 * if something that is garbage was written right before it.
 */
#ifndef REG_STORAGE_SWEEP_H
#define REG_STORAGE_SWEEP_H

#include "storage/mark.h"
#include "storage/progress.h"
#include "storage/scan.h"
#include "storage/store.h"

struct sweep_options {
	bool delete_untagged;
	time_t grace; /* seconds: what is younger stays */
	unsigned settle; /* seconds between the phases */
	bool keep; /* the quarantine was named: nothing in it is deleted */
	const char *quarantine; /* its path, or NULL: the usual one */
	bool keep_empty; /* repositories */
	/* Called after settling, before the second scan; NULL: nothing. Non-zero: everything goes back, and
	 * this is returned. */
	int (*restart)(void *data);
	void *restart_data;
	void (*log)(void *data, const char *line); /* each thing that is taken away or put back, one line */
	void *log_data;
	struct progress *progress;
};

struct sweep_result {
	struct {
		uint64_t count, bytes;
	} taken, put_back, deleted, uploads; /* the first three: of blobs */
	uint64_t revision_links, layer_links, tag_entries, repositories; /* removed for good, or kept aside */
	uint64_t failed; /* that could not be renamed or removed; each is a problem of the last store */
};

/*
 * Locked by the caller (lock.h). 0; -EBUSY: a storage that cannot be read as a whole (blind), error says why,
 * and nothing was touched but what went back; -EXDEV: the quarantine is on another file system; -EROFS,
 * -EACCES, -ENOSPC; -EINTR, with everything put back or left for the next run; -ENOMEM. *ret_store: the last
 * scan, for what is told at the end, with what this run met among its problems; released by the caller, also
 * on failure.
 */
int sweep(struct storage *storage, const struct sweep_options *o, struct sweep_result *ret,
	  struct store *ret_store, struct reg_error *error);

/*
 * regfs-gc restore: everything in the quarantine goes back to where it was, unless it is there again. The
 * links of the result are those that went back. 0 also where some could not: they are counted as failed, and
 * error has the first.
 */
int sweep_restore(struct storage *storage, const struct sweep_options *o, struct sweep_result *ret,
		  struct reg_error *error);

#endif
