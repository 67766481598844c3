/* SPDX-License-Identifier: MIT */
#include "ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "listing.h"
#include "util/cleanup.h"
#include "waiter.h"

enum { MAX_BACKGROUND = 64 };

static void fill_stat(const struct filesystem *fs, const struct attributes *a, struct stat *ret)
{
	*ret = (struct stat){
		.st_ino = a->ino,
		.st_mode = a->mode,
		.st_nlink = a->nlink,
		.st_uid = fs->uid,
		.st_gid = fs->gid,
		.st_size = (off_t)a->size,
		.st_blksize = 128 << 10,
		.st_blocks = (blkcnt_t)((a->size + 511) / 512),
		.st_mtim = a->mtime,
		.st_ctim = a->mtime,
		.st_atim = a->mtime,
	};
}

static void fill_entry(const struct filesystem *fs, const struct entry *e, struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){
		.ino = e->node,
		.attr_timeout = e->attr_valid,
		.entry_timeout = e->name_valid,
	};
	fill_stat(fs, &e->attr, &ret->attr);
}

static void reply_entry(struct waiter *w, int err)
{
	struct fuse_entry_param e;

	if (err < 0) {
		fuse_reply_err(w->req, -err);
		return;
	}
	fill_entry(w->fs, &w->call.entry, &e);
	fuse_reply_entry(w->req, &e);
}

static void reply_attr(struct waiter *w, int err)
{
	struct stat st;

	if (err < 0) {
		fuse_reply_err(w->req, -err);
		return;
	}
	fill_stat(w->fs, &w->call.entry.attr, &st);
	fuse_reply_attr(w->req, &st, w->call.entry.attr_valid);
}

static struct handle *handle_of(fuse_req_t req, const struct fuse_file_info *file)
{
	order_after(fuse_req_userdata(req));
	return (struct handle *)(uintptr_t)file->fh;
}

/* Opened: what the call found goes over to the handle, and back only if the kernel does not want it any more.
 */
static void reply_handle(struct waiter *w)
{
	struct handle *handle = handle_new(&w->fs->handles, w->call.bytes, w->call.listing);

	if (!handle) {
		fuse_reply_err(w->req, ENOMEM);
		return;
	}
	w->call.bytes = NULL;
	w->call.listing = NULL;
	w->file.fh = (uint64_t)(uintptr_t)handle;
	order_before(w->fs);
	if (fuse_reply_open(w->req, &w->file) != 0)
		handle_free(&w->fs->handles, handle);
}

static void reply_opendir(struct waiter *w, int err)
{
	if (err < 0)
		fuse_reply_err(w->req, -err);
	else
		reply_handle(w);
}

static void reply_open(struct waiter *w, int err)
{
	if (err < 0) {
		fuse_reply_err(w->req, -err);
		return;
	}
	/* A tag can move while it is read: every open file keeps its own bytes, and the page cache none. */
	w->file.direct_io = !w->call.immutable;
	w->file.keep_cache = w->call.immutable;
	reply_handle(w);
}

static void reply_xattr(struct waiter *w, int err)
{
	const struct reg_bytes *bytes = w->call.bytes;

	if (err < 0)
		fuse_reply_err(w->req, -err);
	else if (w->size == 0)
		fuse_reply_xattr(w->req, bytes->size);
	else if (bytes->size > w->size)
		fuse_reply_err(w->req, ERANGE);
	else
		fuse_reply_buf(w->req, (const char *)bytes->data, bytes->size);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct filesystem *fs = userdata;

	conn->max_background = MAX_BACKGROUND;
	conn->want |= conn->capable & (FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS);
	atomic_store(&fs->want_parallel, conn->capable & FUSE_CAP_PARALLEL_DIROPS);
	conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO; /* names alone are as cheap as we make them */
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct waiter *w = waiter_new(req, parent, name, NULL, reply_entry);

	if (w)
		waiter_ask(w, tree_lookup);
}

static void op_getattr(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
	struct waiter *w = waiter_new(req, node, NULL, NULL, reply_attr);

	(void)file;
	if (w)
		waiter_ask(w, tree_getattr);
}

static void reply_err(struct waiter *w, int err)
{
	fuse_reply_err(w->req, -err);
}

struct late_reply {
	struct worker_task task;
	fuse_req_t req;
	int err;
};

static void run_late_reply(struct worker_task *task)
{
	struct late_reply *late = container_of(task, struct late_reply, task);

	fuse_reply_err(late->req, -late->err);
	free(late);
}

/* Who removed something finds what went along gone: so the kernel is told that first. */
static void reply_removed(struct waiter *w, int err)
{
	struct late_reply *late = calloc(1, sizeof(*late));

	if (!late) {
		reply_err(w, err);
		return;
	}
	*late = (struct late_reply){.task.run = run_late_reply, .req = w->req, .err = err};
	notify_then(w->fs->kernel, &late->task);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct waiter *w = waiter_new(req, parent, name, NULL, reply_removed);

	if (w)
		waiter_ask(w, tree_unlink);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct waiter *w = waiter_new(req, parent, name, NULL, reply_err);

	if (w)
		waiter_ask(w, tree_rmdir);
}

static void op_opendir(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
	struct waiter *w = waiter_new(req, node, NULL, file, reply_opendir);

	if (w)
		waiter_ask(w, tree_opendir);
}

static void op_open(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
	struct waiter *w;

	if ((file->flags & O_ACCMODE) != O_RDONLY) {
		fuse_reply_err(req, EPERM); /* the kernel itself says EROFS where nothing can be removed */
		return;
	}
	w = waiter_new(req, node, NULL, file, reply_open);
	if (w)
		waiter_ask(w, tree_open);
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file)
{
	/* A reference of our own: the reader may have its answer, and have closed the file, before we return.
	 */
	struct reg_bytes *bytes = reg_bytes_ref(handle_of(req, file)->bytes);
	const char *data = (const char *)bytes->data;

	(void)node;
	if (offset < 0 || (uint64_t)offset >= bytes->size)
		size = 0;
	else if (size > bytes->size - (size_t)offset)
		size = bytes->size - (size_t)offset;
	order_before(fuse_req_userdata(req)); /* its next user may be the one who frees it */
	fuse_reply_buf(req, data + (size ? offset : 0), size);
	reg_bytes_unref(bytes);
}

static void op_release(fuse_req_t req, fuse_ino_t node, struct fuse_file_info *file)
{
	struct filesystem *fs = fuse_req_userdata(req);

	(void)node;
	handle_free(&fs->handles, handle_of(req, file));
	fuse_reply_err(req, 0);
}

/* The entry at an offset: . and .., then what was listed. False: past the end. */
static bool item_at(const struct listing *l, size_t at, struct listing_item *ret)
{
	if (at == 0)
		*ret = (struct listing_item){l->node, ".", S_IFDIR};
	else if (at == 1)
		*ret = (struct listing_item){l->parent, "..", S_IFDIR};
	else if (at - 2 < l->count)
		*ret = l->items[at - 2];
	else
		return false;
	return true;
}

/* Adds one entry; returns the bytes that it takes, more than there is room for if it does not fit. */
static size_t add_entry(fuse_req_t req, const struct listing_item *item, bool plus, bool dots, char *at,
			size_t room, off_t next)
{
	const struct filesystem *fs = fuse_req_userdata(req);
	struct fuse_entry_param e = {0};
	struct entry known;

	if (!dots) {
		tree_known(fs->tree, item->node, fuse_req_ctx(req)->pid, &known);
		fill_entry(fs, &known, &e);
	} else {
		e.attr.st_ino = item->node;
	}
	e.attr.st_mode = (e.attr.st_mode & ~(mode_t)S_IFMT) | item->mode;
	if (plus)
		return fuse_add_direntry_plus(req, at, room, item->name, &e, next);
	return fuse_add_direntry(req, at, room, item->name, &e.attr, next);
}

static void read_directory(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *file, bool plus)
{
	const struct listing *l = handle_of(req, file)->listing;
	char *buffer = malloc(size);
	struct listing_item item;
	size_t used = 0, at;
	int err;

	if (!buffer) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	for (at = (size_t)offset; item_at(l, at, &item); at++) {
		const size_t need =
			add_entry(req, &item, plus, at < 2, buffer + used, size - used, (off_t)at + 1);

		if (need > size - used)
			break;
		used += need;
	}
	at = l->count + 2;
	err = l->err;
	order_before(fuse_req_userdata(req)); /* its next user may be the one who frees it */
	/* A list that is not complete says so at its end, and never looks whole. */
	if (!used && err && (size_t)offset >= at)
		fuse_reply_err(req, -err);
	else
		fuse_reply_buf(req, buffer, used);
	free(buffer);
}

/* rewinddir(3): the directory as it is now, in the place of what it was when it was opened. */
static void replace_listing(struct waiter *w, int err, bool plus)
{
	struct handle *handle;

	if (err < 0) {
		fuse_reply_err(w->req, -err);
		return;
	}
	handle = handle_of(w->req, &w->file);
	listing_unref(handle->listing);
	handle->listing = w->call.listing;
	w->call.listing = NULL;
	read_directory(w->req, w->size, 0, &w->file, plus);
}

static void reply_readdir(struct waiter *w, int err)
{
	replace_listing(w, err, false);
}

static void reply_readdirplus(struct waiter *w, int err)
{
	replace_listing(w, err, true);
}

/* The kernel lets nobody else read from this open directory meanwhile. True: the answer will come. */
static bool list_again(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset, struct fuse_file_info *file,
		       void (*reply)(struct waiter *w, int err))
{
	struct handle *handle = handle_of(req, file);
	const bool again = offset == 0 && handle->begun;
	struct waiter *w;

	handle->begun |= offset == 0;
	w = again ? waiter_new(req, node, NULL, file, reply) : NULL;
	if (w) {
		w->size = size;
		order_before(w->fs);
		waiter_ask(w, tree_opendir);
	}
	return again;
}

static void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
		       struct fuse_file_info *file)
{
	if (!list_again(req, node, size, offset, file, reply_readdir))
		read_directory(req, size, offset, file, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
			   struct fuse_file_info *file)
{
	if (!list_again(req, node, size, offset, file, reply_readdirplus))
		read_directory(req, size, offset, file, true);
}

/* Answered here and at once, whatever the registry does: df must never hang. */
static void op_statfs(fuse_req_t req, fuse_ino_t node)
{
	const struct statvfs s = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255};

	(void)node;
	fuse_reply_statfs(req, &s);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name, size_t size)
{
	struct waiter *w = waiter_new(req, node, name, NULL, reply_xattr);

	if (!w)
		return;
	w->size = size;
	waiter_ask(w, tree_xattr);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
	struct waiter *w = waiter_new(req, node, NULL, NULL, reply_xattr);

	if (!w)
		return;
	w->size = size;
	waiter_ask(w, tree_xattr);
}

/* ---- what a registry has no use for: names are pushed and removed, nothing else is done to them ---- */

/* A function that is not there would be answered ENOSYS, which nobody understands. */
static void refuse(fuse_req_t req)
{
	fuse_reply_err(req, EPERM);
}

static void refuse_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
			   struct fuse_file_info *file)
{
	(void)node;
	(void)attr;
	(void)to_set;
	(void)file;
	refuse(req);
}

static void refuse_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)device;
	refuse(req);
}

static void refuse_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	refuse(req);
}

static void refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	(void)parent;
	(void)name;
	refuse(req);
}

static void refuse_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char *name)
{
	(void)node;
	(void)parent;
	(void)name;
	refuse(req);
}

static void refuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to, const char *as,
			  unsigned flags)
{
	(void)parent;
	(void)name;
	(void)to;
	(void)as;
	(void)flags;
	refuse(req);
}

#define COMMON_OPS                                                                                           \
	.init = op_init, .lookup = op_lookup, .getattr = op_getattr, .opendir = op_opendir, .open = op_open, \
	.read = op_read, .release = op_release, .releasedir = op_release, .readdir = op_readdir,             \
	.readdirplus = op_readdirplus, .statfs = op_statfs, .unlink = op_unlink, .rmdir = op_rmdir,          \
	.setattr = refuse_setattr, .mknod = refuse_mknod, .mkdir = refuse_mkdir, .symlink = refuse_symlink,  \
	.link = refuse_link, .rename = refuse_rename

const struct fuse_lowlevel_ops fs_ops = {COMMON_OPS};
const struct fuse_lowlevel_ops fs_ops_xattr = {COMMON_OPS, .getxattr = op_getxattr,
					       .listxattr = op_listxattr};
