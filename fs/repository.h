/* SPDX-License-Identifier: MIT */
/*
 * Name spaces and repositories as known so far: which tags there are, what they point to, who shares a
 * digest. With the lock.
 */
#ifndef FS_REPOSITORY_H
#define FS_REPOSITORY_H

#include "abilities.h"
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
	bool removed; /* rmdir: it is not there until it has a tag again */
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
	struct list tags; /* who they are */
	struct list told; /* tags whose attributes the kernel may know, with this count */
	struct tag *lender; /* whose number the files have; NULL: one of their own */
};

struct tag {
	struct map_node node;
	struct repository *repository;
	uint32_t index;
	char *name;
	bool listed; /* in the last list */
	bool merged; /* while a list is taken over: it is in it */
	bool lent; /* its number is that of a holder, perhaps one that it has left */
	bool dates; /* its date is wanted as soon as its manifest is here */
	bool hidden; /* removed in a dry run: not listed until everything is forgotten */
	struct image *image; /* what it pointed to when it was last asked */
	struct image *last; /* likewise, also after it has gone */
	const struct image *surveyed; /* what the last survey took it for */
	uint64_t resolved; /* when that was; 0: never */
	uint64_t absent; /* when the registry said that there is no such tag; 0: never */
	struct reg_digest subject; /* named by the tag itself */
	bool no_subject; /* the registry does not have it */
	struct holder *holder;
	struct list held; /* in holder->tags */
	struct list told; /* in the holder's */
	struct seen *seen; /* who was told since it moved; NULL: it has not */
	struct along *along; /* it went along with another name; NULL: it has not */
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
	struct list referrers, refers; /* found that way; refers: in the subject's list */
	uint64_t referred; /* when the registry was asked for them; 0: never */
	uint64_t gone; /* when it was removed here; 0: it was not, or was found again */
	uint32_t nparents; /* how often listed indexes list it */
	uint32_t going; /* while a removal is planned: how many of these go with it */
};

struct survey;

struct repository {
	struct directory *directory;
	struct tree *tree;
	const char *name;
	struct fetch listing;
	struct fetch changing; /* a removal under way: one at a time */
	uint64_t protected_known; /* when all tags that are protected by name were asked about; 0: never */
	int changed_by; /* the process that removed something last */
	uint64_t changed_last; /* when the last one ended; 0: there was none */
	struct abilities abilities;
	uint64_t ages; /* counts what may change who is the newest */
	uint64_t changes; /* counts what may give a digest another holder: names that come, tags that move */
	uint64_t listed; /* when the tags were last listed; 0: never */
	uint64_t listing_took; /* milliseconds */
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
	struct pinned *pinned; /* what is in use by digest; NULL until it is needed */
	struct survey *survey; /* NULL until it is needed */
	struct timespec cutoff; /* keep=N: what is as new as this stays, if cutoff_of is ages + 1 */
	uint64_t cutoff_of;
};

struct directory *directory_at(const struct tree *t, uint64_t node);
/* Finds a directory by path, or makes it and what is above it. NULL: no memory, or nothing of that name (make
 * false). */
struct directory *directory_find(struct tree *t, const char *path);
struct directory *directory_make(struct tree *t, const char *path);

/* Nobody says which names there are: so every one may be a name space, until it turns out further down. */
bool directory_unknown_may_be(const struct tree *t);
/* It is a repository. Where that is so, one that was entered by name is listed from now on. */
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
/* Takes over what the registry says that it points to. 0, or what result or the document is wrong with. */
int tag_learn(struct tag *tag, const struct reg_result *result, struct reg_error *error);
/* The registry does not have it any more: what was known of it is not so now. */
void tag_gone(struct tag *tag);
bool tag_is_dated(const struct tag *tag); /* all that tag_mtime() needs is known, fresh or not */

/* Has it no tag and nothing listed below it, as far as is known? Then it is not listed itself. */
bool directory_is_empty(const struct directory *d);

struct holder *repository_holder(const struct repository *r, const struct reg_digest *digest); /* or NULL */
/* Was it removed here, and not so long ago that it would have to be asked for again? */
bool manifest_is_gone(const struct repository *r, const struct manifest *m);
/* Found or made; NULL: no memory. */
struct manifest *repository_manifest(struct repository *r, const struct reg_digest *digest);

void repository_free(struct repository *r);

#endif
