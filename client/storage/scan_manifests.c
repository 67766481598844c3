/* SPDX-License-Identifier: MIT */
/* Every manifest that something names, read once; and which repositories cannot be sure of theirs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "storage/layout.h"
#include "storage/refs.h"
#include "storage/scan_inner.h"
#include "util/cleanup.h"

/* Why a manifest that is there cannot be understood. */
struct unread {
	uint32_t blob;
	enum problem_kind kind;
	char *why;
	bool told;
};

struct numbers {
	uint32_t *items;
	size_t count, room;
};

struct manifests {
	struct scanning *c;
	struct numbers queue; /* blobs that are named as manifests: each once, by BLOB_NAMED */
	struct numbers maybe; /* blobs that an index lists as something else */
	struct refs_platforms platforms;
	struct unread *unread; /* in the order of blobs once all are read */
	size_t nunread, room;
};

static int numbers_add(struct numbers *n, uint32_t number)
{
	if (n->count == n->room) {
		const size_t room = n->room ? n->room * 2 : 256;
		uint32_t *items = reallocarray(n->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		n->items = items;
		n->room = room;
	}
	n->items[n->count++] = number;
	return 0;
}

/* Something names a blob as a manifest. */
static int name(struct manifests *m, uint32_t blob)
{
	struct store_blob *b = m->c->store->blobs[blob];

	if (b->flags & BLOB_NAMED)
		return 0;
	b->flags |= BLOB_NAMED;
	return b->manifest ? 0 : numbers_add(&m->queue, blob);
}

static int not_read(struct manifests *m, struct store_blob *b, enum problem_kind kind, const char *why)
{
	struct unread u = {.blob = b->number, .kind = kind};

	if (m->nunread == m->room) {
		const size_t room = m->room ? m->room * 2 : 16;
		struct unread *items = reallocarray(m->unread, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		m->unread = items;
		m->room = room;
	}
	u.why = strdup(why);
	if (!u.why)
		return -ENOMEM;
	b->flags |= BLOB_UNREADABLE;
	m->unread[m->nunread++] = u;
	return 0;
}

/* ---- reading one ---- */

/* Its bytes into c->data. */
static int read_bytes(struct scanning *c, struct store_blob *b)
{
	char path[LAYOUT_MAX];
	int r = -ENOENT;

	buf_clear(&c->data);
	if (b->flags & BLOB_PRESENT) {
		r = files_read(c->storage->v2, layout_blob(path, &b->digest), &c->data, NULL);
		if (r == -ENOENT) /* a registry is at work */
			b->flags &= (uint8_t)~BLOB_PRESENT;
	}
	if (r == -ENOENT && b->flags & BLOB_ASIDE)
		r = files_read(c->storage->aside, layout_blob_aside(path, &b->digest), &c->data, NULL);
	return r;
}

static int attach(struct manifests *m, struct store_blob *b, struct store_manifest *read)
{
	int r = 0;

	b->manifest = read;
	for (size_t i = 0; i < read->nrefs && r == 0; i++) {
		if (read->refs[i].role == ROLE_CHILD)
			r = name(m, read->refs[i].blob);
		else if (read->refs[i].role == ROLE_LAYER && read->kind == REG_KIND_INDEX)
			r = numbers_add(&m->maybe, read->refs[i].blob);
	}
	return r;
}

static int read_one(struct manifests *m, struct store_blob *b)
{
	struct scanning *c = m->c;
	struct store_manifest *read;
	struct reg_error error = {0};
	struct reg_digest digest;
	int r;

	if (!store_blob_is_there(b))
		return b->flags & BLOB_ODD ? not_read(m, b, PROBLEM_MANIFEST_UNREADABLE,
						      "its data is no file that a registry wrote")
					   : 0;
	r = read_bytes(c, b);
	if (r == -ENOENT || r == -ENOMEM)
		return r == -ENOENT ? 0 : r;
	if (r == -EFBIG)
		return not_read(m, b, PROBLEM_MANIFEST_UNREADABLE, "it is longer than any manifest");
	if (r < 0)
		return not_read(m, b, PROBLEM_MANIFEST_UNREADABLE, strerror(-r));
	r = reg_digest_compute(b->digest.algorithm, c->data.data ? c->data.data : "", c->data.size, &digest);
	if (r < 0)
		return r;
	if (!reg_digest_equal(&digest, &b->digest)) {
		b->flags |= BLOB_BAD_BYTES;
		return not_read(m, b, PROBLEM_DIGEST,
				c->data.size ? "its bytes are not those of its digest" : "it is empty");
	}
	r = refs_parse_platforms(c->store, c->data.data, c->data.size, &m->platforms, &read, &error);
	if (r == -EBADMSG)
		return not_read(m, b, PROBLEM_MANIFEST_UNREADABLE, error.msg);
	return r < 0 ? r : attach(m, b, read);
}

/* ---- what an index lists as something else ---- */

static bool begins_as_json(struct scanning *c, const struct store_blob *b)
{
	const bool present = b->flags & BLOB_PRESENT;
	char path[LAYOUT_MAX], first[64];
	auto_close int fd = files_open(
		present ? c->storage->v2 : c->storage->aside,
		present ? layout_blob(path, &b->digest) : layout_blob_aside(path, &b->digest), NULL);
	const ssize_t n = fd < 0 ? 0 : read(fd, first, sizeof(first));

	for (ssize_t i = 0; i < n; i++)
		if (!strchr(" \t\r\n", first[i]))
			return first[i] == '{';
	return n == sizeof(first); /* white space alone: it may be, yet */
}

/*
 * The media type that an index gives is its author's word. If the content is a manifest, it is followed as
 * one; if it is not, the blob is held, as itself.
 */
static int try_one(struct manifests *m, struct store_blob *b)
{
	struct scanning *c = m->c;
	struct store_manifest *read;
	struct reg_digest digest;
	int r;

	if (b->manifest || b->flags & BLOB_NAMED || !store_blob_is_there(b) ||
	    b->size > (int64_t)REG_MAX_MANIFEST || !begins_as_json(c, b))
		return 0;
	r = read_bytes(c, b);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (!c->data.size ||
	    reg_digest_compute(b->digest.algorithm, c->data.data, c->data.size, &digest) < 0 ||
	    !reg_digest_equal(&digest, &b->digest))
		return 0;
	r = refs_parse_platforms(c->store, c->data.data, c->data.size, &m->platforms, &read, NULL);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	b->flags |= BLOB_NAMED;
	return attach(m, b, read);
}

static int read_all(struct manifests *m)
{
	struct store *s = m->c->store;
	auto_free uint8_t *tried = NULL;
	size_t next = 0, next_maybe = 0, ntried = 0;
	int r = 0;

	while (r == 0 && (next < m->queue.count || next_maybe < m->maybe.count)) {
		if (next < m->queue.count) {
			r = read_one(m, s->blobs[m->queue.items[next++]]);
		} else {
			const uint32_t blob = m->maybe.items[next_maybe++];

			if (blob >= ntried) {
				uint8_t *more = realloc(tried, s->nblobs);

				if (!more)
					return -ENOMEM;
				memset(more + ntried, 0, s->nblobs - ntried);
				tried = more;
				ntried = s->nblobs;
			}
			if (!tried[blob])
				r = try_one(m, s->blobs[blob]);
			tried[blob] = 1;
		}
		if (r == 0)
			r = scan_go_on(m->c, 1);
	}
	return r;
}

/* ---- what came of it ---- */

/* What an index lists as something else, and is a manifest, is its child. */
static void settle_roles(struct store *s)
{
	for (uint32_t i = 0; i < s->nblobs; i++) {
		struct store_manifest *m = s->blobs[i]->manifest;

		for (size_t k = 0; m && m->kind == REG_KIND_INDEX && k < m->nrefs; k++)
			if (m->refs[k].role == ROLE_LAYER && s->blobs[m->refs[k].blob]->manifest)
				m->refs[k].role = ROLE_CHILD;
	}
}

static void settle_platforms(struct store *s, struct refs_platforms *p)
{
	for (uint32_t i = 0; i < p->count && i < s->nblobs; i++)
		if (s->blobs[i]->manifest)
			s->blobs[i]->manifest->platform = steal(&p->items[i]);
}

static int compare_unread(const void *left, const void *right)
{
	const struct unread *a = left, *b = right;

	return (a->blob > b->blob) - (a->blob < b->blob);
}

static struct unread *find_unread(const struct manifests *m, uint32_t blob)
{
	const struct unread key = {.blob = blob};

	return m->nunread ? bsearch(&key, m->unread, m->nunread, sizeof(key), compare_unread) : NULL;
}

/* One that a revision or a tag of c->repository names, and that cannot be followed. tag: NULL for a revision.
 */
static int tell_one(struct manifests *m, const struct store_blob *b, const char *tag)
{
	struct scanning *c = m->c;
	struct unread *u = b->flags & BLOB_UNREADABLE ? find_unread(m, b->number) : NULL;
	const char *why = u ? u->why : "its content is missing";
	char text[REG_DIGEST_MAX];
	int r = 0;

	reg_digest_text(&b->digest, text);
	if (!tag) {
		r = scan_tell(c, u ? u->kind : PROBLEM_MANIFEST_MISSING, NULL, NULL, &b->digest,
			      "manifest %s: %s; push it again, or delete it", text, why);
		if (u)
			u->told = true;
	}
	return r < 0 ? r
		     : store_unsure(c->repository, "%s%smanifest %s: %s", tag ? tag : "", tag ? ": " : "",
				    text, why);
}

static bool is_unknown(const struct store_blob *b)
{
	return b->flags & BLOB_UNREADABLE || !store_blob_is_there(b);
}

static int tell_repository(struct manifests *m, struct store_repository *r)
{
	struct store *s = m->c->store;
	const size_t at = scan_push(m->c, "repositories");
	int e = 0;

	scan_push(m->c, r->name);
	m->c->repository = r;
	for (uint32_t i = r->first_link; i < r->first_link + r->nlinks && e == 0; i++) {
		const struct store_link *l = &s->links[i];

		if (l->type == LINK_REVISION && !(l->flags & LINK_ASIDE) && is_unknown(s->blobs[l->blob]))
			e = tell_one(m, s->blobs[l->blob], NULL);
	}
	/* Where the repository does not link it either, check.h has more to say. */
	for (uint32_t i = 0; i < r->ntags && e == 0 && !r->unsure; i++)
		if (r->tags[i].blob != STORE_NONE && is_unknown(s->blobs[r->tags[i].blob]))
			e = tell_one(m, s->blobs[r->tags[i].blob], r->tags[i].name);
	m->c->repository = NULL;
	scan_pop(m->c, at);
	return e;
}

static int tell_all(struct manifests *m)
{
	struct store *s = m->c->store;
	int r = 0;

	if (m->nunread)
		qsort(m->unread, m->nunread, sizeof(*m->unread), compare_unread);
	for (uint32_t i = 0; i < s->nrepositories && r == 0; i++)
		r = tell_repository(m, &s->repositories[i]);
	for (size_t i = 0; i < m->nunread && r == 0; i++) {
		const struct store_blob *b = s->blobs[m->unread[i].blob];
		char text[REG_DIGEST_MAX], path[LAYOUT_MAX];

		if (!m->unread[i].told)
			r = scan_tell(m->c, m->unread[i].kind, layout_blob(path, &b->digest), NULL,
				      &b->digest, "manifest %s: %s", reg_digest_text(&b->digest, text),
				      m->unread[i].why);
	}
	return r;
}

static int name_roots(struct manifests *m)
{
	const struct store *s = m->c->store;
	int r = 0;

	for (uint32_t i = 0; i < s->nlinks && r == 0; i++)
		if (s->links[i].type == LINK_REVISION)
			r = name(m, s->links[i].blob);
	for (uint32_t i = 0; i < s->nrepositories && r == 0; i++)
		for (uint32_t k = 0; k < s->repositories[i].ntags && r == 0; k++)
			if (s->repositories[i].tags[k].blob != STORE_NONE)
				r = name(m, s->repositories[i].tags[k].blob);
	return r;
}

int scan_manifests(struct scanning *c)
{
	struct manifests m = {.c = c};
	int r = name_roots(&m);

	progress_begin(c->progress, "reading manifests", m.queue.count, false);
	if (r == 0)
		r = read_all(&m);
	if (r == 0) {
		settle_roles(c->store);
		settle_platforms(c->store, &m.platforms);
		r = tell_all(&m);
	}
	for (size_t i = 0; i < m.nunread; i++)
		free(m.unread[i].why);
	free(m.unread);
	free(m.queue.items);
	free(m.maybe.items);
	refs_platforms_done(&m.platforms);
	return r;
}
