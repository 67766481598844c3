/* SPDX-License-Identifier: MIT */
/* What is garbage and why, in numbers: sums over a mark. */
#ifndef REG_STORAGE_PLAN_H
#define REG_STORAGE_PLAN_H

#include "storage/mark.h"
#include "storage/store.h"

struct plan_sum {
	uint64_t count, bytes;
};

struct plan_repository {
	uint64_t manifests; /* revisions */
	uint64_t alone, shared; /* bytes of held blobs: by this repository only, by others as well */
	uint64_t garbage; /* bytes of garbage blobs that this repository links; others may link them too */
	uint64_t untagged; /* revisions that no tag, index or subject holds */
	uint64_t revision_links, layer_links; /* that are garbage */
	bool empty; /* nothing would be left in it: no tag, no link, no upload */
};

/* A revision that no tag holds by itself or through an index. */
struct plan_untagged {
	uint32_t repository; /* its number */
	uint32_t link;
	bool garbage; /* with this mark */
	bool by_subject; /* a held manifest is its subject */
	uint64_t bytes; /* of all that it holds, itself included */
};

struct plan {
	struct plan_sum blobs, held, young, unsure, garbage; /* of blobs that are present */
	struct plan_sum aside; /* in the quarantine */
	struct plan_sum dead_uploads; /* older than a week */
	uint64_t revision_links, layer_links;
	uint32_t nempty;
	struct plan_repository *repositories; /* by the number of a repository */
	struct plan_untagged *untagged; /* sorted by repository, then by when it was pushed */
	size_t nuntagged;
};

/* Seconds after which an upload is dead, as in the registry's own purge. */
#define PLAN_UPLOAD_AGE (7 * 24 * 3600)
bool plan_upload_is_dead(const struct store_upload *u, time_t now);

/* 0 or -ENOMEM. tagged: a mark of the same store with delete_untagged (it may be the same one as m). */
int plan(const struct store *s, const struct mark *m, const struct mark *tagged, time_t now,
	 struct plan *ret);
void plan_done(struct plan *p);

/* Blobs that nothing holds but their age: they, or what needs them, are not older than `recent`. 0 or -ENOMEM. */
int plan_young(struct store *s, bool delete_untagged, time_t recent, struct plan_sum *ret);

/*
 * Blobs that nothing holds, and that a date in the future (their own, or that of what needs them) keeps from
 * ever being older than a grace: a clock was wrong. Ahead by an hour is no such thing. 0 or -ENOMEM.
 */
#define PLAN_AHEAD 3600
int plan_future(struct store *s, bool delete_untagged, time_t now, struct plan_sum *ret);

/* Would nothing be left of a repository (no tag; every link garbage; every upload dead)? */
bool plan_is_empty(const struct store *s, const struct mark *m, uint32_t repository, time_t now);

#endif
