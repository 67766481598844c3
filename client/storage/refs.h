/* SPDX-License-Identifier: MIT */
/*
 * What a manifest points to, read so that nothing which any client might read is overlooked: the members
 * config, layers, blobs, manifests, fsLayers and subject all count, whatever the document says it is.
 *
 * What readers may understand differently is refused, since a wrong guess loses an image: a member that
 * stands twice in its object (our JSON reader takes the first, Go's the last), and one that differs from a
 * known one in case only (Go's reader takes it).
 */
#ifndef REG_STORAGE_REFS_H
#define REG_STORAGE_REFS_H

#include "storage/store.h"

/*
 * Adds the blobs that it names to the store, and returns a manifest (to be freed by refs_free()). -EBADMSG
 * with the reason in error: not a manifest, ambiguous, or a descriptor without a digest that is known.
 * -ENOMEM.
 */
int refs_parse(struct store *s, const void *data, size_t size, struct store_manifest **ret,
	       struct reg_error *error);
void refs_free(struct store_manifest *m);

#endif
