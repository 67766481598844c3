/* SPDX-License-Identifier: MIT */
#include "refuse.h"

#include <errno.h>

/* A function that is not there would be answered ENOSYS, which nobody understands. */
static void refuse(fuse_req_t req)
{
	fuse_reply_err(req, EPERM);
}

void refuse_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
		    struct fuse_file_info *file)
{
	(void)node;
	(void)attr;
	(void)to_set;
	(void)file;
	refuse(req);
}

void refuse_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)parent;
	(void)name;
	(void)mode;
	(void)device;
	refuse(req);
}

void refuse_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent;
	(void)name;
	(void)mode;
	refuse(req);
}

void refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target;
	(void)parent;
	(void)name;
	refuse(req);
}

void refuse_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char *name)
{
	(void)node;
	(void)parent;
	(void)name;
	refuse(req);
}

void refuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to, const char *as,
		   unsigned flags)
{
	(void)parent;
	(void)name;
	(void)to;
	(void)as;
	(void)flags;
	refuse(req);
}
