/* SPDX-License-Identifier: MIT */
#include "storage/mark.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/grow.h"

/* A revision that names a subject; chained by the subject's number. */
struct referrer {
	uint32_t subject, revision, next;
};

/*
 * The work on one repository after the other. A node is a manifest in a repository: its state there only
 * grows, and it is followed once a state, so that cycles end and each is followed three times at most.
 */
struct work {
	struct store *store;
	const struct mark_options *options;
	struct mark *mark;
	uint32_t number; /* of the repository */
	struct store_repository *repository;
	uint32_t *epoch; /* by blob: the repository, plus one, that its state in `node` is about */
	uint8_t *node;
	uint32_t *todo; /* a stack */
	size_t ntodo, room;
	uint32_t *first_referrer; /* by subject: into referrers, or STORE_NONE */
	struct referrer *referrers;
	uint32_t nreferrers;
	size_t room_referrers;
};

static void raise_to(uint8_t *state, enum mark_state to)
{
	if (*state < to)
		*state = (uint8_t)to;
}

static void reach_blob(struct work *w, uint32_t blob, enum mark_state state, uint32_t via)
{
	struct mark *m = w->mark;

	raise_to(&m->blobs[blob], state);
	if (state != MARK_HELD)
		return;
	if (m->holder[blob] == STORE_NONE) {
		m->holder[blob] = m->via_repository[blob] = w->number;
		m->via[blob] = via;
	} else if (m->holder[blob] != w->number) {
		m->holder[blob] = MARK_SHARED;
	}
}

static void reach_link(struct work *w, uint32_t blob, enum store_link_type type, enum mark_state state)
{
	const uint32_t link = store_link_find(w->store, w->repository, blob, type);

	if (link != STORE_NONE)
		raise_to(&w->mark->links[link], state);
}

/* A manifest: what it names is left for later. */
static int reach_manifest(struct work *w, uint32_t blob, enum mark_state state, uint32_t via)
{
	uint32_t *todo;

	if (w->epoch[blob] == w->number + 1 && w->node[blob] >= state)
		return 0;
	todo = grow(w->todo, w->ntodo, &w->room, sizeof(*todo));
	if (!todo)
		return -ENOMEM;
	w->todo = todo;
	w->epoch[blob] = w->number + 1;
	w->node[blob] = (uint8_t)state;
	w->todo[w->ntodo++] = blob;
	reach_blob(w, blob, state, via);
	reach_link(w, blob, LINK_REVISION, state);
	/* Registry 2.1.0 linked manifests there, and what an index lists need not be a manifest. */
	reach_link(w, blob, LINK_LAYER, state);
	return 0;
}

/* Under another digest as well, if that is where its link leads. */
static void reach_layer(struct work *w, uint32_t blob, enum mark_state state, uint32_t via)
{
	const uint32_t target = store_target(w->repository, blob);

	reach_blob(w, blob, state, via);
	reach_link(w, blob, LINK_LAYER, state);
	if (target != blob) {
		reach_blob(w, target, state, via);
		reach_link(w, target, LINK_LAYER, state);
	}
}

/* What an index lists under a type that nobody knows is a manifest all the same if it is linked as one. */
static int reach_content(struct work *w, uint32_t blob, enum mark_state state, uint32_t via)
{
	if (store_link_find(w->store, w->repository, blob, LINK_REVISION) != STORE_NONE)
		return reach_manifest(w, blob, state, via);
	reach_layer(w, blob, state, via);
	return 0;
}

/* What a manifest that is there but unknown names is anything. */
static int note_unreadable(struct work *w, const struct store_blob *b)
{
	char text[REG_DIGEST_MAX];

	if (b->manifest || !(store_blob_is_there(b) || b->flags & BLOB_ODD))
		return 0;
	return store_unsure(w->repository, "manifest %s is needed here and cannot be read",
			    reg_digest_text(&b->digest, text));
}

static int follow(struct work *w, uint32_t blob)
{
	const struct store_blob *b = w->store->blobs[blob];
	const enum mark_state state = w->node[blob];
	const uint32_t target = store_target(w->repository, blob);
	int r = note_unreadable(w, b);

	if (r == 0 && target != blob)
		r = reach_manifest(w, target, state, blob);
	for (size_t i = 0; r == 0 && b->manifest && i < b->manifest->nrefs; i++) {
		const struct store_ref *ref = &b->manifest->refs[i];

		switch (ref->role) {
		case ROLE_SUBJECT:
			break;
		case ROLE_CHILD:
			r = reach_manifest(w, ref->blob, state, blob);
			break;
		default:
			r = reach_content(w, ref->blob, state, blob);
		}
	}
	for (uint32_t i = w->first_referrer[blob]; r == 0 && i != STORE_NONE; i = w->referrers[i].next)
		r = reach_manifest(w, w->referrers[i].revision, state, blob);
	return r;
}

static int follow_all(struct work *w)
{
	int r = 0;

	while (r == 0 && w->ntodo)
		r = follow(w, w->todo[--w->ntodo]);
	return r;
}

/* ---- referrers ---- */

static int add_referrer(struct work *w, uint32_t subject, uint32_t revision)
{
	struct referrer *grown = NULL;

	if (w->nreferrers < STORE_NONE - 1)
		grown = grow(w->referrers, w->nreferrers, &w->room_referrers, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	w->referrers = grown;
	w->referrers[w->nreferrers] = (struct referrer){subject, revision, w->first_referrer[subject]};
	w->first_referrer[subject] = w->nreferrers++;
	return 0;
}

/*
 * A referrer is one by its link in this repository, wherever that is: one aside comes back with its subject.
 */
static int find_referrers(struct work *w)
{
	const struct store_link *links = w->store->links + w->repository->first_link;
	int r = 0;

	for (uint32_t l = 0; r == 0 && l < w->repository->nlinks; l++) {
		const struct store_manifest *m = w->store->blobs[links[l].blob]->manifest;

		if (links[l].type != LINK_REVISION || !m)
			continue;
		for (size_t i = 0; r == 0 && i < m->nrefs; i++)
			if (m->refs[i].role == ROLE_SUBJECT)
				r = add_referrer(w, m->refs[i].blob, links[l].blob);
	}
	return r;
}

static void forget_referrers(struct work *w)
{
	for (uint32_t i = 0; i < w->nreferrers; i++)
		w->first_referrer[w->referrers[i].subject] = STORE_NONE;
	w->nreferrers = 0;
}

/* ---- roots ---- */

static bool is_recent(const struct work *w, time_t changed)
{
	return w->options->recent && changed >= w->options->recent;
}

/* Tags before revisions: a tag is the better answer to what holds a blob. */
static int hold_tags(struct work *w)
{
	const struct store_repository *repository = w->repository;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < repository->ntags; i++)
		if (repository->tags[i].blob != STORE_NONE)
			r = reach_manifest(w, repository->tags[i].blob, MARK_HELD, STORE_NONE);
	return r < 0 ? r : follow_all(w);
}

/*
 * One aside is a root only if it is recent: a push wrote it anew in the moment in which it was taken away.
 */
static int hold_revisions(struct work *w)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < w->repository->nlinks; i++) {
		const struct store_link *l = &w->store->links[w->repository->first_link + i];
		const bool aside = l->flags & LINK_ASIDE;

		if (l->type != LINK_REVISION)
			continue;
		if (!aside && !w->options->delete_untagged)
			r = reach_manifest(w, l->blob, MARK_HELD, STORE_NONE);
		else if (is_recent(w, l->changed))
			r = reach_manifest(w, l->blob, MARK_YOUNG, STORE_NONE);
	}
	return r < 0 ? r : follow_all(w);
}

/* A revision whose manifest is gone or broken promises more than is known, whoever needs it. */
static int look_at_revisions(struct work *w)
{
	char text[REG_DIGEST_MAX];
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < w->repository->nlinks; i++) {
		const struct store_link *l = &w->store->links[w->repository->first_link + i];
		const struct store_blob *b = w->store->blobs[l->blob];

		if (l->type == LINK_REVISION && !(l->flags & LINK_ASIDE) && !b->manifest)
			r = store_unsure(w->repository, "manifest %s is linked here and %s",
					 reg_digest_text(&b->digest, text),
					 store_blob_is_there(b) ? "cannot be read" : "missing");
	}
	return r;
}

/* Also what is aside: it was taken away when all was known. */
static int keep_all(struct work *w)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < w->repository->nlinks; i++) {
		const struct store_link *l = &w->store->links[w->repository->first_link + i];

		if (l->type == LINK_REVISION)
			r = reach_manifest(w, l->blob, MARK_UNSURE, STORE_NONE);
		else
			reach_layer(w, l->blob, MARK_UNSURE, STORE_NONE);
	}
	return r < 0 ? r : follow_all(w);
}

static void keep_recent_layers(struct work *w)
{
	for (uint32_t i = 0; i < w->repository->nlinks; i++) {
		const struct store_link *l = &w->store->links[w->repository->first_link + i];

		if (l->type == LINK_LAYER && is_recent(w, l->changed))
			reach_layer(w, l->blob, MARK_YOUNG, STORE_NONE);
	}
}

static int mark_repository(struct work *w)
{
	int r = find_referrers(w);

	if (r == 0)
		r = look_at_revisions(w);
	if (r == 0)
		r = hold_tags(w);
	if (r == 0)
		r = hold_revisions(w);
	if (r == 0 && w->repository->unsure) /* known from before, or by what was followed */
		r = keep_all(w);
	keep_recent_layers(w);
	forget_referrers(w);
	return r;
}

/* What stays for its own sake. */
static void keep_rest(const struct work *w)
{
	const struct store *s = w->store;
	struct mark *m = w->mark;

	for (uint32_t i = 0; s->blind && i < s->nlinks; i++)
		raise_to(&m->links[i], MARK_UNSURE);
	for (uint32_t i = 0; i < s->nblobs; i++) {
		if (is_recent(w, s->blobs[i]->changed))
			raise_to(&m->blobs[i], MARK_YOUNG);
		if (s->blind || s->blobs[i]->flags & BLOB_ODD)
			raise_to(&m->blobs[i], MARK_UNSURE);
	}
}

/* ---- all of it ---- */

/* One byte at least: an empty storage is no lack of memory. */
static void *numbers(size_t count, size_t size, int byte)
{
	void *all = reallocarray(NULL, count ? count : 1, size);

	if (all)
		memset(all, byte, count * size);
	return all;
}

static int mark_init(struct mark *m, const struct store *s)
{
	*m = (struct mark){
		.blobs = numbers(s->nblobs, sizeof(*m->blobs), 0),
		.links = numbers(s->nlinks, sizeof(*m->links), 0),
		.holder = numbers(s->nblobs, sizeof(*m->holder), 0xff),
		.via = numbers(s->nblobs, sizeof(*m->via), 0xff),
		.via_repository = numbers(s->nblobs, sizeof(*m->via_repository), 0xff),
		.nblobs = s->nblobs,
		.nlinks = s->nlinks,
	};
	return m->blobs && m->links && m->holder && m->via && m->via_repository ? 0 : -ENOMEM;
}

void mark_done(struct mark *m)
{
	free(m->blobs);
	free(m->links);
	free(m->holder);
	free(m->via);
	free(m->via_repository);
	*m = (struct mark){0};
}

static int mark_all(struct store *s, const struct mark_options *o, struct mark *m)
{
	auto_free uint32_t *epoch = numbers(s->nblobs, sizeof(*epoch), 0);
	auto_free uint8_t *node = numbers(s->nblobs, sizeof(*node), 0);
	auto_free uint32_t *first_referrer = numbers(s->nblobs, sizeof(*first_referrer), 0xff);
	struct work w = {
		.store = s,
		.options = o,
		.mark = m,
		.epoch = epoch,
		.node = node,
		.first_referrer = first_referrer,
	};
	int r = epoch && node && first_referrer ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < s->nrepositories; i++) {
		w.number = i;
		w.repository = &s->repositories[i];
		r = mark_repository(&w);
	}
	if (r == 0)
		keep_rest(&w);
	free(w.todo);
	free(w.referrers);
	return r;
}

int mark(struct store *s, const struct mark_options *o, struct mark *ret)
{
	struct mark m;
	int r = mark_init(&m, s);

	if (r == 0)
		r = mark_all(s, o, &m);
	if (r < 0)
		mark_done(&m);
	else
		*ret = m;
	return r;
}
