/* SPDX-License-Identifier: MIT */
/*
 * Repositories that are left empty. What is empty is decided before anything is taken away, since taking away
 * makes every folder look recent; and written down, so that a run after a kill knows it as well.
 */
#include "storage/sweep_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/files.h"
#include "storage/plan.h"
#include "util/cleanup.h"
#include "util/durable.h"
#include "util/grow.h"

#define NOTED "leaving" /* in ROOT/.regfs-gc: a name a line */
#define NOTED_MAX ((size_t)256 << 20)

static int add(struct sweep *w, const char *name)
{
	char **grown = grow(w->leaving, w->nleaving, &w->room_leaving, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	w->leaving = grown;
	w->leaving[w->nleaving] = strdup(name);
	if (!w->leaving[w->nleaving])
		return -ENOMEM;
	w->nleaving++;
	return 0;
}

/* ---- what a run before this one had decided ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in a text, which they point into. */
static int split(char *text, char ***ret, size_t *ret_n)
{
	size_t n = 0, room = 1;
	char **names, *save = NULL;

	for (const char *p = text; (p = strchr(p, '\n')); p++)
		room++;
	names = calloc(room, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (char *p = strtok_r(text, "\n", &save); p && n < room; p = strtok_r(NULL, "\n", &save))
		if (reg_name_is_repository(p))
			names[n++] = p;
	if (n)
		qsort(names, n, sizeof(*names), compare);
	*ret = names;
	*ret_n = n;
	return 0;
}

static bool is_noted(char **noted, size_t n, const char *name)
{
	return n && bsearch(&name, noted, n, sizeof(*noted), compare);
}

static int decide(struct sweep *w, const struct store *s, const struct mark *m, char **noted, size_t n)
{
	int r = 0;

	for (uint32_t i = 0; i < s->nrepositories && r == 0; i++) {
		const struct store_repository *repository = &s->repositories[i];

		if (!plan_is_empty(s, m, i, w->now))
			continue;
		if (!w->recent || repository->changed < w->recent || is_noted(noted, n, repository->name))
			r = add(w, repository->name);
	}
	/* No repository any more: its last folder was not reached. */
	for (size_t i = 0; i < n && r == 0; i++)
		if (store_repository_find(s, noted[i]) == STORE_NONE)
			r = add(w, noted[i]);
	return r;
}

static int note_down(struct sweep *w)
{
	struct buf text;
	int r = 0;

	if (!w->nleaving)
		return unlinkat(w->ours, NOTED, 0) < 0 && errno != ENOENT ? -errno : 0;
	buf_init(&text, NOTED_MAX);
	for (size_t i = 0; i < w->nleaving && r == 0; i++)
		r = buf_printf(&text, "%s\n", w->leaving[i]);
	if (r == 0)
		r = durable_file(w->ours, NOTED, text.data, text.size);
	buf_done(&text);
	/* It is for the run after one that is killed: no reason to give nothing back on a full disk. */
	return quarantine_is_full(r) ? 0 : r;
}

int sweep_empty_begin(struct sweep *w, const struct store *s, const struct mark *m)
{
	auto_free char **noted = NULL;
	struct buf text;
	size_t n = 0;
	int r;

	buf_init(&text, NOTED_MAX);
	/* Not there, or not to be read: then the next time is soon enough for what it says. */
	r = files_read(w->ours, NOTED, &text, NULL);
	if (r == 0 && text.size)
		r = split(text.data, &noted, &n);
	if (r != -ENOMEM)
		r = decide(w, s, m, noted, n);
	buf_done(&text);
	return r < 0 ? r : note_down(w);
}

/* ---- removing ---- */

/*
 * Are there only folders down to a depth, and nothing at all below? With `remove` they are removed. 1, 0, or
 * a negative errno.
 */
static int bare(int above, const char *name, unsigned depth, bool remove)
{
	struct files_names names;
	const int fd = files_open_folder(above, name);
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 1 : fd;
	r = files_list(fd, &names);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = names.count == 0 || depth > 0;
	for (size_t i = 0; i < names.count && r == 1; i++)
		r = bare(fd, names.items[i], depth - 1, remove);
	files_names_done(&names);
	close(fd);
	if (r == 1 && remove && unlinkat(above, name, AT_REMOVEDIR) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST ? 0 : errno == ENOENT ? 1 : -errno;
	return r;
}

/* The parts of a repository, and how deep folders are in each when there is nothing left in it. */
static const struct {
	const char *name;
	unsigned depth;
} parts[] = {
	{"_uploads", 0}, /* one that begins has a folder in there, maybe with nothing in it yet */
	{"_layers", 2}, /* <algorithm>/<hex> */
	{"_manifests", 3}, /* revisions/<algorithm>/<hex>, tags */
};

static int remove_parts(int repository, bool remove)
{
	int r = 1;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 1; i++)
		r = bare(repository, parts[i].name, parts[i].depth, remove);
	return r;
}

/* The folder, and what is above it, as long as nothing else is in it. */
static int remove_up(int repositories, const char *name)
{
	char path[LAYOUT_MAX];
	char *slash = path;

	for (snprintf(path, sizeof(path), "%s", name); slash; slash = strrchr(path, '/')) {
		int r;

		if (slash != path)
			*slash = '\0';
		r = quarantine_unlink(repositories, path, AT_REMOVEDIR);
		if (r == -ENOTEMPTY || r == -EEXIST)
			return 0;
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int remove_one(struct sweep *w, int repositories, const char *name)
{
	char path[LAYOUT_MAX];
	const int fd = files_open_folder(repositories, name);
	int r;

	snprintf(path, sizeof(path), "repositories/%s", name);
	/* All or nothing: half a repository is listed by some versions, and not by others. */
	r = fd == -ENOENT ? 1 : fd < 0 ? fd : remove_parts(fd, false);
	if (r == 1 && fd >= 0)
		r = remove_parts(fd, true);
	if (fd >= 0)
		close(fd);
	if (r == -ENOTDIR || r == 0)
		return sweep_note(w, name, path, "is empty but for what no registry makes, and stays");
	/* If it is gone, what is above it may not be: a run was killed in between. */
	if (r == 1)
		r = remove_up(repositories, name);
	if (r < 0)
		return sweep_failed(w, PROBLEM_ACCESS, NULL, path, "is empty and cannot be removed", r);
	if (fd == -ENOENT)
		return 0;
	w->result.repositories++;
	sweep_log(w, "deleted: repository %s", name);
	return 0;
}

static bool is_empty_yet(const struct sweep *w, const struct store *s, const struct mark *m, const char *name)
{
	const uint32_t n = store_repository_find(s, name);
	const struct store_repository *r;

	if (n == STORE_NONE)
		return true;
	r = &s->repositories[n];
	for (uint32_t i = r->first_link; i < r->first_link + r->nlinks; i++)
		if (!(s->links[i].flags & LINK_ASIDE))
			return false;
	return plan_is_empty(s, m, n, w->now);
}

int sweep_empty_remove(struct sweep *w, const struct store *s, const struct mark *m)
{
	const int repositories = files_open_folder(w->storage->v2, "repositories");
	const uint64_t failed = w->result.failed;
	int r = 0;

	if (repositories < 0)
		return 0;
	/* From the end: what is in a name space comes before it. */
	for (size_t i = w->nleaving; i-- > 0 && r == 0;) {
		if (sweep_interrupted(w))
			r = -EINTR;
		else if (is_empty_yet(w, s, m, w->leaving[i]))
			r = remove_one(w, repositories, w->leaving[i]);
	}
	close(repositories);
	if (r == 0 && w->result.failed == failed && unlinkat(w->ours, NOTED, 0) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}
