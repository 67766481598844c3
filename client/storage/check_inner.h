/* SPDX-License-Identifier: MIT */
/* Between the files that check.h is made of. */
#ifndef REG_STORAGE_CHECK_INNER_H
#define REG_STORAGE_CHECK_INNER_H

#include "storage/check.h"
#include "storage/holders.h"

#define CHECK_TAGS 20 /* of a repository that are told of one thing that they all need */

/* A manifest of a repository about which more is told than that it is missing. */
struct check_covered {
	uint32_t repository, blob;
};

struct check {
	const struct storage *storage;
	struct store *store;
	const struct mark *mark;
	struct progress *progress;
	struct check_result result;
	struct holders *holders; /* NULL until something is wrong */
	/* The repository at hand. */
	struct store_repository *repository;
	uint32_t number;
	/* By the number of a blob: of the repository, plus one, ... */
	uint32_t *looked; /* .. in which it was looked at as a manifest */
	uint32_t *needed; /* .. in which something names it */
	uint32_t *todo, ntodo;
	uint32_t *named, names; /* by which manifest it was named last: a number of its own for each look */
	uint8_t *counted; /* in the result */
	uint8_t *orphans; /* by the number of a link */
	struct check_covered *covered;
	size_t ncovered, room_covered;
	/* The index that was read again for its entries' platforms, and how often that may still be done. */
	struct reg_document index;
	uint32_t index_blob;
	unsigned looks_left;
};

/* ---- check_refs.c: what is wrong in a repository ---- */

int check_repository(struct check *c);

/* ---- check_tell.c: whom it concerns ---- */

/*
 * Adds a problem of the repository at hand, once for each tag that holds `manifest` (up to CHECK_TAGS), or
 * without one.
 */
int check_tell(struct check *c, enum problem_kind kind, uint32_t manifest, uint32_t blob, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same for a blob in every repository that holds it. */
int check_tell_all(struct check *c, enum problem_kind kind, uint32_t blob, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Gives the scan's first `count` problems about manifests their tags, and drops those that are covered. */
int check_attribute(struct check *c, size_t count);
/* "linux/arm64/v8", as an index says of a child that cannot be asked itself; "" where it does not. */
const char *check_platform(struct check *c, uint32_t index, uint32_t child, char buf[128]);

/* ---- check_verify.c ---- */

int check_verify(struct check *c);

#endif
