/* SPDX-License-Identifier: MIT */
#include "storage/mark.h"

#include <stdio.h>
#include <string.h>

#define STEPS 4 /* that are told above the blob: content decides how deep it lies */
#define SHORT 20 /* "sha256:" and 12 digits */

/* Does the manifest refer to the blob as its subject, so that it is held by it? */
static bool refers_to(const struct store *s, uint32_t manifest, uint32_t subject)
{
	const struct store_manifest *m = s->blobs[manifest]->manifest;

	for (size_t i = 0; m && i < m->nrefs; i++)
		if (m->refs[i].role == ROLE_SUBJECT && m->refs[i].blob == subject)
			return true;
	return false;
}

static bool names(const struct store *s, uint32_t manifest, uint32_t blob, enum store_role *ret)
{
	const struct store_manifest *m = s->blobs[manifest]->manifest;

	for (size_t i = 0; m && i < m->nrefs; i++)
		if (m->refs[i].role != ROLE_SUBJECT && m->refs[i].blob == blob) {
			*ret = m->refs[i].role;
			return true;
		}
	return false;
}

static const char *what_it_is(const struct store *s, uint32_t blob, uint32_t parent)
{
	const struct store_manifest *m = s->blobs[blob]->manifest;
	enum store_role role = ROLE_CHILD;

	if (parent != STORE_NONE && !names(s, parent, blob, &role)) {
		if (refers_to(s, blob, parent))
			return "referrer";
		role = ROLE_LAYER; /* under its other digest */
	}
	if (role == ROLE_CONFIG)
		return "config";
	if (role != ROLE_CHILD && !m)
		return "layer";
	return m && m->kind == REG_KIND_INDEX ? "index" : "manifest";
}

static const char *tag_of(const struct store_repository *r, uint32_t blob)
{
	for (uint32_t i = 0; i < r->ntags; i++)
		if (r->tags[i].blob == blob)
			return r->tags[i].name;
	return NULL;
}

/* Ends quietly where the text is full: text is for people, and the answer is in the other members as well. */
static void append(char *text, size_t size, const char *more)
{
	const size_t n = strlen(text);

	snprintf(text + n, size - n, "%s", more);
}

static void append_step(const struct store *s, uint32_t blob, uint32_t parent, char *text, size_t size)
{
	char digest[REG_DIGEST_MAX], step[64];

	reg_digest_text(&s->blobs[blob]->digest, digest);
	snprintf(step, sizeof(step), " -> %.*s (%s)", SHORT - 1, digest, what_it_is(s, blob, parent));
	append(text, size, step);
}

bool mark_explain(const struct store *s, const struct mark *m, uint32_t blob, struct mark_reason *ret)
{
	struct mark_reason reason = {.top = blob, .parent = STORE_NONE};
	const struct store_repository *r;
	uint32_t steps[STEPS], nsteps = 0;

	if (blob >= m->nblobs || m->via_repository[blob] == STORE_NONE)
		return false;
	r = &s->repositories[m->via_repository[blob]];
	reason.parent = m->via[blob];
	/* A referrer hangs from what its own repository holds, wherever that was reached first. */
	while (m->via[reason.top] != STORE_NONE && m->via_repository[reason.top] == m->via_repository[blob]) {
		if (nsteps < STEPS)
			steps[nsteps] = reason.top;
		nsteps++;
		reason.top = m->via[reason.top];
	}
	reason.repository = r->name;
	reason.tag = tag_of(r, reason.top);
	snprintf(reason.text, sizeof(reason.text), "%s%s%s", r->name,
		 reason.tag ? ":" : ", by its digest alone", reason.tag ? reason.tag : "");
	append_step(s, reason.top, STORE_NONE, reason.text, sizeof(reason.text));
	if (nsteps > STEPS)
		append(reason.text, sizeof(reason.text), " -> ..");
	for (uint32_t i = nsteps < STEPS ? nsteps : STEPS; i-- > 0;)
		append_step(s, steps[i], m->via[steps[i]], reason.text, sizeof(reason.text));
	*ret = reason;
	return true;
}
