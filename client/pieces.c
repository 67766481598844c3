/* SPDX-License-Identifier: MIT */
#include "pieces.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "pieces_inner.h"
#include "util/cleanup.h"

/* ---- words ---- */

char *piece_words(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return text;
}

void piece_lose(struct piece *piece, char *why)
{
	piece->state = PIECE_LOST;
	free(piece->why);
	piece->why = why;
}

const char *pieces_error_text(const struct reg_error *error, char *buf, size_t size)
{
	if (error->status)
		snprintf(buf, size, "%s (%d%s%s)", error->msg, error->status, error->code[0] ? " " : "",
			 error->code);
	else
		snprintf(buf, size, "%s", error->msg);
	return buf;
}

/* ---- what there is ---- */

static uint64_t hash_of(const char *repository, const struct reg_digest *digest)
{
	return map_hash(repository, strlen(repository)) ^ map_hash(digest, sizeof(*digest));
}

struct piece *pieces_get(struct pieces *p, const char *repository, const struct reg_digest *digest)
{
	const uint64_t hash = hash_of(repository, digest);
	struct piece *piece;

	map_for_each_match(&p->pieces, hash, node)
	{
		piece = container_of(node, struct piece, node);
		if (reg_digest_equal(&piece->digest, digest) && strcmp(piece->repository, repository) == 0)
			return piece;
	}
	piece = calloc(1, sizeof(*piece));
	if (!piece)
		return NULL;
	piece->digest = *digest;
	piece->repository = strdup(repository);
	if (!piece->repository || map_add(&p->pieces, &piece->node, hash) < 0) {
		free(piece->repository);
		free(piece);
		return NULL;
	}
	return piece;
}

static struct blob *get_blob(struct pieces *p, const char *repository, const struct reg_descriptor *d)
{
	const uint64_t hash = hash_of(repository, &d->digest);
	struct blob *blob;

	map_for_each_match(&p->blobs, hash, node)
	{
		blob = container_of(node, struct blob, node);
		if (reg_digest_equal(&blob->digest, &d->digest) && strcmp(blob->repository, repository) == 0)
			return blob;
	}
	blob = calloc(1, sizeof(*blob));
	if (!blob)
		return NULL;
	blob->repository = repository;
	blob->digest = d->digest;
	blob->size = d->size;
	if (map_add(&p->blobs, &blob->node, hash) < 0) {
		free(blob);
		return NULL;
	}
	return blob;
}

int pieces_new(struct reg_client *c, const struct copies *copies, struct pieces **ret)
{
	struct pieces *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->client = c;
	p->copies = copies;
	together_init(&p->together);
	map_init(&p->pieces);
	map_init(&p->blobs);
	*ret = p;
	return 0;
}

void piece_forget_bytes(struct piece *piece)
{
	reg_bytes_unref(piece->bytes);
	piece->bytes = NULL;
}

void pieces_free(struct pieces *p)
{
	struct map_node *node;

	if (!p)
		return;
	while ((node = map_any(&p->blobs))) {
		struct blob *blob = container_of(node, struct blob, node);

		map_remove(&p->blobs, node);
		free(blob->why);
		free(blob);
	}
	while ((node = map_any(&p->pieces))) {
		struct piece *piece = container_of(node, struct piece, node);

		map_remove(&p->pieces, node);
		piece_forget_bytes(piece);
		free(piece->repository);
		free(piece->why);
		free(piece->children);
		free(piece->blobs);
		free(piece->media_type);
		free(piece);
	}
	map_done(&p->blobs);
	map_done(&p->pieces);
	together_done(&p->together);
	free(p);
}

/* ---- what a manifest needs ---- */

/* Layers that no registry holds: they are fetched from elsewhere. */
static bool is_foreign(const struct reg_descriptor *d)
{
	return d->media_type &&
	       (strstr(d->media_type, ".foreign.") || strstr(d->media_type, ".nondistributable."));
}

/* An index may list blobs as well: the caches of builds do. */
static bool is_manifest(const struct reg_descriptor *d)
{
	return !d->media_type || strstr(d->media_type, "manifest") || strstr(d->media_type, ".index.");
}

static int add_need(struct pieces *p, struct piece *piece, const struct reg_descriptor *d, bool manifest)
{
	if (manifest) {
		piece->children[piece->nchildren] = pieces_get(p, piece->repository, &d->digest);
		return piece->children[piece->nchildren++] ? 0 : -ENOMEM;
	}
	piece->blobs[piece->nblobs] = get_blob(p, piece->repository, d);
	return piece->blobs[piece->nblobs++] ? 0 : -ENOMEM;
}

static int add_needs(struct pieces *p, struct piece *piece, const struct reg_document *d)
{
	const bool index = d->kind == REG_KIND_INDEX;
	int r = 0;

	piece->children = calloc(d->nitems + 1, sizeof(struct piece *));
	piece->blobs = calloc(d->nitems + 1, sizeof(struct blob *));
	if (!piece->children || !piece->blobs)
		return -ENOMEM;
	if (d->config.digest.algorithm)
		r = add_need(p, piece, &d->config, false);
	for (size_t i = 0; r == 0 && i < d->nitems; i++)
		if (!is_foreign(&d->items[i]))
			r = add_need(p, piece, &d->items[i], index && is_manifest(&d->items[i]));
	return r;
}

/* What cannot be read as a manifest needs nothing that could be told: the registry may judge it. */
int piece_understand(struct pieces *p, struct piece *piece, const struct reg_bytes *bytes,
		     const char *media_type)
{
	struct reg_document document = {0};
	int r;

	r = reg_document_parse(bytes->data, bytes->size, media_type, &document, NULL);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && !media_type)
		media_type = document.media_type;
	r = reg_copy(media_type, &piece->media_type) ? add_needs(p, piece, &document) : -ENOMEM;
	reg_document_done(&document);
	return r;
}

/* ---- asking ---- */

int piece_enqueue(struct piece_queue *q, struct piece *piece, unsigned states)
{
	const size_t room = q->room ? q->room * 2 : 64;
	struct piece **items;

	if (piece->queued || !(states & 1U << piece->state))
		return 0;
	if (q->count == q->room) {
		items = reallocarray(q->items, room, sizeof(struct piece *));
		if (!items)
			return -ENOMEM;
		q->items = items;
		q->room = room;
	}
	piece->queued = true;
	q->items[q->count++] = piece;
	return 0;
}

void pieces_ask(struct pieces *p, struct piece *const *pieces, size_t n)
{
	char digest[REG_DIGEST_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct reg_call call = together_call(&p->together, &p->answers[i], REG_FRESH);

		together_made(&p->answers[i],
			      reg_manifest(p->client, pieces[i]->repository,
					   reg_digest_text(&pieces[i]->digest, digest), NULL, &call));
	}
	together_wait(&p->together);
}
