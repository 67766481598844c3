/* SPDX-License-Identifier: MIT */
#include "storage/plan_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/grow.h"

/*
 * References that are followed for all sums together. Beyond (indexes in indexes that share what they list,
 * thousands deep: nobody makes them) a revision counts with what it names itself.
 */
#define REFS_MAX 50000000

/* A walk over manifests that meets each once: what it has seen is told by the walk's number. */
struct walk {
	const struct store *store;
	uint32_t *seen, number;
	uint32_t *todo, ntodo; /* as many as there are blobs at most */
	uint64_t refs; /* followed until now */
};

static bool meet(struct walk *w, uint32_t blob)
{
	if (w->seen[blob] == w->number)
		return false;
	w->seen[blob] = w->number;
	return true;
}

static void enter(struct walk *w, uint32_t blob)
{
	if (meet(w, blob))
		w->todo[w->ntodo++] = blob;
}

/* The indexes' children below what was entered: all are seen at its end. */
static void walk_children(struct walk *w)
{
	while (w->ntodo) {
		const struct store_manifest *m = w->store->blobs[w->todo[--w->ntodo]]->manifest;

		for (size_t i = 0; m && i < m->nrefs; i++)
			if (m->refs[i].role == ROLE_CHILD)
				enter(w, m->refs[i].blob);
	}
}

/* The bytes of a revision and of all that it names, each blob once. */
static uint64_t sum(struct walk *w, uint32_t revision)
{
	uint64_t bytes = (uint64_t)w->store->blobs[revision]->size;

	w->number++;
	enter(w, revision);
	while (w->ntodo) {
		const struct store_manifest *m = w->store->blobs[w->todo[--w->ntodo]]->manifest;

		for (size_t i = 0; m && i < m->nrefs; i++, w->refs++) {
			const uint32_t blob = m->refs[i].blob;

			if (m->refs[i].role == ROLE_SUBJECT || !meet(w, blob))
				continue;
			bytes += (uint64_t)w->store->blobs[blob]->size;
			if (m->refs[i].role == ROLE_CHILD && w->refs < REFS_MAX)
				w->todo[w->ntodo++] = blob;
		}
	}
	return bytes;
}

static int add(struct plan *p, size_t *room, const struct plan_untagged *u)
{
	struct plan_untagged *grown = grow(p->untagged, p->nuntagged, room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	p->untagged = grown;
	p->untagged[p->nuntagged++] = *u;
	return 0;
}

static int compare(const void *left, const void *right, void *store)
{
	const struct plan_untagged *a = left, *b = right;
	const struct store *s = store;
	const time_t x = s->links[a->link].changed, y = s->links[b->link].changed;

	if (x != y)
		return x < y ? -1 : 1;
	return a->link < b->link ? -1 : 1; /* no two are the same */
}

static int look_at(uint32_t number, struct walk *held, struct walk *sums, const struct mark *m,
		   const struct mark *tagged, size_t *room, struct plan *p)
{
	const struct store *s = held->store;
	const struct store_repository *repository = &s->repositories[number];
	int r = 0;

	held->number = number + 1;
	for (uint32_t i = 0; i < repository->ntags; i++)
		if (repository->tags[i].blob != STORE_NONE)
			enter(held, repository->tags[i].blob);
	walk_children(held);
	for (uint32_t i = 0; r == 0 && i < repository->nlinks; i++) {
		const uint32_t link = repository->first_link + i;
		const struct store_link *l = &s->links[link];
		struct plan_untagged u = {.repository = number, .link = link};

		if (l->type != LINK_REVISION || l->flags & LINK_ASIDE || held->seen[l->blob] == held->number)
			continue;
		u.garbage = m->links[link] == MARK_GARBAGE;
		u.by_subject = tagged->links[link] == MARK_HELD;
		u.bytes = sum(sums, l->blob);
		p->repositories[number].untagged += !u.by_subject;
		r = add(p, room, &u);
	}
	return r;
}

int plan_untagged(const struct store *s, const struct mark *m, const struct mark *tagged, struct plan *p)
{
	const size_t n = s->nblobs ? s->nblobs : 1;
	auto_free uint32_t *by_tags = calloc(n, sizeof(*by_tags));
	auto_free uint32_t *by_sum = calloc(n, sizeof(*by_sum));
	auto_free uint32_t *todo = calloc(n, sizeof(*todo));
	struct walk held = {.store = s, .seen = by_tags, .todo = todo};
	struct walk sums = {.store = s, .seen = by_sum, .todo = todo};
	size_t room = 0;
	int r = by_tags && by_sum && todo ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < s->nrepositories; i++) {
		const size_t first = p->nuntagged;

		r = look_at(i, &held, &sums, m, tagged, &room, p);
		if (p->nuntagged > first)
			qsort_r(p->untagged + first, p->nuntagged - first, sizeof(*p->untagged), compare,
				(void *)s);
	}
	return r;
}
