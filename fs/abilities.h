/* SPDX-License-Identifier: MIT */
/*
 * What a registry lets us remove from a repository, found out without harm: by asking to remove what cannot
 * be there. Remembered; a refusal for the ttl only, since it can be mended. With the lock.
 */
#ifndef FS_ABILITIES_H
#define FS_ABILITIES_H

#include "tree.h"

struct abilities {
	enum {
		DELETES_UNKNOWN,
		DELETES_REFUSED, /* err says how */
		DELETES_MAYBE, /* the answer to the probe was not clear: a real one will tell */
		DELETES_PROVEN, /* a digest that is not there is not found */
	} deletes; /* manifests by digest */
	enum {
		TAGS_UNKNOWN,
		TAGS_NO, /* distribution 2: a tag goes by a placeholder put over it */
		TAGS_YES, /* distribution 3, zot: DELETE of a tag is understood */
		TAGS_PROVEN, /* and was seen to leave the manifest there */
	} tags;
	int err;
	uint64_t asked; /* when it was refused */
	struct fetch fetch;
};

struct repository;

void abilities_init(struct abilities *a);
/* Makes known whether manifests can be deleted: 0, 1, or the errno of the refusal, which is logged. */
int abilities_deletes(struct repository *r, struct fetch **ret_fetch);
/* Makes known whether a tag can be deleted (.tags). 0, 1, or a negative errno. */
int abilities_tags(struct repository *r, struct fetch **ret_fetch);
#endif
