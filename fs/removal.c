/* SPDX-License-Identifier: MIT */
#include "removal.h"

#include <errno.h>
#include <stdlib.h>

#include "gone.h"
#include "guard.h"
#include "record.h"
#include "util/cleanup.h"

/* ---- life ---- */

struct removal *removal_new(struct repository *r, int pid, int64_t uid)
{
	struct removal *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	atomic_init(&m->refs, 1);
	m->repository = r;
	m->pid = pid;
	m->uid = uid;
	fetch_init(&m->check);
	list_init(&m->wait.link);
	return m;
}

uint64_t removal_list_age(const struct repository *r)
{
	const uint64_t ten = 10 * r->listing_took;

	return ten > REMOVAL_LIST_MS ? ten : REMOVAL_LIST_MS;
}

struct removal *removal_ref(struct removal *m)
{
	atomic_fetch_add(&m->refs, 1);
	return m;
}

void removal_unref(struct removal *m)
{
	if (!m || atomic_fetch_sub(&m->refs, 1) != 1)
		return;
	plan_done(&m->plan);
	for (size_t k = 0; k < m->nbytes; k++)
		reg_bytes_unref(m->bytes[k].bytes);
	free(m->bytes);
	reg_bytes_unref(m->placeholder);
	free(m->others);
	free(m->left);
	free(m);
}

struct reg_bytes *removal_get_bytes(const struct removal *m, const struct reg_digest *digest)
{
	for (size_t k = 0; k < m->nbytes; k++)
		if (reg_digest_equal(&m->bytes[k].digest, digest))
			return m->bytes[k].bytes;
	return NULL;
}

int removal_add_bytes(struct removal *m, const struct reg_digest *digest, struct reg_bytes *bytes)
{
	struct removal_bytes *more = realloc(m->bytes, (m->nbytes + 1) * sizeof(*more));

	if (!more) {
		reg_bytes_unref(bytes);
		return -ENOMEM;
	}
	m->bytes = more;
	m->bytes[m->nbytes++] = (struct removal_bytes){*digest, bytes};
	return 0;
}

/* ---- requests ---- */

static void on_answer(void *data, const struct reg_result *result)
{
	struct removal *m = data;
	struct tree *t = m->repository->tree;

	tree_lock(t);
	m->step(m, result);
	tree_unlock(t);
}

/* The request could not even be made. */
static void sent(struct removal *m, uint64_t op)
{
	const struct reg_error error = {.err = -ENOMEM, .msg = "out of memory"};
	const struct reg_result result = {.err = -ENOMEM, .error = &error};

	if (!op)
		m->step(m, &result);
}

void removal_delete(struct removal *m, const char *reference, unsigned flags, removal_step *step)
{
	const struct reg_call call = {.done = on_answer, .data = m, .flags = flags};

	m->step = step;
	sent(m, reg_manifest_delete(m->repository->tree->client, m->repository->name, reference, &call));
}

void removal_get(struct removal *m, const char *reference, removal_step *step)
{
	const struct reg_call call = {.done = on_answer, .data = m, .flags = REG_FRESH};

	m->step = step;
	sent(m, reg_manifest(m->repository->tree->client, m->repository->name, reference, NULL, &call));
}

void removal_put(struct removal *m, const char *reference, const char *media_type, struct reg_bytes *bytes,
		 unsigned flags, removal_step *step)
{
	const struct reg_call call = {.done = on_answer, .data = m, .flags = flags};

	m->step = step;
	sent(m, reg_manifest_put(m->repository->tree->client, m->repository->name, reference, media_type,
				 bytes, &call));
}

bool removal_is_absent(const struct reg_result *result)
{
	return result->err == -ENOENT && result->error->code[0];
}

int removal_err(const struct reg_result *result)
{
	return result->err == -ENOENT && !removal_is_absent(result) ? -EIO : result->err;
}

bool removal_is_unclear(const struct reg_result *result)
{
	switch (result->err) {
	case -ENOENT:
		return !result->error->code[0];
	case 0:
	case -EPERM:
	case -EROFS:
	case -EACCES:
	case -EBUSY:
	case -EINVAL:
	case -ENOMEM:
		return false;
	default: /* also "not now" and "nobody is there": a first try, of several, may have been heard */
		return result->error->status < 400 || result->error->status == 429 ||
		       result->error->status >= 500;
	}
}

void removal_was_gone(struct removal *m)
{
	tree_log(m->repository->tree, REG_LOG_INFO, "%s%s%s: it was gone already", m->repository->name,
		 m->tag ? ":" : "", m->tag ? m->tag->name : "");
	removal_finish(m, JOURNAL_KEPT, -ENOENT);
}

void removal_log(const struct removal *m, const struct reg_result *result)
{
	char text[REG_DIGEST_MAX];
	const struct manifest *at = m->at < m->plan.nitems ? m->plan.items[m->at].manifest : m->manifest;

	tree_log_failure(m->repository->tree, m->repository->name,
			 m->tag && !m->at ? m->tag->name : reg_digest_text(&at->digest, text),
			 removal_err(result), result->error);
}

/* ---- the end ---- */

void removal_finish(struct removal *m, enum journal_outcome outcome, int err)
{
	struct tree *t = m->repository->tree;

	m->outcome = outcome;
	m->err = err;
	m->over = true;
	m->again &= outcome == JOURNAL_KEPT;
	record_say(m);
	if (m->journal_id)
		record_end(m);
	m->repository->changed_last = tree_now();
	m->repository->changed_by = m->pid;
	t->removals--;
	pthread_cond_broadcast(&t->idle);
	fetch_end(t, &m->repository->changing, 0);
	removal_unref(m);
}

/* ---- a manifest by its digest, and what goes with it ---- */

enum { MAX_TRIES = 3 };

static void delete_next(struct removal *m);
static void delete_name(struct removal *m);
static void refresh(struct removal *m);

static struct plan_item *current(const struct removal *m)
{
	return &m->plan.items[m->at];
}

static void went(struct removal *m)
{
	gone_item(m->repository, current(m), m->tag, m->pid);
	m->at++;
	m->tries = 0;
	delete_next(m);
}

/* What was asked for is gone; this, that hung from it, is not. */
static void leave(struct removal *m)
{
	struct reg_digest *left = realloc(m->left, (m->nleft + 1) * sizeof(*left));

	if (left) {
		m->left = left;
		left[m->nleft++] = current(m)->manifest->digest;
	}
	m->at++;
	m->tries = 0;
}

/* There was no clear answer: is the manifest still there? */
static void on_looked(struct removal *m, const struct reg_result *result)
{
	if (removal_is_absent(result))
		went(m);
	else
		removal_finish(m, result->err == 0 && !m->name_at ? JOURNAL_KEPT : JOURNAL_UNKNOWN, m->err);
}

/* The same of a name that was to go before the manifest. */
static void on_name_looked(struct removal *m, const struct reg_result *result)
{
	const struct plan_item *item = current(m);

	if (removal_is_absent(result)) {
		m->name_at++;
		delete_name(m);
	} else if (result->err == 0 && !m->name_at &&
		   reg_digest_equal(&result->digest, &item->manifest->digest)) {
		removal_finish(m, JOURNAL_KEPT, m->err);
	} else {
		removal_finish(m, JOURNAL_UNKNOWN, m->err);
	}
}

static void first_failed(struct removal *m, const struct reg_result *result)
{
	const struct tag *name = m->by_name ? current(m)->tags[m->name_at] : NULL;
	char text[REG_DIGEST_MAX];

	m->err = removal_err(result);
	/* A connection that broke may have been idle for too long. */
	m->again = result->err == -EAGAIN || (result->err == -EIO && !result->error->status);
	if (removal_is_absent(result)) {
		gone_item(m->repository, current(m), m->tag, m->pid);
		removal_was_gone(m);
		return;
	}
	if (m->by_name && !m->name_at && result->err == -EPERM) {
		/* It cannot do that either: what counts is what it said to the digest. */
		removal_finish(m, JOURNAL_KEPT, -EBUSY);
		return;
	}
	removal_log(m, result);
	if (removal_is_unclear(result) && name)
		removal_get(m, name->name, on_name_looked);
	else if (removal_is_unclear(result))
		removal_get(m, reg_digest_text(&m->manifest->digest, text), on_looked);
	else if (m->name_at) /* some of its names are gone */
		removal_finish(m, JOURNAL_UNKNOWN, m->err);
	else {
		/* This one alone (an immutable tag), or all from now on: the next will find out. */
		m->repository->abilities.deletes = DELETES_UNKNOWN;
		removal_finish(m, JOURNAL_KEPT, m->err);
	}
}

static void on_deleted(struct removal *m, const struct reg_result *result);

/* What hangs from what has gone stays, if it does not want to go. */
static void leave_failed(struct removal *m, bool lost)
{
	leave(m);
	while (lost && m->at < m->plan.nitems) /* the others would wait for it as long */
		leave(m);
	delete_next(m);
}

/* Only the name that was asked for has been looked at; the others may have moved. */
static void on_name(struct removal *m, const struct reg_result *result)
{
	const struct plan_item *item = current(m);
	const struct tag *name = item->tags[m->name_at];

	if (removal_is_absent(result)) {
		m->name_at++;
		delete_name(m);
	} else if (result->err == 0 && reg_digest_equal(&result->digest, &item->manifest->digest)) {
		removal_delete(m, name->name, REG_NO_REPEAT, on_deleted);
	} else if (m->at) {
		removal_log(m, result);
		leave_failed(m, removal_is_unclear(result));
	} else if (result->err < 0) {
		removal_log(m, result);
		removal_finish(m, m->name_at ? JOURNAL_UNKNOWN : JOURNAL_KEPT, removal_err(result));
	} else {
		tree_log(m->repository->tree, REG_LOG_WARN,
			 "%s:%s: it was pushed while what it pointed to was being removed, and stays",
			 m->repository->name, name->name);
		removal_finish(m, m->name_at ? JOURNAL_UNKNOWN : JOURNAL_KEPT, -ESTALE);
	}
}

static void delete_name(struct removal *m)
{
	const struct plan_item *item = current(m);
	char text[REG_DIGEST_MAX];
	const struct tag *name = m->by_name ? item->tags[m->name_at] : NULL;

	if (name && name == m->tag)
		removal_delete(m, name->name, REG_NO_REPEAT, on_deleted);
	else if (name)
		removal_get(m, name->name, on_name);
	else
		removal_delete(m, reg_digest_text(&item->manifest->digest, text), REG_NO_REPEAT, on_deleted);
}

static void on_deleted(struct removal *m, const struct reg_result *result)
{
	const struct plan_item *item = current(m);
	const bool gone = result->err == 0 || ((m->at || m->by_name) && removal_is_absent(result));

	if (gone && m->by_name && item->tags[m->name_at]) {
		m->name_at++;
		delete_name(m);
	} else if (gone) {
		went(m);
	} else if (result->err == -EBUSY && item->tags[0] && !m->by_name) {
		/* Some want every name to be gone first: GCR always, zot if it is told to. */
		removal_log(m, result);
		m->by_name = true;
		delete_name(m);
	} else if (!m->at) {
		first_failed(m, result);
	} else if (result->err == -EAGAIN && ++m->tries < MAX_TRIES) {
		refresh(m);
	} else {
		removal_log(m, result);
		leave_failed(m, removal_is_unclear(result));
	}
}

/* Something that came or moved since everything was looked at may list it. */
static bool is_listed_anew(const struct repository *r, const struct reg_digest *digest)
{
	for (size_t k = 0; k < r->ntags; k++) {
		const struct image *i = r->tags[k]->image;

		for (size_t n = 0; i && i != r->tags[k]->surveyed && n < i->nitems; n++)
			if (reg_digest_equal(&i->items[n].digest, digest))
				return true;
	}
	return false;
}

/* What hangs from what has gone goes only if nothing has come to hold it meanwhile. */
static bool may_go(const struct removal *m)
{
	const struct plan_item *item = current(m);
	uint32_t names = 0;

	while (item->tags[names])
		names++;
	return !m->at || (plan_is_free(m->repository, item->manifest, names) &&
			  !is_listed_anew(m->repository, &item->manifest->digest) &&
			  !guard_digest(m->repository, &item->manifest->digest));
}

static bool is_late(const struct removal *m)
{
	return tree_now() - m->decided > removal_list_age(m->repository);
}

static void on_woken(struct tree *t, struct wait *w, int err)
{
	struct removal *m = container_of(w, struct removal, wait);

	if (t->ending || (err < 0 && err != -ENOENT && err != -ECANCELED))
		leave_failed(m, true);
	else
		refresh(m);
}

/* What has a name now that it had not: asked before more is removed, if that took its time so far. */
static void refresh(struct removal *m)
{
	struct repository *r = m->repository;
	const struct call since = {.began = m->decided + 1, .patience = 1};
	struct fetch *f = NULL;
	int err = is_late(m) ? repository_list(r, &since, &f) : 0;

	for (size_t k = 0; err == 0 && k < r->ntags; k++) {
		if (r->tags[k]->listed && !r->tags[k]->image)
			err = tag_resolve(r->tags[k], &since, false, &f);
		if (err == -ENOENT) /* this one; there may be more */
			err = 0;
	}
	if (err == 1) {
		m->wait.wake = on_woken;
		fetch_wait(r->tree, f, &m->wait, false);
	} else if (err < 0 && err != -ENOENT) {
		leave_failed(m, true);
	} else {
		if (is_late(m)) /* or it would ask for ever */
			m->decided = tree_now();
		delete_next(m);
	}
}

static void delete_next(struct removal *m)
{
	const bool ending = m->repository->tree->ending;

	m->by_name = false;
	m->name_at = 0;
	while (m->at < m->plan.nitems && (!may_go(m) || (m->at && ending)))
		leave(m);
	if (m->at == m->plan.nitems) {
		removal_finish(m, m->nleft ? JOURNAL_PARTLY : JOURNAL_REMOVED, 0);
	} else if (!is_late(m)) {
		delete_name(m);
	} else if (m->at) {
		refresh(m);
	} else {
		m->again = true; /* the journal took its time */
		removal_finish(m, JOURNAL_KEPT, -EAGAIN);
	}
}

/* ---- from the beginning ---- */

static void pretend(struct removal *m)
{
	if (m->action == JOURNAL_UNTAG)
		gone_tag(m->tag);
	else
		for (; m->at < m->plan.nitems; m->at++)
			gone_item(m->repository, current(m), m->tag, m->pid);
	removal_finish(m, JOURNAL_REMOVED, 0);
}

static void on_recorded(struct removal *m, int err)
{
	if (err < 0)
		removal_finish(m, JOURNAL_KEPT, err);
	else if (m->action == JOURNAL_UNTAG)
		untag_start(m);
	else
		delete_next(m);
}

void removal_start(struct removal *m)
{
	struct tree *t = m->repository->tree;

	m->started = true;
	m->decided = tree_now();
	t->removals++;
	fetch_begin(t, &m->repository->changing, false);
	removal_ref(m);
	if (t->options.dry_run)
		pretend(m);
	else
		record_begin(m, on_recorded);
}
