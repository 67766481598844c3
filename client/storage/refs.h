/* SPDX-License-Identifier: MIT */
/*
 * What a manifest points to, read so that nothing which any client might read is overlooked: the members
 * config, layers, blobs, manifests, fsLayers and subject all count, whatever the document says it is.
 *
 * What readers may understand differently is refused, since a wrong guess loses an image: a member that
 * stands twice in its object (our JSON reader takes the first, Go's the last), and one that differs from a
 * known one in case only (Go's reader takes it).
 *
 * An index may list what is no manifest: BuildKit keeps the layers of its cache so. By their media type these
 * are ROLE_LAYER in an index. Whether one is a manifest all the same, only its content tells: scan.h looks.
 */
#ifndef REG_STORAGE_REFS_H
#define REG_STORAGE_REFS_H

#include "storage/store.h"

/* What an index says that its children are, "linux/arm64/v8" by the number of a blob; NULL: nothing. */
struct refs_platforms {
	uint32_t count;
	char **items;
};
void refs_platforms_done(struct refs_platforms *p);

/*
 * Adds the blobs that it names to the store, and returns a manifest (to be freed by refs_free()). -EBADMSG
 * with the reason in error: not a manifest, ambiguous, or a descriptor without a digest that is known.
 * -ENOMEM.
 */
int refs_parse(struct store *s, const void *data, size_t size, struct store_manifest **ret,
	       struct reg_error *error);
/* The same, and the platforms of its children, unless one is known already. platforms may be NULL. */
int refs_parse_platforms(struct store *s, const void *data, size_t size, struct refs_platforms *platforms,
			 struct store_manifest **ret, struct reg_error *error);
void refs_free(struct store_manifest *m);

#endif
