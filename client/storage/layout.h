/* SPDX-License-Identifier: MIT */
/*
 * Where distribution's file system driver keeps things, below ROOT/docker/registry/v2 (its storage/paths.go):
 *
 *     blobs/<algorithm>/<xx>/<hex>/data
 *     repositories/<name>/_manifests/revisions/<algorithm>/<hex>/link
 *     repositories/<name>/_manifests/tags/<tag>/current/link
 *     repositories/<name>/_manifests/tags/<tag>/index/<algorithm>/<hex>/link
 *     repositories/<name>/_layers/<algorithm>/<hex>/link
 *     repositories/<name>/_uploads/<uuid>/{data,startedat,hashstates/<algorithm>/<offset>}
 *
 * and where regfs-gc puts what it takes away, below its quarantine:
 *
 *     blobs/<algorithm>/<xx>/<hex>                                          the file `data`
 *     repositories/<name>/_manifests/revisions/<algorithm>/<hex>            the file `link`
 *     repositories/<name>/_layers/<algorithm>/<hex>                         the file `link`
 */
#ifndef REG_STORAGE_LAYOUT_H
#define REG_STORAGE_LAYOUT_H

#include "registry.h"
#include "storage/store.h"

#define LAYOUT_V2 "docker/registry/v2"
#define LAYOUT_OURS ".regfs-gc" /* in ROOT: our lock, and the quarantine unless another is named */
#define LAYOUT_QUARANTINE LAYOUT_OURS "/quarantine"

/*
 * A path into buf, which is returned; relative to ROOT/docker/registry/v2, or to the quarantine. A
 * repository's name is valid (at most 255 bytes), so everything fits.
 */
#define LAYOUT_MAX 768
const char *layout_blob(char buf[LAYOUT_MAX], const struct reg_digest *d); /* .../data */
const char *layout_blob_aside(char buf[LAYOUT_MAX], const struct reg_digest *d);
const char *layout_link(char buf[LAYOUT_MAX], const char *repository, enum store_link_type type,
			const struct reg_digest *d); /* .../link */
const char *layout_link_aside(char buf[LAYOUT_MAX], const char *repository, enum store_link_type type,
			      const struct reg_digest *d);
const char *layout_tag_entry(char buf[LAYOUT_MAX], const char *repository, const char *tag,
			     const struct reg_digest *d); /* .../link */
const char *layout_tag(char buf[LAYOUT_MAX], const char *repository, const char *tag); /* .../current/link */

/* The digest of an <algorithm> and a <hex> folder; false: none that is known. */
bool layout_digest(const char *algorithm, const char *hex, struct reg_digest *ret);

#endif
