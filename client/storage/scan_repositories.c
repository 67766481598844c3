/* SPDX-License-Identifier: MIT */
/* One repository: its revisions and layers, there and in the quarantine. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "storage/layout.h"
#include "storage/scan_inner.h"

/* ---- links ---- */

static int add_link(struct scanning *c, const struct reg_digest *d, enum store_link_type type, unsigned flags,
		    time_t changed)
{
	struct store_link l = {.type = (uint8_t)type, .flags = (uint8_t)flags, .changed = changed};
	const int r = store_blob_add(c->store, d, &l.blob);

	return r < 0 ? r : store_link_add(c->store, c->repository, &l);
}

/* What 3.x leaves of a link that it did not finish. Looked for only where the link is not as it should be. */
static int tell_halves(struct scanning *c, int above, const char *hex)
{
	struct scan_folder f;
	int r = scan_folder(c, above, hex, SCAN_NOTHING, &f);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < f.names.count && r == 0; i++) {
		const char *name = f.names.items[i];

		if (strncmp(name, "link.", 5) == 0)
			r = scan_tell(c, PROBLEM_STRAY, name, NULL, NULL,
				      "half a link: a registry was stopped");
	}
	scan_folder_done(c, &f);
	return r;
}

static int tell_bad(struct scanning *c, const char *path, const struct reg_digest *d,
		    enum store_link_type type, const struct scan_link *l)
{
	const bool revision = type == LINK_REVISION;
	char text[REG_DIGEST_MAX];
	int r = scan_tell(c, l->kind, path, NULL, d,
			  "the link of a %s %s: push it again, or write %s into it without a line's end",
			  revision ? "manifest" : "layer", l->wrong, reg_digest_text(d, text));

	/* Which of the two digests was meant? */
	if (r == 0 && revision && l->digest.algorithm)
		r = store_unsure(c->repository, "%s/%s names another manifest than its path", c->path, path);
	return r;
}

/* See store_alias: the link itself is good. */
static bool is_alias(const struct scan_link *l, const struct reg_digest *d, enum store_link_type type)
{
	return l->state == SCAN_LINK_GOOD && type == LINK_LAYER && l->digest.algorithm != d->algorithm;
}

static int add_alias(struct scanning *c, const struct reg_digest *d, const struct scan_link *l,
		     unsigned flags)
{
	uint32_t blob, target;
	int r = add_link(c, d, LINK_LAYER, flags, l->changed);

	if (r == 0)
		r = store_blob_add(c->store, d, &blob);
	if (r == 0)
		r = store_blob_add(c->store, &l->digest, &target);
	return r < 0 ? r : store_alias_add(c->repository, blob, target);
}

/* Is it good, and names the digest of its path? */
static bool check_own(struct scan_link *l, const struct reg_digest *d)
{
	if (l->state == SCAN_LINK_GOOD && !reg_digest_equal(&l->digest, d)) {
		l->state = SCAN_LINK_BAD;
		snprintf(l->wrong, sizeof(l->wrong), "names something else than its path");
	}
	return l->state == SCAN_LINK_GOOD;
}

static int doubt(struct scanning *c, const struct reg_digest *d, enum store_link_type type)
{
	const struct scan_doubt it = {.blob = store_blob_find(c->store, d), .link = (uint8_t)type};

	return scan_doubt(c, &it);
}

/* Read whole: a link whose content is wrong does not count for the registry, but it does for us. */
static int read_one(struct scanning *c, int folder, const char *hex, const struct reg_digest *d,
		    enum store_link_type type)
{
	char path[REG_DIGEST_MAX + 8];
	struct scan_link l;
	int r;

	snprintf(path, sizeof(path), "%s/link", hex);
	r = scan_read_link(c, folder, path, &l);
	if (r < 0)
		return r;
	if (is_alias(&l, d, type))
		return add_alias(c, d, &l, 0);
	if (check_own(&l, d))
		return add_link(c, d, type, 0, l.changed);
	/* Without a link the folder is what is left of a manifest that was deleted. */
	if (l.state != SCAN_LINK_MISSING) {
		const bool doubtful = l.kind == PROBLEM_LINK_BAD && scan_is_fresh(c, l.changed);

		r = add_link(c, d, type, LINK_BAD, l.changed);
		if (r == 0)
			r = doubtful ? doubt(c, d, type) : tell_bad(c, path, d, type, &l);
	}
	return r < 0 ? r : tell_halves(c, folder, hex);
}

/* Still bad, or a push has written it since. */
int scan_link_again(struct scanning *c, int folder, const struct scan_doubt *doubt)
{
	const enum store_link_type type = (enum store_link_type)doubt->link;
	const struct reg_digest *d = &c->store->blobs[doubt->blob]->digest;
	const uint32_t link = store_link_find(c->store, c->repository, doubt->blob, type);
	char path[REG_DIGEST_MAX + 16];
	struct scan_link l;
	uint32_t target;
	int r;

	reg_digest_text(d, path);
	*strchr(path, ':') = '/';
	strcat(path, "/link");
	r = scan_read_link(c, folder, path, &l);
	if (r < 0 || l.state == SCAN_LINK_MISSING || link == STORE_NONE)
		return r;
	c->store->links[link].changed = l.changed;
	if (is_alias(&l, d, type)) {
		r = store_blob_add(c->store, &l.digest, &target);
		if (r == 0)
			r = store_alias_add(c->repository, doubt->blob, target);
		store_repository_sort_aliases(c->repository);
	} else if (!check_own(&l, d)) {
		return tell_bad(c, path, d, type, &l);
	}
	c->store->links[link].flags &= (uint8_t)~LINK_BAD;
	return r;
}

/* A symbolic link or a file where the folder of a link should be: 0; it counts as a bad link in the first
 * case. */
static int not_a_folder(struct scanning *c, const struct scan_folder *f, size_t i, const struct reg_digest *d,
			enum store_link_type type)
{
	const char *hex = f->names.items[i];
	struct stat st;
	int r;

	if (scan_type(f, i) != DT_LNK)
		return scan_type(f, i) == DT_UNKNOWN ? 0 : scan_stray(c, hex);
	r = scan_lost(c, hex, -ELOOP, SCAN_NOTHING);
	if (r < 0 || files_stat(f->fd, hex, &st) < 0)
		return r;
	return add_link(c, d, type, LINK_BAD, st.st_mtime);
}

static int revision(struct scanning *c, const struct scan_folder *f, size_t i, const struct reg_digest *d,
		    void *data)
{
	(void)data;
	if (scan_type(f, i) != DT_DIR)
		return not_a_folder(c, f, i, d, LINK_REVISION);
	return read_one(c, f->fd, f->names.items[i], d, LINK_REVISION);
}

static off_t link_size(const struct reg_digest *d)
{
	return d->algorithm == REG_SHA256 ? (off_t)strlen("sha256:") + 64 : (off_t)strlen("sha512:") + 128;
}

/* There are many: one that is as long as it should be is taken for good, which saves three calls for each. */
static int layer(struct scanning *c, const struct scan_folder *f, size_t i, const struct reg_digest *d,
		 void *data)
{
	char path[REG_DIGEST_MAX + 8];
	struct stat st;

	(void)data;
	if (scan_type(f, i) != DT_DIR)
		return not_a_folder(c, f, i, d, LINK_LAYER);
	snprintf(path, sizeof(path), "%s/link", f->names.items[i]);
	if (fstatat(f->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size == link_size(d))
		return add_link(c, d, LINK_LAYER, 0, st.st_mtime);
	return read_one(c, f->fd, f->names.items[i], d, LINK_LAYER);
}

/* ---- aside ---- */

static int link_aside(struct scanning *c, const struct scan_folder *f, size_t i, const struct reg_digest *d,
		      void *data)
{
	const enum store_link_type *type = data;
	const char *hex = f->names.items[i];
	struct scan_link l;
	struct stat st;
	int r = files_stat(f->fd, hex, &st);

	if (r < 0)
		return r == -ENOENT ? 0 : scan_lost(c, hex, r, SCAN_NOTHING);
	if (!S_ISREG(st.st_mode))
		return scan_stray(c, hex);
	if (st.st_size != link_size(d)) {
		r = scan_read_link(c, f->fd, hex, &l);
		if (r < 0 || is_alias(&l, d, *type))
			return r < 0 ? r : add_alias(c, d, &l, LINK_ASIDE);
	}
	return add_link(c, d, *type, LINK_ASIDE, st.st_mtime);
}

static int read_aside(struct scanning *c, const char *name)
{
	enum store_link_type types[] = {LINK_REVISION, LINK_LAYER};
	static const char *const folders[] = {"_manifests/revisions", "_layers"};
	auto_close int top = files_open_folder(c->storage->aside, "repositories");
	auto_close int fd = top < 0 ? top : files_open_folder(top, name);
	int r = 0;

	if (fd < 0)
		return scan_lost(c, name, fd, SCAN_BLIND);
	scan_at_aside(c, "repositories");
	scan_push(c, name);
	for (size_t i = 0; i < 2 && r == 0; i++) {
		const struct scan_digests how = {.one = link_aside, .data = &types[i], .loss = SCAN_BLIND};

		r = scan_digests(c, fd, folders[i], &how);
	}
	scan_at(c, LAYOUT_V2);
	return r;
}

/* ---- one repository ---- */

/* A folder of the repository's own. ret_there may be NULL. */
static int look_at(struct scanning *c, int folder, const char *name, bool *ret_there)
{
	struct store_repository *r = c->repository;
	struct stat st;
	const int e = files_stat(folder, name, &st);

	if (e == 0 && st.st_mtime > r->changed)
		r->changed = st.st_mtime;
	if (ret_there)
		*ret_there = e == 0;
	return e == -ENOMEM ? e : 0;
}

static int look_at_folders(struct scanning *c, int fd)
{
	struct store_repository *r = c->repository;
	int e = look_at(c, fd, ".", NULL);

	if (e == 0)
		e = look_at(c, fd, "_manifests", &r->has_manifests);
	if (e == 0)
		e = look_at(c, fd, "_manifests/revisions", NULL);
	if (e == 0)
		e = look_at(c, fd, "_manifests/tags", &r->has_tags);
	if (e == 0)
		e = look_at(c, fd, "_layers", &r->has_layers);
	if (e == 0)
		e = look_at(c, fd, "_uploads", NULL);
	return e;
}

static int read_here(struct scanning *c, int fd)
{
	static const struct scan_digests revisions = {
		.one = revision, .loss = SCAN_BLIND, .unknown = SCAN_UNSURE};
	static const struct scan_digests layers = {.one = layer, .loss = SCAN_UNSURE};
	int e = look_at_folders(c, fd);

	/* Against the order of a push, so that what was seen of one has all under it. */
	if (e == 0)
		e = scan_tags(c, fd);
	if (e == 0)
		e = scan_digests(c, fd, "_manifests/revisions", &revisions);
	if (e == 0)
		e = scan_digests(c, fd, "_layers", &layers);
	if (e == 0)
		e = scan_uploads(c, fd);
	return e;
}

int scan_repository(struct scanning *c, const struct scan_name *name)
{
	const size_t at = scan_push(c, "repositories");
	auto_close int top = name->here ? files_open_folder(c->storage->v2, "repositories") : -ENOENT;
	auto_close int fd = top < 0 ? top : files_open_folder(top, name->name);
	int r = 0;

	if (fd == -ENOENT && !name->aside) {
		scan_pop(c, at);
		return 0; /* it vanished */
	}
	c->repository = store_repository_add(c->store, name->name);
	if (!c->repository)
		r = -ENOMEM;
	else if (fd < 0)
		r = scan_lost(c, name->name, fd, SCAN_BLIND);
	scan_push(c, name->name);
	if (r == 0 && fd >= 0)
		r = read_here(c, fd);
	scan_pop(c, at);
	if (r == 0 && name->aside)
		r = read_aside(c, name->name);
	if (c->repository)
		store_repository_end(c->store, c->repository);
	return r;
}
