/* SPDX-License-Identifier: MIT */
/* Uploads that are under way, or were: _uploads/<uuid>/{data,startedat,hashstates/<algorithm>/<offset>} */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "storage/scan_inner.h"

#define MAX_DEPTH 4 /* hashstates/<algorithm>/<offset> is three */

/* Adds up what is in a folder. Its depth is bounded, so it may call itself. */
static int add_up(struct scanning *c, int above, const char *name, unsigned depth, struct store_upload *u)
{
	struct scan_folder f;
	int r = scan_folder(c, above, name, SCAN_NOTHING, &f);

	if (r <= 0)
		return r;
	r = 0;
	if (f.changed > u->changed)
		u->changed = f.changed;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		struct stat st;

		if (files_stat(f.fd, f.names.items[i], &st) < 0)
			continue; /* it is being written to */
		if (st.st_mtime > u->changed)
			u->changed = st.st_mtime;
		if (S_ISREG(st.st_mode))
			u->size += st.st_size;
		else if (S_ISDIR(st.st_mode) && depth + 1 < MAX_DEPTH)
			r = add_up(c, f.fd, f.names.items[i], depth + 1, u);
	}
	scan_folder_done(c, &f);
	return r;
}

static int read_started(struct scanning *c, const struct scan_folder *f, struct store_upload *u)
{
	auto_close int fd = files_open_folder(f->fd, u->id);
	struct timespec date;
	int r;

	if (fd < 0)
		return 0; /* add_up() tells */
	buf_clear(&c->link);
	r = files_read(fd, "startedat", &c->link, NULL);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && c->link.size && strlen(c->link.data) == c->link.size &&
	    reg_date_parse(c->link.data, &date)) {
		u->started = date.tv_sec;
		return 0;
	}
	return scan_tell(c, PROBLEM_UPLOAD, u->id, NULL, NULL,
			 "half an upload: nothing says when it began, its newest file counts");
}

int scan_uploads(struct scanning *c, int repository)
{
	struct scan_folder f;
	int r = scan_folder(c, repository, "_uploads", SCAN_NOTHING, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		struct store_upload u = {.id = f.names.items[i]};

		r = scan_is_folder(c, &f, i, SCAN_NOTHING);
		if (r != 1)
			continue;
		r = read_started(c, &f, &u);
		if (r == 0)
			r = add_up(c, f.fd, u.id, 0, &u);
		if (r == 0)
			r = store_upload_add(c->repository, &u);
	}
	scan_folder_done(c, &f);
	return r;
}
