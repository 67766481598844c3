/* SPDX-License-Identifier: MIT */
/*
 * Only a name goes, because others hold its manifest. Where the registry deletes tags, that is one request.
 * Elsewhere a placeholder, an empty index that nobody else has, is put over the tag and then deleted by its
 * digest, which takes the tag with it. Whatever fails in between, the tag is looked at again, and what it
 * pointed to is put back.
 */
#include <errno.h>
#include <string.h>

#include "gone.h"
#include "placeholder.h"
#include "removal.h"
#include "util/cleanup.h"

enum { MAX_LOOKS = 4 };

static const char *digest_of(const struct removal *m, char text[REG_DIGEST_MAX])
{
	return reg_digest_text(&m->manifest->digest, text);
}

static struct reg_bytes *original(const struct removal *m)
{
	return removal_get_bytes(m, &m->manifest->digest);
}

static void untagged(struct removal *m)
{
	gone_tag(m->tag);
	removal_finish(m, JOURNAL_REMOVED, 0);
}

static void refused(struct removal *m, const struct reg_result *result)
{
	m->repository->abilities.deletes = DELETES_UNKNOWN;
	removal_log(m, result);
	removal_finish(m, JOURNAL_KEPT, result->err);
}

static void unknown(struct removal *m, int err)
{
	tree_log(m->repository->tree, REG_LOG_ERROR,
		 "%s:%s: its removal failed half-way, and what became of it cannot be found out: "
		 "regfs-undelete %s:%s puts it back",
		 m->repository->name, m->tag->name, m->repository->name, m->tag->name);
	removal_finish(m, JOURNAL_UNKNOWN, err);
}

/* ---- what became of the tag? ---- */

static void look(struct removal *m);

static void on_put_back(struct removal *m, const struct reg_result *result)
{
	if (result->err < 0)
		removal_log(m, result);
	look(m); /* yes is no proof, and no is none either */
}

/* It was moved by somebody else meanwhile: theirs stays. */
static void moved(struct removal *m, const struct reg_result *result)
{
	struct reg_error error = {0};

	(void)tag_learn(m->tag, result, &error);
	tree_log(m->repository->tree, REG_LOG_WARN,
		 "%s:%s: it was pushed while it was being removed, and stays", m->repository->name,
		 m->tag->name);
	removal_finish(m, JOURNAL_KEPT, -ESTALE);
}

static void on_look(struct removal *m, const struct reg_result *result)
{
	if (result->err == -ENOENT)
		untagged(m); /* it was done although nobody said so */
	else if (result->err < 0)
		look(m);
	else if (reg_digest_equal(&result->digest, &m->manifest->digest))
		removal_finish(m, JOURNAL_KEPT, m->err);
	else if (reg_digest_equal(&result->digest, &m->placeholder_digest))
		removal_put(m, m->tag->name, m->plan.items[0].image->media_type, original(m), on_put_back);
	else
		moved(m, result);
}

static void look(struct removal *m)
{
	if (m->looks++ < MAX_LOOKS)
		removal_get(m, m->tag->name, on_look);
	else
		unknown(m, m->err);
}

static void failed(struct removal *m, const struct reg_result *result)
{
	m->err = result->err;
	removal_log(m, result);
	look(m);
}

/* ---- by a placeholder ---- */

static void on_displaced(struct removal *m, const struct reg_result *result)
{
	if (result->err == 0 || result->err == -ENOENT) {
		untagged(m);
		return;
	}
	if (result->err == -EPERM || result->err == -EROFS || result->err == -EACCES)
		m->repository->abilities.deletes = DELETES_UNKNOWN;
	failed(m, result);
}

static void on_placed(struct removal *m, const struct reg_result *result)
{
	char text[REG_DIGEST_MAX];

	if (result->err == 0)
		removal_delete(m, reg_digest_text(&m->placeholder_digest, text), on_displaced);
	else if (removal_is_unclear(result) || result->err == -EBADMSG)
		failed(m, result);
	else
		refused(m, result);
}

/* There is no way to say "only if it is still that": so it is asked just before. */
static void on_before(struct removal *m, const struct reg_result *result)
{
	if (result->err == -ENOENT) {
		gone_tag(m->tag);
		removal_finish(m, JOURNAL_UNKNOWN, -ENOENT);
	} else if (result->err < 0) {
		refused(m, result);
	} else if (!reg_digest_equal(&result->digest, &m->manifest->digest)) {
		moved(m, result);
	} else {
		const char *const type = m->plan.items[0].image->media_type;

		removal_put(m, m->tag->name, placeholder_type(type), m->placeholder, on_placed);
	}
}

/* ---- by its name ---- */

static void put_next(struct removal *m);

static void on_restored(struct removal *m, const struct reg_result *result)
{
	if (result->err < 0) {
		removal_log(m, result);
		unknown(m, result->err);
		return;
	}
	put_next(m);
}

/* The manifest under its digest, then under every other name that it had. */
static void put_next(struct removal *m)
{
	const struct holder *h = repository_holder(m->repository, &m->manifest->digest);
	const char *const type = m->plan.items[0].image->media_type;
	const struct list *node = h ? h->tags.next : NULL;
	char text[REG_DIGEST_MAX];

	if (m->name_at++ == 0) {
		removal_put(m, digest_of(m, text), type, original(m), on_restored);
		return;
	}
	for (size_t k = 1; node && node != &h->tags && k < m->name_at - 1; k++)
		node = node->next;
	if (node && node != &h->tags)
		removal_put(m, container_of(node, struct tag, held)->name, type, original(m), on_restored);
	else
		removal_finish(m, JOURNAL_KEPT, -EIO);
}

/* The tag is gone. Is the manifest still there for the others? */
static void on_verified(struct removal *m, const struct reg_result *result)
{
	if (result->err != -ENOENT) {
		if (result->err < 0)
			removal_log(m, result);
		untagged(m);
		return;
	}
	tree_log(m->repository->tree, REG_LOG_ERROR,
		 "%s:%s: to delete this tag the registry removed %s, which others hold: it is put back",
		 m->repository->name, m->tag->name, "the manifest");
	m->repository->abilities.tags = TAGS_NO;
	put_next(m);
}

static void verify(struct removal *m)
{
	char text[REG_DIGEST_MAX];

	removal_get(m, digest_of(m, text), on_verified);
}

static void on_named_look(struct removal *m, const struct reg_result *result)
{
	if (result->err == -ENOENT)
		verify(m);
	else if (result->err < 0)
		unknown(m, m->err);
	else if (reg_digest_equal(&result->digest, &m->manifest->digest))
		removal_finish(m, JOURNAL_KEPT, m->err);
	else
		moved(m, result);
}

static void on_named(struct removal *m, const struct reg_result *result)
{
	const int status = result->err < 0 ? result->error->status : 0;

	if (result->err == 0) {
		verify(m);
	} else if (result->err == -ENOENT) {
		gone_tag(m->tag);
		removal_finish(m, JOURNAL_UNKNOWN, -ENOENT);
	} else if ((status == 400 || status == 405) && result->err != -EROFS) {
		/* What it can was misjudged: the next try is made with a placeholder. */
		m->repository->abilities.tags = TAGS_NO;
		removal_log(m, result);
		removal_finish(m, JOURNAL_KEPT, -EBUSY);
	} else if (removal_is_unclear(result)) {
		m->err = result->err;
		removal_log(m, result);
		removal_get(m, m->tag->name, on_named_look);
	} else {
		refused(m, result);
	}
}

void untag_start(struct removal *m)
{
	if (m->repository->abilities.tags == TAGS_YES)
		removal_delete(m, m->tag->name, on_named);
	else
		removal_get(m, m->tag->name, on_before);
}
