/* SPDX-License-Identifier: MIT */
/*
 * Only a name goes, because others hold its manifest. Where the registry deletes tags, that is one request.
 * Elsewhere a placeholder, an empty index that nobody else has, is put over the tag and then deleted by its
 * digest, which takes the tag with it. Whatever fails in between, the tag is looked at again, and what it
 * pointed to is put back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gone.h"
#include "pinned.h"
#include "placeholder.h"
#include "removal.h"
#include "util/cleanup.h"

enum { MAX_LOOKS = 4, MAX_TRIES = 3 };

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
	removal_finish(m, JOURNAL_KEPT, removal_err(result));
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

/* The last time it may take as long as the registry asks to wait: a placeholder must not stay. */
static void put_back(struct removal *m)
{
	removal_put(m, m->tag->name, m->plan.items[0].image->media_type, original(m),
		    m->looks < MAX_LOOKS ? REG_NO_REPEAT : 0, on_put_back);
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
	if (removal_is_absent(result))
		untagged(m); /* it was done although nobody said so */
	else if (result->err < 0)
		look(m);
	else if (reg_digest_equal(&result->digest, &m->manifest->digest))
		removal_finish(m, JOURNAL_KEPT, m->err);
	else if (reg_digest_equal(&result->digest, &m->placeholder_digest))
		put_back(m);
	else
		moved(m, result);
}

static void look(struct removal *m)
{
	const unsigned most = m->repository->tree->ending ? 2 : MAX_LOOKS + 1;

	if (m->looks++ < most)
		removal_get(m, m->tag->name, on_look);
	else
		unknown(m, m->err);
}

static void failed(struct removal *m, const struct reg_result *result)
{
	m->err = result->err == -ENOENT ? -EIO : result->err;
	tree_log_failure(m->repository->tree, m->repository->name, m->tag->name, m->err, result->error);
	look(m);
}

static void begin(struct removal *m);

/* ---- by a placeholder ---- */

static void on_displaced(struct removal *m, const struct reg_result *result)
{
	if (result->err == 0) { /* "not found" at once would say that it never was there */
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

	if (result->err == -EAGAIN && ++m->tries < MAX_TRIES)
		begin(m); /* which waits, and looks again */
	else if (result->err == 0)
		removal_delete(m, reg_digest_text(&m->placeholder_digest, text), 0, on_displaced);
	else if (removal_is_unclear(result) || result->err == -EBADMSG || result->err == -ENOENT)
		failed(m, result); /* to a PUT no "not found" says that the tag is gone */
	else
		refused(m, result);
}

/* ---- by its name ---- */

/* The other names that it has now. While it goes somebody may find them gone, and they would be forgotten. */
static int note_others(struct removal *m)
{
	const struct holder *h = repository_holder(m->repository, &m->manifest->digest);

	if (m->others)
		return 0;
	m->others = calloc((h ? h->ntags : 0) + 1, sizeof(*m->others));
	if (!m->others)
		return -ENOMEM;
	for (struct list *node = h ? h->tags.next : NULL; node && node != &h->tags; node = node->next) {
		const struct tag *tag = container_of(node, struct tag, held);

		if (tag != m->tag)
			m->others[m->nothers++] = tag;
	}
	return 0;
}

static void on_other(struct removal *m, const struct reg_result *result);

static void look_at_other(struct removal *m)
{
	if (m->name_at < m->nothers)
		removal_get(m, m->others[m->name_at]->name, on_other);
	else if (m->lost)
		unknown(m, -EIO);
	else
		untagged(m);
}

static void next_other(struct removal *m)
{
	m->name_at++;
	m->tries = 0;
	look_at_other(m);
}

static void on_restored(struct removal *m, const struct reg_result *result)
{
	if (result->err < 0)
		removal_log(m, result);
	look_at_other(m); /* whatever it said */
}

static void restore(struct removal *m, const struct tag *tag)
{
	if (!m->tries)
		tree_log(m->repository->tree, REG_LOG_ERROR,
			 "%s:%s: it has gone together with %s, which alone was to be removed: it is put back",
			 m->repository->name, tag->name, m->tag->name);
	m->repository->abilities.tags = TAGS_NO;
	m->tries++;
	removal_put(m, tag->name, m->plan.items[0].image->media_type, original(m),
		    m->tries < MAX_TRIES ? REG_NO_REPEAT : 0, on_restored);
}

/* What is there again, or points elsewhere now, is left alone. One that does not come back stops no other. */
static void on_other(struct removal *m, const struct reg_result *result)
{
	const struct tag *tag = m->others[m->name_at];

	if (removal_is_absent(result) && m->tries < MAX_TRIES) {
		restore(m, tag);
		return;
	}
	if (result->err < 0) {
		m->lost = true;
		tree_log(m->repository->tree, REG_LOG_ERROR,
			 "%s:%s: it may be lost; its manifest is that of %s, which regfs-undelete puts back",
			 m->repository->name, tag->name, m->tag->name);
	}
	next_other(m);
}

static void on_put_for_index(struct removal *m, const struct reg_result *result)
{
	if (result->err < 0) {
		removal_log(m, result);
		m->lost = true;
	}
	m->repository->abilities.tags = TAGS_NO;
	look_at_other(m);
}

/*
 * The first tag that a repository lets us delete: is the manifest still there for the others? Only the first,
 * since later a manifest that is gone is more likely to have been removed by somebody else.
 */
static void on_verified(struct removal *m, const struct reg_result *result)
{
	char text[REG_DIGEST_MAX];

	if (removal_is_absent(result) && pinned_or_parent_lists(m->repository, m->manifest)) {
		/* For the index; if that has gone as well, the next collection frees it again. */
		removal_put(m, digest_of(m, text), m->plan.items[0].image->media_type, original(m), 0,
			    on_put_for_index);
		return;
	}
	if (removal_is_absent(result)) {
		look_at_other(m);
		return;
	}
	if (result->err == 0)
		m->repository->abilities.tags = TAGS_PROVEN;
	else
		removal_log(m, result);
	untagged(m);
}

static void verify(struct removal *m)
{
	char text[REG_DIGEST_MAX];

	if (m->repository->abilities.tags == TAGS_PROVEN && m->nothers)
		untagged(m);
	else
		removal_get(m, digest_of(m, text), on_verified);
}

static void on_named_look(struct removal *m, const struct reg_result *result)
{
	if (removal_is_absent(result))
		verify(m);
	else if (result->err < 0)
		unknown(m, m->err);
	else if (!reg_digest_equal(&result->digest, &m->manifest->digest))
		moved(m, result);
	else
		removal_finish(m, JOURNAL_KEPT, m->err);
}

static void on_named(struct removal *m, const struct reg_result *result)
{
	const int status = result->err < 0 ? result->error->status : 0;

	if (result->err == 0) {
		verify(m);
	} else if (removal_is_absent(result)) {
		gone_tag(m->tag);
		removal_was_gone(m);
	} else if (result->err == -EAGAIN && ++m->tries < MAX_TRIES) {
		begin(m);
	} else if ((status == 400 || status == 405) && result->err != -EROFS) {
		/* What it can was misjudged: the next try is made with a placeholder. */
		m->repository->abilities.tags = TAGS_NO;
		removal_log(m, result);
		removal_finish(m, JOURNAL_KEPT, -EBUSY);
	} else if (removal_is_unclear(result)) {
		m->err = removal_err(result);
		removal_log(m, result);
		removal_get(m, m->tag->name, on_named_look);
	} else {
		refused(m, result);
	}
}

/* ---- both ---- */

/* There is no way to say "only if it is still that": so it is asked just before. */
static void on_before(struct removal *m, const struct reg_result *result)
{
	if (removal_is_absent(result)) {
		gone_tag(m->tag);
		removal_was_gone(m);
	} else if (result->err < 0) {
		refused(m, result);
	} else if (!reg_digest_equal(&result->digest, &m->manifest->digest)) {
		moved(m, result);
	} else if (m->placeholder) {
		removal_put(m, m->tag->name, placeholder_type(m->plan.items[0].image->media_type),
			    m->placeholder, REG_NO_REPEAT, on_placed);
	} else if (note_others(m) < 0) {
		removal_finish(m, JOURNAL_KEPT, -ENOMEM);
	} else {
		removal_delete(m, m->tag->name, REG_NO_REPEAT, on_named);
	}
}

static void begin(struct removal *m)
{
	removal_get(m, m->tag->name, on_before);
}

void untag_start(struct removal *m)
{
	begin(m);
}
