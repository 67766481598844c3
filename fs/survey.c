/* SPDX-License-Identifier: MIT */
#include "survey.h"

#include <errno.h>
#include <stdlib.h>

#include "newest.h"
#include "util/cleanup.h"

enum { MOMENT_MS = 1000, FAILED_MS = 5000 };

/* One of the questions under way. */
struct slot {
	struct wait wait;
	struct survey *survey;
	struct tag *tag; /* what it asks about, or NULL */
	struct manifest *manifest; /* likewise */
	bool read; /* the manifest itself is done with, its referrers are not */
	struct fetch referrers;
	bool busy;
};

struct survey {
	struct repository *repository;
	struct fetch fetch;
	struct call call; /* what was fetched since it began is fresh */
	uint64_t done, dated; /* when it was last complete; 0: never */
	/* Likewise, also with what was known before: for a removal. When it began. */
	uint64_t complete, complete_dated;
	uint64_t forgotten; /* what was found before does not count for who comes later */
	uint64_t changes; /* of the repository, when it began */
	bool dates, outdated;
	bool strict; /* for a removal: what is missing must be missing for certain */
	int err;
	size_t next_tag;
	struct manifest **found; /* reachable manifests, in the order found; each is looked at once */
	size_t nfound, room, next_found;
	struct slot *slots;
	size_t nslots;
};

static void slot_run(struct slot *slot);

static void note_error(struct survey *s, int err)
{
	if (err < 0 && err != -ENOENT && s->err == 0)
		s->err = err;
}

/* A manifest is reachable. Returns it, or NULL without memory. */
static struct manifest *find_manifest(struct survey *s, const struct reg_digest *digest, bool load)
{
	struct manifest *m = repository_manifest(s->repository, digest);

	if (!m) {
		note_error(s, -ENOMEM);
		return NULL;
	}
	m->load |= load;
	if (m->listed)
		return m;
	if (s->nfound == s->room) {
		const size_t room = s->room ? s->room * 2 : 64;
		struct manifest **found = realloc(s->found, room * sizeof(*found));

		if (!found) {
			note_error(s, -ENOMEM);
			return NULL;
		}
		s->found = found;
		s->room = room;
	}
	m->listed = true;
	m->gone = 0;
	m->subject = NULL;
	s->found[s->nfound++] = m;
	return m;
}

static void looked_at(struct survey *s, struct tag *tag)
{
	if (tag->image && tag->resolved)
		(void)find_manifest(s, &tag->image->digest, false);
	tag->surveyed = tag->image;
}

static void on_wake(struct tree *t, struct wait *w, int err)
{
	struct slot *slot = container_of(w, struct slot, wait);

	(void)t;
	if (err < 0 && err != -ECANCELED && err != -ENOENT) {
		note_error(slot->survey, err);
		if (slot->tag)
			looked_at(slot->survey, slot->tag);
		slot->tag = NULL;
		slot->manifest = NULL;
	}
	slot_run(slot);
}

static void slot_wait(struct slot *slot, struct fetch *f)
{
	slot->wait.wake = on_wake;
	fetch_wait(slot->survey->repository->tree, f, &slot->wait, false);
}

/* 1: it waits. */
static int look_at_tag(struct slot *slot)
{
	struct survey *s = slot->survey;
	struct tag *tag = slot->tag;
	struct fetch *f = NULL;
	int r = s->dates ? tag_date(tag, &s->call, &f) : tag_resolve(tag, &s->call, false, &f);

	if (r == 1) {
		slot_wait(slot, f);
		return 1;
	}
	note_error(s, r);
	looked_at(s, tag);
	slot->tag = NULL;
	return 0;
}

static void add_items(struct survey *s, const struct image *i)
{
	for (size_t k = 0; k < i->nitems; k++) {
		struct manifest *m = find_manifest(s, &i->items[k].digest, i->items[k].index);

		if (!m)
			continue;
		m->nparents++;
		if (!m->has_size) {
			m->has_size = true;
			m->size = i->items[k].size;
		}
	}
}

static void learn_referrers(struct slot *slot, const struct reg_names *names)
{
	struct manifest *subject = slot->manifest;

	while (list_pop(&subject->referrers))
		;
	subject->referred = tree_now();
	for (size_t k = 0; k < names->count; k++) {
		struct reg_digest digest;
		struct manifest *m;

		if (!reg_digest_parse(names->items[k], &digest))
			continue;
		m = find_manifest(slot->survey, &digest, true);
		if (m && !m->subject) {
			m->subject = subject;
			list_remove(&m->refers);
			list_append(&subject->referrers, &m->refers);
		}
	}
}

/* What was found a moment ago need not be asked for again. */
static void reuse_referrers(struct slot *slot)
{
	struct manifest *subject = slot->manifest;

	for (struct list *node = subject->referrers.next; node != &subject->referrers; node = node->next) {
		struct manifest *m = container_of(node, struct manifest, refers);

		if (find_manifest(slot->survey, &m->digest, true) && !m->subject)
			m->subject = subject;
	}
	slot->manifest = NULL;
}

/* The registry has no such API, or none for us. Any other failure says nothing about that. */
static bool lacks_referrers(const struct reg_result *result)
{
	const int status = result->error->status;

	return result->err == -ENOENT || result->err == -EACCES || status == 400 || status == 405 ||
	       status == 501;
}

static void on_referrers(void *data, const struct reg_result *result)
{
	struct slot *slot = data;
	struct survey *s = slot->survey;
	struct tree *t = s->repository->tree;

	tree_lock(t);
	if (result->err == 0) {
		t->referrers = REFERRERS_API;
		learn_referrers(slot, result->names);
	} else if (t->referrers == REFERRERS_UNKNOWN && lacks_referrers(result)) {
		t->referrers = REFERRERS_NONE;
	} else if (result->err != -ENOENT) {
		tree_log_failure(t, s->repository->name, slot->manifest->name, result->err, result->error);
		note_error(s, result->err);
	}
	slot->manifest = NULL;
	fetch_end(t, &slot->referrers, 0);
	tree_unlock(t);
}

static int ask_referrers(struct slot *slot)
{
	struct repository *r = slot->survey->repository;
	struct tree *t = r->tree;
	struct reg_call call;

	if (t->referrers == REFERRERS_NONE) {
		slot->manifest = NULL;
		return 0;
	}
	if (tree_fresh(t, slot->manifest->referred, &slot->survey->call)) {
		reuse_referrers(slot);
		return 0;
	}
	fetch_begin(t, &slot->referrers, false);
	slot_wait(slot, &slot->referrers);
	call = fetch_call(&slot->referrers, on_referrers, slot);
	slot->referrers.op = reg_referrers(t->client, r->name, &slot->manifest->digest, &call);
	if (slot->referrers.op)
		return 1;
	slot->referrers.active = false;
	list_remove(&slot->wait.link);
	note_error(slot->survey, -ENOMEM);
	slot->manifest = NULL;
	return 0;
}

static int look_at_manifest(struct slot *slot)
{
	struct survey *s = slot->survey;
	struct tree *t = s->repository->tree;
	struct image *i = image_get(t, &slot->manifest->digest);
	struct fetch *f = NULL;
	int r = i ? 0 : -ENOMEM;

	if (!slot->read) {
		if (r == 0 && slot->manifest->load)
			r = image_load(t, i, s->repository->name, false, &f);
		if (r == 1) {
			slot_wait(slot, f);
			return 1;
		}
		if (r == -ENOENT) /* a child that was never pushed, or is gone */
			slot->manifest->listed = false;
		if (r == -ENOENT && s->strict && image_is_unproven(i, s->repository->name))
			note_error(s, -EIO);
		note_error(s, r);
		if (r == 0 && i->known)
			add_items(s, i);
		slot->read = true;
		if (r < 0) {
			slot->manifest = NULL;
			return 0;
		}
	}
	return ask_referrers(slot);
}

/* Takes the next thing to look at. False: there is none now. */
static bool take_next(struct slot *slot)
{
	struct survey *s = slot->survey;
	const struct repository *r = s->repository;
	bool busy = false;

	while (s->next_tag < r->ntags) {
		struct tag *tag = r->tags[s->next_tag++];

		if (tag->listed) {
			slot->tag = tag;
			return true;
		}
	}
	if (s->next_found == s->nfound)
		return false;
	/* Until it is known whether there is a referrers API, one question at a time asks. */
	for (size_t k = 0; r->tree->referrers == REFERRERS_UNKNOWN && k < s->nslots; k++)
		busy |= s->slots[k].busy && &s->slots[k] != slot;
	if (busy)
		return false;
	slot->manifest = s->found[s->next_found++];
	slot->read = false;
	return true;
}

static bool all_dated(const struct repository *r)
{
	for (size_t k = 0; k < r->ntags; k++)
		if (r->tags[k]->listed && r->tags[k]->resolved && !tag_is_dated(r->tags[k]))
			return false;
	return true;
}

/* Did nothing move after it was looked at? */
static bool is_consistent(const struct repository *r)
{
	for (size_t k = 0; k < r->ntags; k++)
		if (r->tags[k]->listed && r->tags[k]->surveyed != r->tags[k]->image)
			return false;
	return true;
}

static void finish_if_idle(struct survey *s)
{
	struct tree *t = s->repository->tree;

	/* With what is older than the ttl, it is good enough for a removal alone. */
	const uint64_t now = s->outdated || s->call.patience ? 0 : tree_now();

	for (size_t k = 0; k < s->nslots; k++)
		if (s->slots[k].busy)
			return;
	if (s->dates || all_dated(s->repository)) {
		note_error(s, newest_find(s->repository, s->found, s->nfound));
		s->dated = now;
	}
	s->done = now;
	s->changes = s->repository->changes;
	s->complete = s->strict && is_consistent(s->repository) ? s->call.began : 0;
	s->complete_dated = s->dates || all_dated(s->repository) ? s->complete : 0;
	s->outdated = false;
	fetch_end(t, &s->fetch, 0);
}

/* Lets every idle slot look for something to do. */
static void pump(struct survey *s)
{
	for (size_t k = 0; k < s->nslots; k++) {
		struct slot *slot = &s->slots[k];

		if (slot->busy || !take_next(slot))
			continue;
		slot->busy = true;
		while (slot->tag || slot->manifest) {
			if ((slot->tag ? look_at_tag(slot) : look_at_manifest(slot)) == 1)
				break;
			if (!slot->tag && !slot->manifest)
				(void)take_next(slot);
		}
		slot->busy = slot->tag || slot->manifest;
	}
}

/* Goes on after a wait. */
static void slot_run(struct slot *slot)
{
	struct survey *s = slot->survey;

	while (slot->tag || slot->manifest) {
		if ((slot->tag ? look_at_tag(slot) : look_at_manifest(slot)) == 1)
			return;
	}
	slot->busy = false;
	pump(s);
	if (s->fetch.active)
		finish_if_idle(s);
}

static struct survey *survey_new(struct repository *r)
{
	struct survey *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->repository = r;
	s->nslots = 2 * (size_t)r->tree->options.connections;
	s->slots = calloc(s->nslots, sizeof(*s->slots));
	if (!s->slots) {
		free(s);
		return NULL;
	}
	for (size_t k = 0; k < s->nslots; k++) {
		s->slots[k].survey = s;
		fetch_init(&s->slots[k].referrers);
	}
	fetch_init(&s->fetch);
	return s;
}

void survey_free(struct survey *s)
{
	if (!s)
		return;
	free(s->found);
	free(s->slots);
	free(s);
}

static void begin(struct survey *s, bool dates, bool strict, uint64_t patience)
{
	struct repository *r = s->repository;

	fetch_begin(r->tree, &s->fetch, false);
	s->call.began = tree_now();
	s->call.patience = patience;
	s->dates = dates;
	s->strict = strict;
	s->err = 0;
	s->next_tag = s->nfound = s->next_found = 0;
	for (size_t k = 0; k < r->nmanifests; k++) {
		struct manifest *m = r->manifests[k];

		m->listed = false;
		m->nparents = 0;
	}
	for (size_t k = 0; k < r->ntags; k++)
		r->tags[k]->surveyed = NULL;
	pump(s);
	finish_if_idle(s);
}

void survey_forget(struct repository *r)
{
	if (!r->survey)
		return;
	r->survey->done = r->survey->dated = 0;
	r->survey->forgotten = tree_now();
	for (size_t k = 0; k < r->nmanifests; k++)
		r->manifests[k]->referred = 0;
	r->survey->outdated = r->survey->fetch.active;
}

/* Even with a ttl of nothing, whoever asks about all of its manifests in a row gets by with one survey. */
static bool is_recent(const struct tree *t, uint64_t when, const struct call *c)
{
	return when && (tree_now() - when < MOMENT_MS || tree_fresh(t, when, c));
}

bool survey_is_dated(const struct repository *r)
{
	const struct survey *s = r->survey;

	return s && !s->fetch.active && s->err == 0 && is_recent(r->tree, s->dated, NULL);
}

void survey_changed(struct repository *r)
{
	r->survey->done = r->survey->dated = 0;
}

/* Runs it unless what it would say is known. */
static int run(struct repository *r, bool known, bool dates, bool strict, uint64_t patience, int *ret_error,
	       struct fetch **ret_fetch)
{
	struct survey *s = r->survey;

	if (!s->fetch.active && !known) {
		if (r->changing.active) { /* it would count what is just going */
			*ret_fetch = &r->changing;
			return 1;
		}
		begin(s, dates, strict, patience);
	}
	if (s->fetch.active) {
		*ret_fetch = &s->fetch;
		return 1;
	}
	*ret_error = s->err;
	return 0;
}

static bool have(struct repository *r)
{
	if (!r->survey)
		r->survey = survey_new(r);
	return r->survey;
}

int survey_run(struct repository *r, const struct call *c, bool dates, int *ret_error,
	       struct fetch **ret_fetch)
{
	if (!have(r))
		return -ENOMEM;
	return run(r, is_recent(r->tree, dates ? r->survey->dated : r->survey->done, c), dates, false, 0,
		   ret_error, ret_fetch);
}

int survey_complete(struct repository *r, const struct call *c, bool dates, int *ret_error,
		    struct fetch **ret_fetch)
{
	const struct survey *s = have(r) ? r->survey : NULL;
	uint64_t when;
	bool known;

	if (!s)
		return -ENOMEM;
	when = dates ? s->complete_dated : s->complete;
	/* What failed is tried again for the next removal, if not for each of a thousand in a row. */
	known = s->changes == r->changes && (when > s->forgotten || c->began <= s->forgotten) &&
		(s->err ? when && (when >= c->began || tree_now() - when < FAILED_MS)
			: tree_fresh(r->tree, when, c));
	return run(r, known, dates, true, c->patience, ret_error, ret_fetch);
}
