/* SPDX-License-Identifier: MIT */
#include "waiter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "listing.h"
#include "removal.h"
#include "util/cleanup.h"

static void waiter_unref(struct waiter *w)
{
	if (atomic_fetch_sub(&w->refs, 1) != 1)
		return;
	free(w->name);
	free(w);
}

static void leave(struct interruption *i)
{
	struct waiter *w = container_of(i, struct waiter, interruption);

	tree_interrupt(w->fs->tree, &w->call);
}

static void end(struct interruption *i)
{
	waiter_unref(container_of(i, struct waiter, interruption));
}

/*
 * libfuse calls this with the request's own lock held, perhaps from within fuse_req_interrupt_func(): nothing
 * may be answered here.
 */
static void on_interrupt(fuse_req_t req, void *data)
{
	struct waiter *w = data;

	order_after(fuse_req_userdata(req));
	if (atomic_exchange(&w->posted, true))
		return;
	atomic_fetch_add(&w->refs, 1);
	interrupts_add(w->fs->interrupts, &w->interruption);
}

static void arm(struct call *c)
{
	struct waiter *w = container_of(c, struct waiter, call);

	atomic_store(&w->armed, true);
	order_before(w->fs);
	fuse_req_interrupt_func(w->req, on_interrupt, w);
}

static void done(struct call *c, int err)
{
	struct waiter *w = container_of(c, struct waiter, call);

	/* Waits for an interruption that is just being delivered; after this none can be. */
	if (atomic_load(&w->armed))
		fuse_req_interrupt_func(w->req, NULL, NULL);
	atomic_store(&w->interruption.over, true);
	w->reply(w, err);
	reg_bytes_unref(c->bytes);
	reg_bytes_unref(c->manifest);
	reg_bytes_unref(c->config);
	listing_unref(c->listing);
	removal_unref(c->removal);
	waiter_unref(w);
}

struct waiter *waiter_new(fuse_req_t req, uint64_t node, const char *name, const struct fuse_file_info *file,
			  void (*reply)(struct waiter *w, int err))
{
	struct waiter *w = calloc(1, sizeof(*w));

	if (w && name)
		w->name = strdup(name);
	if (!w || (name && !w->name)) {
		free(w);
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	w->req = req;
	w->fs = fuse_req_userdata(req);
	if (file)
		w->file = *file;
	w->reply = reply;
	w->interruption.tid = fuse_req_ctx(req)->pid;
	w->interruption.leave = leave;
	w->interruption.end = end;
	atomic_init(&w->interruption.over, false);
	atomic_init(&w->refs, 1);
	w->call.node = node;
	w->call.name = w->name;
	w->call.pid = fuse_req_ctx(req)->pid;
	w->call.uid = fuse_req_ctx(req)->uid;
	w->call.armed = arm;
	w->call.done = done;
	return w;
}

void waiter_ask(struct waiter *w, void (*ask)(struct tree *t, struct call *c))
{
	w->call.ask = ask;
	tree_start(w->fs->tree, &w->call);
}
