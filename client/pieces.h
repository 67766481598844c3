/* SPDX-License-Identifier: MIT */
/*
 * Manifests of a registry, with what they need: the manifests that an index lists, the blobs of an image.
 * What the registry does not have and the journal has can be put there, if all that it needs is there or can
 * be. What was found out is remembered, so nothing is asked twice.
 */
#ifndef REG_PIECES_H
#define REG_PIECES_H

#include "copies.h"
#include "util/map.h"

struct pieces;
struct blob;

enum piece_state {
	PIECE_UNKNOWN,
	PIECE_THERE, /* in the registry, and it was before */
	PIECE_MISSING, /* not there; only while pieces_look() looks at what it needs */
	PIECE_READY, /* not there, and can be put there */
	PIECE_PUT, /* put there, and read back */
	PIECE_LOST, /* not there, or not to be found out; why says it */
};

struct piece {
	struct map_node node;
	char *repository;
	struct reg_digest digest;
	enum piece_state state;
	char *why; /* NULL: no memory for the words */

	bool chosen; /* the caller's */
	char *media_type; /* NULL while nothing is known */

	/* The inside. */
	bool queued;
	struct piece **children; /* what an index lists */
	struct blob **blobs;
	size_t nchildren, nblobs;
	struct reg_bytes *bytes; /* the journal's, while it may have to be put */
};

/* Client and copies must outlive them. 0 or -ENOMEM. */
REG_MUST_CHECK int pieces_new(struct reg_client *c, const struct copies *copies, struct pieces **ret);
void pieces_free(struct pieces *p);

/* A manifest, about which nothing may be known yet; NULL: no memory. */
struct piece *pieces_get(struct pieces *p, const char *repository, const struct reg_digest *digest);

/* Asks the registry for them and for what they need; they are THERE, READY, PUT or LOST then. 0 or -ENOMEM.
 */
REG_MUST_CHECK int pieces_look(struct pieces *p, struct piece *const *roots, size_t n);

/*
 * Puts those of them that are READY, and what is READY of that which they list: first of all what is listed.
 * They are PUT or LOST then. 0 or -ENOMEM.
 */
REG_MUST_CHECK int pieces_put(struct pieces *p, struct piece *const *roots, size_t n);

/* "requested access is denied (403 DENIED)" */
const char *pieces_error_text(const struct reg_error *error, char *buf, size_t size);

#endif
