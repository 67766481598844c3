/* SPDX-License-Identifier: MIT */
#include "storage/check_inner.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/files.h"
#include "storage/layout.h"
#include "util/grow.h"

#define SHORT 19 /* "sha256:" and 12 digits */

#define ASIDE_TEXT_MAX 4352

/* What was named goes on being named: without that, another quarantine is meant. */
static const char *aside_text(const struct check *c, char buf[ASIDE_TEXT_MAX])
{
	const char *path = c->storage && c->storage->aside_named ? c->storage->aside_path : NULL;

	snprintf(buf, ASIDE_TEXT_MAX, "is in the quarantine%s%s: run regfs-gc again, or regfs-gc restore%s",
		 path ? " " : "", path ? path : "", path ? ", with this --quarantine" : "");
	return buf;
}

/* A blob's place in a repository, and its content. */
enum state { HERE, ASIDE, NOT, UNKNOWN };

static enum state link_state(const struct check *c, uint32_t blob, bool is_manifest)
{
	/* Which of them could not be read is told once, and not as if each were missing. */
	enum state best = c->repository->links_lost ? HERE : NOT;

	/* Registry 2.1.0 linked manifests as layers, and later ones still find them there. */
	for (int type = is_manifest ? LINK_REVISION : LINK_LAYER; type <= LINK_LAYER; type++) {
		const uint32_t l = store_link_find(c->store, c->repository, blob, (enum store_link_type)type);

		if (l == STORE_NONE)
			continue;
		if (!(c->store->links[l].flags & LINK_ASIDE))
			return HERE;
		best = ASIDE;
	}
	return best;
}

/*
 * The registry links a child before the index that names it; a folder of theirs that is read meanwhile may
 * show the index alone. 1, 0, or -ENOMEM.
 */
static int is_linked_by_now(const struct check *c, uint32_t blob, bool is_manifest)
{
	const struct reg_digest *d = &c->store->blobs[blob]->digest;
	char path[LAYOUT_MAX], digest[REG_DIGEST_MAX];
	struct buf text;
	int r;

	if (!c->storage || c->storage->v2 < 0)
		return 0;
	layout_link(path, c->repository->name, is_manifest ? LINK_REVISION : LINK_LAYER, d);
	buf_init(&text, REG_DIGEST_MAX);
	r = files_read(c->storage->v2, path, &text, NULL);
	if (r != -ENOMEM)
		r = r == 0 && text.size && strcmp(text.data, reg_digest_text(d, digest)) == 0;
	buf_done(&text);
	return r;
}

static enum state content_state(const struct store_blob *b)
{
	if (b->flags & BLOB_PRESENT)
		return HERE;
	if (b->flags & BLOB_ODD) /* a problem of its own, which the scan has told */
		return UNKNOWN;
	return b->flags & BLOB_ASIDE ? ASIDE : NOT;
}

static void count(struct check *c, uint32_t blob)
{
	const struct store_blob *b = c->store->blobs[blob];

	if (c->counted[blob] || content_state(b) != HERE)
		return;
	c->counted[blob] = 1;
	c->result.blobs++;
	c->result.bytes += (uint64_t)b->size;
}

static void enter(struct check *c, uint32_t blob)
{
	if (c->looked[blob] == c->number + 1)
		return;
	c->looked[blob] = c->number + 1;
	c->todo[c->ntodo++] = blob;
}

static int cover(struct check *c, uint32_t blob)
{
	struct check_covered *grown = grow(c->covered, c->ncovered, &c->room_covered, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	c->covered = grown;
	c->covered[c->ncovered++] = (struct check_covered){c->number, blob};
	return 0;
}

/* ---- a reference ---- */

static const char *role_name(enum store_role role)
{
	return role == ROLE_CHILD ? "manifest" : role == ROLE_CONFIG ? "config" : "layer";
}

/* "layer sha256:.. is missing (needed by sha256:0123.., linux/amd64)" */
static int tell(struct check *c, enum problem_kind kind, uint32_t parent, const struct store_ref *ref,
		const char *what)
{
	const struct store_blob *above = c->store->blobs[parent];
	char digest[REG_DIGEST_MAX], whose[REG_DIGEST_MAX], buf[128];
	const char *platform = above->manifest->platform ? above->manifest->platform : "";

	if (ref->role == ROLE_CHILD)
		platform = check_platform(c, parent, ref->blob, buf);
	return check_tell(c, kind, parent, ref->blob, "%s %s %s (needed by %.*s%s%s)",
			  role_name((enum store_role)ref->role),
			  reg_digest_text(&c->store->blobs[ref->blob]->digest, digest), what, SHORT,
			  reg_digest_text(&above->digest, whose), *platform ? ", " : "", platform);
}

/* Such a registry may be without it, and fetches it, or not, when somebody asks. */
static int tell_not_cached(struct check *c, uint32_t parent, const struct store_ref *ref)
{
	return tell(c, PROBLEM_NOT_CACHED, parent, ref,
		    c->store->cache ? "is not in the cache"
				    : "was never pushed here, as the configuration allows");
}

static bool may_be_missing(const struct check *c, const struct store_ref *ref)
{
	return c->store->cache || (c->store->sparse && ref->role == ROLE_CHILD);
}

static int tell_missing(struct check *c, uint32_t parent, const struct store_ref *ref)
{
	const bool may_be = may_be_missing(c, ref);
	int r = 0;

	if (ref->role == ROLE_FOREIGN) /* elsewhere: its descriptor says where */
		return 0;
	if (ref->role == ROLE_CHILD)
		r = cover(c, ref->blob);
	if (r < 0 || may_be)
		return r < 0 ? r : tell_not_cached(c, parent, ref);
	return tell(c,
		    ref->role == ROLE_CHILD    ? PROBLEM_CHILD_MISSING
		    : ref->role == ROLE_CONFIG ? PROBLEM_CONFIG_MISSING
					       : PROBLEM_LAYER_MISSING,
		    parent, ref, "is missing");
}

static int tell_unlinked(struct check *c, uint32_t parent, const struct store_ref *ref)
{
	if (ref->role == ROLE_FOREIGN)
		return 0;
	if (may_be_missing(c, ref))
		return tell_not_cached(c, parent, ref);
	if (ref->role == ROLE_CHILD)
		return tell(c, PROBLEM_CHILD_MISSING, parent, ref,
			    "is there, but this repository does not link it: push it again");
	return tell(c, PROBLEM_UNLINKED, parent, ref,
		    "is there, but this repository has no link to it: push the image again");
}

static int tell_size(struct check *c, uint32_t parent, const struct store_ref *ref)
{
	char text[96];

	snprintf(text, sizeof(text), "has %" PRId64 " bytes instead of %" PRId64,
		 c->store->blobs[store_target(c->repository, ref->blob)]->size, ref->size);
	return tell(c, PROBLEM_SIZE, parent, ref, text);
}

static int look_at_ref(struct check *c, uint32_t parent, const struct store_ref *ref)
{
	const uint32_t target = store_target(c->repository, ref->blob);
	const struct store_blob *b = c->store->blobs[target];
	const bool is_manifest = ref->role == ROLE_CHILD;
	const bool in_index = c->store->blobs[parent]->manifest->kind == REG_KIND_INDEX;
	const enum state content = content_state(b), link = link_state(c, ref->blob, is_manifest || in_index);
	char aside[ASIDE_TEXT_MAX];
	int r = 0;

	c->needed[ref->blob] = c->needed[target] = c->number + 1;
	if (content == UNKNOWN)
		return 0;
	if (content == NOT)
		return tell_missing(c, parent, ref);
	if (content == ASIDE || link == ASIDE) {
		if (is_manifest)
			c->looked[ref->blob] = c->number + 1; /* once is enough */
		return tell(c, PROBLEM_ASIDE, parent, ref, aside_text(c, aside));
	}
	count(c, target);
	if (link == NOT) {
		r = is_linked_by_now(c, ref->blob, is_manifest);
		if (r <= 0)
			return r < 0 ? r : tell_unlinked(c, parent, ref);
		r = 0;
	}
	if (ref->size >= 0 && ref->size != b->size)
		r = tell_size(c, parent, ref);
	if (is_manifest)
		enter(c, ref->blob);
	return r;
}

/* ---- a manifest ---- */

static int look_at(struct check *c, uint32_t manifest)
{
	const struct store_blob *b = c->store->blobs[manifest];
	int r = 0;

	count(c, manifest);
	if (!b->manifest)
		return 0;
	c->result.manifests += !(c->counted[manifest] & 2);
	c->counted[manifest] |= 2;
	c->names++;
	for (size_t i = 0; r == 0 && i < b->manifest->nrefs; i++) {
		const struct store_ref *ref = &b->manifest->refs[i];

		/* A layer may stand there several times: schema 1 says so of every empty one. */
		if (ref->role == ROLE_SUBJECT || c->named[ref->blob] == c->names)
			continue;
		c->named[ref->blob] = c->names;
		r = look_at_ref(c, manifest, ref);
	}
	return r;
}

/* ---- what a repository begins with ---- */

static int tell_tag(struct check *c, enum problem_kind kind, const struct store_tag *t, const char *what)
{
	const struct problem p = {
		.kind = kind,
		.repository = c->repository->name,
		.tag = t->name,
		.digest = c->store->blobs[t->blob]->digest,
	};
	char digest[REG_DIGEST_MAX];

	return problems_add(&c->store->problems, &p, "manifest %s %s", reg_digest_text(&p.digest, digest),
			    what);
}

static int look_at_tag(struct check *c, const struct store_tag *t)
{
	char aside[ASIDE_TEXT_MAX];
	enum state content, link;
	int r;

	c->result.tags++;
	if (t->blob == STORE_NONE)
		return 0;
	c->needed[t->blob] = c->number + 1;
	content = content_state(c->store->blobs[t->blob]);
	link = link_state(c, t->blob, true);
	if (content == ASIDE)
		c->looked[t->blob] = c->number + 1;
	if (content == ASIDE || (content == HERE && link == ASIDE))
		return tell_tag(c, PROBLEM_ASIDE, t, aside_text(c, aside));
	if (c->store->cache && (link != HERE || content == NOT)) {
		r = cover(c, t->blob);
		return r < 0 ? r : tell_tag(c, PROBLEM_NOT_CACHED, t, "is not in the cache");
	}
	if (link != HERE)
		return tell_tag(
			c, PROBLEM_TAG_DANGLING, t,
			content == NOT
				? "is missing, and not linked here: push the image again, or remove the tag"
				: "is there, but this repository does not link it: push the image again, "
				  "or remove the tag");
	if (content == NOT) {
		r = cover(c, t->blob);
		return r < 0 ? r
			     : tell_tag(c, PROBLEM_MANIFEST_MISSING, t,
					"is missing: push the image again, or remove the tag");
	}
	enter(c, t->blob);
	return 0;
}

static int look_at_revision(struct check *c, uint32_t blob)
{
	const struct store_blob *b = c->store->blobs[blob];
	const struct problem p = {
		.kind = PROBLEM_ASIDE, .repository = c->repository->name, .digest = b->digest};
	char digest[REG_DIGEST_MAX], aside[ASIDE_TEXT_MAX];

	c->needed[blob] = c->number + 1;
	if (content_state(b) == ASIDE && c->looked[blob] != c->number + 1) {
		c->looked[blob] = c->number + 1;
		return problems_add(&c->store->problems, &p, "manifest %s %s",
				    reg_digest_text(&b->digest, digest), aside_text(c, aside));
	}
	enter(c, blob);
	return 0;
}

static int look_at_all(struct check *c)
{
	int r = 0;

	while (r == 0 && c->ntodo)
		r = look_at(c, c->todo[--c->ntodo]);
	return r;
}

int check_repository(struct check *c)
{
	const struct store_repository *repository = c->repository;
	const struct store_link *links = c->store->links + repository->first_link;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < repository->ntags; i++)
		r = look_at_tag(c, &repository->tags[i]);
	if (r == 0)
		r = look_at_all(c);
	for (uint32_t i = 0; r == 0 && i < repository->nlinks; i++)
		if (links[i].type == LINK_REVISION && !(links[i].flags & LINK_ASIDE))
			r = look_at_revision(c, links[i].blob);
	if (r == 0)
		r = look_at_all(c);
	for (uint32_t i = 0; r == 0 && i < repository->nlinks; i++) {
		const uint32_t blob = links[i].blob, target = store_target(repository, blob);

		c->orphans[repository->first_link + i] =
			links[i].type == LINK_LAYER && !(links[i].flags & LINK_ASIDE) &&
			content_state(c->store->blobs[target]) == NOT && c->needed[blob] != c->number + 1;
	}
	return r;
}
