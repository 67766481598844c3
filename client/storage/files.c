/* SPDX-License-Identifier: MIT */
#include "storage/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "util/cleanup.h"

#define FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define FOLDER_PATH (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- opening ---- */

/* One component. O_DIRECTORY hides a symbolic link behind ENOTDIR. */
static int open_one(int above, const char *name, int flags)
{
	const int fd = openat(above, name, flags);
	const int err = errno;
	struct stat st;

	if (fd >= 0)
		return fd;
	if (err == ENOTDIR && fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		return -ELOOP;
	return -err;
}

/* For kernels before 5.6, and containers whose filter does not know openat2(). */
static int open_slowly(int above, const char *path, int flags)
{
	auto_close int held = -1;
	char name[NAME_MAX + 1];
	const char *slash;

	while ((slash = strchr(path, '/'))) {
		const size_t n = (size_t)(slash - path);
		int fd;

		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, n);
		name[n] = '\0';
		fd = open_one(held < 0 ? above : held, name, FOLDER_PATH);
		if (fd < 0)
			return fd;
		files_close(&held);
		held = fd;
		path = slash + 1;
	}
	return open_one(held < 0 ? above : held, path, flags);
}

static int open_below(int above, const char *path, int flags)
{
	/* Without O_NOFOLLOW, by which a link at the end would look like any file that is no folder. */
	const struct open_how how = {.flags = (uint64_t)(flags & ~O_NOFOLLOW),
				     .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH};
	int fd;

	if (!strchr(path, '/'))
		return open_one(above, path, flags);
	fd = (int)syscall(SYS_openat2, above, path, &how, sizeof(how));
	if (fd >= 0)
		return fd;
	if (errno == ENOSYS || errno == EPERM || errno == EAGAIN)
		return open_slowly(above, path, flags);
	return -errno;
}

int files_open_folder(int above, const char *path)
{
	return open_below(above, path, FOLDER);
}

int files_open(int above, const char *path, struct stat *ret)
{
	auto_close int fd =
		open_below(above, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int done;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (ret)
		*ret = st;
	done = fd;
	fd = -1;
	return done;
}

/* The folder that a path's last component is in, and that component. Returns a descriptor to be closed. */
static int open_parent(int above, const char *path, const char **ret_name)
{
	auto_free char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	int fd;

	if (!folder)
		return -ENOMEM;
	if (slash) {
		*slash = '\0';
		fd = open_below(above, folder, FOLDER_PATH);
	} else {
		fd = openat(above, ".", FOLDER_PATH);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd >= 0)
		*ret_name = slash ? path + (slash + 1 - folder) : path;
	return fd;
}

int files_stat(int above, const char *path, struct stat *ret)
{
	const char *name = path;
	auto_close int fd = strchr(path, '/') ? open_parent(above, path, &name) : -1;

	if (name == path && strchr(path, '/'))
		return fd;
	return fstatat(fd < 0 ? above : fd, name, ret, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* ---- listing ---- */

struct listing {
	char *text; /* type, name, NUL; and so on */
	size_t size, room, count;
};

static int add_name(struct listing *l, const struct dirent *d)
{
	const size_t n = strlen(d->d_name) + 1;

	if (l->room - l->size < n + 1) {
		const size_t room = (l->room + n) * 2 + 1024;
		char *text = realloc(l->text, room);

		if (!text)
			return -ENOMEM;
		l->text = text;
		l->room = room;
	}
	l->text[l->size++] = (char)d->d_type;
	memcpy(l->text + l->size, d->d_name, n);
	l->size += n;
	l->count++;
	return 0;
}

static int read_names(DIR *dir, struct listing *l)
{
	int r = 0;

	while (r == 0) {
		const struct dirent *d;

		errno = 0;
		d = readdir(dir);
		if (!d)
			return -errno;
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			r = add_name(l, d);
	}
	return r;
}

static int compare_names(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static int sort_names(struct listing *l, struct files_names *ret)
{
	auto_free char **items = calloc(l->count + 1, sizeof(*items));
	auto_free unsigned char *types = malloc(l->count + 1);
	char *p = l->text;

	if (!items || !types)
		return -ENOMEM;
	for (size_t i = 0; i < l->count; i++) {
		items[i] = p + 1;
		p += strlen(p + 1) + 2;
	}
	qsort(items, l->count, sizeof(*items), compare_names);
	for (size_t i = 0; i < l->count; i++)
		types[i] = (unsigned char)items[i][-1];
	*ret = (struct files_names){
		.count = l->count,
		.items = steal(&items),
		.types = steal(&types),
		.text = steal(&l->text),
	};
	return 0;
}

int files_list(int folder, struct files_names *ret)
{
	/* Its own descriptor: the place in a listing belongs to that. */
	const int fd = openat(folder, ".", FOLDER);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct listing l = {0};
	int r = dir ? 0 : -errno;

	if (dir)
		r = read_names(dir, &l);
	if (r == 0)
		r = sort_names(&l, ret);
	free(l.text);
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
	return r;
}

void files_names_done(struct files_names *n)
{
	free(n->items);
	free(n->types);
	free(n->text);
	*n = (struct files_names){0};
}

static bool is_one_of(const char *name, const char *const *names)
{
	while (*names && strcmp(name, *names) != 0)
		names++;
	return *names != NULL;
}

int files_is_empty(int folder, const char *const *but)
{
	struct files_names names;
	int r = files_list(folder, &names), empty = 1;

	if (r < 0)
		return r;
	for (size_t i = 0; i < names.count; i++)
		if (!is_one_of(names.items[i], but))
			empty = 0;
	files_names_done(&names);
	return empty;
}

/* ---- reading ---- */

int files_read(int above, const char *path, struct buf *ret, struct stat *ret_stat)
{
	struct stat st;
	auto_close int fd = files_open(above, path, &st);
	char part[16384];
	size_t done = 0;
	int r = 0;

	if (fd < 0)
		return fd;
	if (st.st_size > 0 && (uint64_t)st.st_size > ret->max - ret->size)
		return -EFBIG;
	while (r == 0) {
		const ssize_t n = read(fd, part, sizeof(part));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : 0;
			break;
		}
		r = buf_add(ret, part, (size_t)n);
		done += (size_t)n;
		/* As long as it said to be, and no more came: its end. Saves a call for each small file. */
		if (done == (uint64_t)st.st_size && (size_t)n < sizeof(part))
			break;
	}
	if (r == 0 && ret_stat)
		*ret_stat = st;
	return r;
}

/* ---- changing ---- */

int files_make_folders(int above, const char *path)
{
	auto_close int held = -1;
	char name[NAME_MAX + 1];

	while (*path) {
		const size_t n = strcspn(path, "/");
		int fd;

		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, n);
		name[n] = '\0';
		if (mkdirat(held < 0 ? above : held, name, 0755) < 0 && errno != EEXIST)
			return -errno;
		fd = open_one(held < 0 ? above : held, name, FOLDER_PATH);
		if (fd < 0)
			return fd;
		files_close(&held);
		held = fd;
		path += n;
		path += strspn(path, "/");
	}
	return 0;
}

/* Without RENAME_NOREPLACE, which not every file system has: a second name replaces nothing either. */
static int move_by_link(int from, const char *name, int to, const char *to_name)
{
	if (linkat(from, name, to, to_name, 0) < 0)
		return -errno;
	if (unlinkat(from, name, 0) < 0) {
		const int r = -errno;

		unlinkat(to, to_name, 0);
		return r;
	}
	return 0;
}

/* The source is whoever's: between a link and an unlink it could be written anew, and be lost. */
static int move_by_rename(int from, const char *name, int to, const char *to_name)
{
	struct stat st;

	if (fstatat(to, to_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (errno != ENOENT)
		return -errno;
	return renameat(from, name, to, to_name) < 0 ? -errno : 0;
}

typedef int move_fn(int from, const char *name, int to, const char *to_name);

static int move(int above, const char *path, int to_above, const char *to, move_fn *otherwise)
{
	const char *name, *to_name;
	auto_close int from = open_parent(above, path, &name);
	auto_close int into = -1;
	const char *slash = strrchr(to, '/');

	if (from < 0)
		return from;
	if (slash) {
		auto_free char *folder = strndup(to, (size_t)(slash - to));
		const int r = folder ? files_make_folders(to_above, folder) : -ENOMEM;

		if (r < 0)
			return r;
	}
	into = open_parent(to_above, to, &to_name);
	if (into < 0)
		return into;
	if (syscall(SYS_renameat2, from, name, into, to_name, 1 /* RENAME_NOREPLACE */) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS)
		return otherwise(from, name, into, to_name);
	return -errno;
}

int files_move(int above, const char *path, int to_above, const char *to)
{
	return move(above, path, to_above, to, move_by_link);
}

int files_take(int above, const char *path, int to_above, const char *to)
{
	return move(above, path, to_above, to, move_by_rename);
}

void files_prune(int above, const char *path)
{
	auto_free char *rest = strdup(path);

	while (rest && *rest) {
		const char *name;
		auto_close int fd = open_parent(above, rest, &name);
		char *slash;

		/* Not there at all: the folder above may be. */
		if (fd < 0 ? fd != -ENOENT : unlinkat(fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return;
		slash = strrchr(rest, '/');
		if (!slash)
			return;
		*slash = '\0';
	}
}
