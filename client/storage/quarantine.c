/* SPDX-License-Identifier: MIT */
#include "storage/quarantine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "storage/files.h"
#include "storage/owner.h"
#include "util/grow.h"

const char *thing_text(const struct thing *t, char buf[THING_TEXT_MAX])
{
	char digest[REG_DIGEST_MAX];

	reg_digest_text(&t->digest, digest);
	if (t->type == THING_BLOB)
		snprintf(buf, THING_TEXT_MAX, "blob %s", digest);
	else
		snprintf(buf, THING_TEXT_MAX, "%s %s@%s",
			 t->type == THING_REVISION ? "revision" : "layer link", t->repository, digest);
	return buf;
}

const char *thing_path(const struct thing *t, char buf[LAYOUT_MAX])
{
	return t->type == THING_BLOB ? layout_blob(buf, &t->digest)
				     : layout_link(buf, t->repository, t->type, &t->digest);
}

static const char *aside_path(const struct thing *t, char buf[LAYOUT_MAX])
{
	return t->type == THING_BLOB ? layout_blob_aside(buf, &t->digest)
				     : layout_link_aside(buf, t->repository, t->type, &t->digest);
}

/* ---- lists ---- */

/* Things come by repository, so that the last name is nearly always the one. */
static const char *own_name(struct things *l, const char *name)
{
	char **names, *own;

	if (l->nnames && strcmp(l->names[l->nnames - 1], name) == 0)
		return l->names[l->nnames - 1];
	names = grow(l->names, l->nnames, &l->room_names, sizeof(*names));
	if (!names)
		return NULL;
	l->names = names;
	own = strdup(name);
	if (own)
		l->names[l->nnames++] = own;
	return own;
}

int things_add(struct things *l, const struct thing *t)
{
	const char *name = NULL;
	struct thing *items;

	if (t->repository) {
		name = own_name(l, t->repository);
		if (!name)
			return -ENOMEM;
	}
	items = grow(l->items, l->count, &l->room, sizeof(*items));
	if (!items)
		return -ENOMEM;
	l->items = items;
	l->items[l->count] = *t;
	l->items[l->count++].repository = name;
	return 0;
}

void things_done(struct things *l)
{
	for (size_t i = 0; i < l->nnames; i++)
		free(l->names[i]);
	free(l->names);
	free(l->items);
	*l = (struct things){0};
}

/* ---- paths ---- */

/* The folder above the last part of a path, to be closed, and that part. */
static int open_above(int above, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char folder[LAYOUT_MAX];

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return fcntl(above, F_DUPFD_CLOEXEC, 0);
	if ((size_t)(slash - path) >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = '\0';
	return files_open_folder(above, folder);
}

int quarantine_unlink(int above, const char *path, int flags)
{
	const char *name;
	const int folder = open_above(above, path, &name);
	int r;

	if (folder < 0)
		return folder;
	r = unlinkat(folder, name, flags) < 0 ? -errno : 0;
	close(folder);
	return r;
}

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/*
 * With the owner and mode of the folder above it: the registry may run as another user than we do, and must
 * be able to write there. Without the right to give it away it stays ours.
 */
static int make_alike(int above, const char *name)
{
	struct stat st;
	int fd;

	if (fstat(above, &st) < 0 || (mkdirat(above, name, st.st_mode & 0777) < 0 && errno != EEXIST))
		return -errno;
	fd = openat(above, name, FOLDER_FLAGS);
	if (fd < 0)
		return -errno;
	if ((fchown(fd, st.st_uid, st.st_gid) < 0 && errno != EPERM) || fchmod(fd, st.st_mode & 07777) < 0) {
		const int err = errno;

		close(fd);
		return -err;
	}
	return fd;
}

/* The folders above the last part of a path. */
static int make_folders_alike(int above, const char *path)
{
	char part[256];
	int folder = fcntl(above, F_DUPFD_CLOEXEC, 0);

	if (folder < 0)
		return -errno;
	for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
		int next;

		if ((size_t)(slash - path) >= sizeof(part)) {
			close(folder);
			return -ENAMETOOLONG;
		}
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		next = openat(folder, part, FOLDER_FLAGS);
		if (next < 0)
			next = errno == ENOENT ? make_alike(folder, part) : -errno;
		close(folder);
		if (next < 0)
			return next;
		folder = next;
	}
	close(folder);
	return 0;
}

/* ---- where it is ---- */

bool quarantine_is_full(int err)
{
	return err == -ENOSPC || err == -EDQUOT;
}

const char *quarantine_why(int err)
{
	if (quarantine_is_full(err))
		return "no space is left for the quarantine's folders: free some, or use --engine=registry, which "
		       "needs none";
	return err == -EROFS ? "this file system is read-only here" : strerror(-err);
}

int quarantine_ours(const struct storage *s, struct reg_error *error)
{
	struct stat st;
	int fd;

	/* Who may not look into the storage shall not see what is taken out of it. */
	if (fstat(s->root, &st) < 0 ||
	    (mkdirat(s->root, LAYOUT_OURS, (st.st_mode & 0777) | 0700) < 0 && errno != EEXIST)) {
		const int err = errno;

		return reg_fail(error, -err, "%s/%s: cannot be made: %s", s->path, LAYOUT_OURS,
				quarantine_why(-err));
	}
	fd = files_open_folder(s->root, LAYOUT_OURS);
	if (fd < 0)
		return reg_fail(error, fd, "%s/%s: %s", s->path, LAYOUT_OURS, strerror(-fd));
	return fd;
}

/* A folder that the user named: symbolic links in it are the user's. */
static int open_named(const struct storage *s, const char *path, struct reg_error *error)
{
	const bool made = mkdir(path, 0700) == 0;
	int fd, ours, r;

	if (!made && errno != EEXIST)
		return reg_fail(error, -errno, "%s: %s", path, quarantine_why(-errno));
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return reg_fail(error, -errno, "%s: %s", path, strerror(errno));
	ours = quarantine_ours(s, error);
	r = ours < 0 ? ours : owner_mark(s, ours, fd, path, error);
	if (ours >= 0)
		close(ours);
	if (r == 0)
		return fd;
	close(fd);
	if (made)
		rmdir(path);
	return r;
}

int quarantine_open(const struct storage *s, const char *path, struct reg_error *error)
{
	int r;

	if (path)
		return open_named(s, path, error);
	r = files_make_folders(s->root, LAYOUT_QUARANTINE);
	if (r == 0)
		r = files_open_folder(s->root, LAYOUT_QUARANTINE);
	if (r < 0)
		reg_fail(error, r, "%s/%s: %s", s->path, LAYOUT_QUARANTINE, quarantine_why(r));
	return r;
}

/* ---- things ---- */

int quarantine_take(const struct storage *s, int aside, const struct thing *t, time_t changed, int64_t size,
		    int64_t *ret_bytes, bool *ret_gone)
{
	char from[LAYOUT_MAX], to[LAYOUT_MAX];
	struct stat st, other;
	int r;

	*ret_gone = false;
	thing_path(t, from);
	aside_path(t, to);
	r = files_stat(s->v2, from, &st);
	if (r == -ENOENT) {
		*ret_gone = true;
		return 0;
	}
	if (r < 0)
		return r;
	if (!S_ISREG(st.st_mode) || st.st_mtime != changed || (size >= 0 && st.st_size != size))
		return 0;
	r = files_take(s->v2, from, aside, to);
	if (r == -EEXIST && files_stat(aside, to, &other) == 0) {
		if (!S_ISREG(other.st_mode) || (t->type == THING_BLOB && other.st_size != st.st_size))
			return 0;
		/* An old copy that nobody needs: it was taken, and pushed again since. */
		r = quarantine_unlink(aside, to, 0);
		if (r == 0)
			r = files_take(s->v2, from, aside, to);
	}
	if (r == -ENOENT) {
		*ret_gone = true;
		return 0;
	}
	if (r < 0)
		return r;
	*ret_bytes = st.st_size;
	return 1;
}

int quarantine_put_back(const struct storage *s, int aside, const struct thing *t, int64_t *ret_bytes)
{
	char from[LAYOUT_MAX], to[LAYOUT_MAX];
	struct stat st, other;
	int r;

	aside_path(t, from);
	thing_path(t, to);
	r = files_stat(aside, from, &st);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && !S_ISREG(st.st_mode))
		return -EINVAL;
	if (r == 0)
		r = make_folders_alike(s->v2, to);
	if (r == 0)
		r = files_move(aside, from, s->v2, to);
	if (r == -EEXIST) {
		r = files_stat(s->v2, to, &other);
		if (r < 0)
			return r;
		if (!S_ISREG(other.st_mode) || (t->type == THING_BLOB && other.st_size != st.st_size))
			return -EEXIST;
		r = quarantine_unlink(aside, from, 0);
		return r == -ENOENT ? 0 : r;
	}
	if (r < 0)
		return r;
	*ret_bytes = st.st_size;
	return 1;
}

int quarantine_delete(int aside, const struct thing *t, int64_t *ret_bytes)
{
	char path[LAYOUT_MAX];
	struct stat st;
	int r;

	aside_path(t, path);
	r = files_stat(aside, path, &st);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = quarantine_unlink(aside, path, 0);
	if (r < 0)
		return r;
	*ret_bytes = st.st_size;
	return 1;
}

int quarantine_remove_place(const struct storage *s, const struct thing *t)
{
	char path[LAYOUT_MAX];
	struct stat st;
	int r;

	thing_path(t, path);
	*strrchr(path, '/') = '\0';
	r = quarantine_unlink(s->v2, path, AT_REMOVEDIR);
	if (r == 0)
		return 1;
	if (r == -ENOENT)
		return 0;
	/* Pushed again: it is as it should be. */
	if ((r == -ENOTEMPTY || r == -EEXIST) && files_stat(s->v2, thing_path(t, path), &st) == 0)
		return 0;
	return r == -EEXIST ? -ENOTEMPTY : r;
}
