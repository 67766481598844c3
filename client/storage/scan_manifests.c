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
#include "util/grow.h"

/* Why a manifest that is there cannot be understood. */
struct unread {
	uint32_t blob;
	enum problem_kind kind;
	char *why;
	bool told, denied;
};

struct numbers {
	uint32_t *items;
	size_t count, room;
};

struct manifests {
	struct scanning *c;
	struct numbers queue; /* blobs that are named as manifests: each once, by BLOB_NAMED */
	struct numbers maybe; /* blobs that an index lists as something else */
	size_t next, next_maybe; /* in these */
	uint8_t *tried; /* of the latter, by the number of a blob */
	size_t ntried;
	struct refs_platforms platforms;
	struct unread *unread; /* in the order of blobs once all are read */
	size_t nunread, room;
};

static int numbers_add(struct numbers *n, uint32_t number)
{
	uint32_t *items = grow(n->items, n->count, &n->room, sizeof(*items));

	if (!items)
		return -ENOMEM;
	n->items = items;
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

static int not_read(struct manifests *m, struct store_blob *b, enum problem_kind kind, const char *why)
{
	struct unread u = {.blob = b->number, .kind = kind};
	struct unread *items = grow(m->unread, m->nunread, &m->room, sizeof(*items));

	if (!items)
		return -ENOMEM;
	m->unread = items;
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
	if (r < 0) {
		const int e = not_read(m, b, PROBLEM_MANIFEST_UNREADABLE, strerror(-r));

		if (e == 0)
			m->unread[m->nunread - 1].denied = r == -EACCES;
		return e;
	}
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

static int try_next(struct manifests *m)
{
	struct store *s = m->c->store;
	const uint32_t blob = m->maybe.items[m->next_maybe++];

	if (blob >= m->ntried) {
		uint8_t *more = realloc(m->tried, s->nblobs);

		if (!more)
			return -ENOMEM;
		memset(more + m->ntried, 0, s->nblobs - m->ntried);
		m->tried = more;
		m->ntried = s->nblobs;
	}
	if (m->tried[blob])
		return 0;
	m->tried[blob] = 1;
	return try_one(m, s->blobs[blob]);
}

static int read_all(struct manifests *m)
{
	int r = 0;

	while (r == 0 && (m->next < m->queue.count || m->next_maybe < m->maybe.count)) {
		r = m->next < m->queue.count ? read_one(m, m->c->store->blobs[m->queue.items[m->next++]])
					     : try_next(m);
		if (r == 0)
			r = scan_go_on(m->c, 1);
	}
	return r;
}

/* ---- what a push has written since ---- */

/* The registry 2 writes a manifest in place: it is empty for a moment. */
static bool is_half(const struct manifests *m, const struct unread *u)
{
	return u->kind == PROBLEM_DIGEST && scan_is_fresh(m->c, m->c->store->blobs[u->blob]->changed);
}

/* As if they had been missing until now. */
static void forget_half(struct manifests *m, const bool *half)
{
	const size_t count = m->nunread;

	m->nunread = 0;
	for (size_t i = 0; i < count; i++) {
		struct store_blob *b = m->c->store->blobs[m->unread[i].blob];

		if (!half[i]) {
			m->unread[m->nunread++] = m->unread[i];
			continue;
		}
		b->flags &= (uint8_t) ~(BLOB_UNREADABLE | BLOB_BAD_BYTES | BLOB_PRESENT);
		free(m->unread[i].why);
	}
}

/* Those that were missing, and what they name in turn, until nothing more is there. */
static int read_missing(struct manifests *m)
{
	const struct store *s = m->c->store;
	uint32_t done = 0;
	int r = 0;

	while (r == 0 && done < s->nblobs) {
		const uint32_t from = done;

		done = s->nblobs;
		r = scan_blobs_again(m->c, from);
		for (uint32_t i = from; i < done && r == 0; i++) {
			const struct store_blob *b = s->blobs[i];

			if (b->flags & BLOB_NAMED && b->flags & BLOB_PRESENT && !b->manifest &&
			    !(b->flags & BLOB_UNREADABLE))
				r = numbers_add(&m->queue, i);
		}
		if (r == 0)
			r = read_all(m);
	}
	return r;
}

static int read_again(struct manifests *m)
{
	auto_free bool *half = calloc(m->nunread + 1, sizeof(*half));
	bool any = m->c->again.count;
	int r;

	if (!half)
		return -ENOMEM;
	for (size_t i = 0; i < m->nunread; i++)
		any |= half[i] = is_half(m, &m->unread[i]);
	r = scan_wait(m->c, any);
	if (r < 0)
		return r;
	forget_half(m, half);
	r = scan_links_again(m->c);
	if (r == 0)
		r = name_roots(m);
	if (r == 0)
		r = read_all(m);
	return r < 0 ? r : read_missing(m);
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

static const char *remedy(const struct manifests *m, const struct unread *u)
{
	if (u && u->denied)
		return "; become root or the registry's user";
	return !u && m->c->store->cache ? "" : "; push it again, or delete it";
}

/*
 * One that a revision or a tag of c->repository names, and that cannot be followed. tag: NULL for a revision.
 */
static int tell_one(struct manifests *m, const struct store_blob *b, const char *tag)
{
	struct scanning *c = m->c;
	struct unread *u = b->flags & BLOB_UNREADABLE ? find_unread(m, b->number) : NULL;
	const char *why = u ? u->why : "its content is missing";
	const enum problem_kind missing = c->store->cache ? PROBLEM_NOT_CACHED : PROBLEM_MANIFEST_MISSING;
	char text[REG_DIGEST_MAX];
	int r = 0;

	reg_digest_text(&b->digest, text);
	if (!tag) {
		r = scan_tell(c, u ? u->kind : missing, NULL, NULL, &b->digest, "manifest %s: %s%s", text,
			      why, remedy(m, u));
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

int scan_manifests(struct scanning *c)
{
	struct manifests m = {.c = c};
	int r = name_roots(&m);

	progress_begin(c->progress, "reading manifests", m.queue.count, false);
	if (r == 0)
		r = read_all(&m);
	if (r == 0)
		r = read_again(&m);
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
	free(m.tried);
	refs_platforms_done(&m.platforms);
	return r;
}
