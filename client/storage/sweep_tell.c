/* SPDX-License-Identifier: MIT */
/* What a run says, and what it asks: its log, its problems, the clock, whether to end. */
#include "storage/sweep_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/files.h"
#include "util/utf8.h"

void sweep_log(struct sweep *w, const char *format, ...)
{
	char line[THING_TEXT_MAX + 128];
	va_list args;

	if (!w->o->log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	utf8_make_printable(line);
	w->o->log(w->o->log_data, line);
}

int sweep_failed(struct sweep *w, enum problem_kind kind, const struct thing *t, const char *path,
		 const char *what, int err)
{
	struct problem p = {.kind = kind};
	char text[THING_TEXT_MAX], own[LAYOUT_MAX];

	w->result.failed++;
	if (t) {
		p.digest = t->digest;
		p.repository = (char *)t->repository;
		path = thing_path(t, own);
		thing_text(t, text);
	} else {
		snprintf(text, sizeof(text), "%s", path);
	}
	p.path = (char *)path;
	sweep_log(w, "failed: %s %s%s%s", text, what, err ? ": " : "", err ? strerror(-err) : "");
	return problems_add(&w->problems, &p, "%s %s%s%s", text, what, err ? ": " : "",
			    err ? strerror(-err) : "");
}

int sweep_note(struct sweep *w, const char *repository, const char *path, const char *text)
{
	const struct problem p = {
		.kind = PROBLEM_STRAY, .repository = (char *)repository, .path = (char *)path};

	return problems_add(&w->problems, &p, "%s %s", path, text);
}

bool sweep_interrupted(const struct sweep *w)
{
	return progress_interrupted(w->o->progress);
}

bool sweep_is_fatal(int err)
{
	switch (err) {
	case -ENOMEM:
	case -EXDEV:
	case -EROFS:
	case -ENOSPC:
	case -EDQUOT:
	case -EMFILE:
	case -ENFILE:
	case -EINTR:
		return true;
	default:
		return false;
	}
}

/* A new file's date is by the clock of whoever makes it: the server, on a network. */
static int date_of_new(int folder, time_t *ret)
{
	static const char name[] = "clock";
	struct stat st;
	int fd, r;

	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fstat(fd, &st) < 0 ? -errno : 0;
	close(fd);
	unlinkat(folder, name, 0);
	if (r == 0)
		*ret = st.st_mtime;
	return r;
}

/* So is that of a folder that is touched, for which a full disk has room. */
static int date_of_touched(int folder, time_t *ret)
{
	struct stat st;

	if (futimens(folder, NULL) < 0 || fstat(folder, &st) < 0)
		return -errno;
	*ret = st.st_mtime;
	return 0;
}

int sweep_clock(struct sweep *w, time_t *ret)
{
	const int r = date_of_new(w->ours, ret);

	return quarantine_is_full(r) ? date_of_touched(w->ours, ret) : r;
}
