/* SPDX-License-Identifier: MIT */
/* Why something that the collector would remove is needed, and by which known bug it would go. */
#include "storage/verdict_inner.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

enum { MAX_STEPS = 256 }; /* content decides how deep something lies */

static bool names(const struct store *s, uint32_t manifest, uint32_t blob, enum store_role role)
{
	const struct store_manifest *m = s->blobs[manifest]->manifest;

	for (size_t i = 0; m && i < m->nrefs; i++)
		if (m->refs[i].role == role && m->refs[i].blob == blob)
			return true;
	return false;
}

static bool is_revision(const struct store *s, const struct store_repository *r, uint32_t blob)
{
	const uint32_t link = store_link_find(s, r, blob, LINK_REVISION);

	return link != STORE_NONE && !(s->links[link].flags & LINK_ASIDE);
}

static bool is_revision_anywhere(const struct store *s, uint32_t blob)
{
	for (uint32_t i = 0; i < s->nrepositories; i++)
		if (is_revision(s, &s->repositories[i], blob))
			return true;
	return false;
}

static const char *tag_of(const struct store_repository *r, uint32_t blob)
{
	for (uint32_t i = 0; i < r->ntags; i++)
		if (r->tags[i].blob == blob)
			return r->tags[i].name;
	return NULL;
}

struct cause {
	enum bug bug;
	uint32_t child; /* an index lists it, and no repository links it; STORE_NONE: no such thing */
};

static enum bug bug_of_index(const struct verdict *v)
{
	if (!v->delete_untagged || !v->major)
		return BUG_NONE;
	return v->major == 2 ? BUG_B3 : BUG_B1;
}

/* From the blob up to the tag or revision by which it is held. */
static struct cause find_cause(const struct verdict *v, uint32_t blob)
{
	const struct mark *m = v->mark;
	struct cause c = {BUG_NONE, STORE_NONE};
	bool index = false;

	for (int i = 0; i < MAX_STEPS && m->via[blob] != STORE_NONE; i++, blob = m->via[blob]) {
		if (names(v->store, m->via[blob], blob, ROLE_CHILD)) {
			index = true;
			if (!is_revision_anywhere(v->store, blob))
				c.child = blob;
		} else if (v->delete_untagged && names(v->store, blob, m->via[blob], ROLE_SUBJECT)) {
			c.bug = BUG_B12;
			return c;
		}
	}
	if (index && c.child == STORE_NONE)
		c.bug = bug_of_index(v);
	return c;
}

static int refuse_held(struct verdict *v, uint32_t blob, const char *what, const char *where)
{
	const struct reg_digest *digest = &v->store->blobs[blob]->digest;
	const struct cause c = find_cause(v, blob);
	struct mark_reason reason = {.text = "something"};
	char text[REG_DIGEST_MAX], child[REG_DIGEST_MAX];

	mark_explain(v->store, v->mark, blob, &reason);
	reg_digest_text(digest, text);
	if (c.child != STORE_NONE)
		return verdict_refuse(v, BUG_NONE, digest, reason.repository, reason.tag,
				      "%s%s %s is needed by %s; the index still lists %s, whose link was "
				      "deleted: push that image again, or delete the index",
				      what, where, text, reason.text,
				      reg_digest_text(&v->store->blobs[c.child]->digest, child));
	return verdict_refuse(v, c.bug, digest, reason.repository, reason.tag, "%s%s %s is needed by %s",
			      what, where, text, reason.text);
}

/* ---- what is not sure ---- */

static const struct store_repository *find_unsure(const struct store *s, uint32_t blob)
{
	const struct store_repository *any = NULL;

	for (uint32_t i = 0; i < s->nrepositories; i++) {
		const struct store_repository *r = &s->repositories[i];

		if (!r->unsure)
			continue;
		if (store_link_find(s, r, blob, LINK_REVISION) != STORE_NONE ||
		    store_link_find(s, r, blob, LINK_LAYER) != STORE_NONE)
			return r;
		if (!any)
			any = r; /* it names the blob in a manifest, or another such repository does */
	}
	return any;
}

static int refuse_unsure(struct verdict *v, uint32_t blob, const struct store_repository *r, const char *what,
			 const char *where)
{
	const struct store_blob *b = v->store->blobs[blob];
	char text[REG_DIGEST_MAX];

	reg_digest_text(&b->digest, text);
	if (v->store->blind)
		return verdict_refuse(v, BUG_NONE, &b->digest, r ? r->name : NULL, NULL,
				      "%s%s %s may be needed: %s", what, where, text, v->store->blind);
	if (r)
		return verdict_refuse(v, BUG_B7, &b->digest, r->name, NULL, "%s%s %s may be needed by %s: %s",
				      what, where, text, r->name, r->unsure);
	return verdict_refuse(v, BUG_NONE, &b->digest, NULL, NULL,
			      "%s%s %s is not a plain file, as a registry makes it: look at it first", what,
			      where, text);
}

int verdict_blob(struct verdict *v, uint32_t blob)
{
	if (verdict_is_full(v))
		return 0;
	if (v->mark->blobs[blob] == MARK_HELD)
		return refuse_held(v, blob, "blob", "");
	return refuse_unsure(v, blob, find_unsure(v->store, blob), "blob", "");
}

/* ---- links ---- */

/* The index of this repository that lists a manifest; one with a tag before others. */
static uint32_t find_index(const struct verdict *v, const struct store_repository *r, uint32_t blob)
{
	const struct store *s = v->store;
	uint32_t found = STORE_NONE;

	for (uint32_t l = r->first_link; l < r->first_link + r->nlinks; l++) {
		const uint32_t index = s->links[l].blob;

		if (s->links[l].type != LINK_REVISION || v->mark->links[l] != MARK_HELD ||
		    !names(s, index, blob, ROLE_CHILD))
			continue;
		if (found == STORE_NONE || tag_of(r, index))
			found = index;
		if (tag_of(r, index))
			break;
	}
	return found;
}

/* The manifest of this repository that a held one refers to. */
static uint32_t find_subject(const struct verdict *v, const struct store_repository *r, uint32_t blob)
{
	const struct store_manifest *m = v->store->blobs[blob]->manifest;

	for (size_t i = 0; m && i < m->nrefs; i++)
		if (m->refs[i].role == ROLE_SUBJECT && is_revision(v->store, r, m->refs[i].blob))
			return m->refs[i].blob;
	return STORE_NONE;
}

static int refuse_manifest(struct verdict *v, const struct store_repository *r, uint32_t blob)
{
	const struct store *s = v->store;
	const uint32_t index = find_index(v, r, blob);
	const uint32_t holder = index != STORE_NONE ? index : find_subject(v, r, blob);
	char text[REG_DIGEST_MAX], other[REG_DIGEST_MAX];
	struct mark_reason reason;
	const char *tag;

	if (holder == STORE_NONE)
		return refuse_held(v, blob, "manifest", "");
	tag = tag_of(r, holder);
	if (!tag && mark_explain(s, v->mark, blob, &reason) && strcmp(reason.repository, r->name) == 0)
		tag = reason.tag;
	return verdict_refuse(
		v, index != STORE_NONE ? bug_of_index(v) : BUG_B12, &s->blobs[blob]->digest, r->name, tag,
		"manifest %s in %s %s %s%s%s", reg_digest_text(&s->blobs[blob]->digest, text), r->name,
		index != STORE_NONE ? "is listed by the index" : "belongs to its subject",
		reg_digest_text(&s->blobs[holder]->digest, other), tag ? ", tag " : "", tag ? tag : "");
}

int verdict_link(struct verdict *v, uint32_t repository, uint32_t link)
{
	const struct store_repository *r = &v->store->repositories[repository];
	const struct store_link *l = &v->store->links[link];
	auto_free char *where = NULL;

	if (verdict_is_full(v))
		return 0;
	if (v->mark->links[link] == MARK_HELD && l->type == LINK_REVISION)
		return refuse_manifest(v, r, l->blob);
	if (asprintf(&where, " in %s to", r->name) < 0) {
		where = NULL;
		return v->err = -ENOMEM;
	}
	if (v->mark->links[link] == MARK_HELD)
		return refuse_held(v, l->blob, "the link", where);
	return refuse_unsure(v, l->blob, r->unsure ? r : NULL, "the link", where);
}
