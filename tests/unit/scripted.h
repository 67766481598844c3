/* SPDX-License-Identifier: MIT */
/*
 * A registry that is a table: a transport without sockets below a whole client. Each row is a request that
 * must come and what it is answered; any other request fails the test. The clock is the script's too (the
 * linker wraps loop_now() and loop_timer_set()): a pause takes no time and moves the clock.
 */
#ifndef SCRIPTED_H
#define SCRIPTED_H

#include "client.h"

#define SCRIPT_ANY 1000000U /* times: as often as it comes, or never */

struct script_row {
	const char *request; /* "GET /v2/...", whatever the method; of another host: the whole URL */
	const char *authorization; /* what must be sent; NULL: nothing */
	const char *if_none_match; /* likewise */
	const char *range; /* "OFFSET+LENGTH"; NULL: no range */
	const char *upload; /* "TYPE BODY"; NULL: none */
	bool fresh; /* past every cache */
	int status;
	const char *headers; /* "Name: value\n..." */
	const char *body;
	int err; /* instead of an answer: the transfer fails */
	bool transient, unsent;
	unsigned times; /* how often it must come; 0: once */
	unsigned held; /* not answered before so many script_release() */
	uint64_t takes; /* milliseconds */
	bool ordered; /* not before the ordered rows above it have come as often as they must */
};

struct script;

/* A client of https://reg.test. user NULL: anonymous. The rows stay the caller's. */
struct script *script_start(const struct script_row *rows, size_t nrows, const char *user,
			    const char *password);
struct reg_client *script_client(struct script *s);
void script_end(struct script *s); /* frees the client: everything under way is answered */
/* Frees the script, and the client if it is still there; fails the test if a row was not used as often as it
 * says. */
void script_finish(struct script *s);

/* Shows every request, expected or not, on the network thread, before it is looked up. */
void script_watch(struct script *s, void (*watch)(void *data, const char *request), void *data);

void script_release(struct script *s);
void script_wait_sent(struct script *s, unsigned sent); /* until so many requests were sent */
void script_settle(struct script *s); /* until the network thread has run what was posted so far */
unsigned script_sent(struct script *s);
unsigned script_cancelled(struct script *s);
unsigned script_urged(struct script *s);

uint64_t script_clock(void);
void script_advance(uint64_t ms);
void script_hold_timers(bool hold); /* pauses last until they are cancelled */

/* What a call was answered: a copy. */
struct answer {
	struct script *script;
	unsigned times;
	int err;
	struct reg_error error;
	struct reg_digest digest;
	char digest_text[REG_DIGEST_MAX];
	char media_type[100]; /* "" for NULL */
	uint64_t size;
	bool has_bytes;
	char bytes[4096]; /* their beginning */
	char names[4096]; /* joined by spaces */
	size_t count, dropped;
	char next[256]; /* "" for NULL */
	bool not_modified;
};

struct reg_call answer_call(struct answer *a, struct script *s, unsigned flags); /* clears a */
void answer_wait(struct answer *a); /* fails the test if no answer comes */

/* sha256 of text, as "sha256:..." */
const char *digest_of(const char *text, char ret[static REG_DIGEST_MAX]);

#endif
