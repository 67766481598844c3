/* SPDX-License-Identifier: MIT */
#include "putback.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pieces.h"
#include "together.h"

enum { UNITS = 64 }; /* at a time: few enough that what was looked at is not old when it is acted on */

enum tag_state {
	TAG_NONE, /* the manifest alone is wanted */
	TAG_ABSENT,
	TAG_OURS, /* what regfs put over it in order to take it off its manifest */
	TAG_SAME,
	TAG_DECIDED, /* for good or ill, there is nothing to do to it */
};

struct unit {
	const struct wanted *wanted;
	struct piece *piece;
	enum tag_state state;
	enum putback_outcome outcome;
	bool silent;
	char why[512];
};

struct putback {
	const struct putback_options *o;
	struct copies *copies;
	struct pieces *pieces;
	struct together together;
	struct unit units[UNITS];
	struct answer answers[UNITS], puts[UNITS];
	size_t count;
};

static void __attribute__((format(printf, 2, 3))) refuse(struct unit *u, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(u->why, sizeof(u->why), format, args);
	va_end(args);
	u->state = TAG_DECIDED;
	u->outcome = PUTBACK_NOT;
}

static void refuse_for_error(struct unit *u, const char *what, const struct reg_error *error)
{
	char text[320];

	refuse(u, "%s%s", what, pieces_error_text(error, text, sizeof(text)));
}

static void refuse_for_other(struct unit *u, const struct reg_digest *now)
{
	char text[REG_DIGEST_MAX];

	refuse(u, "the tag was pushed anew, now %s", reg_digest_text(now, text));
}

static void refuse_for_piece(struct unit *u)
{
	refuse(u, "%s", u->piece->why ? u->piece->why : "out of memory");
}

/* ---- tags ---- */

/* Whatever algorithm the registry names digests by. */
static bool is_wanted(const struct unit *u, const struct answer *a)
{
	const struct reg_digest *want = &u->wanted->item->digest;
	struct reg_digest have;

	return a->err == 0 && a->bytes &&
	       reg_digest_compute(want->algorithm, a->bytes->data, a->bytes->size, &have) == 0 &&
	       reg_digest_equal(&have, want);
}

static void take_tag(const struct putback *p, struct unit *u, const struct answer *a)
{
	if (is_wanted(u, a))
		u->state = TAG_SAME;
	else if (a->err == -ENOENT)
		u->state = TAG_ABSENT;
	else if (a->err < 0)
		refuse_for_error(u, "", &a->error);
	else if (wanted_is_placeholder(p->o->wanted, &a->digest))
		u->state = TAG_OURS;
	else
		refuse_for_other(u, &a->digest);
}

static bool may_be_put(const struct unit *u)
{
	return u->state == TAG_ABSENT || u->state == TAG_OURS;
}

/* Asks for the tags of all units that are so. */
static void ask_tags(struct putback *p, bool (*is_so)(const struct unit *u), bool head)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct wanted *w = p->units[i].wanted;
		const char *repository = w->entry->repository;
		struct reg_call call;
		uint64_t number;

		if (!is_so(&p->units[i]))
			continue;
		call = together_call(&p->together, &p->answers[i], REG_FRESH);
		number = head ? reg_manifest_head(p->o->client, repository, w->tag, &call)
			      : reg_manifest(p->o->client, repository, w->tag, NULL, &call);
		together_made(&p->answers[i], number);
	}
	together_wait(&p->together);
}

static bool has_tag(const struct unit *u)
{
	return u->wanted->tag != NULL;
}

static void look_at_tags(struct putback *p)
{
	ask_tags(p, has_tag, false);
	for (size_t i = 0; i < p->count; i++) {
		if (!has_tag(&p->units[i]))
			continue;
		take_tag(p, &p->units[i], &p->answers[i]);
		answer_done(&p->answers[i]);
	}
}

/* Somebody may have pushed it since it was looked at: no registry puts a tag on a condition. */
static void take_last_look(const struct putback *p, struct unit *u, const struct answer *a)
{
	if (a->err < 0 && a->err != -ENOENT)
		refuse_for_error(u, "", &a->error);
	else if (a->err == 0 && reg_digest_equal(&a->digest, &u->wanted->item->digest))
		u->state = TAG_SAME;
	else if (a->err == 0 && !a->digest.algorithm && u->state != TAG_OURS)
		refuse(u, "the tag was pushed anew just now");
	else if (a->err == 0 && a->digest.algorithm && !wanted_is_placeholder(p->o->wanted, &a->digest))
		refuse_for_other(u, &a->digest);
}

static void look_again(struct putback *p)
{
	ask_tags(p, may_be_put, true);
	for (size_t i = 0; i < p->count; i++) {
		if (!may_be_put(&p->units[i]))
			continue;
		take_last_look(p, &p->units[i], &p->answers[i]);
		answer_done(&p->answers[i]);
	}
}

/* The bytes that go under each tag: read from the registry a moment ago, so they come from the client's
 * memory. */
static void fetch_manifests(struct putback *p)
{
	char digest[REG_DIGEST_MAX];

	for (size_t i = 0; i < p->count; i++) {
		const struct wanted *w = p->units[i].wanted;
		struct reg_call call;

		if (!may_be_put(&p->units[i]))
			continue;
		call = together_call(&p->together, &p->answers[i], 0);
		together_made(&p->answers[i],
			      reg_manifest(p->o->client, w->entry->repository,
					   reg_digest_text(&w->item->digest, digest), NULL, &call));
	}
	together_wait(&p->together);
}

static void put_tag(struct putback *p, size_t i)
{
	const struct unit *u = &p->units[i];
	const struct reg_call call = together_call(&p->together, &p->puts[i], 0);

	together_made(&p->puts[i],
		      reg_manifest_put(p->o->client, u->wanted->entry->repository, u->wanted->tag,
				       u->piece->media_type, p->answers[i].bytes, &call));
}

static void put_tags(struct putback *p)
{
	fetch_manifests(p);
	for (size_t i = 0; i < p->count; i++) {
		struct unit *u = &p->units[i];

		if (!may_be_put(u))
			continue;
		if (p->answers[i].err < 0)
			refuse_for_error(u, "its manifest cannot be read: ", &p->answers[i].error);
		else
			put_tag(p, i);
		if (!may_be_put(u))
			answer_done(&p->answers[i]);
	}
	together_wait(&p->together);
	for (size_t i = 0; i < p->count; i++)
		if (may_be_put(&p->units[i]))
			answer_done(&p->answers[i]);
}

/* What was read back decides, whatever the registry said. */
static void take_put(struct unit *u, const struct answer *put, const struct answer *got)
{
	char text[REG_DIGEST_MAX];

	if (is_wanted(u, got)) {
		u->state = TAG_DECIDED;
		u->outcome = PUTBACK_DONE;
	} else if (put->err < 0) {
		refuse_for_error(u, "the registry does not take the tag: ", &put->error);
	} else if (got->err < 0) {
		refuse_for_error(u, "the registry said that it stored the tag, but it cannot be read back: ",
				 &got->error);
	} else {
		refuse(u, "the registry said that it stored the tag, but it points to %s",
		       reg_digest_text(&got->digest, text));
	}
}

/*
 * Distribution 2 writes a manifest's link anew with each of its tags, and not at once: an index that is put
 * at that moment is refused, because the child that it lists has no digest. What was refused so, and is not
 * there, is put once more when nothing else is.
 */
static bool may_be_put_again(const struct putback *p, size_t i)
{
	const int status = p->puts[i].err < 0 ? p->puts[i].error.status : 0;

	return may_be_put(&p->units[i]) && !is_wanted(&p->units[i], &p->answers[i]) &&
	       (status == 400 || status == 404 || status >= 500);
}

/* Reads the manifest, puts it under the tag, reads that: leaves what both were answered. */
static void put_alone(struct putback *p, size_t i)
{
	const struct wanted *w = p->units[i].wanted;
	char digest[REG_DIGEST_MAX];
	struct reg_call call;

	answer_done(&p->puts[i]);
	answer_done(&p->answers[i]);
	call = together_call(&p->together, &p->answers[i], 0);
	together_made(&p->answers[i], reg_manifest(p->o->client, w->entry->repository,
						   reg_digest_text(&w->item->digest, digest), NULL, &call));
	together_wait(&p->together);
	p->puts[i] = (struct answer){.err = p->answers[i].err, .error = p->answers[i].error};
	if (p->answers[i].err == 0)
		put_tag(p, i);
	together_wait(&p->together);
	answer_done(&p->answers[i]);
	call = together_call(&p->together, &p->answers[i], REG_FRESH);
	together_made(&p->answers[i], reg_manifest(p->o->client, w->entry->repository, w->tag, NULL, &call));
	together_wait(&p->together);
}

static void finish_tags(struct putback *p)
{
	look_again(p);
	put_tags(p);
	ask_tags(p, may_be_put, false);
	for (size_t i = 0; i < p->count; i++) {
		if (may_be_put_again(p, i))
			put_alone(p, i);
		if (!may_be_put(&p->units[i]))
			continue;
		take_put(&p->units[i], &p->puts[i], &p->answers[i]);
		answer_done(&p->puts[i]);
		answer_done(&p->answers[i]);
	}
}

/* ---- manifests ---- */

static bool is_good(const struct piece *piece)
{
	return piece->state == PIECE_THERE || piece->state == PIECE_PUT ||
	       (piece->state == PIECE_READY && piece->chosen);
}

/* What it hung from: the first manifest of its removal. */
static struct piece *owner_of(struct putback *p, const struct unit *u)
{
	const struct restore_entry *e = u->wanted->entry;

	return pieces_get(p->pieces, e->repository, &e->items[0].digest);
}

static int look_at_manifests(struct putback *p)
{
	struct piece *roots[2 * UNITS];
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct unit *u = &p->units[i];
		const struct wanted *w = u->wanted;

		u->piece = pieces_get(p->pieces, w->entry->repository, &w->item->digest);
		if (!u->piece)
			return -ENOMEM;
		if (u->state == TAG_DECIDED)
			continue;
		roots[n++] = u->piece;
		if (w->along) {
			roots[n] = owner_of(p, u);
			if (!roots[n++])
				return -ENOMEM;
		}
	}
	return pieces_look(p->pieces, roots, n);
}

static bool is_there(const struct unit *u)
{
	return u->state == TAG_SAME || (u->state == TAG_NONE && u->piece->state == PIECE_THERE);
}

/* What has no tag is not even told of: the line of what it belongs to says it all. */
static int refuse_what_is_alone(struct putback *p)
{
	char text[REG_DIGEST_MAX];

	for (size_t i = 0; i < p->count; i++) {
		struct unit *u = &p->units[i];
		const struct piece *owner = u->wanted->along ? owner_of(p, u) : u->piece;

		if (!owner)
			return -ENOMEM;
		if (owner == u->piece || u->state == TAG_DECIDED || is_there(u) || is_good(owner))
			continue;
		refuse(u, "what it belongs to, %s, is not there", reg_digest_text(&owner->digest, text));
		u->silent = !u->wanted->tag;
	}
	return 0;
}

/* Those of units that are not refused. What they need was looked at, and goes before them. */
static int put_manifests(struct putback *p)
{
	struct piece *roots[UNITS];
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++) {
		struct unit *u = &p->units[i];

		if (u->state == TAG_DECIDED)
			continue;
		u->piece->chosen = true;
		roots[n++] = u->piece;
	}
	return p->o->dry_run ? 0 : pieces_put(p->pieces, roots, n);
}

/* ---- units ---- */

/* A tag that is there is there, whatever its manifest's digest leads to. */
static void decide(const struct putback *p, struct unit *u)
{
	if (u->state == TAG_DECIDED)
		return;
	if (is_there(u)) {
		u->state = TAG_DECIDED;
		u->outcome = PUTBACK_THERE;
	} else if (u->piece->state == PIECE_LOST) {
		refuse_for_piece(u);
	} else if (p->o->dry_run || u->state == TAG_NONE) {
		u->state = TAG_DECIDED;
		u->outcome = p->o->dry_run ? PUTBACK_WOULD : PUTBACK_DONE;
	} else if (!u->piece->media_type) {
		refuse(u, "its media type is not known");
	}
}

static void decide_all(struct putback *p)
{
	for (size_t i = 0; i < p->count; i++)
		decide(p, &p->units[i]);
}

static int run_units(struct putback *p)
{
	int r;

	look_at_tags(p);
	r = look_at_manifests(p);
	if (r == 0)
		r = refuse_what_is_alone(p);
	if (r == 0)
		r = put_manifests(p);
	if (r < 0)
		return r;
	decide_all(p);
	finish_tags(p);
	decide_all(p); /* what somebody else has put meanwhile */
	for (size_t i = 0; i < p->count; i++) {
		const struct unit *u = &p->units[i];

		if (!u->silent)
			p->o->report(p->o->data, u->wanted, u->outcome,
				     u->outcome == PUTBACK_NOT ? u->why : NULL);
	}
	return 0;
}

int putback_run(const struct putback_options *o)
{
	struct putback *p = calloc(1, sizeof(*p));
	const struct wanted_list *list = o->wanted;
	int r;

	if (!p)
		return -ENOMEM;
	p->o = o;
	together_init(&p->together);
	r = copies_new(o->journal, &p->copies);
	if (r == 0)
		r = pieces_new(o->client, p->copies, &p->pieces);
	for (size_t at = 0; r == 0 && at < list->count; at += p->count) {
		/* What goes along needs what it goes along with, so the two are never in one lot. */
		for (p->count = 0; p->count < UNITS && at + p->count < list->count &&
				   list->items[at + p->count].along == list->items[at].along;
		     p->count++) {
			const struct wanted *w = &list->items[at + p->count];

			p->units[p->count] =
				(struct unit){.wanted = w, .state = w->tag ? TAG_ABSENT : TAG_NONE};
		}
		r = run_units(p);
	}
	pieces_free(p->pieces);
	copies_free(p->copies);
	together_done(&p->together);
	free(p);
	return r;
}
