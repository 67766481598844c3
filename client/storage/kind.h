/* SPDX-License-Identifier: MIT */
/* What a blob is, by its first bytes and its JSON: whatever anybody says of it. */
#ifndef REG_STORAGE_KIND_H
#define REG_STORAGE_KIND_H

#include "storage/scan.h"
#include "storage/store.h"

enum kind {
	KIND_OTHER,
	KIND_MANIFEST,
	KIND_INDEX,
	KIND_CONFIG, /* an image config: JSON with rootfs or architecture */
	KIND_JSON, /* other JSON */
	KIND_GZIP,
	KIND_ZSTD,
	KIND_XZ,
	KIND_BZIP2,
	KIND_TAR,
	KIND_EMPTY,
	KIND_UNREADABLE,
};

#define KIND_HEAD 512 /* bytes that kind_of() needs of what is longer */

/* size: of the whole blob. data: its first bytes, all of them if it may be JSON (up to REG_MAX_CONFIG). */
enum kind kind_of(const void *data, size_t length, uint64_t size);
enum kind kind_of_blob(const struct storage *storage, const struct store_blob *b);
const char *kind_name(enum kind k); /* "gzip" */

#endif
