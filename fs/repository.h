/* SPDX-License-Identifier: MIT */
/*
 * Name spaces and repositories as known so far: which tags there are, what they point to, who shares a
 * digest. With the lock.
 */
#ifndef FS_REPOSITORY_H
#define FS_REPOSITORY_H

#include "image.h"
#include "node.h"
#include "tree.h"

struct directory {
	struct map_node node; /* in tree->paths, by path */
	uint32_t index;
	struct directory *parent;
	size_t position; /* in the parent's children */
	char *path; /* the repository's name; "" for the root of the registry */
	const char *name; /* its last component */
	bool listed; /* the catalog has it, or something below it */
	bool is_repository; /* known to be one */
	bool is_space; /* something is below it: stays if the repository goes */
	bool seen; /* while a catalog is merged */
	struct directory **children; /* in the catalog's order */
	size_t nchildren, room;
	struct timespec changed;
	struct repository *repository; /* NULL until something in it is asked for */
};

/* Tags of one repository with the same digest: they are one file with several names. */
struct holder {
	struct map_node node;
	struct reg_digest digest;
	uint64_t ino;
	uint32_t ntags;
	struct list told; /* tags whose attributes the kernel may know, with this count */
	struct tag *lender; /* whose number the files have; NULL: one of their own */
};

struct tag {
	struct map_node node;
	struct repository *repository;
	uint32_t index;
	char *name;
	bool listed; /* in the last list */
	bool seen; /* while a list is merged */
	bool lent; /* its number is that of a holder, perhaps one that it has left */
	bool dates; /* its date is wanted as soon as its manifest is here */
	struct image *image; /* what it pointed to when it was last asked */
	uint64_t resolved; /* when that was; 0: never */
	uint64_t absent; /* when the registry said that there is no such tag; 0: never */
	struct reg_digest subject; /* named by the tag itself */
	bool no_subject; /* the registry does not have it */
	struct holder *holder;
	struct list told; /* in the holder's */
	struct fetch fetch;
};

/* A manifest as _manifests shows it. */
struct manifest {
	struct map_node node;
	uint32_t index;
	struct reg_digest digest;
	char *name;
	bool listed; /* reachable from the tags, as the last survey found */
	bool load; /* it may lead on, or its size is not known: it must be read */
	bool has_size, dated;
	uint64_t size; /* as its descriptor says */
	struct timespec newest; /* if dated: the date of the newest tag that holds it */
	struct manifest *subject; /* what it refers to, if that is how it was found */
};

struct survey;

struct repository {
	struct directory *directory;
	struct tree *tree;
	const char *name;
	struct fetch listing;
	uint64_t listed; /* when the tags were last listed; 0: never */
	uint64_t absent; /* when the registry said that there is no such repository; 0: never */
	bool warned; /* about bad names */
	struct timespec changed;
	struct tag **tags; /* by index, in the list's order; never shrinks */
	size_t ntags, room;
	size_t nlisted, nheld; /* tags in the last list; tags that are known to point to something */
	struct map names;
	struct map holders;
	uint32_t last_shared;

	struct manifest **manifests; /* by index */
	size_t nmanifests, manifest_room;
	struct map digests; /* of the manifests */
	struct survey *survey; /* NULL until _manifests is listed */
};

struct directory *directory_at(const struct tree *t, uint64_t node);
/* Finds a directory by path, or makes it and what is above it. NULL: no memory, or nothing of that name (make
 * false). */
struct directory *directory_find(struct tree *t, const char *path);
struct directory *directory_make(struct tree *t, const char *path);

/* It is a repository. Where there is no catalog, one that was entered by name is listed from now on. */
void directory_confirm(struct tree *t, struct directory *d);

/* Makes the catalog known, unless the registry has none (tree->catalog_absent). */
int catalog_list(struct tree *t, const struct call *c, struct fetch **ret_fetch);
/* Puts names into the tree, as a catalog or a list of the user's said them. */
int catalog_merge(struct tree *t, const char *const *names, size_t count);

struct repository *repository_of(struct tree *t, struct directory *d); /* NULL: no memory */
/* Makes the list of tags known. -ENOENT: there is no such repository. c NULL: fetch ahead. */
int repository_list(struct repository *r, const struct call *c, struct fetch **ret_fetch);
bool repository_is_fresh(const struct repository *r, const struct call *c);

struct tag *repository_tag(const struct repository *r, const char *name); /* NULL: not seen so far */
struct tag *repository_add_tag(struct repository *r, const char *name); /* NULL: no memory */

/* Makes known what a tag points to. c NULL: fetch ahead. dates: go on to its date at once. */
int tag_resolve(struct tag *tag, const struct call *c, bool dates, struct fetch **ret_fetch);
/* And when that was created. A signature's date is its subject's. */
int tag_date(struct tag *tag, const struct call *c, struct fetch **ret_fetch);
/* The date of a tag for which tag_date() said 0. */
struct timespec tag_mtime(const struct tag *tag, enum created_from *ret_from);
/* The kernel was given the attributes of a tag, to keep for a while. */
void tag_told(struct tag *tag);
/* The registry does not have it any more: what was known of it is not so now. */
void tag_gone(struct tag *tag);
bool tag_is_dated(const struct tag *tag); /* all that tag_mtime() needs is known, fresh or not */

/* Found or made; NULL: no memory. */
struct manifest *repository_manifest(struct repository *r, const struct reg_digest *digest);

void repository_free(struct repository *r);

#endif
