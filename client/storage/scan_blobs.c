/* SPDX-License-Identifier: MIT */
/* Blobs: one call to the file system for each, in the storage and in the quarantine. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "storage/layout.h"
#include "storage/scan_inner.h"

#define MAX_DEPTH 4 /* of a stray folder that is looked into */
#define MAX_STRAYS 10000 /* files in stray folders, in all */

/* ---- what is no blob ---- */

static int stray_data(struct scanning *c, const char *name)
{
	return scan_tell(c, PROBLEM_STRAY_DATA, name, NULL, NULL,
			 "a file `data` that is no blob's: the registry's garbage-collect ends with an error "
			 "here; move it away");
}

/* Is there a file `data` somewhere in a folder? Its depth is bounded, so it may call itself. */
static int look_for_data(struct scanning *c, int above, const char *name, unsigned depth, bool *ret_found)
{
	struct scan_folder f;
	int r = scan_folder(c, above, name, SCAN_NOTHING, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0 && c->strays < MAX_STRAYS; i++) {
		const unsigned char type = scan_type(&f, i);

		c->strays++;
		if (type == DT_DIR && depth + 1 < MAX_DEPTH) {
			r = look_for_data(c, f.fd, f.names.items[i], depth + 1, ret_found);
		} else if (type == DT_REG && strcmp(f.names.items[i], "data") == 0) {
			*ret_found = true;
			r = stray_data(c, "data");
		}
	}
	scan_folder_done(c, &f);
	return r;
}

int scan_stray_folder(struct scanning *c, int above, const char *name)
{
	bool found = false;
	const int r = look_for_data(c, above, name, 0, &found);

	return r == 0 && !found ? scan_stray(c, name) : r;
}

/* Whatever it is, but no folder of blobs. */
static int stray_entry(struct scanning *c, const struct scan_folder *f, size_t i)
{
	const char *name = f->names.items[i];
	const unsigned char type = scan_type(f, i);

	if (type == DT_DIR)
		return scan_stray_folder(c, f->fd, name);
	if (type == DT_REG && strcmp(name, "data") == 0)
		return stray_data(c, name);
	return type == DT_UNKNOWN ? 0 : scan_stray(c, name);
}

/* ---- blobs ---- */

/* Something is in a blob's place, but not a file that we may touch. */
static int odd(struct scanning *c, const char *hex, const struct reg_digest *d, enum problem_kind kind,
	       const char *why)
{
	uint32_t blob;
	int r = store_blob_add(c->store, d, &blob);

	if (r < 0)
		return r;
	c->store->blobs[blob]->flags |= BLOB_ODD;
	return scan_tell(c, kind, hex, NULL, d, "%s: it is not touched", why);
}

static int present(struct scanning *c, const struct reg_digest *d, const struct stat *st)
{
	struct store_blob *b;
	uint32_t blob;
	const int r = store_blob_add(c->store, d, &blob);

	if (r < 0)
		return r;
	b = c->store->blobs[blob];
	b->flags |= BLOB_PRESENT;
	b->size = st->st_size;
	b->changed = st->st_mtime;
	return 0;
}

static int look_at_blob(struct scanning *c, const struct scan_folder *f, size_t i, const struct reg_digest *d)
{
	const char *hex = f->names.items[i];
	const unsigned char type = scan_type(f, i);
	char path[REG_DIGEST_MAX + 8];
	struct stat st;

	if (type == DT_LNK)
		return odd(c, hex, d, PROBLEM_SYMLINK, "a symbolic link in a blob's place");
	if (type != DT_DIR)
		return stray_entry(c, f, i);
	snprintf(path, sizeof(path), "%s/data", hex);
	if (fstatat(f->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISREG(st.st_mode))
			return present(c, d, &st);
		if (S_ISLNK(st.st_mode))
			return odd(c, hex, d, PROBLEM_SYMLINK, "its data is a symbolic link");
		return odd(c, hex, d, PROBLEM_ACCESS, "its data is no regular file");
	}
	if (errno == ENOENT || errno == ENOTDIR)
		return 0; /* an empty folder: the remains of a blob */
	return odd(c, hex, d, PROBLEM_ACCESS, strerror(errno));
}

/* blobs/<algorithm>/<xx> */
static int read_part(struct scanning *c, const struct scan_folder *above, const char *algorithm,
		     const char *two)
{
	struct scan_folder f;
	int r = scan_folder(c, above->fd, two, SCAN_BLIND, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		struct reg_digest d;

		if (strncmp(f.names.items[i], two, 2) == 0 && layout_digest(algorithm, f.names.items[i], &d))
			r = look_at_blob(c, &f, i, &d);
		else
			r = stray_entry(c, &f, i);
	}
	if (r == 0)
		r = scan_go_on(c, f.names.count);
	scan_folder_done(c, &f);
	return r;
}

static bool is_two_digits(const char *name)
{
	return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

/* blobs/<algorithm> */
static int read_algorithm(struct scanning *c, const struct scan_folder *above, const char *algorithm)
{
	struct scan_folder f;
	int r = scan_folder(c, above->fd, algorithm, SCAN_BLIND, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		const char *name = f.names.items[i];
		const unsigned char type = scan_type(&f, i);

		if (is_two_digits(name) && (type == DT_DIR || type == DT_LNK))
			r = read_part(c, &f, algorithm, name); /* which tells of a link */
		else
			r = stray_entry(c, &f, i);
	}
	scan_folder_done(c, &f);
	return r;
}

int scan_blobs(struct scanning *c)
{
	struct scan_folder f;
	int r = scan_folder(c, c->storage->v2, "blobs", SCAN_BLIND, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		const char *name = f.names.items[i];

		if (scan_is_algorithm(name) && scan_type(&f, i) != DT_REG)
			r = read_algorithm(c, &f, name);
		else if (strcmp(name, "sha384") == 0)
			r = scan_stray(c, name); /* the registry knows it: its collector does not fail */
		else
			r = stray_entry(c, &f, i);
	}
	scan_folder_done(c, &f);
	return r;
}

/* ---- the quarantine ---- */

static int aside(struct scanning *c, const struct scan_folder *f, const char *hex, const struct reg_digest *d)
{
	struct store_blob *b;
	struct stat st;
	uint32_t blob;
	int r = files_stat(f->fd, hex, &st);

	if (r < 0)
		return r == -ENOENT ? 0 : scan_lost(c, hex, r, SCAN_NOTHING);
	if (!S_ISREG(st.st_mode))
		return scan_stray(c, hex);
	r = store_blob_add(c->store, d, &blob);
	if (r < 0)
		return r;
	b = c->store->blobs[blob];
	if (!(b->flags & BLOB_PRESENT)) {
		b->size = st.st_size;
		b->changed = st.st_mtime;
	}
	b->flags |= BLOB_ASIDE;
	return 0;
}

static int read_part_aside(struct scanning *c, const struct scan_folder *above, const char *algorithm,
			   const char *two)
{
	struct scan_folder f;
	int r = scan_folder(c, above->fd, two, SCAN_BLIND, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		struct reg_digest d;

		if (layout_digest(algorithm, f.names.items[i], &d))
			r = aside(c, &f, f.names.items[i], &d);
		else
			r = scan_stray(c, f.names.items[i]);
	}
	if (r == 0)
		r = scan_go_on(c, f.names.count);
	scan_folder_done(c, &f);
	return r;
}

int scan_blobs_aside(struct scanning *c)
{
	static const char *const algorithms[] = {"sha256", "sha512"};
	int r = 0;

	scan_at_aside(c, "blobs");
	for (size_t a = 0; a < 2 && r == 0 && c->storage->aside >= 0; a++) {
		auto_close int blobs = files_open_folder(c->storage->aside, "blobs");
		struct scan_folder f;

		if (blobs < 0) {
			r = scan_lost(c, NULL, blobs, SCAN_BLIND);
			break;
		}
		r = scan_folder(c, blobs, algorithms[a], SCAN_BLIND, &f);
		if (r <= 0)
			continue;
		r = 0;
		for (size_t i = 0; i < f.names.count && r == 0; i++)
			r = read_part_aside(c, &f, algorithms[a], f.names.items[i]);
		scan_folder_done(c, &f);
	}
	scan_at(c, LAYOUT_V2);
	return r;
}
