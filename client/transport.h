/* SPDX-License-Identifier: MIT */
/*
 * The seam where the network starts: requests in, completions out, all on the network thread. http.c is
 * libcurl behind it; the unit tests have a scripted one.
 */
#ifndef REG_TRANSPORT_H
#define REG_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http_facts.h"
#include "queue.h"
#include "registry.h"
#include "util/buf.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_PUT, HTTP_DELETE, HTTP_POST };

static inline const char *http_method_name(enum http_method method)
{
	static const char *const names[] = {"GET", "HEAD", "PUT", "DELETE", "POST"};

	return names[method];
}

/*
 * Does it change something? Then it is sent once, whatever becomes of the connection, and no redirect is
 * followed: its 3xx is the answer.
 */
static inline bool http_method_changes(enum http_method method)
{
	return method == HTTP_PUT || method == HTTP_DELETE || method == HTTP_POST;
}

struct http_request {
	/* The sender's; all of it stays valid until done() or cancel(). */
	enum http_method method;
	char *url;
	const char *accept; /* or NULL */
	const char *authorization; /* or NULL; goes to the URL's own host only, never on with a redirect
				      elsewhere */
	const char *digest_user, *digest_password; /* for HTTP Digest, with no authorization; or NULL */
	const char *if_none_match; /* an entity tag with its quotes, or NULL */
	bool no_cache; /* no cache on the way may answer in the registry's place */
	const void *upload; /* the body of a PUT or POST */
	size_t upload_size;
	const char *upload_type; /* its Content-Type */
	bool ranged;
	uint64_t range_offset;
	size_t range_length; /* at least 1 if ranged */
	size_t max_body; /* bytes; more is -EFBIG */
	uint64_t timeout_ms; /* for this attempt, once it has started */
	const char *group; /* who shares places fairly: the repository, or "" */
	bool ahead; /* nobody waits for it yet */
	bool again; /* it was sent before, and goes before what was not */
	struct http_facts *facts; /* filled with the answer, or NULL */
	/* It is about to leave the queue: what it shows may be set anew. False: it is not sent, err is -ESTALE. */
	bool (*leaving)(struct http_request *q);
	void (*done)(struct http_request *q);

	/* The answer. err is 0 if there was a whole HTTP answer, of whatever status. */
	struct reg_error error;
	int err;
	bool transient; /* a failure that another attempt may not meet */
	bool unsent; /* a failure before anything of the request left: nobody can have acted on it */
	int status;
	struct buf body;
	uint64_t started; /* loop_now() when it left the queue */
	uint64_t content_length; /* UINT64_MAX: not said */
	char content_type[256], digest[160], link[2048], challenge[4096], retry_after[64], content_range[96],
		location[2048];

	/* The transport's. */
	struct queue_item item;
	void *handle;
	struct http_host *host; /* where it waits or is under way */
	char *hop; /* where a redirect led, or NULL */
	unsigned hops;
	bool away; /* by way of somebody else than the registry, whose word shows nobody who we are */
	bool renewed; /* where it led was refused, and asked for anew */
	uint64_t queued, begun; /* loop_now() */
	int64_t exhausted_ms; /* no more will be taken for so long; -1: that was not said */
};

struct transport {
	/* Answered by done(), later, never from within. */
	void (*start)(struct transport *t, struct http_request *q);
	/* No done() after it. */
	void (*cancel)(struct transport *t, struct http_request *q);
	/* Somebody waits for it now. */
	void (*urge)(struct transport *t, struct http_request *q);
};

#endif
