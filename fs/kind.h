/* SPDX-License-Identifier: MIT */
/*
 * The kinds of nodes, and what each answers: one table row a kind. All run under the lock and return 0:
 * answered, 1: ask again when *ret_fetch is over, or a negative errno.
 */
#ifndef FS_KIND_H
#define FS_KIND_H

#include "listing.h"
#include "node.h"
#include "repository.h"
#include "tree.h"

struct kind {
	uint32_t type; /* S_IFDIR or S_IFREG */
	int (*lookup)(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch);
	int (*list)(struct tree *t, struct call *c, struct directory *d, struct listing *l,
		    struct fetch **ret_fetch);
	int (*getattr)(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch);
	/* Files: the bytes are asked of the client under the document's own name. */
	int (*open)(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch);
	/* Of a directory: removes the entry c->name. */
	int (*unlink)(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch);
	int (*rmdir)(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch);
	/* Fills in what is known, without asking anybody; false: nothing beyond the name. */
	bool (*known)(struct tree *t, struct directory *d, uint64_t node, struct entry *ret);
};

extern const struct kind kind_directory, kind_tags, kind_configs, kind_manifests;
extern const struct kind kind_tag, kind_config, kind_manifest;

const struct kind *kind_of(uint64_t node); /* NULL: no such node */

/* Attributes of a directory; of a file but for its number, size and date; what a lookup answers before they
 * are known. */
void attr_directory(const struct tree *t, uint64_t node, const struct timespec *changed,
		    struct attributes *ret);
void attr_file(const struct tree *t, uint64_t node, struct attributes *ret);
void entry_placeholder(const struct tree *t, uint64_t node, double name_valid, struct entry *ret);
void entry_absent(const struct tree *t, struct entry *ret);

/*
 * Reads a document by its digest from a repository into *slot, a member of the call; nothing is done if it is
 * there already. It is fetched for this call alone; a document that is in the client's memory costs no
 * request.
 */
int document_read(struct tree *t, struct call *c, const char *repository, const struct reg_digest *digest,
		  bool manifest, struct reg_bytes **slot, struct fetch **ret_fetch);
/* Asks whether a repository has a manifest; c->probed once it does. -ENOENT: it does not. */
int document_probe(struct tree *t, struct call *c, const char *repository, const struct reg_digest *digest,
		   struct fetch **ret_fetch);

/* The config of a tag's image; of an index, that of the mount's platform. -ENOENT: it has none. */
int config_of(struct tag *tag, const struct call *c, struct reg_digest *ret_digest, uint64_t *ret_size,
	      struct fetch **ret_fetch);

/* The tag that a node in _tags or _configs stands for; NULL: there is none. */
struct tag *tag_at(const struct directory *d, uint64_t node);

/* The extended attributes user.oci.* of a tag or manifest: c->bytes is the value of c->name, or the names,
 * each with its NUL. */
int xattr_read(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch);

#endif
