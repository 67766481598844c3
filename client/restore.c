/* SPDX-License-Identifier: MIT */
#include "restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "error.h"
#include "journal_line.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define MAX_BAD_LINES 1000 /* then it is no journal */

struct reader {
	struct restore_journal *journal;
	size_t room; /* of its entries */
	restore_report_fn *report;
	void *data;

	/* The file that is being read. */
	const char *run;
	char *path;
	size_t line, bad;
	size_t first; /* its first entry */
};

static void tell(struct reader *r, enum restore_severity severity, const char *path, size_t line,
		 const char *message)
{
	if (r->report)
		r->report(r->data, severity, path, line, message);
}

/* ---- entries ---- */

static int add_entry(struct reader *r, struct restore_entry *e)
{
	struct restore_journal *j = r->journal;
	struct restore_entry **entries;
	size_t room = r->room ? r->room * 2 : 64;

	if (j->count == r->room) {
		entries = reallocarray(j->entries, room, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
		j->entries = entries;
		r->room = room;
	}
	j->entries[j->count++] = e;
	return 0;
}

/* The entry of this file with a number; they are in the order of their numbers. */
static struct restore_entry *find_entry(const struct reader *r, uint64_t id)
{
	size_t low = r->first, high = r->journal->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		struct restore_entry *e = r->journal->entries[middle];

		if (e->id == id)
			return e;
		if (e->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int take_before(struct reader *r, struct restore_entry *e, struct reg_error *error)
{
	const size_t n = r->journal->count;

	if (n > r->first && r->journal->entries[n - 1]->id >= e->id)
		return reg_fail(error, -EBADMSG, "its number is not above that of the removal before it");
	e->line = r->line;
	e->run = strdup(r->run);
	if (!e->run || add_entry(r, e) < 0)
		return reg_fail(error, -ENOMEM, "out of memory");
	return 0;
}

static int take_after(struct reader *r, const struct restore_line *line, struct reg_error *error)
{
	struct restore_entry *e = find_entry(r, line->id);

	if (!e)
		return reg_fail(error, -EBADMSG,
				"it tells the end of a removal whose beginning is not there");
	if (e->outcome)
		return reg_fail(error, -EBADMSG, "it tells the end of a removal that has ended already");
	e->outcome = line->outcome;
	return 0;
}

/* -ENOMEM alone is returned: whatever else is wrong with a line is told, and the line left out. */
static int take_line(struct reader *r, const char *text, size_t size)
{
	struct reg_error error = {0};
	struct restore_line line;
	int err;

	err = restore_line_parse(text, size, &line, &error);
	if (err == 0 && line.entry) {
		err = take_before(r, line.entry, &error);
		if (err < 0)
			restore_entry_free(line.entry);
	} else if (err == 0) {
		err = take_after(r, &line, &error);
	}
	if (err == 0 || err == -ENOMEM)
		return err;
	tell(r, RESTORE_PROBLEM, r->path, r->line, error.msg);
	r->bad++;
	return 0;
}

/* ---- files ---- */

/* A plain file below a run's folder; no link leads out of it, and no pipe is waited for. */
static int open_file(const char *dir, const char *run, const char *name, struct stat *ret_st)
{
	int top, folder, fd = -1, err;

	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return -errno;
	folder = openat(top, run, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	err = folder < 0 ? -errno : 0;
	close(top);
	if (folder >= 0) {
		fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		err = fd < 0 ? -errno : 0;
		close(folder);
	}
	if (fd < 0)
		return err;
	if (fstat(fd, ret_st) < 0 || !S_ISREG(ret_st->st_mode)) {
		close(fd);
		return -EINVAL;
	}
	return fd;
}

/* What is read of a line so far. */
struct rest {
	struct buf text;
	bool too_long;
};

static int take_chunk(struct reader *r, struct rest *rest, const char *data, size_t size)
{
	while (size && r->bad < MAX_BAD_LINES) {
		const char *end = memchr(data, '\n', size);
		const size_t n = end ? (size_t)(end - data) : size;
		int err = rest->too_long ? 0 : buf_add(&rest->text, data, n);

		if (err == -EFBIG)
			rest->too_long = true;
		else if (err < 0)
			return err;
		data += end ? n + 1 : n;
		size -= end ? n + 1 : n;
		if (!end)
			return 0;
		r->line++;
		if (rest->too_long) {
			tell(r, RESTORE_PROBLEM, r->path, r->line, "longer than a line of a journal can be");
			r->bad++;
		}
		err = rest->too_long ? 0 : take_line(r, rest->text.data, rest->text.size);
		buf_clear(&rest->text);
		rest->too_long = false;
		if (err < 0)
			return err;
	}
	return 0;
}

static int read_lines(struct reader *r, int fd)
{
	struct rest rest = {0};
	char chunk[65536];
	ssize_t n;
	int err = 0;

	buf_init(&rest.text, JOURNAL_MAX_LINE);
	do {
		n = read(fd, chunk, sizeof(chunk));
		if (n > 0)
			err = take_chunk(r, &rest, chunk, (size_t)n);
	} while (err == 0 && r->bad < MAX_BAD_LINES && (n > 0 || (n < 0 && errno == EINTR)));
	if (n < 0)
		tell(r, RESTORE_PROBLEM, r->path, 0, strerror(errno));
	else if (r->bad >= MAX_BAD_LINES)
		tell(r, RESTORE_PROBLEM, r->path, 0, "this is no journal, the rest of it is not read");
	else if (err == 0 && (rest.text.size || rest.too_long))
		tell(r, RESTORE_NOTE, r->path, r->line + 1,
		     "the last line is torn: it was being written when the program ended, and no removal "
		     "relies on it");
	buf_done(&rest.text);
	return err;
}

/* 20261121T081502Z-4711, perhaps with another number behind it. */
static bool is_run(const char *name)
{
	static const char form[] = "00000000T000000Z-";

	for (size_t i = 0; form[i]; i++)
		if (form[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != form[i])
			return false;
	return name[sizeof(form) - 1] && strspn(name + sizeof(form) - 1, "0123456789-") < 32 &&
	       !name[sizeof(form) - 1 + strspn(name + sizeof(form) - 1, "0123456789-")];
}

static int read_run(struct reader *r, const char *run)
{
	struct stat st;
	int fd, err;

	r->run = run;
	r->line = r->bad = 0;
	r->first = r->journal->count;
	if (asprintf(&r->path, "%s/%s/" JOURNAL_FILE, r->journal->dir, run) < 0) {
		r->path = NULL;
		return -ENOMEM;
	}
	fd = open_file(r->journal->dir, run, JOURNAL_FILE, &st);
	if (fd < 0) {
		err = 0;
		if (fd == -ENOENT)
			tell(r, RESTORE_NOTE, r->path, 0, "the run removed nothing");
		else
			tell(r, RESTORE_PROBLEM, r->path, 0,
			     fd == -EINVAL ? "this is no file" : strerror(-fd));
	} else {
		err = read_lines(r, fd);
		close(fd);
	}
	free(r->path);
	r->path = NULL;
	return err;
}

static int read_runs(struct reader *r)
{
	struct dirent **names;
	const int n = scandir(r->journal->dir, &names, NULL, alphasort);
	int err = n < 0 ? -errno : 0;

	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		char *path = NULL;

		if (name[0] == '.' || err < 0) {
			free(names[i]);
			continue;
		}
		if (is_run(name)) {
			err = read_run(r, name);
		} else if (asprintf(&path, "%s/%s", r->journal->dir, name) >= 0) {
			tell(r, RESTORE_NOTE, path, 0, "not part of a journal, and not looked into");
			free(path);
		} else {
			err = -ENOMEM;
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return err;
}

/* ---- the whole ---- */

static int compare(const void *a, const void *b)
{
	const struct restore_entry *x = *(struct restore_entry *const *)a,
				   *y = *(struct restore_entry *const *)b;
	int order;

	if (x->time.tv_sec != y->time.tv_sec)
		return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
	if (x->time.tv_nsec != y->time.tv_nsec)
		return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
	order = strcmp(x->run, y->run);
	return order ? order : x->id < y->id ? -1 : x->id > y->id;
}

int restore_read(const char *dir, restore_report_fn *report, void *data, struct restore_journal **ret,
		 struct reg_error *error)
{
	struct reader r = {.report = report, .data = data};
	int err = -ENOMEM;

	r.journal = calloc(1, sizeof(*r.journal));
	if (r.journal)
		r.journal->dir = strdup(dir);
	if (r.journal && r.journal->dir)
		err = read_runs(&r);
	if (err < 0) {
		restore_free(r.journal);
		return reg_fail(error, err, "%s: %s", dir, strerror(-err));
	}
	if (r.journal->count)
		qsort(r.journal->entries, r.journal->count, sizeof(*r.journal->entries), compare);
	*ret = r.journal;
	return 0;
}

void restore_free(struct restore_journal *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->count; i++)
		restore_entry_free(j->entries[i]);
	free(j->entries);
	free(j->dir);
	free(j);
}

static int read_whole(int fd, char *data, size_t size)
{
	size_t have = 0;

	while (have < size) {
		const ssize_t n = read(fd, data + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EBADMSG;
		have += (size_t)n;
	}
	return 0;
}

static int read_manifest(int fd, off_t size, const struct reg_digest *want, struct reg_bytes **ret)
{
	struct reg_digest have;
	char *data;
	int r;

	if (size > (off_t)REG_MAX_MANIFEST)
		return -EBADMSG;
	data = malloc((size_t)size + 1);
	if (!data)
		return -ENOMEM;
	data[size] = '\0';
	r = read_whole(fd, data, (size_t)size);
	if (r == 0)
		r = reg_digest_compute(want->algorithm, data, (size_t)size, &have);
	if (r == 0 && !reg_digest_equal(&have, want))
		r = -EBADMSG;
	if (r < 0) {
		free(data);
		return r;
	}
	*ret = reg_bytes_take(data, (size_t)size);
	return *ret ? 0 : -ENOMEM;
}

int restore_bytes(const struct restore_journal *j, const struct restore_entry *entry,
		  const struct restore_item *item, struct reg_bytes **ret, struct reg_error *error)
{
	struct reg_bytes *bytes = NULL;
	char name[REG_DIGEST_MAX];
	struct stat st;
	int fd, r;

	fd = open_file(j->dir, entry->run, reg_digest_text(&item->digest, name), &st);
	r = fd < 0 ? fd : read_manifest(fd, st.st_size, &item->digest, &bytes);
	if (fd >= 0)
		close(fd);
	if (r == 0)
		*ret = bytes;
	else
		reg_fail(error, r, "the copy in the journal (%s, line %zu) %s%s: %s", entry->run, entry->line,
			 r == -EBADMSG ? "is damaged" : "cannot be read: ", r == -EBADMSG ? "" : strerror(-r),
			 name);
	return r;
}
