/* SPDX-License-Identifier: MIT */
#include "storage/kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "storage/files.h"
#include "storage/layout.h"
#include "util/buf.h"
#include "util/cleanup.h"

static const char *const kind_names[] = {
	[KIND_OTHER] = "other", [KIND_MANIFEST] = "manifest",
	[KIND_INDEX] = "index", [KIND_CONFIG] = "config",
	[KIND_JSON] = "json",   [KIND_GZIP] = "gzip",
	[KIND_ZSTD] = "zstd",   [KIND_XZ] = "xz",
	[KIND_BZIP2] = "bzip2", [KIND_TAR] = "tar",
	[KIND_EMPTY] = "empty", [KIND_UNREADABLE] = "unreadable",
};

const char *kind_name(enum kind k)
{
	return kind_names[k];
}

static const struct {
	enum kind kind;
	size_t at, length;
	const char *bytes;
} magic[] = {
	{KIND_GZIP, 0, 2, "\x1f\x8b"},
	{KIND_ZSTD, 0, 4, "\x28\xb5\x2f\xfd"},
	{KIND_XZ, 0, 6,
	 "\xfd"
	 "7zXZ\0"},
	{KIND_BZIP2, 0, 3, "BZh"},
	{KIND_TAR, 257, 5, "ustar"},
};

/* 0x184D2A50 to 0x184D2A5F: a zstd frame to be skipped, as stargz's and others' first one is (RFC
 * 8878, 3.1.2). */
static bool is_skippable(const unsigned char *p, size_t length)
{
	return length >= 4 && (p[0] & 0xf0) == 0x50 && memcmp(p + 1, "\x2a\x4d\x18", 3) == 0;
}

#define TAR_HEADER 512
#define TAR_SUM 148 /* where a header's checksum is: 8 bytes of octal digits, counted as blanks */

/* Tar from before ustar has no magic number, but a checksum. */
static bool is_old_tar(const unsigned char *p, size_t length)
{
	unsigned long sum = 0, said = 0;
	size_t i = TAR_SUM;

	if (length < TAR_HEADER)
		return false;
	while (i < TAR_SUM + 8 && p[i] == ' ')
		i++;
	if (i == TAR_SUM + 8 || p[i] < '0' || p[i] > '7')
		return false;
	for (; i < TAR_SUM + 8 && p[i] >= '0' && p[i] <= '7'; i++)
		said = said * 8 + (p[i] - '0');
	for (i = 0; i < TAR_HEADER; i++)
		sum += i >= TAR_SUM && i < TAR_SUM + 8 ? ' ' : p[i];
	return sum == said && p[0];
}

/* A tar of nothing at all is zeros: two blocks of them end it. */
static bool is_empty_tar(const unsigned char *p, size_t length, uint64_t size)
{
	if (length < TAR_HEADER || size < 2 * (uint64_t)TAR_HEADER || size % TAR_HEADER)
		return false;
	for (size_t i = 0; i < TAR_HEADER; i++)
		if (p[i])
			return false;
	return true;
}

static bool may_be_json(const unsigned char *p, size_t length, uint64_t size)
{
	size_t i = 0;

	while (i < length && (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' || p[i] == '\n'))
		i++;
	return i < length && p[i] == '{' && size <= REG_MAX_CONFIG;
}

static enum kind kind_of_json(const void *data, size_t length)
{
	struct json *j = json_parse(data, length);
	enum kind k = KIND_JSON;

	if (!j)
		return KIND_OTHER;
	if (json_array(j, "manifests"))
		k = KIND_INDEX;
	else if (json_has(j, "schemaVersion") && (json_has(j, "config") || json_has(j, "layers") ||
						  json_has(j, "fsLayers") || json_has(j, "blobs")))
		k = KIND_MANIFEST;
	else if (json_has(j, "rootfs") || (json_has(j, "architecture") && json_has(j, "os")))
		k = KIND_CONFIG;
	json_free(j);
	return k;
}

enum kind kind_of(const void *data, size_t length, uint64_t size)
{
	const unsigned char *p = data;

	if (!size)
		return KIND_EMPTY;
	for (size_t i = 0; i < ARRAY_SIZE(magic); i++)
		if (length >= magic[i].at + magic[i].length &&
		    memcmp(p + magic[i].at, magic[i].bytes, magic[i].length) == 0)
			return magic[i].kind;
	if (is_skippable(p, length))
		return KIND_ZSTD;
	if (may_be_json(p, length, size) && length == size)
		return kind_of_json(data, length);
	return is_old_tar(p, length) || is_empty_tar(p, length, size) ? KIND_TAR : KIND_OTHER;
}

/* As many bytes as there are, up to `size`, to the end of a buffer. */
static int read_up_to(int fd, struct buf *b, size_t size)
{
	char chunk[16384];

	while (b->size < size) {
		const size_t left = size - b->size;
		const ssize_t n = read(fd, chunk, left < sizeof(chunk) ? left : sizeof(chunk));
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = buf_add(b, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
	return 0;
}

static enum kind kind_of_file(int fd, uint64_t size)
{
	enum kind k = KIND_UNREADABLE;
	struct buf b;

	buf_init(&b, REG_MAX_CONFIG);
	if (read_up_to(fd, &b, KIND_HEAD) == 0 &&
	    (b.size == size || !may_be_json((const unsigned char *)b.data, b.size, size) ||
	     read_up_to(fd, &b, size) == 0))
		k = kind_of(b.data, b.size, size);
	buf_done(&b);
	return k;
}

enum kind kind_of_blob(const struct storage *storage, const struct store_blob *b)
{
	const bool here = b->flags & BLOB_PRESENT;
	char path[LAYOUT_MAX];
	struct stat st;
	enum kind k;
	int fd;

	if (b->manifest)
		return b->manifest->kind == REG_KIND_INDEX ? KIND_INDEX : KIND_MANIFEST;
	if (!store_blob_is_there(b))
		return KIND_UNREADABLE;
	fd = files_open(here ? storage->v2 : storage->aside,
			here ? layout_blob(path, &b->digest) : layout_blob_aside(path, &b->digest), &st);
	if (fd < 0)
		return KIND_UNREADABLE;
	k = kind_of_file(fd, (uint64_t)st.st_size);
	close(fd);
	return k;
}
