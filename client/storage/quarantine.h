/* SPDX-License-Identifier: MIT */
/*
 * The quarantine: a blob or a link is a thing that is taken there, put back, or deleted from there, each by
 * one rename or unlink, so that a kill leaves it in one place or the other. See layout.h for the names.
 */
#ifndef REG_STORAGE_QUARANTINE_H
#define REG_STORAGE_QUARANTINE_H

#include "storage/layout.h"
#include "storage/scan.h"

enum thing_type {
	THING_BLOB = 0,
	THING_REVISION = LINK_REVISION,
	THING_LAYER = LINK_LAYER,
};

struct thing {
	struct reg_digest digest;
	uint8_t type; /* enum thing_type */
	const char *repository; /* of a link */
};

/* Room for thing_text(). */
#define THING_TEXT_MAX 512
/* "blob sha256:..", "revision library/nginx@sha256:..", "layer link library/nginx@sha256:.." */
const char *thing_text(const struct thing *t, char buf[THING_TEXT_MAX]);
/* Where it belongs, below v2. */
const char *thing_path(const struct thing *t, char buf[LAYOUT_MAX]);

/* Things, with names of repositories that are their own. */
struct things {
	struct thing *items;
	size_t count, room;
	char **names;
	size_t nnames, room_names;
};

int things_add(struct things *l, const struct thing *t); /* 0 or -ENOMEM; the name is copied */
void things_done(struct things *l);

/* Is there no room for a folder or a file? */
bool quarantine_is_full(int err);
/* Why nothing can be made in it, and how to go on. */
const char *quarantine_why(int err);

/* ROOT/.regfs-gc, made if need be, to be closed; with a text in error on failure. */
int quarantine_ours(const struct storage *s, struct reg_error *error);
/*
 * The quarantine at a path (NULL: the usual one), made and marked as this storage's if need be; to be closed.
 * -EINVAL: that may not be, see owner.h.
 */
int quarantine_open(const struct storage *s, const char *path, struct reg_error *error);

/*
 * What they return: 1: done, and *ret_bytes is the file's size; 0: there was nothing to do, or it was better
 * left; a negative errno. `aside` is the quarantine's folder.
 */

/*
 * Takes it if it is as it was seen: its mtime, and its size unless that is -1. 0 with *ret_gone: not there.
 */
int quarantine_take(const struct storage *s, int aside, const struct thing *t, time_t changed, int64_t size,
		    int64_t *ret_bytes, bool *ret_gone);
/*
 * -EEXIST: a blob is there again, with another size; both stay. What is there again otherwise is dropped (0).
 */
int quarantine_put_back(const struct storage *s, int aside, const struct thing *t, int64_t *ret_bytes);
int quarantine_delete(int aside, const struct thing *t, int64_t *ret_bytes);
/* Its empty folder in the storage: 1, 0: none, -ENOTEMPTY: something else than the thing is in it. */
int quarantine_remove_place(const struct storage *s, const struct thing *t);

/* All that is in it, added to a list; what is no thing is passed over. */
int quarantine_list(int aside, struct things *ret);
/* Removes the empty folders in it that have a place as ours have, except itself. */
int quarantine_tidy(int aside);

/*
 * Folders that are to go at once: moved into the quarantine's trash by one rename, then wiped, whatever is in
 * them, never through a symbolic link. A wipe that was cut short is finished by the next. Where they cannot
 * be moved (they are on another file system, the disk is full), they are removed where they are.
 */
int trash_take(int above, const char *path, int aside);
int trash_wipe(int aside);

/* unlinkat() of a path none of whose folders may be a symbolic link. */
int quarantine_unlink(int above, const char *path, int flags);

#endif
