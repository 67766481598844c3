/* SPDX-License-Identifier: MIT */
/*
 * One request whose answer is looked at as it is, whatever its status: for who wants to know how a registry
 * behaves (regfs doctor), not what it holds. On any thread.
 */
#ifndef REG_PROBE_H
#define REG_PROBE_H

#include "registry.h"
#include "transport.h"

struct reg_probe {
	enum http_method method; /* HTTP_GET, HTTP_HEAD */
	const char *path; /* "/v2/..." with its query, percent-encoded */
	const char *scope; /* what a token must allow; NULL: no login is shown, even if one is asked for */
	const char *accept; /* or NULL */
	bool first_byte; /* only that of the body is asked for */
	size_t max_body; /* bytes */
};

struct reg_probe_answer {
	int status; /* 0: there was none */
	struct http_facts facts;
	char content_type[256], digest[160], link[2048], challenge[4096], content_range[96];
	uint64_t content_length; /* UINT64_MAX: not said */
	struct buf body; /* of an answer below 400; the caller's, for buf_done() */
	uint64_t ms; /* from leaving the queue to the end; 0: it never left */
	int64_t received_ms; /* since the epoch, by our clock */
};

/*
 * Not repeated, but to log in. The call is answered as others are: err and error say what the status means.
 * *answer is filled before that, and must live until then.
 */
uint64_t reg_probe(struct reg_client *c, const struct reg_probe *p, struct reg_probe_answer *answer,
		   const struct reg_call *call);
void reg_probe_answer_done(struct reg_probe_answer *a);

#endif
