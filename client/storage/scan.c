/* SPDX-License-Identifier: MIT */
#include "storage/scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/layout.h"
#include "storage/scan_inner.h"
#include "util/cleanup.h"

/* ---- telling ---- */

int scan_tell(struct scanning *c, enum problem_kind kind, const char *name, const char *tag,
	      const struct reg_digest *digest, const char *format, ...)
{
	struct problem p = {.kind = kind, .tag = (char *)tag, .path = c->path};
	auto_free char *text = NULL;
	const size_t at = name ? scan_push(c, name) : c->path_size;
	va_list args;
	int n, r;

	if (c->repository)
		p.repository = c->repository->name;
	if (digest)
		p.digest = *digest;
	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		text = NULL;
	r = text ? problems_add(&c->store->problems, &p, "%s", text) : -ENOMEM;
	scan_pop(c, at);
	return r;
}

int scan_lost(struct scanning *c, const char *name, int err, enum scan_loss loss)
{
	const bool link = err == -ELOOP;
	const char *why = link ? "is a symbolic link, which is never followed: mount the folder there instead"
			  : err == -ENOTDIR ? "is no folder: move it away"
					    : "cannot be read: become root or the registry's user";
	const char *between = "", *detail = "";
	int r;

	if (err == -ENOENT)
		return 0;
	if (err == -ENOMEM)
		return err;
	if (!link && err != -ENOTDIR) {
		between = ": ";
		detail = strerror(-err);
	}
	r = scan_tell(c, link ? PROBLEM_SYMLINK : PROBLEM_ACCESS, name, NULL, NULL, "%s%s%s", why, between,
		      detail);
	if (loss == SCAN_BLIND && err == -ENOTDIR && c->repository)
		loss = SCAN_UNSURE; /* nothing can hide below a file */
	if (c->repository)
		c->repository->links_lost = true;
	if (r == 0 && loss == SCAN_UNSURE && c->repository)
		r = store_unsure(c->repository, "%s%s%s %s", c->path, name ? "/" : "", name ? name : "", why);
	else if (r == 0 && loss == SCAN_BLIND)
		r = store_blind(c->store, "%s%s%s %s", c->path, name ? "/" : "", name ? name : "", why);
	return r;
}

int scan_stray(struct scanning *c, const char *name)
{
	return scan_tell(c, PROBLEM_STRAY, name, NULL, NULL, "no registry makes this: it is left alone");
}

int scan_go_on(struct scanning *c, uint64_t n)
{
	progress_add(c->progress, n);
	return progress_interrupted(c->progress) ? -EINTR : 0;
}

size_t scan_push(struct scanning *c, const char *name)
{
	const size_t at = c->path_size;
	const int n = snprintf(c->path + at, sizeof(c->path) - at, "%s%s", at ? "/" : "", name);

	c->path_size = at + ((size_t)n < sizeof(c->path) - at ? (size_t)n : sizeof(c->path) - at - 1);
	return at;
}

void scan_pop(struct scanning *c, size_t at)
{
	c->path_size = at;
	c->path[at] = '\0';
}

void scan_at(struct scanning *c, const char *path)
{
	scan_pop(c, 0);
	scan_push(c, path);
}

void scan_at_aside(struct scanning *c, const char *below)
{
	scan_at(c, c->storage->aside_path);
	if (below)
		scan_push(c, below);
}

/* ---- folders ---- */

int scan_folder(struct scanning *c, int above, const char *path, enum scan_loss loss, struct scan_folder *ret)
{
	struct scan_folder f = {.fd = files_open_folder(above, path)};
	struct stat st;
	int r = f.fd < 0 ? f.fd : 0;

	if (r == 0 && fstat(f.fd, &st) < 0)
		r = -errno;
	if (r == 0)
		r = files_list(f.fd, &f.names);
	if (r < 0) {
		files_close(&f.fd);
		return scan_lost(c, path, r, loss);
	}
	f.changed = st.st_mtime;
	f.at = scan_push(c, path);
	*ret = f;
	return 1;
}

void scan_folder_done(struct scanning *c, struct scan_folder *f)
{
	scan_pop(c, f->at);
	files_names_done(&f->names);
	files_close(&f->fd);
}

unsigned char scan_type(const struct scan_folder *f, size_t i)
{
	struct stat st;

	if (f->names.types[i] != DT_UNKNOWN)
		return f->names.types[i];
	return files_stat(f->fd, f->names.items[i], &st) < 0 ? DT_UNKNOWN : IFTODT(st.st_mode);
}

int scan_is_folder(struct scanning *c, const struct scan_folder *f, size_t i, enum scan_loss loss)
{
	const unsigned char type = scan_type(f, i);
	int r = 0;

	if (type == DT_DIR)
		return 1;
	if (type == DT_LNK)
		r = scan_lost(c, f->names.items[i], -ELOOP, loss);
	else if (type != DT_UNKNOWN)
		r = scan_stray(c, f->names.items[i]);
	return r;
}

bool scan_is_algorithm(const char *name)
{
	return strcmp(name, "sha256") == 0 || strcmp(name, "sha512") == 0;
}

static int digests_of(struct scanning *c, const struct scan_folder *above, const char *algorithm,
		      const struct scan_digests *how)
{
	struct scan_folder f;
	int r = scan_folder(c, above->fd, algorithm, how->loss, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		struct reg_digest d;

		if (layout_digest(algorithm, f.names.items[i], &d))
			r = how->one(c, &f, i, &d, how->data);
		else
			r = scan_stray(c, f.names.items[i]);
	}
	scan_folder_done(c, &f);
	return r;
}

/* Distribution takes sha384 as well: what is linked by it may be a manifest, which we cannot follow. */
static int unknown_algorithm(struct scanning *c, const char *name, enum scan_loss loss)
{
	int r = scan_stray(c, name);

	if (r == 0 && loss == SCAN_UNSURE && c->repository)
		r = store_unsure(c->repository, "%s/%s: digests of this kind are not known", c->path, name);
	return r;
}

int scan_digests(struct scanning *c, int above, const char *path, const struct scan_digests *how)
{
	struct scan_folder f;
	int r = scan_folder(c, above, path, how->loss, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		r = scan_is_folder(c, &f, i, how->loss);
		if (r != 1)
			continue;
		r = scan_is_algorithm(f.names.items[i])
			    ? digests_of(c, &f, f.names.items[i], how)
			    : unknown_algorithm(c, f.names.items[i], how->unknown);
	}
	scan_folder_done(c, &f);
	return r;
}

/* ---- links ---- */

/* One that cannot be read as a file. */
static void link_unread(int folder, const char *path, int err, struct scan_link *ret)
{
	struct stat st;

	ret->state = SCAN_LINK_BAD;
	ret->kind = err == -ELOOP ? PROBLEM_SYMLINK : PROBLEM_ACCESS;
	if (err == -EFBIG)
		ret->kind = PROBLEM_LINK_BAD;
	if (files_stat(folder, path, &st) == 0)
		ret->changed = st.st_mtime;
	snprintf(ret->wrong, sizeof(ret->wrong), "%s%s",
		 err == -ELOOP                      ? "is a symbolic link, which is never followed"
		 : err == -EFBIG                    ? "holds no digest"
		 : err == -EISDIR || err == -EINVAL ? "is no file"
						    : "cannot be read: ",
		 err == -ELOOP || err == -EFBIG || err == -EISDIR || err == -EINVAL ? "" : strerror(-err));
}

int scan_read_link(struct scanning *c, int folder, const char *path, struct scan_link *ret)
{
	struct scan_link l = {.kind = PROBLEM_LINK_BAD};
	struct stat st;
	int r;

	buf_clear(&c->link);
	r = files_read(folder, path, &c->link, &st);
	if (r == -ENOMEM)
		return r;
	if (r == -ENOENT || r == -ENOTDIR) {
		l.state = SCAN_LINK_MISSING;
	} else if (r < 0) {
		link_unread(folder, path, r, &l);
	} else {
		l.changed = st.st_mtime;
		l.state = SCAN_LINK_BAD;
		if (!c->link.size)
			snprintf(l.wrong, sizeof(l.wrong), "is empty");
		else if (strlen(c->link.data) != c->link.size || !reg_digest_parse(c->link.data, &l.digest))
			snprintf(l.wrong, sizeof(l.wrong), "holds no digest");
		else
			l.state = SCAN_LINK_GOOD;
	}
	*ret = l;
	return 0;
}

/* ---- all of it ---- */

/* What else lies beside blobs/ and repositories/. */
static int look_beside(struct scanning *c)
{
	struct scan_folder f;
	int r = scan_folder(c, c->storage->v2, ".", SCAN_BLIND, &f);

	if (r <= 0)
		return r;
	scan_pop(c, f.at);
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++)
		if (strcmp(f.names.items[i], "blobs") != 0 && strcmp(f.names.items[i], "repositories") != 0)
			r = scan_stray(c, f.names.items[i]);
	scan_folder_done(c, &f);
	return r;
}

static int read_repositories(struct scanning *c)
{
	struct scan_names names = {0};
	int r;

	progress_begin(c->progress, "finding repositories", 0, false);
	r = scan_repository_names(c, &names);
	progress_begin(c->progress, "reading repositories", names.count, false);
	for (size_t i = 0; i < names.count && r == 0; i++) {
		r = scan_repository(c, &names.items[i]);
		c->repository = NULL;
		if (r == 0)
			r = scan_go_on(c, 1);
	}
	scan_names_done(&names);
	return r;
}

static int read_all(struct scanning *c)
{
	int r = scan_kind(c);

	scan_at(c, LAYOUT_V2);
	progress_begin(c->progress, "reading blobs", 0, false);
	if (r == 0 && c->storage->v2 >= 0) {
		r = look_beside(c);
		if (r == 0)
			r = scan_blobs(c);
	}
	if (r == 0)
		r = scan_blobs_aside(c);
	if (r == 0)
		r = read_repositories(c);
	if (r == 0)
		r = scan_no_repositories(c);
	if (r == 0)
		r = scan_manifests(c);
	progress_end(c->progress);
	return r;
}

int scan(const struct storage *s, unsigned flags, struct progress *progress, struct store *ret)
{
	struct scanning c = {.storage = s, .store = ret, .flags = flags, .progress = progress};
	int r;

	store_init(ret);
	buf_init(&c.link, 256);
	buf_init(&c.data, REG_MAX_MANIFEST);
	c.again.since = time(NULL) - SCAN_FRESH;
	ret->root = strdup(s->path);
	r = ret->root ? read_all(&c) : -ENOMEM;
	problems_sort(&ret->problems);
	buf_done(&c.link);
	buf_done(&c.data);
	free(c.again.items);
	return r;
}
