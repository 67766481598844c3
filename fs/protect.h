/* SPDX-License-Identifier: MIT */
/*
 * What the user keeps from being removed, by name: patterns (protect=GLOB) and a file of references to images
 * in use (protect_from=FILE). Pure: knows nothing of the tree. One that has been made does not change; to
 * read the file again is to make a new one.
 */
#ifndef FS_PROTECT_H
#define FS_PROTECT_H

#include <stdbool.h>
#include <stddef.h>

#include "registry.h"

struct protect;

/*
 * patterns match "REPOSITORY:TAG" as fnmatch(3) does, and * matches a '/' too. file: references separated by
 * white space, # begins a comment: [HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST] as kubectl and docker print them,
 * with docker-pullable:// and the like before it, or a digest alone (of a manifest or of a config, of any
 * repository). The host is not compared: a registry has many names. Where the first part can be a host as
 * well as a name space, both are meant. A reference without tag and digest means :latest, one with both means
 * both. NAME and library/NAME are the same to references.
 *
 * -EINVAL and a line number for what is no reference; -EINVAL for a file that names nothing at all, since
 * that is what a failed command leaves behind, and for one that is no regular file; -EFBIG; the errno of a
 * file that cannot be read.
 */
REG_MUST_CHECK int protect_new(const char *const *patterns, size_t npatterns, const char *file,
			       struct protect **ret, struct reg_error *error);
void protect_free(struct protect *p);

/* NULL p: nothing is protected. */
bool protect_has_tag(const struct protect *p, const char *repository, const char *tag);
/* A digest of a manifest or of a config, in this repository. */
bool protect_has_digest(const struct protect *p, const char *repository, const struct reg_digest *digest);
/* Each digest that the file names for this repository (not those that stand alone). */
void protect_each_digest(const struct protect *p, const char *repository,
			 void (*each)(void *data, const struct reg_digest *digest), void *data);
size_t protect_count(const struct protect *p); /* references that the file named */

/* For protect_new() and for tests: the same from a file's text; name: the file's, for errors. */
REG_MUST_CHECK int protect_add_text(struct protect *p, const char *text, size_t size, const char *name,
				    struct reg_error *error);
/* Is it a pattern that can match REPOSITORY:TAG? One that cannot would protect nothing, and not say so. */
bool protect_pattern_is_useful(const char *pattern);

#endif
