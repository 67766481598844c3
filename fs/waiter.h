/* SPDX-License-Identifier: MIT */
/* A FUSE request that may wait: answered once, by the tree or because its caller was interrupted. */
#ifndef FS_WAITER_H
#define FS_WAITER_H

#include <fuse_lowlevel.h>
#include <stdatomic.h>

#include "handle.h"
#include "interrupts.h"
#include "notify.h"
#include "tree.h"
#include "worker.h"

/* What every handler is given as its user data. */
struct filesystem {
	struct tree *tree;
	struct notify *kernel; /* what the kernel is told */
	struct handles handles;
	struct worker *disk; /* the journal */
	struct interrupts *interrupts;
	atomic_bool want_parallel; /* see parallel.c */
	atomic_uint order; /* see order_before() */
	uid_t uid;
	gid_t gid;
};

/*
 * What one thread gives to the kernel or to libfuse, and another gets back from there, is ordered by locks
 * that neither the compiler nor a race detector can see. What is done before the one happens before what is
 * done after the other.
 */
static inline void order_before(struct filesystem *fs)
{
	atomic_fetch_add(&fs->order, 1);
}

static inline void order_after(struct filesystem *fs)
{
	(void)atomic_load(&fs->order);
}

struct waiter {
	struct call call;
	fuse_req_t req;
	struct filesystem *fs;
	struct fuse_file_info file;
	size_t size; /* xattr, readdir: what the caller has room for */
	void (*reply)(struct waiter *w, int err); /* exactly one fuse_reply_* */
	char *name; /* a copy of the call's name, or NULL */
	struct interruption interruption;
	atomic_uint refs;
	atomic_bool armed, posted;
};

/* name and file may be NULL. NULL: no memory, and the request has been answered so. */
struct waiter *waiter_new(fuse_req_t req, uint64_t node, const char *name, const struct fuse_file_info *file,
			  void (*reply)(struct waiter *w, int err));
/* Asks the tree; w belongs to the answer from now on. */
void waiter_ask(struct waiter *w, void (*ask)(struct tree *t, struct call *c));

#endif
