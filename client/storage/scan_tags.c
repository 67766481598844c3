/* SPDX-License-Identifier: MIT */
/* The tags of a repository, and what they pointed to before. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/scan_inner.h"

/* A tag that names nothing we know of may be anything's: the repository keeps all that it links. */
static int bad_tag(struct scanning *c, const char *tag, enum problem_kind kind, const char *wrong)
{
	static const char how[] = "push the tag again, or remove its folder";
	int r = scan_tell(c, kind, tag, tag, NULL, "its current/link %s: %s", wrong, how);

	if (r == 0)
		r = store_unsure(c->repository, "tag %s: its current/link %s: %s", tag, wrong, how);
	return r;
}

struct current {
	uint32_t blob;
	time_t changed;
	bool gone; /* the folder itself has vanished, so this is no tag any more */
	bool doubtful; /* it is to be read again, and nothing is told until then */
};

static int read_current(struct scanning *c, int tags, const char *tag, struct current *ret)
{
	struct current now = {.blob = STORE_NONE};
	char path[256 + 16];
	struct scan_link l;
	struct stat st;
	int r;

	snprintf(path, sizeof(path), "%s/current/link", tag);
	r = scan_read_link(c, tags, path, &l);
	now.changed = l.changed;
	if (r < 0)
		return r;
	if (l.state == SCAN_LINK_GOOD) {
		r = store_blob_add(c->store, &l.digest, &now.blob);
	} else if (l.state == SCAN_LINK_BAD) {
		now.doubtful = l.kind == PROBLEM_LINK_BAD && scan_is_fresh(c, l.changed);
		if (!now.doubtful)
			r = bad_tag(c, tag, l.kind == PROBLEM_LINK_BAD ? PROBLEM_TAG_BAD : l.kind, l.wrong);
	} else if (files_stat(tags, tag, &st) == -ENOENT) {
		now.gone = true;
	} else {
		now.doubtful = scan_is_fresh(c, st.st_mtime);
		if (!now.doubtful)
			r = bad_tag(c, tag, PROBLEM_TAG_BAD, "is missing");
	}
	*ret = now;
	return r;
}

static int compare_names(const void *key, const void *item)
{
	return strcmp(key, ((const struct store_tag *)item)->name);
}

int scan_tag_again(struct scanning *c, int tags, const char *tag)
{
	struct store_repository *r = c->repository;
	struct store_tag *t = bsearch(tag, r->tags, r->ntags, sizeof(*t), compare_names);
	struct current now;
	const int e = read_current(c, tags, tag, &now);

	if (e < 0 || !t)
		return e;
	if (!now.gone) {
		t->blob = now.blob;
		t->changed = now.changed;
		return 0;
	}
	free(t->name);
	free(t->entries);
	r->ntags--;
	memmove(t, t + 1, (size_t)(r->tags + r->ntags - t) * sizeof(*t));
	return 0;
}

static int entry(struct scanning *c, const struct scan_folder *f, size_t i, const struct reg_digest *d,
		 void *data)
{
	struct store_repository *r = c->repository;
	char path[REG_DIGEST_MAX + 8];
	struct stat st;
	uint32_t blob;
	int e;

	(void)data;
	snprintf(path, sizeof(path), "%s/link", f->names.items[i]);
	if (fstatat(f->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	e = store_blob_add(c->store, d, &blob);
	return e < 0 ? e : store_entry_add(&r->tags[r->ntags - 1], blob, st.st_mtime);
}

static int read_tag(struct scanning *c, const struct scan_folder *f, const char *tag)
{
	static const struct scan_digests how = {.one = entry, .loss = SCAN_NOTHING};
	struct current now;
	int r;

	if (!reg_name_is_tag(tag)) {
		r = scan_tell(c, PROBLEM_STRAY, tag, NULL, NULL, "no valid name of a tag");
		return r < 0 ? r
			     : store_unsure(c->repository, "%s/%s is no valid name of a tag: move it away",
					    c->path, tag);
	}
	r = read_current(c, f->fd, tag, &now);
	if (r < 0 || now.gone)
		return r;
	r = store_tag_add(c->repository, tag, now.blob, now.changed);
	if (r == 0 && now.doubtful) {
		const struct scan_doubt d = {.tag = c->repository->tags[c->repository->ntags - 1].name};

		r = scan_doubt(c, &d);
	}
	if (r == 0 && c->flags & SCAN_HISTORY) {
		char path[256 + 8];

		snprintf(path, sizeof(path), "%s/index", tag);
		r = scan_digests(c, f->fd, path, &how);
	}
	return r;
}

int scan_tags(struct scanning *c, int repository)
{
	struct scan_folder f;
	int r = scan_folder(c, repository, "_manifests/tags", SCAN_UNSURE, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		r = scan_is_folder(c, &f, i, SCAN_UNSURE);
		if (r == 1)
			r = read_tag(c, &f, f.names.items[i]);
	}
	scan_folder_done(c, &f);
	return r;
}
