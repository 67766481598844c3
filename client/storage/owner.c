/* SPDX-License-Identifier: MIT */
#include "storage/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "storage/files.h"
#include "storage/layout.h"
#include "util/cleanup.h"
#include "util/durable.h"

#define ID_SIZE 32 /* hexadecimal digits */
#define TEXT_MAX ((size_t)16 << 10)

struct id {
	char text[ID_SIZE + 1];
};

/* ---- folders ---- */

static bool is_same(int a, int b)
{
	struct stat one, other;

	return fstat(a, &one) == 0 && fstat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static bool is_within(int folder, int place)
{
	auto_close int fd = fcntl(folder, F_DUPFD_CLOEXEC, 0);

	while (fd >= 0 && !is_same(fd, place)) {
		const int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		const bool top = up >= 0 && is_same(fd, up);

		files_close(&fd);
		fd = up;
		if (top)
			return false;
	}
	return fd >= 0;
}

/* Of nothing but what a mark that was cut short left behind. */
static int is_empty(int folder)
{
	return files_is_empty(folder, (const char *const[]){DURABLE_UNFINISHED, NULL});
}

/* The usual quarantine is told by its place, and needs no mark. */
static bool is_usual(const struct storage *s, int folder)
{
	auto_close int usual = files_open_folder(s->root, LAYOUT_QUARANTINE);

	return usual >= 0 && is_same(usual, folder);
}

static bool is_usual_by_name(const char *path)
{
	static const char end[] = "/" LAYOUT_QUARANTINE;
	auto_free char *real = realpath(path, NULL);
	const size_t n = real ? strlen(real) : 0;

	return n >= strlen(end) && strcmp(real + n - strlen(end), end) == 0;
}

/* ---- ids ---- */

static bool is_id(const char *text)
{
	return strspn(text, "0123456789abcdef") == ID_SIZE && (text[ID_SIZE] == '\n' || !text[ID_SIZE]);
}

/* The lines of a small file, cut at their ends; false: it is none, or has fewer. */
static bool read_lines(int above, const char *path, struct buf *text, char *ret[], size_t n)
{
	char *p;

	if (files_read(above, path, text, NULL) < 0 || !text->size || strlen(text->data) != text->size)
		return false;
	p = text->data;
	for (size_t i = 0; i < n; i++) {
		char *end = strchr(p, '\n');

		if (!end)
			return false;
		*end = '\0';
		ret[i] = p;
		p = end + 1;
	}
	return is_id(ret[0]);
}

static bool read_id(int root, struct id *ret)
{
	struct buf text;
	char *line;
	bool good;

	buf_init(&text, TEXT_MAX);
	good = read_lines(root, LAYOUT_OURS "/" OWNER_ID, &text, &line, 1);
	if (good)
		memcpy(ret->text, line, sizeof(ret->text));
	buf_done(&text);
	return good;
}

static int make_id(int ours, struct id *ret)
{
	unsigned char bytes[ID_SIZE / 2];
	char text[ID_SIZE + 2];
	int r;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret->text + 2 * i, 3, "%02x", bytes[i]);
	snprintf(text, sizeof(text), "%s\n", ret->text);
	r = durable_file(ours, OWNER_ID, text, ID_SIZE + 1);
	return r < 0 ? r : durable_sync_folder(ours);
}

/* ---- marks ---- */

/* A whole copy of a storage has its id as well: then the other one is still where the mark says. */
static bool is_copied(const struct storage *s, const struct id *id, const char *root)
{
	auto_close int other = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct id its;

	return other >= 0 && !is_same(other, s->root) && read_id(other, &its) &&
	       strcmp(its.text, id->text) == 0;
}

/* Both roots are named: who has two storages shall see which is which. */
static int check_mark(const struct storage *s, const char *path, char *const lines[2],
		      struct reg_error *error)
{
	auto_free char *root = realpath(s->path, NULL);
	struct id own = {0};

	if (!read_id(s->root, &own) && root && strcmp(root, lines[1]) == 0)
		return reg_fail(error, -EINVAL,
				"%s holds what was taken from %s, whose id is lost: write %s into %s/%s",
				path, lines[1], lines[0], s->path, LAYOUT_OURS "/" OWNER_ID);
	if (strcmp(own.text, lines[0]) != 0)
		return reg_fail(error, -EINVAL,
				"a folder for each storage: %s holds what was taken from %s, not from %s",
				path, lines[1], s->path);
	if (is_copied(s, &own, lines[1]))
		return reg_fail(error, -EINVAL,
				"name another folder: %s holds what was taken from %s, of which %s is a copy",
				path, lines[1], s->path);
	return 1;
}

int owner_check(const struct storage *s, int folder, const char *path, struct reg_error *error)
{
	char *lines[2];
	struct buf text;
	int r;

	if (is_usual(s, folder))
		return 1;
	if (s->v2 >= 0 && is_within(folder, s->v2))
		return reg_fail(
			error, -EINVAL,
			"%s: a quarantine cannot be among the registry's own files: name another folder",
			path);
	if (is_usual_by_name(path))
		return reg_fail(error, -EINVAL,
				"%s is the quarantine of another storage than %s: name another folder", path,
				s->path);
	buf_init(&text, TEXT_MAX);
	if (read_lines(folder, OWNER_MARKER, &text, lines, 2)) {
		r = check_mark(s, path, lines, error);
	} else {
		r = is_empty(folder);
		if (r < 0)
			reg_fail(error, r, "%s: %s", path, strerror(-r));
		else if (r == 0)
			r = reg_fail(
				error, -EINVAL,
				"%s holds something else than a quarantine: name a folder that is empty, or "
				"not there yet",
				path);
		else
			r = 0;
	}
	buf_done(&text);
	return r;
}

int owner_mark(const struct storage *s, int ours, int folder, const char *path, struct reg_error *error)
{
	auto_free char *root = realpath(s->path, NULL);
	auto_free char *text = NULL;
	struct id id;
	int r = owner_check(s, folder, path, error);

	if (r != 0)
		return r < 0 ? r : 0;
	if (!read_id(s->root, &id))
		r = make_id(ours, &id);
	if (r < 0)
		return reg_fail(error, r, "%s/%s: %s", s->path, LAYOUT_OURS "/" OWNER_ID, strerror(-r));
	if (asprintf(&text,
		     "%s\n%s\nWhat regfs-gc took away from this storage; regfs-gc restore puts it back.\n",
		     id.text, root ? root : s->path) < 0) {
		text = NULL;
		return reg_fail(error, -ENOMEM, "no memory");
	}
	r = durable_file(folder, OWNER_MARKER, text, strlen(text));
	if (r == 0)
		r = durable_sync_folder(folder);
	return r < 0 ? reg_fail(error, r, "%s/%s: %s", path, OWNER_MARKER, strerror(-r)) : 0;
}
