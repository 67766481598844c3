/* SPDX-License-Identifier: MIT */
/* Puts manifests into the registry, and reads them back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pieces_inner.h"

/* The pieces and all that is listed below them: an index can be there and lack what it lists. */
static int collect(struct piece *const *roots, size_t n, struct piece_queue *q)
{
	const unsigned states = 1U << PIECE_READY | 1U << PIECE_THERE | 1U << PIECE_PUT;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = piece_enqueue(q, roots[i], states);
	for (size_t at = 0; r == 0 && at < q->count; at++)
		for (size_t k = 0; r == 0 && k < q->items[at]->nchildren; k++)
			r = piece_enqueue(q, q->items[at]->children[k], states);
	for (size_t i = 0; i < q->count; i++)
		q->items[i]->queued = false;
	return r;
}

/* Is it the turn of this one? What lists something that could not be put is lost. */
static bool is_next(struct piece *piece)
{
	if (piece->state != PIECE_READY)
		return false;
	for (size_t i = 0; i < piece->nchildren; i++) {
		const struct piece *child = piece->children[i];

		if (child->state == PIECE_LOST) {
			piece_lose(piece, child->why ? strdup(child->why) : NULL);
			return false;
		}
		if (child->state == PIECE_READY)
			return false;
	}
	return true;
}

/* What was read back decides, whatever the registry said: a yes proves nothing, and a no may come too late.
 */
static void take_put(struct piece *piece, const struct answer *put, const struct answer *got)
{
	char digest[REG_DIGEST_MAX], text[320];

	reg_digest_text(&piece->digest, digest);
	if (got->err == 0)
		piece->state = PIECE_PUT;
	else if (put->err < 0)
		piece_lose(piece, piece_words("the registry does not take manifest %s: %s", digest,
					      pieces_error_text(&put->error, text, sizeof(text))));
	else if (got->err == -ENOENT)
		piece_lose(
			piece,
			piece_words(
				"the registry said that it stored manifest %s, but does not have it: after a "
				"garbage collection it needs to be restarted",
				digest));
	else
		piece_lose(piece, piece_words("manifest %s was put, but cannot be read back: %s", digest,
					      pieces_error_text(&got->error, text, sizeof(text))));
	piece_forget_bytes(piece);
}

/* At most BATCH of them. */
static void put_batch(struct pieces *p, struct piece *const *pieces, size_t n)
{
	char digest[REG_DIGEST_MAX];

	for (size_t i = 0; i < n; i++) {
		const struct reg_call call = together_call(&p->together, &p->puts[i], 0);

		together_made(&p->puts[i], reg_manifest_put(p->client, pieces[i]->repository,
							    reg_digest_text(&pieces[i]->digest, digest),
							    pieces[i]->media_type, pieces[i]->bytes, &call));
	}
	together_wait(&p->together);
	pieces_ask(p, pieces, n);
	for (size_t i = 0; i < n; i++) {
		take_put(pieces[i], &p->puts[i], &p->answers[i]);
		answer_done(&p->puts[i]);
		answer_done(&p->answers[i]);
	}
}

int pieces_put(struct pieces *p, struct piece *const *roots, size_t n)
{
	struct piece *batch[BATCH];
	struct piece_queue q = {0};
	size_t count;
	int r;

	r = collect(roots, n, &q);
	do {
		count = 0;
		for (size_t i = 0; r == 0 && count < BATCH && i < q.count; i++)
			if (is_next(q.items[i]))
				batch[count++] = q.items[i];
		put_batch(p, batch, count);
	} while (count);
	free(q.items);
	return r;
}
