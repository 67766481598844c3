/* SPDX-License-Identifier: MIT */
/*
 * Reads a registry's storage into a store: blobs, repositories, links, tags, uploads, and every manifest that
 * something names, each once. It changes nothing, follows no symbolic link, and ends for no bad file: what is
 * wrong becomes a problem of the store, and what cannot be known makes a repository unsure or the store
 * blind. A registry may be at work meanwhile: what vanishes is not there.
 */
#ifndef REG_STORAGE_SCAN_H
#define REG_STORAGE_SCAN_H

#include "storage/progress.h"
#include "storage/store.h"

/* What others say of a storage, its registry's configuration above all; false: nobody does. */
struct storage_known {
	bool database; /* what is linked stands in a database of GitLab's */
	bool cache, sparse; /* see struct store */
	bool no_repositories; /* blobs without any repository are meant to be so */
};

/* The folders of a storage, open. */
struct storage {
	char *path; /* of the root, as it was given */
	int root; /* the driver's root folder */
	int v2; /* docker/registry/v2 below it; -1: there is none yet, the storage is empty */
	int aside; /* the quarantine; -1: there is none */
	char *aside_path; /* for messages: as it was given, or the usual one's below the root */
	bool aside_named; /* it was given */
	struct storage_known known; /* set by the caller once it is open */
};

/*
 * path: the driver's root folder, or docker/registry/v2 in it. quarantine: a folder of its own, or NULL for
 * the usual one; it need not be there. -ENOENT, -EACCES, -ENOTDIR, -EINVAL (a folder that holds something
 * else than a registry's storage: neither empty nor with docker/registry/v2; a quarantine that is not this
 * storage's, see owner.h).
 */
int storage_open(const char *path, const char *quarantine, struct storage *ret, struct reg_error *error);
void storage_close(struct storage *s);

enum scan_flags {
	SCAN_HISTORY = 1, /* the entries of every tag as well */
};

/* 0, -ENOMEM or -EINTR (progress said so). *ret is to be released by store_done() in any case. */
int scan(const struct storage *s, unsigned flags, struct progress *progress, struct store *ret);

#endif
