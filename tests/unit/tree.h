/* SPDX-License-Identifier: MIT */
/*
 * A registry's storage of a test's own, as distribution writes it: blobs, links, tags and whole images, and
 * any oddity as a plain file. Paths are relative to the storage's root; what fails ends the test.
 */
#ifndef TREE_H
#define TREE_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "folder.h"
#include "registry.h"

#define TREE_V2 "docker/registry/v2/"

struct tree {
	struct folder folder; /* its path is the storage's root; empty at first */
};

struct tree_blob {
	struct reg_digest digest;
	char text[REG_DIGEST_MAX]; /* of the digest */
	size_t size;
};

void tree_make(struct tree *t);
void tree_make_fast(struct tree *t); /* in memory, if there is such a place */
void tree_remove(struct tree *t);

/* ---- any files: the folders above are made ---- */

void tree_put(const struct tree *t, const char *path, const void *data, size_t size);
void tree_puts(const struct tree *t, const char *path, const char *text);
void tree_folder(const struct tree *t, const char *path);
void tree_symlink(const struct tree *t, const char *path, const char *target);
void tree_drop(const struct tree *t,
	       const char *path); /* a file, or a folder with all in it; must be there */
void tree_move(const struct tree *t, const char *from, const char *to);
bool tree_has(const struct tree *t, const char *path);
void tree_age(const struct tree *t, const char *path, time_t changed);
void tree_age_all(const struct tree *t, time_t changed); /* every file and folder */
/* Nobody may read it, once privileges are given up, which a root's tests must: tree_unprivileged(). */
void tree_forbid(const struct tree *t, const char *path);
void tree_allow(const struct tree *t, const char *path);
void tree_unprivileged(bool on); /* root becomes nobody, and root again; others stay who they are */

/* ---- where things are, in turns of eight buffers ---- */

const char *tree_blob_path(const struct tree_blob *b); /* .../data */
const char *tree_revision_path(const char *repository, const struct tree_blob *b); /* .../link */
const char *tree_layer_path(const char *repository, const struct tree_blob *b);
const char *tree_tag_path(const char *repository, const char *tag); /* .../current/link */
const char *tree_entry_path(const char *repository, const char *tag, const struct tree_blob *b);

/* ---- what a registry writes ---- */

struct tree_blob tree_blob_of(const void *data, size_t size); /* writes nothing */
struct tree_blob tree_blob_512(const struct tree *t, const char *data); /* by its SHA-512 */
struct tree_blob tree_blob(const struct tree *t, const char *data);
void tree_revision(const struct tree *t, const char *repository, const struct tree_blob *b);
void tree_layer(const struct tree *t, const char *repository, const struct tree_blob *b);
void tree_tag(const struct tree *t, const char *repository, const char *tag, const struct tree_blob *b);
/* A blob, linked as a revision, and as a tag unless that is NULL. */
struct tree_blob tree_manifest(const struct tree *t, const char *repository, const char *tag,
			       const char *json);
void tree_upload(const struct tree *t, const char *repository, const char *id, const char *startedat,
		 const char *data); /* startedat NULL: no such file */

/* An image of a config and two layers whose bytes come from a seed: equal seeds are equal images. */
struct tree_image {
	struct tree_blob manifest, config, layers[2];
};
struct tree_image tree_image(const struct tree *t, const char *repository, const char *tag, const char *seed);
/* Of manifests that lie anywhere; the platforms are linux/amd64, linux/arm64/v8, linux/s390x, then none. */
struct tree_blob tree_index(const struct tree *t, const char *repository, const char *tag,
			    const struct tree_blob *children, size_t n);
/* An artifact with a subject: its config is "{}", it has one layer, made of the seed. */
struct tree_image tree_referrer(const struct tree *t, const char *repository, const char *tag,
				const char *seed, const struct tree_blob *subject);

/* Its JSON alone: a manifest of a config and layers, subject NULL: without. To be freed. */
char *tree_manifest_json(const struct tree_blob *config, const struct tree_blob *layers, size_t n,
			 const struct tree_blob *subject);

#endif
