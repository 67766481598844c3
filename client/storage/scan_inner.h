/* SPDX-License-Identifier: MIT */
/* What the parts of a scan share: scan_*.c. Functions return 0 or -ENOMEM or -EINTR: all else is told. */
#ifndef REG_STORAGE_SCAN_INNER_H
#define REG_STORAGE_SCAN_INNER_H

#include "storage/files.h"
#include "storage/scan.h"

#define SCAN_PATH_MAX 2048

/* A link that a push may have been about to write. */
struct scan_doubt {
	uint32_t repository;
	const char *tag; /* the store's; NULL: a link, see store_link */
	uint32_t blob;
	uint8_t link;
};

/* What is to be read once more, see scan_again.c. */
struct scan_again {
	time_t since; /* what changed before then is nobody's work of this moment */
	bool over; /* it was: what is wrong now is wrong */
	struct scan_doubt *items;
	size_t count, room;
};

struct scanning {
	const struct storage *storage;
	struct store *store;
	struct store_repository *repository; /* that is being read, or NULL */
	unsigned flags;
	struct progress *progress;
	struct buf link, data; /* of a link and a manifest, again and again */
	struct scan_again again;
	unsigned strays; /* so many files in stray folders were looked at */
	char path[SCAN_PATH_MAX]; /* below the root: where it is, for messages */
	size_t path_size;
};

/* ---- telling ---- */

/* What is lost where something cannot be read. */
enum scan_loss { SCAN_NOTHING, SCAN_UNSURE, SCAN_BLIND };

/* In c->path; name, or NULL: something in that folder. tag, digest: what it is about, or NULL. */
int scan_tell(struct scanning *c, enum problem_kind kind, const char *name, const char *tag,
	      const struct reg_digest *digest, const char *format, ...) __attribute__((format(printf, 6, 7)));
/* A folder that should be read and cannot, err says why; -ENOENT is nothing to tell. */
int scan_lost(struct scanning *c, const char *name, int err, enum scan_loss loss);
int scan_stray(struct scanning *c, const char *name); /* a note that nobody's file lies here */

/* So much more is done; -EINTR: no more. */
int scan_go_on(struct scanning *c, uint64_t n);

/* c->path, in and out again. */
size_t scan_push(struct scanning *c, const char *name); /* returns what scan_pop() takes */
void scan_pop(struct scanning *c, size_t at);
void scan_at(struct scanning *c, const char *path); /* LAYOUT_V2, or the quarantine */
void scan_at_aside(struct scanning *c, const char *below); /* something in that, or NULL */

/* ---- folders ---- */

struct scan_folder {
	int fd;
	struct files_names names;
	size_t at; /* where c->path was */
	time_t changed;
};

/* 1: listed, and c->path is in it until scan_folder_done(); 0: not, which was told; else an errno. */
int scan_folder(struct scanning *c, int above, const char *path, enum scan_loss loss,
		struct scan_folder *ret);
void scan_folder_done(struct scanning *c, struct scan_folder *f);
/* DT_DIR, DT_REG, ..; DT_UNKNOWN: it vanished. */
unsigned char scan_type(const struct scan_folder *f, size_t i);
/* Is it a folder? 1, 0 and told (loss: if it is a symbolic link), or an errno. */
int scan_is_folder(struct scanning *c, const struct scan_folder *f, size_t i, enum scan_loss loss);

bool scan_is_algorithm(const char *name);

/* <folder>/<algorithm>/<hex>: calls back for each that is a digest. */
struct scan_digests {
	int (*one)(struct scanning *c, const struct scan_folder *f, size_t i, const struct reg_digest *d,
		   void *data);
	void *data;
	enum scan_loss loss; /* where it cannot be listed */
	enum scan_loss unknown; /* where an algorithm is not known */
};
int scan_digests(struct scanning *c, int above, const char *path, const struct scan_digests *how);

/* ---- links ---- */

enum scan_link_state { SCAN_LINK_GOOD = 1, SCAN_LINK_MISSING, SCAN_LINK_BAD };

struct scan_link {
	enum scan_link_state state;
	struct reg_digest digest; /* that it holds; algorithm 0: none */
	time_t changed;
	enum problem_kind kind; /* bad: what kind of problem it is, and what is wrong */
	char wrong[128];
};

int scan_read_link(struct scanning *c, int folder, const char *path, struct scan_link *ret);

/* ---- the parts ---- */

struct scan_name {
	char *name;
	bool here, aside; /* in the storage, in the quarantine */
};

struct scan_names {
	size_t count, room;
	struct scan_name *items;
};

int scan_kind(struct scanning *c);
int scan_no_repositories(struct scanning *c); /* after they are read: is it right that there are none? */
int scan_blobs(struct scanning *c);
int scan_blobs_aside(struct scanning *c);
int scan_stray_folder(struct scanning *c, int above, const char *name); /* below blobs/ */
int scan_repository_names(struct scanning *c, struct scan_names *ret); /* sorted; released also on failure */
void scan_names_done(struct scan_names *n);
int scan_repository(struct scanning *c, const struct scan_name *name);
int scan_tags(struct scanning *c, int repository);
int scan_uploads(struct scanning *c, int repository);
int scan_manifests(struct scanning *c);

/* ---- again ---- */

#define SCAN_FRESH 60 /* seconds */

/* May what changed then be a push's that is under way? */
bool scan_is_fresh(const struct scanning *c, time_t changed);
/* To be read again, in the repository at hand. 0 or -ENOMEM. */
int scan_doubt(struct scanning *c, const struct scan_doubt *d);
/* Once a scan, if anything needs it; nothing is fresh from then on. 0 or -EINTR. */
int scan_wait(struct scanning *c, bool needed);
/* Every link that is in doubt, and every tag that dangles. */
int scan_links_again(struct scanning *c);
int scan_tag_again(struct scanning *c, int tags, const char *tag);
int scan_link_again(struct scanning *c, int folder, const struct scan_doubt *d);
/* Blobs are read first: those that something names, and that came since. From this number on. */
int scan_blobs_again(struct scanning *c, uint32_t from);

#endif
