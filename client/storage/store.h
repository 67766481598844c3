/* SPDX-License-Identifier: MIT */
/*
 * What a registry's storage holds, in memory: blobs, repositories, the links and tags in them, and what each
 * manifest points to. scan.h fills it, from the disk; mark.h says what of it is held. Nothing here touches a
 * file. One thread.
 *
 * Blobs and links have numbers, from 0 on without gaps, so that what others know of them fits into arrays.
 */
#ifndef REG_STORAGE_STORE_H
#define REG_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "registry.h"
#include "storage/problem.h"
#include "util/map.h"

#define STORE_NONE UINT32_MAX /* no such blob, link or repository */

/* ---- what a manifest points to ---- */

enum store_role {
	ROLE_CHILD = 1, /* an index's manifest */
	ROLE_CONFIG,
	ROLE_LAYER,
	ROLE_FOREIGN, /* a layer that may be kept elsewhere (urls): it need not be here, is held if it is */
	ROLE_SUBJECT, /* the manifest that this one refers to: it is not held by this, it holds this */
};

struct store_ref {
	int64_t size; /* bytes as the descriptor says; -1: it does not (schema 1) */
	uint32_t blob;
	uint8_t role; /* enum store_role */
};

struct store_manifest {
	enum reg_kind kind;
	char *type; /* the artifact type, else the config's media type, else NULL: for people */
	char *platform; /* "linux/arm64/v8", of the entry in an index that was seen first, or NULL */
	size_t nrefs;
	struct store_ref refs[];
};

/* ---- blobs ---- */

enum store_blob_flags {
	BLOB_PRESENT = 1, /* blobs/<algorithm>/<xx>/<hex>/data is a regular file */
	BLOB_ASIDE = 2, /* the quarantine has it; it may be present as well */
	BLOB_ODD = 4, /* what is there no registry made (a link, a folder, no access): never touched */
	BLOB_NAMED = 8, /* something names it as a manifest: a revision, a tag, an index */
	BLOB_UNREADABLE = 16, /* .. and it is there, but no manifest that is understood, or not its bytes */
	BLOB_BAD_BYTES = 32, /* its bytes are known not to have its digest */
};

struct store_blob {
	struct map_node node;
	struct reg_digest digest;
	uint8_t flags; /* enum store_blob_flags */
	uint32_t number; /* store.blobs[number] */
	int64_t size; /* of its data, bytes; of the copy aside where it is not present; 0 if neither */
	time_t changed; /* mtime of its data, likewise */
	struct store_manifest *manifest; /* NULL: not read as one, or not readable */
};

/* Is its content at hand, here or aside? */
static inline bool store_blob_is_there(const struct store_blob *b)
{
	return b->flags & (BLOB_PRESENT | BLOB_ASIDE);
}

/* ---- repositories ---- */

enum store_link_type { LINK_REVISION = 1, LINK_LAYER };

enum store_link_flags {
	LINK_BAD = 1, /* the file is empty, or does not name the digest of its own path: the path counts */
	LINK_ASIDE = 2, /* the quarantine has it, and the repository has not */
	LINK_ASIDE_TOO = 4, /* both have it: the one aside is nobody's */
};

/* A right to a manifest or blob in a repository: _manifests/revisions/.. or _layers/.. */
struct store_link {
	uint32_t blob;
	uint8_t type, flags;
	time_t changed; /* mtime: when it was last pushed here */
};

/* What a tag pointed to at some time: tags/<tag>/index/.. */
struct store_entry {
	uint32_t blob;
	time_t pushed;
};

struct store_tag {
	char *name; /* a valid tag */
	uint32_t blob; /* STORE_NONE: its link is missing, empty or bad */
	time_t changed;
	uint32_t nentries;
	struct store_entry *entries; /* only where the scan was asked for them; any order */
};

/*
 * A layer link whose file names another digest than its path: a blob that was pushed by its sha512 lies under
 * its sha256, and the link _layers/sha512/.. leads there. What holds the one holds the other, in this
 * repository.
 */
struct store_alias {
	uint32_t blob, target;
};

struct store_upload {
	char *id;
	time_t started; /* as its startedat says, 0: nothing */
	time_t changed; /* the newest mtime in it */
	int64_t size; /* bytes of all files in it */
};

struct store_repository {
	char *name;
	uint32_t first_link, nlinks; /* in store.links: sorted by blob, a revision before a layer */
	uint32_t ntags, nuploads, naliases;
	struct store_tag *tags; /* sorted by name */
	struct store_alias *aliases; /* few, sorted by blob */
	struct store_upload *uploads;
	/*
	 * Not NULL: something here is not known (a manifest that its link promises is missing or cannot be
	 * read, a bad tag), so this repository holds all that it links. In words, for people.
	 */
	char *unsure;
	time_t changed; /* the newest mtime of its own folders */
	bool links_lost; /* something of it could not be read: there may be more links than are known */
	bool has_tags, has_layers, has_manifests; /* such a folder is there, empty or not */
};

struct store {
	char *root; /* as it was given, for messages */
	struct map by_digest;
	struct store_blob **blobs;
	struct store_link *links;
	struct store_repository *repositories; /* sorted by name, '/' before all */
	uint32_t nblobs, nlinks, nrepositories;
	uint32_t room_blobs, room_links, room_repositories;
	/*
	 * Not NULL: a part of the storage could not be read at all, or what needs its blobs is not in it, so
	 * that nothing can be called garbage.
	 */
	char *blind;
	bool cache; /* of a pull-through cache: what is missing is fetched when somebody asks for it */
	bool sparse; /* its registry takes indexes whose children it does not have */
	struct problems problems; /* what the scan met */
};

void store_init(struct store *s);
void store_done(struct store *s);

/* The number of the blob with this digest, which is added if need be (no flags); -ENOMEM. */
int store_blob_add(struct store *s, const struct reg_digest *d, uint32_t *ret);
uint32_t store_blob_find(const struct store *s, const struct reg_digest *d); /* or STORE_NONE */

/*
 * A repository, at the end: add its tags, uploads and links, then call store_repository_end(), then begin the
 * next one. The pointer is good until the next is added. NULL: no memory.
 */
struct store_repository *store_repository_add(struct store *s, const char *name);
/*
 * 0 or -ENOMEM. A tag's and an upload's strings are copied. The same link twice is one, see LINK_ASIDE_TOO.
 */
int store_link_add(struct store *s, struct store_repository *r, const struct store_link *link);
int store_tag_add(struct store_repository *r, const char *name, uint32_t blob, time_t changed);
int store_entry_add(struct store_tag *t, uint32_t blob, time_t pushed);
int store_upload_add(struct store_repository *r, const struct store_upload *u);
int store_alias_add(struct store_repository *r, uint32_t blob, uint32_t target);
void store_repository_end(struct store *s, struct store_repository *r); /* sorts */
void store_repository_sort_aliases(struct store_repository *r); /* after one was added later */

/* The order of repositories, as in a walk of their folders: what is below one comes right after it. */
int store_compare_names(const char *a, const char *b);
/* The number of a link, or STORE_NONE. */
uint32_t store_link_find(const struct store *s, const struct store_repository *r, uint32_t blob,
			 enum store_link_type type);
uint32_t store_repository_find(const struct store *s, const char *name);
/* The blob whose data a repository serves for this one: itself, unless a link leads elsewhere. */
uint32_t store_target(const struct store_repository *r, uint32_t blob);

/* Says, once, why a repository, or everything, is not sure. 0 or -ENOMEM. */
int store_unsure(struct store_repository *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
int store_blind(struct store *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
