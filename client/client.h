/* SPDX-License-Identifier: MIT */
/*
 * The inside of a client. A call (struct op) subscribes to a work: what has to be done for one target, shared
 * by all calls with the same target. A work is a short program of exchanges, written in the file of its group
 * of endpoints.
 */
#ifndef REG_CLIENT_H
#define REG_CLIENT_H

#include <stdatomic.h>

#include "auth.h"
#include "cache.h"
#include "http.h"
#include "session.h"
#include "source.h"
#include "util/map.h"

struct reg_client {
	struct reg_source source;
	uint64_t timeout_ms, list_timeout_ms;
	struct reg_log log;
	struct loop *loop;
	struct http *http;
	atomic_ullong last_op;
	atomic_bool ending; /* no more calls: nobody would answer them */

	/* Of the network thread. */
	struct session session;
	struct cache *cache;
	struct map works; /* by key */
	struct map ops; /* by number */
	enum { HEAD_UNKNOWN, HEAD_TRUSTED, HEAD_USELESS } head; /* of manifests */
	unsigned catalog_most, catalog_try, tags_most; /* sizes of pages, as listing.c counts them */
};

struct work;

struct work_class {
	/* Runs once, on the network thread; must lead to one work_finish(). */
	void (*start)(struct work *w);
	/* Frees what the work owns beyond struct work; nothing is under way any more. */
	void (*done)(struct work *w);
};

struct work {
	const struct work_class *class;
	struct reg_client *client;
	struct exchange
		x; /* the request under way; its group, scope, path and timeout are set by work_new() */
	char *key; /* calls with the same key share the work */
	char *path, *scope, *group;
	struct map_node node;
	struct list ops;
	bool ahead;
	bool alone; /* joins no other work, and no call joins it */
	bool fresh; /* REG_FRESH: not from memory */
};

struct work_target {
	const char *kind; /* tells works of different kinds apart in the key */
	const char *repository; /* "" for the registry itself */
	const char *scope; /* what a token must allow, NULL: pulling from the repository */
	const char *detail; /* the rest of the key, or "" */
};

/*
 * Allocates a work of `size` bytes that begins with a struct work, and its key. NULL: no memory. Until
 * work_submit() it is the caller's, to be given up with work_free().
 */
void *work_new(struct reg_client *c, const struct work_class *class, size_t size,
	       const struct work_target *target);
void work_free(struct work *w);

/* From any thread: hands the work over. Returns the number of the call, 0 if memory ran out (the work is
 * freed then). */
uint64_t work_submit(struct work *w, const struct reg_call *call);

/* "/v2/..." of the next request; parts are percent-encoded by the caller where that is needed. 0 or -ENOMEM.
 */
int work_set_path(struct work *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Starts w->x with w->path. */
void work_send(struct work *w, void (*done)(struct exchange *x));

/* Answers all calls, frees the work. result->err < 0: result->error explains. */
void work_finish(struct work *w, const struct reg_result *result);
void work_fail(struct work *w, int err, const struct reg_error *error);

/* Answers every call with -ECANCELED: the client ends. On the network thread. */
void client_cancel_all(struct reg_client *c);

/* A call that breaks the grammar is answered with -EINVAL, by a work of its own. */
uint64_t work_refuse(struct reg_client *c, const struct reg_call *call, const char *what, const char *name);

#endif
