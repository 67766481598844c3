/* SPDX-License-Identifier: MIT */
/* What a tag points to, who shares it, and when it was created. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "along.h"
#include "repository.h"
#include "seen.h"
#include "util/cleanup.h"
#include "walk.h"

struct holder *repository_holder(const struct repository *r, const struct reg_digest *digest)
{
	const uint64_t hash = map_hash(digest, sizeof(*digest));

	map_for_each_match(&r->holders, hash, node)
	{
		struct holder *h = container_of(node, struct holder, node);

		if (reg_digest_equal(&h->digest, digest))
			return h;
	}
	return NULL;
}

static struct holder *add_holder(struct tag *tag, const struct reg_digest *digest)
{
	struct repository *r = tag->repository;
	struct holder *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->digest = *digest;
	list_init(&h->tags);
	list_init(&h->told);
	if (map_add(&r->holders, &h->node, map_hash(digest, sizeof(*digest))) < 0) {
		free(h);
		return NULL;
	}
	if (tag->lent) { /* for a digest that it has left and others still hold */
		h->ino = node_make(NODE_SHARED, r->directory->index, r->last_shared++);
	} else {
		h->ino = node_make(NODE_TAG, r->directory->index, tag->index);
		h->lender = tag;
		tag->lent = true;
	}
	return h;
}

/* The kernel knows some of them with a number of names that is not so any more. Each is told once. */
static void tell_count(const struct tree *t, struct holder *h)
{
	for (struct list *node = list_pop(&h->told); node; node = list_pop(&h->told)) {
		const struct tag *tag = container_of(node, struct tag, told);

		t->options.attr_changed(t->options.notify_data,
					node_make(NODE_TAG, tag->repository->directory->index, tag->index));
	}
}

void tag_told(struct tag *tag)
{
	if (tag->holder && list_empty(&tag->told))
		list_append(&tag->holder->told, &tag->told);
}

static void leave_holder(struct tag *tag)
{
	struct repository *r = tag->repository;
	struct holder *h = tag->holder;

	if (!h)
		return;
	list_remove(&tag->told);
	list_remove(&tag->held);
	tag->holder = NULL;
	r->nheld--;
	if (--h->ntags) {
		tell_count(r->tree, h);
		return;
	}
	if (h->lender)
		h->lender->lent = false;
	map_remove(&r->holders, &h->node);
	free(h);
}

void tag_gone(struct tag *tag)
{
	leave_holder(tag);
	tag->image = NULL;
	tag->resolved = 0;
}

static int point_to(struct tag *tag, struct image *i)
{
	struct repository *r = tag->repository;
	struct holder *h;

	if (tag->holder && reg_digest_equal(&tag->holder->digest, &i->digest))
		return 0;
	if (tag->last && tag->last != i)
		seen_moved(tag);
	leave_holder(tag);
	tag->image = NULL;
	r->changes++;
	r->ages++;
	h = repository_holder(r, &i->digest);
	if (!h)
		h = add_holder(tag, &i->digest);
	if (!h)
		return -ENOMEM;
	tell_count(r->tree, h);
	h->ntags++;
	list_append(&h->tags, &tag->held);
	tag->holder = h;
	tag->image = tag->last = i;
	r->nheld++;
	return 0;
}

static int learn(struct tag *tag, const struct reg_result *result, struct reg_error *error)
{
	struct tree *t = tag->repository->tree;
	struct image *i;
	int r;

	if (result->err < 0) {
		*error = *result->error;
		return result->err;
	}
	if (result->not_modified) {
		i = image_get(t, &result->digest);
		/* Known, or the answer is to a question that another tag of the same name asked: ask again.
		 */
		if (!i || !i->known)
			return -ECANCELED;
		return point_to(tag, i);
	}
	r = image_learn(t, &result->digest, result->media_type, result->bytes, &i, error);
	return r < 0 ? r : point_to(tag, i);
}

int tag_learn(struct tag *tag, const struct reg_result *result, struct reg_error *error)
{
	int err = learn(tag, result, error);

	/* A page that no registry wrote does not prove that what the registry lists is not there. */
	if (err == -ENOENT && tag->listed && !result->error->code[0])
		err = -EIO;
	if (err == 0) {
		tag->resolved = tree_now();
		tag->absent = 0;
		along_forget(tag);
	} else if (err == -ENOENT) {
		tag_gone(tag);
		tag->absent = tree_now();
		tag->repository->ages++;
	}
	return err;
}

static void on_tag(void *data, const struct reg_result *result)
{
	struct tag *tag = data;
	struct repository *r = tag->repository;
	struct tree *t = r->tree;
	struct reg_error error = {0};
	struct fetch *f;
	bool ahead;
	int err = -ENOENT;

	tree_lock(t);
	/* What was removed while the answer was under way may still be in it. */
	if (!tag->absent || tag->absent < tag->fetch.began)
		err = tag_learn(tag, result, &error);
	if (tag->fetch.began < t->forgotten)
		tag->resolved = tag->absent = 0;
	tree_log_failure(t, r->name, tag->name, err, &error);
	ahead = !list_empty(&tag->fetch.ahead);
	fetch_end(t, &tag->fetch, err);
	/* Straight on to its date, unless whoever walked here has gone. */
	if (err == 0 && tag->dates && (!ahead || walk_is_alive(t)))
		(void)image_date(t, tag->image, r->name, ahead, 0, &f);
	tag->dates = false;
	tree_unlock(t);
}

int tag_resolve(struct tag *tag, const struct call *c, bool dates, struct fetch **ret_fetch)
{
	struct repository *r = tag->repository;
	struct tree *t = r->tree;
	struct reg_call call;
	int err;

	if (tree_fresh(t, tag->resolved, c) && tag->image)
		return 0;
	if (tree_fresh(t, tag->absent, c))
		return -ENOENT;
	*ret_fetch = &tag->fetch;
	tag->dates |= dates;
	if (tag->fetch.active)
		return 1;
	err = fetch_take_error(&tag->fetch, !c);
	if (err < 0)
		return err;
	fetch_begin(t, &tag->fetch, !c);
	call = fetch_call(&tag->fetch, on_tag, tag);
	fetch_sent(
		t, &tag->fetch,
		reg_manifest(t->client, r->name, tag->name, tag->image ? &tag->image->digest : NULL, &call));
	return tag->fetch.active ? 1 : -ENOMEM;
}

static struct image *subject_of(const struct tag *tag)
{
	return tag->subject.algorithm && !tag->no_subject ? image_get(tag->repository->tree, &tag->subject)
							  : NULL;
}

int tag_date(struct tag *tag, const struct call *c, struct fetch **ret_fetch)
{
	struct repository *r = tag->repository;
	struct image *subject;
	int err = tag_resolve(tag, c, !tag->subject.algorithm || tag->no_subject, ret_fetch);

	if (err != 0)
		return err;
	subject = subject_of(tag);
	if (subject) {
		err = image_date(r->tree, subject, r->name, !c, 1, ret_fetch);
		if (err != -ENOENT)
			return err;
		tag->no_subject = true; /* its image is gone: it stands for itself */
		r->ages++;
	}
	return image_date(r->tree, tag->image, r->name, !c, 0, ret_fetch);
}

/* Whose date is shown, and what it is. */
static enum created_from date_of(const struct tag *tag, struct timespec *ret)
{
	const struct image *subject = tag->image ? subject_of(tag) : NULL;
	enum created_from from;

	if (!tag->image)
		return CREATED_UNKNOWN;
	from = image_created(subject ? subject : tag->image, tag->repository->name, ret);
	return subject && from != CREATED_UNKNOWN && from != CREATED_UNDATED ? CREATED_SUBJECT : from;
}

bool tag_is_dated(const struct tag *tag)
{
	struct timespec date;

	return date_of(tag, &date) != CREATED_UNKNOWN;
}

struct timespec tag_mtime(const struct tag *tag, enum created_from *ret_from)
{
	const struct tree *t = tag->repository->tree;
	struct timespec date = {0};

	*ret_from = date_of(tag, &date);
	return *ret_from == CREATED_UNDATED ? tree_undated(t) : date;
}
