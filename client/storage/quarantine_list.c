/* SPDX-License-Identifier: MIT */
/* What lies in a quarantine as a whole: its things, its folders, its trash. */
#include "storage/quarantine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/files.h"
#include "util/cleanup.h"
#include "util/grow.h"

/* Of a name that nobody gives to a folder of their own: what is in it is removed unseen. */
#define TRASH ".regfs-gc-trash"

/* ---- its folders, those above before those in them ---- */

struct folders {
	char **items;
	size_t count, room;
};

static void folders_done(struct folders *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->items[i]);
	free(f->items);
}

static int folders_add(struct folders *f, const char *path)
{
	char **grown = grow(f->items, f->count, &f->room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	f->items = grown;
	f->items[f->count] = strdup(path);
	if (!f->items[f->count])
		return -ENOMEM;
	f->count++;
	return 0;
}

static bool is_folder(int above, const char *name, unsigned char type)
{
	struct stat st;

	if (type == DT_UNKNOWN)
		return fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
	return type == DT_DIR;
}

typedef int name_fn(void *data, int fd, const char *folder, const char *name, unsigned char type);

/* Calls back for each name in a folder; one that cannot be listed has none. */
static int each_name(int above, const char *folder, name_fn *fn, void *data)
{
	struct files_names names;
	const int fd = files_open_folder(above, folder);
	int r;

	if (fd < 0)
		return fd == -ENOMEM ? fd : 0;
	r = files_list(fd, &names);
	if (r == 0) {
		for (size_t i = 0; i < names.count && r == 0; i++)
			r = fn(data, fd, folder, names.items[i], names.types[i]);
		files_names_done(&names);
	} else if (r != -ENOMEM) {
		r = 0;
	}
	close(fd);
	return r;
}

/* ---- which of them are ours ---- */

static bool is_algorithm(const char *name)
{
	return strcmp(name, "sha256") == 0 || strcmp(name, "sha512") == 0;
}

static bool is_place_of_blobs(const char *path)
{
	char algorithm[8];
	const size_t n = strcspn(path, "/");

	if (n >= sizeof(algorithm))
		return false;
	memcpy(algorithm, path, n);
	algorithm[n] = '\0';
	if (!is_algorithm(algorithm))
		return false;
	return !path[n] || (strspn(path + n + 1, "0123456789abcdef") == 2 && !path[n + 3]);
}

static bool is_place_of_links(const char *path)
{
	static const char *const tops[] = {"_manifests/revisions", "_layers"};
	char name[LAYOUT_MAX];
	const char *part = strstr(path, "/_");

	snprintf(name, sizeof(name), "%.*s", (int)(part ? (size_t)(part - path) : strlen(path)), path);
	if (!reg_name_is_repository(name))
		return false;
	if (!part || strcmp(++part, "_manifests") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(tops); i++) {
		const size_t n = strlen(tops[i]);

		if (strncmp(part, tops[i], n) == 0 && (!part[n] || part[n] == '/'))
			return !part[n] || is_algorithm(part + n + 1);
	}
	return false;
}

/* A folder as we make them: whatever else is in a quarantine, empty or not, somebody else put there. */
static bool is_ours(const char *path)
{
	if (strncmp(path, "blobs/", 6) == 0)
		return is_place_of_blobs(path + 6);
	return strncmp(path, "repositories/", 13) == 0 && is_place_of_links(path + 13);
}

static int add_if_folder(void *data, int fd, const char *folder, const char *name, unsigned char type)
{
	char path[LAYOUT_MAX];
	const int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	if (n < 0 || (size_t)n >= sizeof(path) || !is_ours(path) || !is_folder(fd, name, type))
		return 0;
	return folders_add(data, path);
}

/* Nothing of ours is deeper than a path has room for. */
static int all_folders(int aside, struct folders *ret)
{
	int r = folders_add(ret, "blobs");

	if (r == 0)
		r = folders_add(ret, "repositories");
	for (size_t i = 0; i < ret->count && r == 0; i++) {
		char path[LAYOUT_MAX]; /* the array moves when it grows */

		snprintf(path, sizeof(path), "%s", ret->items[i]);
		r = each_name(aside, path, add_if_folder, ret);
	}
	return r;
}

/* ---- its things ---- */

/* The folder is the one that this thing has to be in, or it is not ours. */
static bool is_in(const struct thing *t, const char *folder, const char *name)
{
	char path[LAYOUT_MAX];
	const size_t length = strlen(folder);

	if (t->type == THING_BLOB)
		layout_blob_aside(path, &t->digest);
	else
		layout_link_aside(path, t->repository, t->type, &t->digest);
	return strncmp(path, folder, length) == 0 && path[length] == '/' &&
	       strcmp(path + length + 1, name) == 0;
}

/* Cuts `end` and the algorithm after it off a folder's path. */
static bool cut(char *path, const char *end, const char **ret_algorithm)
{
	char *slash = strrchr(path, '/');
	const size_t length = strlen(end);

	if (!slash)
		return false;
	*slash = '\0';
	*ret_algorithm = slash + 1;
	if ((size_t)(slash - path) < length || strcmp(slash - length, end) != 0)
		return false;
	slash[-(ptrdiff_t)length] = '\0';
	return true;
}

static bool thing_of(const char *folder, const char *name, char repository[LAYOUT_MAX], struct thing *ret)
{
	const char *algorithm;
	char *xx;

	*ret = (struct thing){0};
	snprintf(repository, LAYOUT_MAX, "%s", folder);
	if (strncmp(repository, "blobs/", 6) == 0) {
		xx = strchr(repository + 6, '/');
		if (!xx)
			return false;
		*xx = '\0';
		return layout_digest(repository + 6, name, &ret->digest) && is_in(ret, folder, name);
	}
	if (strncmp(repository, "repositories/", 13) != 0)
		return false;
	ret->repository = repository + 13;
	if (cut(repository, "/_layers", &algorithm)) {
		ret->type = THING_LAYER;
	} else {
		snprintf(repository, LAYOUT_MAX, "%s", folder);
		if (!cut(repository, "/_manifests/revisions", &algorithm))
			return false;
		ret->type = THING_REVISION;
	}
	return reg_name_is_repository(ret->repository) && layout_digest(algorithm, name, &ret->digest) &&
	       is_in(ret, folder, name);
}

static int add_if_thing(void *data, int fd, const char *folder, const char *name, unsigned char type)
{
	char repository[LAYOUT_MAX];
	struct thing t;

	if (is_folder(fd, name, type) || !thing_of(folder, name, repository, &t))
		return 0;
	return things_add(data, &t);
}

int quarantine_list(int aside, struct things *ret)
{
	struct folders folders = {0};
	int r = all_folders(aside, &folders);

	for (size_t i = 0; i < folders.count && r == 0; i++)
		r = each_name(aside, folders.items[i], add_if_thing, ret);
	folders_done(&folders);
	return r;
}

int quarantine_tidy(int aside)
{
	struct folders folders = {0};
	int r = all_folders(aside, &folders);

	for (size_t i = folders.count; i-- > 0 && r == 0;)
		quarantine_unlink(aside, folders.items[i], AT_REMOVEDIR);
	folders_done(&folders);
	return r;
}

/* ---- trash ---- */

/* Where it is, with what is in it. Its depth is bounded, so it may call itself. */
static int remove_here(int above, const char *name, unsigned depth)
{
	struct files_names names;
	const int fd = files_open_folder(above, name);
	int r;

	if (fd < 0)
		return fd;
	r = depth ? files_list(fd, &names) : -ENAMETOOLONG;
	if (r < 0) {
		close(fd);
		return r;
	}
	for (size_t i = 0; i < names.count && r == 0; i++) {
		if (is_folder(fd, names.items[i], names.types[i]))
			r = remove_here(fd, names.items[i], depth - 1);
		else if (unlinkat(fd, names.items[i], 0) < 0 && errno != ENOENT)
			r = -errno;
	}
	files_names_done(&names);
	close(fd);
	return r < 0 ? r : quarantine_unlink(above, name, AT_REMOVEDIR);
}

/*
 * A folder gets a name of its own in the trash. Not by files_move(): where a file system cannot rename
 * without replacing, that has no way for folders, and in the trash there is nothing to be lost.
 */
static int move_to_trash(int above, const char *path, int aside)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char parent[LAYOUT_MAX] = ".", to[32];
	int from, trash, r;

	if (slash)
		snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
	r = files_make_folders(aside, TRASH);
	if (r < 0)
		return r;
	trash = files_open_folder(aside, TRASH);
	from = trash < 0 ? trash : files_open_folder(above, parent);
	r = from < 0 ? from : -EEXIST;
	for (unsigned i = 0; (r == -EEXIST || r == -ENOTEMPTY || r == -ENOTDIR) && i < 1000000; i++) {
		snprintf(to, sizeof(to), "%u", i);
		r = renameat(from, name, trash, to) < 0 ? -errno : 0;
	}
	if (from >= 0)
		close(from);
	if (trash >= 0)
		close(trash);
	return r;
}

/* overlayfs renames no folder of a lower layer; a full disk has no room for another folder. */
int trash_take(int above, const char *path, int aside)
{
	const int r = move_to_trash(above, path, aside);

	return r == -EXDEV || r == -ENOSPC || r == -EDQUOT ? remove_here(above, path, 64) : r;
}

struct wipe {
	int aside;
	bool moved;
	int err;
};

static int wipe_inner(void *data, int fd, const char *folder, const char *name, unsigned char type)
{
	struct wipe *w = data;
	int r = 0;

	(void)folder;
	if (!is_folder(fd, name, type)) {
		if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
			r = -errno;
	} else {
		/* Up, beside the folder that it was in: so there is no depth to go down into. */
		r = trash_take(fd, name, w->aside);
		if (r == 0)
			w->moved = true;
	}
	if (r < 0)
		w->err = r;
	return 0;
}

static int wipe_one(void *data, int fd, const char *folder, const char *name, unsigned char type)
{
	struct wipe *w = data;
	char path[LAYOUT_MAX];
	int r;

	if (!is_folder(fd, name, type)) {
		if (unlinkat(fd, name, 0) < 0)
			w->err = -errno;
		return 0;
	}
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	r = each_name(w->aside, path, wipe_inner, w);
	if (r < 0)
		return r;
	if (unlinkat(fd, name, AT_REMOVEDIR) < 0)
		w->err = -errno;
	return 0;
}

int trash_wipe(int aside)
{
	struct wipe w = {.aside = aside, .moved = true};
	int r = 0;

	/* A folder that does not go (an odd file system, a flag on a file) is not tried for ever. */
	while (w.moved && w.err == 0 && r == 0) {
		w.moved = false;
		r = each_name(aside, TRASH, wipe_one, &w);
	}
	if (r == 0 && w.err == 0)
		unlinkat(aside, TRASH, AT_REMOVEDIR);
	return r < 0 ? r : w.err;
}
