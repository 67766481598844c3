/* SPDX-License-Identifier: MIT */
#include "storage/verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/layout.h"
#include "storage/verdict_inner.h"
#include "util/cleanup.h"
#include "util/utf8.h"

int verdict_init(struct verdict *v, const struct store *s, const struct mark *m, int major,
		 bool delete_untagged)
{
	*v = (struct verdict){
		.store = s,
		.mark = m,
		.major = major,
		.delete_untagged = delete_untagged,
		.blobs = calloc(s->nblobs ? s->nblobs : 1, 1),
		.links = calloc(s->nlinks ? s->nlinks : 1, 1),
		.kept = calloc(s->nblobs ? s->nblobs : 1, 1),
		.refusals = calloc(VERDICT_MAX, sizeof(*v->refusals)),
	};
	if (v->blobs && v->links && v->kept && v->refusals)
		return 0;
	verdict_done(v);
	return -ENOMEM;
}

void verdict_done(struct verdict *v)
{
	for (size_t i = 0; i < v->nrefusals; i++) {
		free(v->refusals[i].repository);
		free(v->refusals[i].tag);
		free(v->refusals[i].text);
	}
	free(v->refusals);
	free(v->blobs);
	free(v->links);
	free(v->kept);
	*v = (struct verdict){0};
}

/* ---- refusals ---- */

bool verdict_is_full(struct verdict *v)
{
	if (v->nrefusals < VERDICT_MAX)
		return false;
	v->all_refusals++;
	return true;
}

static int copy(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

int verdict_refuse(struct verdict *v, enum bug bug, const struct reg_digest *digest, const char *repository,
		   const char *tag, const char *format, ...)
{
	struct refusal *r = &v->refusals[v->nrefusals];
	va_list args;
	int n;

	if (verdict_is_full(v))
		return 0;
	*r = (struct refusal){.bug = bug};
	if (digest)
		r->digest = *digest;
	va_start(args, format);
	n = vasprintf(&r->text, format, args);
	va_end(args);
	if (n < 0)
		r->text = NULL;
	if (n < 0 || copy(repository, &r->repository) < 0 || copy(tag, &r->tag) < 0) {
		free(r->text);
		free(r->repository);
		return v->err = -ENOMEM;
	}
	utf8_make_printable(r->text);
	v->nrefusals++;
	v->all_refusals++;
	return 0;
}

/*
 * What it names and the scan did not see was written since: then something writes to this storage, and what
 * it pushes would be removed under its hands.
 */
static int refuse_unknown(struct verdict *v, const char *what, const struct collector_line *line)
{
	char text[REG_DIGEST_MAX];

	return verdict_refuse(v, BUG_NONE, &line->digest, line->repository[0] ? line->repository : NULL, NULL,
			      "the collector would remove %s %s, which was not there a moment ago: something "
			      "writes to this storage, or the collector reads another one",
			      what, reg_digest_text(&line->digest, text));
}

/* ---- its lines ---- */

static int on_blob(struct verdict *v, const struct collector_line *line)
{
	const uint32_t blob = store_blob_find(v->store, &line->digest);

	v->blob_lines++;
	if (blob == STORE_NONE)
		return refuse_unknown(v, "blob", line);
	if (v->blobs[blob])
		return 0;
	v->blobs[blob] = 1;
	if (v->store->blobs[blob]->flags & BLOB_PRESENT) {
		v->ndeleted++;
		v->deleted_bytes += (uint64_t)v->store->blobs[blob]->size;
	}
	return v->mark->blobs[blob] == MARK_GARBAGE ? 0 : verdict_blob(v, blob);
}

static int on_link(struct verdict *v, const struct collector_line *line, enum store_link_type type)
{
	const uint32_t repository = store_repository_find(v->store, line->repository);
	const uint32_t blob = store_blob_find(v->store, &line->digest);
	uint32_t link = STORE_NONE;

	if (repository != STORE_NONE && blob != STORE_NONE)
		link = store_link_find(v->store, &v->store->repositories[repository], blob, type);
	if (link == STORE_NONE)
		return refuse_unknown(v, type == LINK_REVISION ? "manifest" : "the link to layer", line);
	if (v->links[link])
		return 0;
	v->links[link] = 1;
	return v->mark->links[link] == MARK_GARBAGE ? 0 : verdict_link(v, repository, link);
}

static void on_mark(struct verdict *v, const struct collector_line *line)
{
	const uint32_t blob = store_blob_find(v->store, &line->digest);

	if (blob == STORE_NONE || store_repository_find(v->store, line->repository) == STORE_NONE)
		v->strange = line->digest;
	else
		v->kept[blob] = 1;
}

int verdict_line(void *data, const struct collector_line *line)
{
	struct verdict *v = data;

	if (v->err < 0)
		return v->err;
	switch (line->event) {
	case COLLECTOR_REPOSITORY:
		memcpy(v->repository, line->repository, sizeof(v->repository));
		return 0;
	case COLLECTOR_MARK:
		on_mark(v, line);
		return 0;
	case COLLECTOR_BLOB:
		return on_blob(v, line);
	case COLLECTOR_MANIFEST:
		v->manifest_lines++;
		return on_link(v, line, LINK_REVISION);
	case COLLECTOR_LAYER_LINK:
		return on_link(v, line, LINK_LAYER);
	case COLLECTOR_SUMMARY:
		v->summary = true;
		v->said_blobs = line->blobs;
		v->said_manifests = line->manifests;
		return 0;
	default:
		return 0;
	}
}

/* ---- the whole ---- */

/* A link, or the content behind it, goes. */
static bool is_cut(const struct verdict *v, const struct store_repository *r, uint32_t blob)
{
	const uint32_t link = store_link_find(v->store, r, blob, LINK_LAYER);

	return (link != STORE_NONE && v->links[link]) || v->blobs[blob];
}

/*
 * B2: a revision stays that the mark calls garbage, and what it needs goes: it would be broken where it was
 * only untagged. What the mark holds was refused already.
 */
static int look_at_revision(struct verdict *v, uint32_t repository, uint32_t link)
{
	const struct store_repository *r = &v->store->repositories[repository];
	const struct store_blob *b = v->store->blobs[v->store->links[link].blob];
	char digest[REG_DIGEST_MAX], part[REG_DIGEST_MAX];

	for (size_t i = 0; i < b->manifest->nrefs; i++) {
		const struct store_ref *ref = &b->manifest->refs[i];

		if ((ref->role != ROLE_CONFIG && ref->role != ROLE_LAYER) || !is_cut(v, r, ref->blob))
			continue;
		return verdict_refuse(
			v, BUG_B2, &b->digest, r->name, NULL,
			"%s: manifest %s would stay, and could not be pulled any more: its layer %s "
			"would go",
			r->name, reg_digest_text(&b->digest, digest),
			reg_digest_text(&v->store->blobs[ref->blob]->digest, part));
	}
	return 0;
}

/* B17: a manifest goes that nobody needs, and its link stays: the registry would name what is gone. */
static int refuse_left_link(struct verdict *v, const struct store_repository *r, uint32_t blob)
{
	const struct reg_digest *digest = &v->store->blobs[blob]->digest;
	char path[LAYOUT_MAX], text[REG_DIGEST_MAX];

	layout_link(path, r->name, LINK_REVISION, digest);
	*strrchr(path, '/') = '\0'; /* the folder: that is what a collector removes */
	return verdict_refuse(v, BUG_B17, digest, r->name, NULL,
			      "%s: manifest %s would go, and its link would stay: %s/" LAYOUT_V2 "/%s",
			      r->name, reg_digest_text(digest, text), v->store->root, path);
}

static int look_at_revisions(struct verdict *v, uint32_t repository)
{
	const struct store_repository *r = &v->store->repositories[repository];
	int e = 0;

	for (uint32_t l = r->first_link; e == 0 && l < r->first_link + r->nlinks; l++) {
		const struct store_link *link = &v->store->links[l];

		if (link->type != LINK_REVISION || link->flags & LINK_ASIDE || v->links[l] ||
		    v->mark->links[l] != MARK_GARBAGE)
			continue;
		if (v->blobs[link->blob])
			e = refuse_left_link(v, r, link->blob);
		else if (v->store->blobs[link->blob]->manifest)
			e = look_at_revision(v, repository, l);
	}
	return e;
}

int verdict_end(struct verdict *v, const struct collector_end *end)
{
	int r = v->err;

	if (r == 0 && end->status != 0)
		return verdict_failure(v, end);
	if (r == 0 && !v->summary)
		return verdict_refuse(
			v, BUG_NONE, NULL, NULL, NULL,
			"the collector ended without saying what it would remove: is it one?%s%s",
			end->message[0] ? " It says: " : "", end->message);
	if (r == 0 && (v->said_blobs != v->blob_lines || v->said_manifests != v->manifest_lines))
		return verdict_refuse(v, BUG_NONE, NULL, NULL, NULL,
				      "the collector would remove %" PRIu64 " blobs and %" PRIu64
				      " manifests, of which it names %" PRIu64 " and %" PRIu64
				      ": its output cannot be compared",
				      v->said_blobs, v->said_manifests, v->blob_lines, v->manifest_lines);
	for (uint32_t i = 0; r == 0 && i < v->store->nrepositories; i++)
		r = look_at_revisions(v, i);
	return r;
}

enum verdict_sight verdict_sight(const struct verdict *v, struct reg_digest *ret)
{
	if (v->strange.algorithm) {
		*ret = v->strange;
		return SIGHT_STRANGE;
	}
	for (uint32_t i = 0; v->summary && i < v->store->nblobs; i++)
		if (v->store->blobs[i]->flags & BLOB_PRESENT && !v->kept[i] && !v->blobs[i]) {
			*ret = v->store->blobs[i]->digest;
			return SIGHT_PART;
		}
	return SIGHT_SAME;
}
