/* SPDX-License-Identifier: MIT */
/*
 * What a digest is: the manifest or index by that name, as far as it is known, and the date that it was
 * created. Content never changes, so what is known stays known; and it is the same in every repository, so it
 * is fetched once. With the lock.
 */
#ifndef FS_IMAGE_H
#define FS_IMAGE_H

#include "tree.h"

enum created_from {
	CREATED_UNKNOWN, /* not yet known */
	CREATED_CONFIG, /* the image config's .created */
	CREATED_ANNOTATION, /* org.opencontainers.image.created */
	CREATED_HISTORY, /* the newest .history[].created */
	CREATED_PLATFORM, /* the newest platform of an index */
	CREATED_SUBJECT, /* the subject of a signature or other referrer */
	CREATED_UNDATED, /* no date, or one that cannot be */
};

struct image_item {
	struct reg_digest digest;
	uint64_t size;
	struct reg_platform platform;
	bool attestation, index;
};

struct image {
	struct map_node node;
	struct reg_digest digest;
	bool known; /* everything from here to media_type */
	enum reg_kind kind;
	uint64_t size;
	struct reg_digest config; /* algorithm 0: none */
	uint64_t config_size;
	enum config_kind {
		CONFIG_SILENT, /* none, or of a type that does not say when it was created */
		CONFIG_IMAGE, /* an image config */
		CONFIG_OTHER, /* other JSON: it may say, and it may be anything */
	} config_kind;
	uint64_t layers_size; /* bytes of all layers */
	struct reg_digest subject;
	struct image_item *items; /* of an index */
	size_t nitems;
	char *media_type;
	uint32_t mark; /* the last look through many that came by: tree->mark */
	bool has_annotation; /* org.opencontainers.image.created */
	struct timespec annotation;
	struct timespec stated; /* the config's date, as a list of tags told it; 0: it did not */

	enum created_from from; /* CREATED_UNKNOWN also if only some repositories can say: see the sources */
	struct timespec created; /* unless unknown or undated */
	struct image_source *sources; /* one for each repository that was asked about it */
};

/*
 * An image as one repository has it. What a document says is true everywhere; what is missing, fails or hangs
 * is so in this repository alone, and so is a date that was found although something was missing.
 */
struct image_source {
	struct image_source *next;
	struct tree *tree;
	struct image *image;
	const char *repository; /* the repository's own name: lives as long as the tree */
	struct image_job *job; /* while the date is being found */
	struct fetch dating; /* likewise */
	struct fetch loading; /* while the manifest itself is fetched by digest */
	uint64_t absent; /* when the registry said that there is no such manifest; 0: never */
	bool unproven; /* that was a page which no registry wrote: good enough to look at, not to remove by */
	uint64_t dated; /* when the date was found that is only this repository's; 0: never */
	enum created_from from;
	struct timespec created;
};

struct image *image_get(struct tree *t, const struct reg_digest *digest); /* found or made; NULL: no memory */

/* Reads a manifest into its image. 0, -EBADMSG, -ENOMEM. */
int image_learn(struct tree *t, const struct reg_digest *digest, const char *media_type,
		struct reg_bytes *bytes, struct image **ret, struct reg_error *error);

/* Makes the manifest known, by digest, from a repository that has it. */
int image_load(struct tree *t, struct image *i, const char *repository, bool ahead, struct fetch **ret_fetch);

/*
 * Makes the date known: image_created(). depth: how many indexes or subjects led here. Fetched ahead, with
 * depth 0, it may say 1 without a fetch to wait for.
 */
int image_date(struct tree *t, struct image *i, const char *repository, bool ahead, int depth,
	       struct fetch **ret_fetch);

/* The entry of an index for the mount's platform, or else its first image; NULL: it has none. */
const struct image_item *image_platform(const struct tree *t, const struct image *i);

/* Is it missing in a repository only by a page that the registry itself did not write? */
bool image_is_unproven(const struct image *i, const char *repository);

/* Found or made; NULL: no memory. The repository is named by its own string. */
struct image_source *image_source(struct tree *t, struct image *i, const char *repository);

/* The date as a repository has it: CREATED_UNKNOWN, or from where, and *ret (unless undated). */
enum created_from image_created(const struct image *i, const char *repository, struct timespec *ret);

const char *created_from_text(enum created_from from);

#endif
