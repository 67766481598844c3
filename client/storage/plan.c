/* SPDX-License-Identifier: MIT */
#include "storage/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/plan_inner.h"
#include "util/cleanup.h"

bool plan_upload_is_dead(const struct store_upload *u, time_t now)
{
	/* It began long ago, and nothing came of late. */
	const time_t last = u->started > u->changed ? u->started : u->changed;

	return now - last > PLAN_UPLOAD_AGE;
}

bool plan_is_empty(const struct store *s, const struct mark *m, uint32_t repository, time_t now)
{
	const struct store_repository *r = &s->repositories[repository];

	if (s->blind || r->unsure || r->ntags)
		return false;
	for (uint32_t i = 0; i < r->nlinks; i++)
		if (m->links[r->first_link + i] != MARK_GARBAGE)
			return false;
	for (uint32_t i = 0; i < r->nuploads; i++)
		if (!plan_upload_is_dead(&r->uploads[i], now))
			return false;
	return true;
}

static void add(struct plan_sum *sum, int64_t bytes)
{
	sum->count++;
	sum->bytes += (uint64_t)bytes;
}

static void sum_blobs(const struct store *s, const struct mark *m, struct plan *p)
{
	for (uint32_t i = 0; i < s->nblobs; i++) {
		const struct store_blob *b = s->blobs[i];
		struct plan_sum *const sums[] = {
			[MARK_GARBAGE] = &p->garbage,
			[MARK_YOUNG] = &p->young,
			[MARK_UNSURE] = &p->unsure,
			[MARK_HELD] = &p->held,
		};

		if (b->flags & BLOB_ASIDE)
			add(&p->aside, b->size);
		if (!(b->flags & BLOB_PRESENT))
			continue;
		add(&p->blobs, b->size);
		add(sums[m->blobs[i]], b->size);
		if (m->blobs[i] == MARK_HELD && m->holder[i] < s->nrepositories)
			p->repositories[m->holder[i]].alone += (uint64_t)b->size;
	}
}

/* A blob may have two links in a repository, which stand together: it counts once. */
static void sum_link(const struct store *s, const struct mark *m, uint32_t link, bool again,
		     struct plan_repository *r)
{
	const struct store_link *l = &s->links[link];
	const struct store_blob *b = s->blobs[l->blob];

	if (m->links[link] == MARK_GARBAGE) {
		if (l->type == LINK_REVISION)
			r->revision_links++;
		else
			r->layer_links++;
	}
	if (l->type == LINK_REVISION)
		r->manifests++;
	if (again || !(b->flags & BLOB_PRESENT))
		return;
	if (m->blobs[l->blob] == MARK_GARBAGE)
		r->garbage += (uint64_t)b->size;
	else if (m->holder[l->blob] == MARK_SHARED && m->links[link] == MARK_HELD)
		r->shared += (uint64_t)b->size;
}

static void sum_repository(const struct store *s, const struct mark *m, uint32_t number, time_t now,
			   struct plan *p)
{
	const struct store_repository *r = &s->repositories[number];
	struct plan_repository *sums = &p->repositories[number];
	uint32_t last = STORE_NONE;

	for (uint32_t i = r->first_link; i < r->first_link + r->nlinks; i++) {
		if (s->links[i].flags & LINK_ASIDE)
			continue;
		sum_link(s, m, i, s->links[i].blob == last, sums);
		last = s->links[i].blob;
	}
	for (uint32_t i = 0; i < r->nuploads; i++)
		if (plan_upload_is_dead(&r->uploads[i], now))
			add(&p->dead_uploads, r->uploads[i].size);
	sums->empty = plan_is_empty(s, m, number, now);
	p->nempty += sums->empty;
	p->revision_links += sums->revision_links;
	p->layer_links += sums->layer_links;
}

int plan(const struct store *s, const struct mark *m, const struct mark *tagged, time_t now, struct plan *ret)
{
	struct plan p = {0};
	int r;

	p.repositories = calloc(s->nrepositories ? s->nrepositories : 1, sizeof(*p.repositories));
	if (!p.repositories)
		return -ENOMEM;
	sum_blobs(s, m, &p);
	for (uint32_t i = 0; i < s->nrepositories; i++)
		sum_repository(s, m, i, now, &p);
	r = plan_untagged(s, m, tagged, &p);
	if (r < 0)
		plan_done(&p);
	else
		*ret = p;
	return r;
}

int plan_young(struct store *s, bool delete_untagged, time_t recent, struct plan_sum *ret)
{
	const struct mark_options o = {.delete_untagged = delete_untagged, .recent = recent};
	struct plan_sum sum = {0};
	struct mark m;
	int r = mark(s, &o, &m);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < s->nblobs; i++)
		if (s->blobs[i]->flags & BLOB_PRESENT && m.blobs[i] == MARK_YOUNG)
			add(&sum, s->blobs[i]->size);
	mark_done(&m);
	*ret = sum;
	return 0;
}

int plan_future(struct store *s, bool delete_untagged, time_t now, struct plan_sum *ret)
{
	return plan_young(s, delete_untagged, now + PLAN_AHEAD, ret);
}

void plan_done(struct plan *p)
{
	free(p->repositories);
	free(p->untagged);
	*p = (struct plan){0};
}
