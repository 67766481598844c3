/* SPDX-License-Identifier: MIT */
/*
 * Is everything that a tag or a revision needs there, linked, of the right size, and with `verify` of the
 * right digest? What is wrong is added to the store's problems, beside what the scan met.
 */
#ifndef REG_STORAGE_CHECK_H
#define REG_STORAGE_CHECK_H

#include "storage/mark.h"
#include "storage/progress.h"
#include "storage/scan.h"
#include "storage/store.h"

struct check_options {
	bool verify; /* read every blob that is held */
};

struct check_result {
	uint64_t tags, manifests; /* looked at; each manifest once, whoever links it */
	uint64_t blobs, bytes; /* that are needed and there, manifests included */
	uint64_t verified; /* bytes */
};

/*
 * m: a mark without delete_untagged. 0, -ENOMEM, -EINTR. The problems are sorted, and those of the scan that
 * are about a manifest have the tags that need it. storage may be NULL without verify: then what was linked
 * since the scan counts as not linked.
 */
int check(const struct storage *storage, struct store *s, const struct mark *m, const struct check_options *o,
	  struct progress *progress, struct check_result *ret);

#endif
