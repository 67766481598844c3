/* SPDX-License-Identifier: MIT */
/*
 * The tree: what a path is, and what is known of it. Nothing here knows FUSE, and nothing waits: a call is
 * answered from what is known, or it is left with what is being fetched and asked again when that arrives.
 *
 * One lock guards everything below struct tree. It is never held across a request to the registry or a reply
 * to the kernel: both are handed over. Calls that have become ready are run by tree_unlock(), after the lock
 * is given up.
 *
 * Objects are found by index and never freed while the tree lives, so a node number stays good for as long as
 * the kernel may use it, and there is nothing to count.
 */
#ifndef FS_TREE_H
#define FS_TREE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "options.h"
#include "registry.h"
#include "util/list.h"
#include "util/map.h"

struct tree;
struct call;
struct repository;
struct image;
struct listing;

/* ---- waiting ---- */

/* Somebody who waits for a fetch. wake() runs under the lock; error is NULL if err is 0. */
struct wait {
	struct list link;
	void (*wake)(struct tree *t, struct wait *w, int err);
};

/* Something that is being fetched, once, for all who want it. */
struct fetch {
	struct list waits;
	struct list ahead; /* in tree->ahead while nobody has asked for it yet */
	uint64_t op; /* the client's number for the request under way */
	struct tree *tree;
	bool active;
	bool final; /* whoever waits is told an ENOENT, and does not look again at what is known now */
	uint64_t began; /* tree_now(): what happened since is newer than what comes */
	uint64_t failed; /* when it ended with err */
	int err; /* of a fetch that failed with nobody waiting: told once, to the next who asks, then
		    forgotten */
};

void fetch_init(struct fetch *f);
/* Starts to count as active; ahead: nobody waits for it yet. */
void fetch_begin(struct tree *t, struct fetch *f, bool ahead);
/* It is over: wakes all who wait. If nobody does, an error is kept for the next who asks. */
void fetch_end(struct tree *t, struct fetch *f, int err);
/* An error kept by fetch_end(); forgotten if the asker is not merely fetching ahead. 0: there is none. */
int fetch_take_error(struct fetch *f, bool ahead);
/* Leaves w with an active fetch; unless ahead, it is wanted now. */
void fetch_wait(struct tree *t, struct fetch *f, struct wait *w, bool ahead);
/* Somebody wants an active fetch now. */
void fetch_urge(struct tree *t, struct fetch *f);
/* Gives up what is fetched ahead and has not begun to be needed. */
void fetch_cancel_ahead(struct tree *t);
/* When what just came was fetched: now, or 0 (never) if all was to be forgotten since it began. */
uint64_t fetch_when(const struct tree *t, const struct fetch *f);
/* How a request for it is made: its flags, and what its callback is given. */
struct reg_call fetch_call(const struct fetch *f, reg_done_fn *done, void *data);
/* Notes the request's number; 0 (no memory) ends the fetch. */
void fetch_sent(struct tree *t, struct fetch *f, uint64_t op);

/*
 * Functions that make something known return 0: it is; 1: it is being fetched, *ret_fetch is what to wait
 * for, then ask again; or a negative errno.
 */

/* ---- calls ---- */

struct attributes {
	uint64_t ino;
	uint32_t mode; /* S_IFDIR or S_IFREG and permissions */
	uint32_t nlink;
	uint64_t size;
	struct timespec mtime;
};

struct entry {
	uint64_t node; /* 0: no such name (in an answer to a lookup), or only the name is known (in a listing)
			*/
	struct attributes attr;
	double name_valid,
		attr_valid; /* seconds; attr_valid 0: the attributes are a placeholder, ask for them */
};

/* One question to the tree, and its answer. */
struct call {
	/* The caller's. */
	uint64_t node;
	uint64_t patience; /* milliseconds that what is known may be old; 0: the ttl */
	const char *name; /* lookup, unlink, rmdir: of an entry; xattr: of an attribute or NULL for the list;
			     valid until done() */
	int pid; /* who asks, to tell walks apart; 0: unknown */
	int64_t uid;
	void (*ask)(struct tree *t, struct call *c); /* the question: tree_lookup and so on */
	void (*armed)(struct call *c); /* it begins to wait: from now on it can be interrupted */
	void (*done)(struct call *c,
		     int err); /* the answer, once, without the lock; err: 0 or a negative errno */

	/* The answer. */
	struct entry entry; /* lookup, getattr */
	struct listing *listing; /* opendir: a reference for the caller */
	struct reg_bytes *bytes; /* open, xattr: a reference for the caller */
	bool immutable; /* open: what this node holds can never change */

	/* The tree's. */
	struct wait wait;
	struct fetch *fetch; /* while it waits */
	struct list ready;
	uint64_t began; /* milliseconds: what was fetched since is fresh for this call, whatever the ttl */
	int err;
	bool interrupted, over, probed;
	bool passing, refused; /* lookup: goes on without a right (EACCES), and had to */
	struct reg_bytes *manifest, *config; /* xattr: what was read for it so far */
	struct removal *removal; /* unlink: what was found out for it so far, and what came of it */
};

/* ---- the tree ---- */

struct tree_options {
	unsigned ttl; /* seconds */
	unsigned connections;
	bool show_tags_only, undated_epoch;
	bool allow_delete, dry_run;
	enum shared shared;
	unsigned keep; /* so many of a repository's newest tags are never removed; 0: no such rule */
	struct reg_platform platform;
	uint32_t file_mode, dir_mode;
	uint32_t write_mode; /* what a file that may be removed has besides */
	char **repositories; /* from repos_from=, or NULL: ask the catalog */
	size_t nrepositories;
	reg_log_fn *log;
	void *log_data;
	/* Tells the kernel that what it knows is not so any more; called under the lock, must not block or
	 * call back. */
	void (*attr_changed)(void *data, uint64_t node);
	void *notify_data;
};

struct walks;
struct protect;
struct journal;
struct worker;

struct tree {
	pthread_mutex_t lock;
	struct reg_client *client;
	struct tree_options options;
	struct timespec mounted; /* what undated images show */
	struct list ready; /* calls to be asked again, or answered, without the lock */
	struct list ahead; /* fetches that nobody waits for */

	struct directory **directories; /* by index; 0 is the root */
	size_t ndirectories, room;
	struct map paths;
	struct fetch catalog;
	uint64_t cataloged; /* tree_now() of the last listing, 0: none */
	uint64_t catalog_took; /* milliseconds */
	bool had_catalog; /* it was listed before */
	bool catalog_absent; /* the registry has none */
	bool catalog_empty; /* as some registries show it to who may not see it */
	int catalog_error; /* why not */

	struct map images; /* by digest */
	uint32_t mark; /* counts looks through indexes of indexes, so that each is looked at once */
	enum {
		REFERRERS_UNKNOWN,
		REFERRERS_API,
		REFERRERS_NONE
	} referrers; /* does the registry have that API? */
	uint32_t protect_generation; /* counts its changes */
	struct protect *protect; /* what the user keeps by name; NULL: nothing */
	struct journal *journal; /* NULL: nothing can be removed; for the disk's thread alone */
	struct worker *disk; /* that thread */
	unsigned removals; /* under way */
	pthread_cond_t idle; /* there are none any more */
	struct walks *walks; /* who walks where, for what is fetched ahead */
	uint64_t forgotten; /* tree_now() of the last tree_forget(), 0: there was none */
	bool ending; /* no more requests: what is cancelled is not asked again */
};

int tree_new(struct reg_client *client, const struct tree_options *o, struct tree **ret); /* 0 or -ENOMEM */
void tree_free(struct tree *t); /* after the client is gone: nothing is under way */

void tree_lock(struct tree *t);
void tree_unlock(struct tree *t);
uint64_t tree_now(void); /* monotonic milliseconds, never 0 */

/* Everything that can be asked. Each leads to one c->done(), at once or later. */
void tree_start(struct tree *t, struct call *c);
void tree_lookup(struct tree *t, struct call *c);
void tree_getattr(struct tree *t, struct call *c);
void tree_opendir(struct tree *t, struct call *c);
void tree_open(struct tree *t, struct call *c);
void tree_xattr(struct tree *t, struct call *c);
void tree_unlink(struct tree *t, struct call *c);
void tree_rmdir(struct tree *t, struct call *c);

/* The caller's process was interrupted: if the call still waits it is answered with -EINTR. */
void tree_interrupt(struct tree *t, struct call *c);
/* What is known of a node, without asking anybody, for a listing that pid reads. */
void tree_known(struct tree *t, uint64_t node, int pid, struct entry *ret);
/* Forgets what was listed: the next look asks the registry. */
void tree_forget(struct tree *t);
/* Lists these in the place of what was listed; names stay the caller's, for as long as the tree lives or until
 * the next time. 0 or -ENOMEM: then some of them may be missing. */
int tree_repositories(struct tree *t, char **names, size_t count);
/* Takes protect over in the place of what was there. NULL: nothing is protected. */
void tree_protect(struct tree *t, struct protect *protect);
/*
 * The end: no call waits any longer, nothing new begins, and what is being removed comes to its end, which
 * takes as long as its requests may.
 */
void tree_end(struct tree *t);

/* For the parts of the tree, under the lock: answers c (err: 0 or negative), or for err 1 leaves it with f.
 */
void call_settle(struct tree *t, struct call *c, int err, struct fetch *f);

/*
 * The time of the mount, or whole days after it: never more than a day ago, so that what has no date of its
 * own does not begin to look old because the mount does.
 */
struct timespec tree_mounted(const struct tree *t);
struct timespec tree_undated(const struct tree *t); /* what an image without a date shows */
/* Was something fetched at `when` recently enough for c (NULL: for the ttl alone)? */
bool tree_fresh(const struct tree *t, uint64_t when, const struct call *c);

void tree_log(const struct tree *t, enum reg_log_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The one line of a failure: what could not be had, and why. Returns err. */
int tree_log_failure(const struct tree *t, const char *repository, const char *reference, int err,
		     const struct reg_error *error);

#endif
