/* SPDX-License-Identifier: MIT */
#include "repository.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "along.h"
#include "pinned.h"
#include "seen.h"
#include "survey.h"
#include "util/cleanup.h"

struct repository *repository_of(struct tree *t, struct directory *d)
{
	struct repository *r = d->repository;

	if (r)
		return r;
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	r->directory = d;
	r->tree = t;
	r->name = d->path;
	r->changed = t->mounted;
	fetch_init(&r->listing);
	fetch_init(&r->changing);
	abilities_init(&r->abilities);
	map_init(&r->names);
	map_init(&r->holders);
	map_init(&r->digests);
	d->repository = r;
	return r;
}

void repository_free(struct repository *r)
{
	struct map_node *node;

	if (!r)
		return;
	for (size_t k = 0; k < r->ntags; k++) {
		seen_free(r->tags[k]);
		along_forget(r->tags[k]);
		free(r->tags[k]->name);
		free(r->tags[k]);
	}
	while ((node = map_any(&r->holders))) {
		map_remove(&r->holders, node);
		free(container_of(node, struct holder, node));
	}
	for (size_t k = 0; k < r->nmanifests; k++) {
		free(r->manifests[k]->name);
		free(r->manifests[k]);
	}
	pinned_free(r);
	survey_free(r->survey);
	free(r->manifests);
	free(r->tags);
	map_done(&r->names);
	map_done(&r->holders);
	map_done(&r->digests);
	free(r);
}

struct tag *repository_tag(const struct repository *r, const char *name)
{
	const uint64_t hash = map_hash(name, strlen(name));

	map_for_each_match(&r->names, hash, node)
	{
		struct tag *tag = container_of(node, struct tag, node);

		if (strcmp(tag->name, name) == 0)
			return tag;
	}
	return NULL;
}

struct tag *repository_add_tag(struct repository *r, const char *name)
{
	struct tag *tag = repository_tag(r, name);

	if (tag)
		return tag;
	if (r->ntags == r->room) {
		const size_t room = r->room ? r->room * 2 : 16;
		struct tag **tags = realloc(r->tags, room * sizeof(*tags));

		if (!tags)
			return NULL;
		r->tags = tags;
		r->room = room;
	}
	tag = calloc(1, sizeof(*tag));
	if (!tag)
		return NULL;
	tag->name = strdup(name);
	if (!tag->name || map_add(&r->names, &tag->node, map_hash(name, strlen(name))) < 0) {
		free(tag->name);
		free(tag);
		return NULL;
	}
	tag->repository = r;
	tag->index = (uint32_t)r->ntags;
	(void)reg_tag_subject(name, &tag->subject);
	fetch_init(&tag->fetch);
	list_init(&tag->held);
	list_init(&tag->told);
	r->tags[r->ntags++] = tag;
	return tag;
}

bool repository_is_fresh(const struct repository *r, const struct call *c)
{
	return tree_fresh(r->tree, r->listed, c);
}

/* Somebody else removed it; or it was moved onto what has just been removed here, which nobody can see. */
static void vanished(struct repository *r, struct tag *tag)
{
	if (r->changed_last && r->changed_last + 1000 >= r->listed)
		tree_log(r->tree, REG_LOG_WARN,
			 "%s:%s: it has gone while others were removed: if nobody else removed it, it was "
			 "moved meanwhile to one of them, which regfs-undelete puts back",
			 r->name, tag->name);
	tag->listed = false;
	r->ages++;
	tag_gone(tag);
}

/* Takes over a list. Returns 0 or -ENOMEM. */
static int merge_tags(struct repository *r, const struct reg_names *names)
{
	const bool first = !r->ntags && !r->listed;
	size_t before = 0, kept = 0, listed = 0;

	for (size_t k = 0; k < r->ntags; k++) {
		before += r->tags[k]->listed;
		r->tags[k]->merged = false;
	}
	for (size_t k = 0; k < names->count; k++) {
		struct tag *tag = repository_add_tag(r, names->items[k]);

		if (!tag)
			return -ENOMEM;
		/* What went while the list was under way may still be in it. */
		if (tag->hidden || (tag->absent && tag->absent >= r->listing.began))
			continue;
		if (!tag->listed) {
			r->changes++;
			r->ages++;
			along_forget(tag);
		}
		kept += tag->listed;
		listed += !tag->merged;
		tag->listed = tag->merged = true;
		tag->absent = 0;
	}
	for (size_t k = 0; k < r->ntags; k++)
		if (r->tags[k]->listed && !r->tags[k]->merged) {
			vanished(r, r->tags[k]);
		}
	r->nlisted = listed;
	if (listed)
		r->directory->removed = false;
	if (!first && (kept != before || kept != listed))
		clock_gettime(CLOCK_REALTIME, &r->changed);
	return 0;
}

/* Dates that came with the list need no config. Without memory they are asked for. */
static void learn_dates(struct tree *t, const struct reg_names *names)
{
	for (size_t k = 0; k < names->ndated; k++) {
		struct image *i = image_get(t, &names->dated[k].digest);

		if (i)
			i->stated = names->dated[k].created;
	}
}

static void on_tags(void *data, const struct reg_result *result)
{
	struct repository *r = data;
	struct tree *t = r->tree;
	int err = result->err;

	tree_lock(t);
	if (err == 0) {
		err = merge_tags(r, result->names);
		if (result->names->dropped && !r->warned)
			tree_log(t, REG_LOG_WARN,
				 "%s: %zu names of tags break the grammar; they are not shown", r->name,
				 result->names->dropped);
		r->warned = result->names->dropped > 0;
		learn_dates(t, result->names);
	} else {
		tree_log_failure(t, r->name, "", err, result->error);
	}
	if (err == 0) {
		r->listed = fetch_when(t, &r->listing);
		r->listing_took = tree_now() - r->listing.began;
		r->absent = 0;
		directory_confirm(t, r->directory);
	} else if (err == -ENOENT) {
		r->absent = fetch_when(t, &r->listing);
		r->listed = 0;
	}
	fetch_end(t, &r->listing, err);
	tree_unlock(t);
}

int repository_list(struct repository *r, const struct call *c, struct fetch **ret_fetch)
{
	struct tree *t = r->tree;
	struct reg_call call;
	int err;

	if (repository_is_fresh(r, c))
		return 0;
	if (tree_fresh(t, r->absent, c))
		return -ENOENT;
	*ret_fetch = &r->listing;
	if (r->listing.active)
		return 1;
	err = fetch_take_error(&r->listing, !c);
	if (err < 0)
		return err;
	fetch_begin(t, &r->listing, !c);
	call = fetch_call(&r->listing, on_tags, r);
	fetch_sent(t, &r->listing, reg_tags(t->client, r->name, NULL, &call));
	return r->listing.active ? 1 : -ENOMEM;
}

bool manifest_is_gone(const struct repository *r, const struct manifest *m)
{
	return !m->listed && tree_fresh(r->tree, m->gone, NULL);
}

struct manifest *repository_manifest(struct repository *r, const struct reg_digest *digest)
{
	const uint64_t hash = map_hash(digest, sizeof(*digest));
	char text[REG_DIGEST_MAX];
	struct manifest *m;

	map_for_each_match(&r->digests, hash, node)
	{
		m = container_of(node, struct manifest, node);
		if (reg_digest_equal(&m->digest, digest))
			return m;
	}
	if (r->nmanifests == r->manifest_room) {
		const size_t room = r->manifest_room ? r->manifest_room * 2 : 16;
		struct manifest **more = realloc(r->manifests, room * sizeof(*more));

		if (!more)
			return NULL;
		r->manifests = more;
		r->manifest_room = room;
	}
	m = calloc(1, sizeof(*m));
	if (m)
		m->name = strdup(reg_digest_text(digest, text));
	if (!m || !m->name || map_add(&r->digests, &m->node, hash) < 0) {
		if (m)
			free(m->name);
		free(m);
		return NULL;
	}
	list_init(&m->referrers);
	list_init(&m->refers);
	m->digest = *digest;
	m->index = (uint32_t)r->nmanifests;
	r->manifests[r->nmanifests++] = m;
	return m;
}
