/* SPDX-License-Identifier: MIT */
/* What is in the registry of some manifests and of all that they need, and what can be put there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pieces_inner.h"

enum { MAX_DEPTH = 32 }; /* of indexes in indexes */

static int take_copy(struct pieces *p, struct piece *piece)
{
	const char *media_type = NULL;
	struct reg_error error = {0};
	char digest[REG_DIGEST_MAX];
	int r;

	reg_digest_text(&piece->digest, digest);
	r = copies_get(p->copies, &piece->digest, &piece->bytes, &media_type, &error);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		piece_lose(piece,
			   error.err == -ENOENT && !strstr(error.msg, digest)
				   ? piece_words("manifest %s is neither in the registry nor in the journal",
						 digest)
				   : piece_words("manifest %s is not in the registry, and %s", digest,
						 error.msg));
		return 0;
	}
	piece->state = PIECE_MISSING;
	r = piece_understand(p, piece, piece->bytes, media_type);
	if (r == 0 && !piece->media_type)
		piece_lose(piece, piece_words("the media type of manifest %s is not known", digest));
	return r;
}

static int take_manifest(struct pieces *p, struct piece *piece, const struct answer *a)
{
	char digest[REG_DIGEST_MAX], text[320];

	if (a->err == -ENOENT)
		return take_copy(p, piece);
	if (a->err < 0) {
		piece_lose(piece, piece_words("manifest %s: %s", reg_digest_text(&piece->digest, digest),
					      pieces_error_text(&a->error, text, sizeof(text))));
		return 0;
	}
	piece->state = PIECE_THERE;
	return piece_understand(p, piece, a->bytes, a->media_type);
}

/* Each piece of the queue, and then what they need, which comes behind them. */
static int look_at_manifests(struct pieces *p, struct piece_queue *q)
{
	int r = 0;

	for (size_t at = 0; r == 0 && at < q->count;) {
		const size_t n = q->count - at < BATCH ? q->count - at : BATCH;

		pieces_ask(p, q->items + at, n);
		for (size_t i = 0; i < n; i++) {
			struct piece *piece = q->items[at + i];

			if (r == 0)
				r = take_manifest(p, piece, &p->answers[i]);
			answer_done(&p->answers[i]);
			for (size_t k = 0; r == 0 && k < piece->nchildren; k++)
				r = piece_enqueue(q, piece->children[k], 1U << PIECE_UNKNOWN);
		}
		at += n;
	}
	return r;
}

/* ---- blobs ---- */

static void lose_blob(struct blob *blob, char *why)
{
	blob->state = BLOB_LOST;
	blob->why = why;
}

static void take_head(struct blob *blob, const struct answer *a)
{
	char digest[REG_DIGEST_MAX], text[320];

	reg_digest_text(&blob->digest, digest);
	if (a->err == -ENOENT)
		lose_blob(blob, piece_words("blob %s is not in the registry any more", digest));
	else if (a->err < 0)
		lose_blob(blob, piece_words("blob %s: %s", digest,
					    pieces_error_text(&a->error, text, sizeof(text))));
	else if (a->size != UINT64_MAX && a->size != (uint64_t)blob->size)
		lose_blob(blob, piece_words("blob %s has %llu bytes in the registry, not %lld", digest,
					    (unsigned long long)a->size, (long long)blob->size));
}

/* A registry that was not restarted after a collection answers a HEAD from its memory: so one byte is read.
 */
static void take_byte(struct blob *blob, const struct answer *a)
{
	char digest[REG_DIGEST_MAX], text[320];

	reg_digest_text(&blob->digest, digest);
	if (a->err == -ENOENT)
		lose_blob(blob, piece_words("blob %s is not in the registry any more", digest));
	else if (a->err < 0)
		lose_blob(blob,
			  piece_words("blob %s cannot be read, though the registry says that it is there: %s",
				      digest, pieces_error_text(&a->error, text, sizeof(text))));
	else
		blob->state = BLOB_THERE;
}

/* At most BATCH of them. */
static void ask_blobs(struct pieces *p, struct blob *const *blobs, size_t n)
{
	struct reg_call call;

	for (size_t i = 0; i < n; i++) {
		call = together_call(&p->together, &p->answers[i], REG_FRESH);
		together_made(&p->answers[i],
			      reg_blob_head(p->client, blobs[i]->repository, &blobs[i]->digest, &call));
	}
	together_wait(&p->together);
	for (size_t i = 0; i < n; i++) {
		take_head(blobs[i], &p->answers[i]);
		answer_done(&p->answers[i]);
		if (blobs[i]->state == BLOB_LOST)
			continue;
		call = together_call(&p->together, &p->answers[i], REG_FRESH);
		together_made(&p->answers[i],
			      reg_blob_range(p->client, blobs[i]->repository, &blobs[i]->digest,
					     (uint64_t)blobs[i]->size, 0, 1, &call));
	}
	together_wait(&p->together);
	for (size_t i = 0; i < n; i++) {
		if (blobs[i]->state == BLOB_UNKNOWN)
			take_byte(blobs[i], &p->answers[i]);
		answer_done(&p->answers[i]);
	}
}

/* Of what is not there: what is there has its blobs, or had none before. */
static void look_at_blobs(struct pieces *p, const struct piece_queue *q)
{
	struct blob *batch[BATCH];
	size_t n = 0;

	for (size_t i = 0; i < q->count; i++) {
		const struct piece *piece = q->items[i];

		for (size_t k = 0; piece->state == PIECE_MISSING && k < piece->nblobs; k++) {
			if (piece->blobs[k]->queued)
				continue;
			piece->blobs[k]->queued = true;
			batch[n++] = piece->blobs[k];
			if (n == BATCH) {
				ask_blobs(p, batch, n);
				n = 0;
			}
		}
	}
	ask_blobs(p, batch, n);
}

/* Whether what is missing can be put: if so it is READY, else LOST. */
static bool settle(struct piece *piece, int depth)
{
	if (piece->state != PIECE_MISSING)
		return piece->state != PIECE_LOST;
	if (depth > MAX_DEPTH) {
		piece_lose(piece, piece_words("its indexes are nested too deep"));
		return false;
	}
	for (size_t i = 0; i < piece->nchildren; i++) {
		if (!settle(piece->children[i], depth + 1)) {
			piece_lose(piece, piece->children[i]->why ? strdup(piece->children[i]->why) : NULL);
			return false;
		}
	}
	for (size_t i = 0; i < piece->nblobs; i++) {
		if (piece->blobs[i]->state != BLOB_THERE) {
			piece_lose(piece, piece->blobs[i]->why ? strdup(piece->blobs[i]->why) : NULL);
			return false;
		}
	}
	piece->state = PIECE_READY;
	return true;
}

int pieces_look(struct pieces *p, struct piece *const *roots, size_t n)
{
	struct piece_queue q = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = piece_enqueue(&q, roots[i], 1U << PIECE_UNKNOWN);
	if (r == 0)
		r = look_at_manifests(p, &q);
	if (r == 0)
		look_at_blobs(p, &q);
	for (size_t i = 0; i < q.count; i++) {
		if (r == 0)
			settle(q.items[i], 0);
		q.items[i]->queued = false;
		if (q.items[i]->state == PIECE_LOST)
			piece_forget_bytes(q.items[i]);
	}
	free(q.items);
	return r;
}
