/* SPDX-License-Identifier: MIT */
/* The inside of pieces: shared by what looks (pieces_look.c) and what puts (pieces_put.c). */
#ifndef REG_PIECES_INNER_H
#define REG_PIECES_INNER_H

#include "pieces.h"
#include "together.h"

enum { BATCH = 64 }; /* calls at a time: the answers are in memory together */

enum blob_state { BLOB_UNKNOWN, BLOB_THERE, BLOB_LOST };

struct blob {
	struct map_node node;
	const char *repository; /* of the first piece that has it */
	struct reg_digest digest;
	int64_t size;
	enum blob_state state;
	bool queued;
	char *why;
};

struct pieces {
	struct reg_client *client;
	const struct copies *copies;
	struct together together;
	struct answer answers[BATCH], puts[BATCH];
	struct map pieces, blobs; /* by repository and digest */
};

/* Text of any length for piece->why, to be freed. */
char *piece_words(const char *format, ...) __attribute__((format(printf, 1, 2)));
void piece_lose(struct piece *piece, char *why); /* takes over why */
void piece_forget_bytes(struct piece *piece);

/* Finds what a manifest needs. 0 or -ENOMEM. */
int piece_understand(struct pieces *p, struct piece *piece, const struct reg_bytes *bytes,
		     const char *media_type);

/* Pieces, and those behind them, each once. */
struct piece_queue {
	struct piece **items;
	size_t count, room;
};

/* states: 1 << state of each that counts. Nothing happens to another, or to one that is in the queue already.
 * 0 or -ENOMEM. */
int piece_enqueue(struct piece_queue *q, struct piece *piece, unsigned states);

/* Asks the registry for at most BATCH manifests, into p->answers. */
void pieces_ask(struct pieces *p, struct piece *const *pieces, size_t n);

#endif
