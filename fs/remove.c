/* SPDX-License-Identifier: MIT */
#include "remove.h"

#include <errno.h>
#include <string.h>

#include "gone.h"
#include "guard.h"
#include "kind.h"
#include "pinned.h"
#include "placeholder.h"
#include "removal.h"
#include "seen.h"
#include "survey.h"
#include "util/cleanup.h"

/*
 * How old what is known may be. What is removed itself is always asked about just before, and the list of
 * tags for every removal that stands alone or is the first of many; in a row, where one has just ended as the
 * next begins, it is two seconds old at most. What the other tags point to is asked anew as well where all
 * can be asked at once. Of more, what was found out lately counts: as lately as asking takes, and in a row
 * for a ttl, or for up to ten where they are thousands, since else every removal would cost many more
 * requests than its own two.
 */
enum {
	ROW_MS = 2000,
	RESTARTS = 3,
	LIST_MS = REMOVAL_LIST_MS,
	MS_A_TAG = 12,
	ROW_TAGS = 100,
	ROW_TTLS = 10,
	HANDFUL = 16
};

/* Has a removal just ended here? */
static bool is_in_a_row(const struct repository *r)
{
	return r->changed_last && tree_now() - r->changed_last < ROW_MS;
}

uint64_t remove_row_patience(const struct repository *r, int pid)
{
	return is_in_a_row(r) && r->changed_by == pid ? (uint64_t)r->tree->options.ttl * 1000 * ROW_TTLS : 0;
}

static uint64_t patience(const struct removal *m)
{
	const struct tree *t = m->repository->tree;
	const uint64_t ttl = (uint64_t)t->options.ttl * 1000, count = m->repository->nlisted;
	uint64_t ttls = count / ROW_TAGS, asking = count * MS_A_TAG;

	if (count <= t->options.connections && !m->in_a_row)
		return 1;
	if (count <= t->options.connections) /* perhaps what is left of many */
		return count <= HANDFUL ? LIST_MS : 5 * LIST_MS;
	if (!m->in_a_row) {
		asking = asking < LIST_MS ? LIST_MS : asking;
		return asking < ttl ? asking : ttl;
	}
	ttls = ttls < 1 ? 1 : ttls;
	return ttl * (ttls < ROW_TTLS ? ttls : ROW_TTLS);
}

static int refuse(const struct removal *m, int err, const char *why)
{
	const struct tree *t = m->repository->tree;
	char text[REG_DIGEST_MAX];

	tree_log(t, REG_LOG_WARN, "%s%s%s: not removed: %s (%s)", m->repository->name, m->tag ? ":" : "@",
		 m->tag ? m->tag->name : reg_digest_text(&m->manifest->digest, text), why, strerror(-err));
	return err;
}

/* ---- what must be known ---- */

static int know_names(const struct removal *m, struct fetch **ret_fetch)
{
	const struct call recent = {.began = m->began,
				    .patience = m->in_a_row ? removal_list_age(m->repository) : 1};

	return repository_list(m->repository, &recent, ret_fetch);
}

/*
 * Names that are protected are asked about again and again: what somebody has just moved there is in use,
 * whatever it was before.
 */
static int know_protected(struct removal *m, struct fetch **ret_fetch)
{
	const struct call recent = {.began = m->began,
				    .patience = m->in_a_row ? removal_list_age(m->repository) : 1};
	struct repository *r = m->repository;
	unsigned pending = 0, names = 0;

	if (!m->in_a_row && r->nlisted <= r->tree->options.connections)
		return 0; /* so is every other */
	if (!r->tree->protect || tree_fresh(r->tree, r->protected_known, &recent))
		return 0;
	for (size_t k = 0; k < r->ntags; k++)
		names += r->tags[k]->listed && guard_name(r->tags[k]);
	/* More than can be asked for at once, as a cluster runs them, are as old as all the others. */
	for (size_t k = 0; k < r->ntags && names <= r->tree->options.connections; k++) {
		int err;

		if (!r->tags[k]->listed || !guard_name(r->tags[k]))
			continue;
		err = tag_resolve(r->tags[k], &recent, false, ret_fetch);
		if (err < 0 && err != -ENOENT)
			return refuse(m, -EBUSY, "a protected tag could not be resolved");
		pending += err == 1;
	}
	if (pending)
		return 1;
	r->protected_known = tree_now();
	return 0;
}

/* Who holds what, of everything in the repository. */
static int know_holders(const struct removal *m, struct fetch **ret_fetch)
{
	struct repository *r = m->repository;
	const struct tree *t = r->tree;
	const struct call before = {.began = m->began, .patience = patience(m)};
	int failure = 0;
	int err = survey_complete(r, &before, t->options.keep > 0, &failure, ret_fetch);

	if (err == 0 && failure)
		err = refuse(m, -EBUSY,
			     "not everything in the repository could be resolved, so it is not "
			     "known who holds it");
	return err;
}

/* The manifests' own bytes, for the journal; what is planned has been read, so they are in memory. */
static int know_bytes(struct tree *t, struct call *c, struct removal *m, struct fetch **ret_fetch)
{
	for (size_t k = 1; k < m->plan.nitems; k++) {
		const struct reg_digest *digest = &m->plan.items[k].manifest->digest;
		int err;

		if (removal_get_bytes(m, digest))
			continue;
		err = document_read(t, c, m->repository->name, digest, true, &c->manifest, ret_fetch);
		if (err == 0)
			err = removal_add_bytes(m, digest, steal(&c->manifest));
		if (err != 0)
			return err;
	}
	return 0;
}

static void on_checked(void *data, const struct reg_result *result)
{
	struct removal *m = data;
	struct tree *t = m->repository->tree;
	struct reg_error error = {0};
	char text[REG_DIGEST_MAX];

	tree_lock(t);
	m->check_err = result->err;
	if (result->err < 0)
		error = *result->error;
	if (!m->tag && result->err == -ENOENT && !error.code[0])
		m->check_err = -EIO;
	if (m->tag)
		m->check_err = tag_learn(m->tag, result, &error);
	if (m->check_err == 0) {
		m->found = result->digest;
		m->check_err = removal_add_bytes(m, &result->digest, reg_bytes_ref(result->bytes));
	}
	if (m->check_err == -ENOENT && m->tag) /* the list need not be asked to know that */
		gone_tag(m->tag);
	tree_log_failure(t, m->repository->name,
			 m->tag ? m->tag->name : reg_digest_text(&m->manifest->digest, text), m->check_err,
			 &error);
	m->checked = m->check_err != -ECANCELED;
	fetch_end(t, &m->check, 0);
	tree_unlock(t);
	removal_unref(m);
}

/* What it points to at this moment; so this comes last. */
static int check(struct tree *t, struct removal *m, struct fetch **ret_fetch)
{
	struct reg_call call;
	char text[REG_DIGEST_MAX];

	*ret_fetch = &m->check;
	if (m->check.active)
		return 1;
	if (m->checked && (m->check_err < 0 || reg_digest_equal(&m->found, &m->manifest->digest)))
		return m->check_err;
	fetch_begin(t, &m->check, false);
	call = fetch_call(&m->check, on_checked, removal_ref(m));
	call.flags |= REG_FRESH;
	m->check.op = reg_manifest(t->client, m->repository->name,
				   m->tag ? m->tag->name : reg_digest_text(&m->manifest->digest, text), NULL,
				   &call);
	if (m->check.op)
		return 1;
	m->check.active = false;
	removal_unref(m);
	return -ENOMEM;
}

/* ---- decisions ---- */

static const char *guard_names(const struct holder *h)
{
	const char *why = NULL;

	for (struct list *node = h->tags.next; !why && node != &h->tags; node = node->next)
		why = guard_tag(container_of(node, struct tag, held));
	return why;
}

/* A manifest, or a name alone? */
static int choose(struct removal *m)
{
	const struct holder *h = m->tag->holder;
	const enum shared shared = m->repository->tree->options.shared;
	const bool listed = pinned_or_parent_lists(m->repository, m->manifest);
	const bool alone = h->ntags == 1 && !listed;
	const char *why;

	m->action = alone || (shared == SHARED_ALL && !listed) ? JOURNAL_DELETE : JOURNAL_UNTAG;
	if (alone)
		return 0;
	if (shared == SHARED_REFUSE)
		return refuse(m, -EBUSY,
			      listed ? "an index lists it (shared=refuse)"
				     : "other tags share it (shared=refuse)");
	why = m->action == JOURNAL_DELETE ? guard_names(h) : NULL;
	return why ? refuse(m, -EPERM, "a tag that shares it is protected (shared=all)") : 0;
}

static int plan(struct removal *m, struct fetch **ret_fetch)
{
	const bool untag = m->action == JOURNAL_UNTAG;
	int err = plan_make(&m->plan, m->repository, m->manifest, !untag, ret_fetch);

	if (err == -EFBIG)
		return refuse(m, err, "too many manifests hang from it");
	if (err == 0 && untag) {
		m->plan.items[0].tags[0] = m->tag;
		m->plan.items[0].tags[1] = NULL;
	}
	return err;
}

/* How a name goes alone, and whether it can. */
static int prepare_untag(struct removal *m, struct fetch **ret_fetch)
{
	const struct abilities *a = &m->repository->abilities;
	int err;

	if (m->action != JOURNAL_UNTAG || m->repository->tree->options.dry_run)
		return 0;
	err = abilities_tags(m->repository, ret_fetch);
	if (err != 0)
		return err;
	if (a->tags == TAGS_NO && a->deletes != DELETES_PROVEN)
		return refuse(m, -EBUSY,
			      "others hold it, the registry cannot delete a tag, and whether it deletes a "
			      "manifest could not be proved");
	if (a->tags != TAGS_NO || m->placeholder)
		return 0;
	return placeholder_make(m->plan.items[0].image->media_type, &m->placeholder, &m->placeholder_digest);
}

/* Is what goes what the caller saw? */
static int compare(const struct removal *m)
{
	if (!m->tag || (m->allowed && (!m->seen || m->seen == m->tag->image)))
		return 0;
	return refuse(m, -ESTALE, "it has moved since it was looked at; look again");
}

/* ---- the steps ---- */

/* Too much time went by before anything was sent: all of it is found out anew, but for what the caller saw.
 */
static int restart(struct call *c, struct repository *r, struct tag *tag)
{
	struct removal *before = c->removal, *m = removal_new(r, c->pid, c->uid);

	if (!m)
		return -ENOMEM;
	m->tag = tag;
	m->began = tree_now();
	m->seen = before->seen;
	m->allowed = before->allowed;
	m->restarts = before->restarts + 1;
	c->removal = m;
	removal_unref(before);
	return 0;
}

/* One at a time in a repository: each counts on what is known to hold what. */
static int begin(struct call *c, struct repository *r, struct tag *tag, struct fetch **ret_fetch)
{
	struct removal *m = c->removal;

	*ret_fetch = &r->changing;
	if (m && m->over && !(m->again && m->restarts < RESTARTS))
		return m->err;
	if (r->changing.active)
		return 1;
	if (m && m->over)
		return restart(c, r, tag);
	if (m)
		return 0;
	m = c->removal = removal_new(r, c->pid, c->uid);
	if (!m)
		return -ENOMEM;
	m->tag = tag;
	m->began = c->began;
	m->in_a_row = is_in_a_row(r);
	m->seen = tag ? tag->last : NULL;
	m->allowed = !tag || seen_allows(tag, c->pid);
	return 0;
}

/* What is decided here was decided with the lock, and nothing has come in between. */
static int commit(struct removal *m, struct fetch **ret_fetch)
{
	if (m->repository->tree->ending) /* nobody waits for its end any more, and the client goes */
		return -EIO;
	removal_start(m);
	*ret_fetch = &m->repository->changing;
	return m->over ? m->err : 1;
}

static int know_all(struct removal *m, struct fetch **ret_fetch)
{
	int err = m->repository->tree->options.dry_run ? 0 : abilities_deletes(m->repository, ret_fetch);

	if (err == 0)
		err = know_names(m, ret_fetch);
	if (err == 0)
		err = know_protected(m, ret_fetch);
	if (err == 0)
		err = know_holders(m, ret_fetch);
	/* An index that is in use without a tag holds what it lists as any other. */
	return err == 0 && m->repository->tree->protect ? pinned_load(m->repository, ret_fetch) : err;
}

static int guard(struct removal *m)
{
	const char *why =
		guard_is_certain(m->tag) ? guard_tag(m->tag) : "the dates of all tags are not known";

	return why ? refuse(m, -EPERM, why) : 0;
}

int remove_tag(struct tree *t, struct call *c, struct tag *tag, struct fetch **ret_fetch)
{
	struct repository *r = tag->repository;
	int err = begin(c, r, tag, ret_fetch);
	struct removal *m = c->removal;
	const char *why;

	if (err != 0 || m->over)
		return err;
	why = guard_name(tag);
	if (why)
		return refuse(m, -EPERM, why);
	err = know_all(m, ret_fetch);
	if (err == 0 && !tag->image) /* not in the list, and nobody has asked for it */
		err = tag_resolve(tag, c, false, ret_fetch);
	if (err == 0) {
		m->manifest = repository_manifest(r, &tag->image->digest);
		err = m->manifest ? compare(m) : -ENOMEM;
	}
	if (err == 0)
		err = guard(m);
	if (err == 0)
		err = choose(m);
	if (err == 0)
		err = plan(m, ret_fetch);
	if (err == 0) /* what was read for the plan may be in use */
		err = guard(m);
	if (err == 0)
		err = prepare_untag(m, ret_fetch);
	if (err == 0)
		err = know_bytes(t, c, m, ret_fetch);
	if (err == 0)
		err = check(t, m, ret_fetch);
	return err == 0 ? commit(m, ret_fetch) : err;
}

int remove_manifest(struct tree *t, struct call *c, struct repository *r, struct manifest *manifest,
		    struct fetch **ret_fetch)
{
	int err = begin(c, r, NULL, ret_fetch);
	struct removal *m = c->removal;
	const char *why;

	if (err != 0 || m->over)
		return err;
	m->manifest = manifest;
	m->action = JOURNAL_DELETE;
	err = know_all(m, ret_fetch);
	if (err != 0)
		return err;
	if (repository_holder(r, &manifest->digest) || manifest->nparents)
		return refuse(m, -EBUSY, "a tag or an index holds it");
	if (manifest->listed && manifest->subject && manifest->subject->listed)
		return refuse(m, -EBUSY, "it belongs to a manifest that is there, and goes with it");
	err = plan(m, ret_fetch);
	why = err == 0 ? guard_digest(r, &manifest->digest) : NULL;
	if (why)
		return refuse(m, -EPERM, why);
	if (err == 0)
		err = know_bytes(t, c, m, ret_fetch);
	if (err == 0)
		err = check(t, m, ret_fetch);
	return err == 0 ? commit(m, ret_fetch) : err;
}
