/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "journal_line.h"
#include "source.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/durable.h"

#define MAX_RUNS 1000 /* in one second by the same pid, of different containers */
#define MAX_NAME 64 /* of a run */

struct journal {
	char *dir, *registry;
	char run[MAX_NAME];
	int folder, file; /* of the run; -1: there is none yet */
	off_t size; /* of the file, up to where it is whole: what a failed write left behind comes after */
	bool unsynced; /* the folder has names that may not be on disk */
	uint64_t first_id, last_id; /* of the run; numbers go on when another run is begun */
	struct timespec last; /* no line is older than the one before it, whatever becomes of the clock */
};

char *journal_default_dir(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *dir = NULL;
	int n = -1;

	if (geteuid() == 0)
		return strdup("/var/lib/regfs");
	if (state && state[0] == '/') /* the XDG specification has relative ones ignored */
		n = asprintf(&dir, "%s/regfs", state);
	else if (home && home[0] == '/')
		n = asprintf(&dir, "%s/.local/state/regfs", home);
	return n < 0 ? NULL : dir;
}

/* ---- failures ---- */

static const char *remedy(int err)
{
	switch (err) {
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return "make room there, or choose another folder (journal=DIR)";
	case -EACCES:
	case -EPERM:
	case -EROFS:
	case -ENOTDIR:
	case -ELOOP:
		return "choose a folder where you may write (journal=DIR)";
	default:
		return "mend it, or choose another folder (journal=DIR)";
	}
}

/* The path comes last, as it may be long. */
static int fail(const struct journal *j, int err, struct reg_error *error)
{
	return reg_fail(error, err, "the journal cannot be written: %s; %s: %s%s%s", strerror(-err),
			remedy(err), j->dir, j->run[0] ? "/" : "", j->run);
}

/* ---- the run's folder ---- */

static void run_close(struct journal *j)
{
	if (j->file >= 0)
		close(j->file);
	if (j->folder >= 0)
		close(j->folder);
	j->file = j->folder = -1;
	j->run[0] = '\0';
}

/* A name that nobody else has, such as 20261121T081502Z-4711. */
static int make_run_folder(int dir, const struct timespec *now, char ret_name[static MAX_NAME])
{
	char date[32];
	struct tm tm;

	if (!gmtime_r(&now->tv_sec, &tm))
		return -EOVERFLOW;
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", &tm);
	for (int n = 1; n <= MAX_RUNS; n++) {
		if (n == 1)
			snprintf(ret_name, MAX_NAME, "%s-%ld", date, (long)getpid());
		else
			snprintf(ret_name, MAX_NAME, "%s-%ld-%d", date, (long)getpid(), n);
		if (mkdirat(dir, ret_name, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int open_run(struct journal *j, int dir, const char *name)
{
	int r;

	j->folder = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (j->folder < 0)
		return -errno;
	j->file = openat(j->folder, JOURNAL_FILE, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	r = j->file < 0 ? -errno : durable_sync_folder(dir);
	if (r < 0)
		(void)unlinkat(j->folder, JOURNAL_FILE, 0);
	return r;
}

static int run_begin(struct journal *j)
{
	char name[MAX_NAME];
	int dir, r;

	r = durable_folder(j->dir, &dir);
	if (r < 0)
		return r;
	r = make_run_folder(dir, &j->last, name);
	if (r == 0) {
		r = open_run(j, dir, name);
		if (r < 0)
			(void)unlinkat(dir, name, AT_REMOVEDIR);
	}
	close(dir);
	if (r < 0) {
		run_close(j);
		return r;
	}
	strcpy(j->run, name);
	j->size = 0;
	j->unsynced = true;
	j->first_id = j->last_id + 1;
	return 0;
}

/* Somebody removed it while it was in use, or cut it: what is written into it would be nowhere. */
static bool is_lost(const struct journal *j)
{
	struct stat st;

	return fstat(j->file, &st) < 0 || st.st_nlink == 0 || st.st_size < j->size;
}

static int run_ready(struct journal *j)
{
	if (j->file >= 0 && is_lost(j))
		run_close(j);
	return j->file >= 0 ? 0 : run_begin(j);
}

/* ---- lines ---- */

/*
 * One write, so that a line is there whole or, after a crash, as the last one that is torn. What a failed one
 * left behind is taken back, now or before the next line.
 */
static int append(struct journal *j, const struct buf *line, bool sync)
{
	struct stat st;
	ssize_t n;
	int r = 0;

	if (fstat(j->file, &st) < 0 || (st.st_size != j->size && ftruncate(j->file, j->size) < 0))
		return -errno;
	do
		n = write(j->file, line->data, line->size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		r = -errno;
	else if ((size_t)n != line->size)
		r = -ENOSPC;
	else if (sync && fdatasync(j->file) < 0)
		r = -errno;
	if (r == 0)
		j->size += n;
	else
		(void)!ftruncate(j->file, j->size);
	return r;
}

static void now(struct journal *j)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	if (t.tv_sec > j->last.tv_sec || (t.tv_sec == j->last.tv_sec && t.tv_nsec > j->last.tv_nsec))
		j->last = t;
}

/* ---- entries ---- */

static int save(struct journal *j, const struct journal_item *item)
{
	char name[REG_DIGEST_MAX];
	struct stat st;
	int r;

	reg_digest_text(&item->digest, name);
	if (fstatat(j->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == item->bytes->size)
		return 0;
	r = durable_file(j->folder, name, item->bytes->data, item->bytes->size);
	if (r == 0)
		j->unsynced = true;
	return r;
}

/*
 * Three syncs for a removal of one manifest: its content, its name, the line. None can be spared, as a crash
 * keeps nothing that was not synced, and no order.
 */
static int put_on_disk(struct journal *j, const struct journal_entry *e, const struct buf *line)
{
	int r = run_ready(j);

	for (size_t i = 0; r == 0 && i < e->nitems; i++)
		r = save(j, &e->items[i]);
	if (r == 0 && j->unsynced) {
		r = durable_sync_folder(j->folder);
		j->unsynced = r < 0;
	}
	return r < 0 ? r : append(j, line, true);
}

int journal_begin(struct journal *j, const struct journal_entry *entry, uint64_t *ret_id,
		  struct reg_error *error)
{
	struct buf line;
	int r;

	buf_init(&line, JOURNAL_MAX_LINE);
	now(j);
	r = journal_line_before(&line, j->last_id + 1, &j->last, j->registry, entry, error);
	if (r == 0) {
		r = put_on_disk(j, entry, &line);
		if (r < 0)
			fail(j, r, error);
		else
			*ret_id = ++j->last_id;
	}
	buf_done(&line);
	return r;
}

/*
 * Not synced: without it the removal counts as cut off, and what the registry has decides. The next removal's
 * line takes it to the disk.
 */
int journal_end(struct journal *j, uint64_t id, enum journal_outcome outcome, const struct reg_digest *left,
		size_t nleft, struct reg_error *error)
{
	struct buf line;
	int r;

	if (j->file < 0 || id < j->first_id || id > j->last_id || is_lost(j))
		return reg_fail(error, -ENOENT, "the journal was removed or cut during the removal: %s",
				j->dir);
	buf_init(&line, JOURNAL_MAX_LINE);
	now(j);
	r = journal_line_after(&line, id, &j->last, outcome, left, nleft, error);
	if (r == 0) {
		r = append(j, &line, false);
		if (r < 0)
			fail(j, r, error);
	}
	buf_done(&line);
	return r;
}

/* ---- life ---- */

/* Writes something: a full disk, and a mount that is read-only to root as well, are found out. */
static int try_to_write(const char *dir)
{
	char name[MAX_NAME];
	int folder, fd, r;

	r = durable_folder(dir, &folder);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), ".writable-%ld", (long)getpid());
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		r = -errno;
	} else {
		r = write(fd, "x", 1) == 1 ? 0 : -errno;
		close(fd);
		(void)unlinkat(folder, name, 0);
	}
	close(folder);
	return r;
}

int journal_new(const char *dir, const char *registry, struct journal **ret, struct reg_error *error)
{
	struct reg_source source;
	struct journal *j;
	int r;

	r = reg_source_parse(registry, &source, error);
	if (r < 0)
		return r;
	j = calloc(1, sizeof(*j));
	if (!j)
		return reg_fail(error, -ENOMEM, "out of memory");
	j->file = j->folder = -1;
	j->dir = strdup(dir);
	j->registry = strdup(registry);
	if (!j->dir || !j->registry) {
		r = reg_fail(error, -ENOMEM, "out of memory");
	} else {
		r = try_to_write(dir);
		if (r < 0)
			fail(j, r, error);
	}
	if (r < 0)
		journal_free(j);
	else
		*ret = j;
	return r;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	run_close(j);
	free(j->dir);
	free(j->registry);
	free(j);
}
