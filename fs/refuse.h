/* SPDX-License-Identifier: MIT */
/* Calls that a registry has no use for: names are pushed and removed, and nothing else is done to them. */
#ifndef FS_REFUSE_H
#define FS_REFUSE_H

#include <fuse_lowlevel.h>

void refuse_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int to_set,
		    struct fuse_file_info *file);
void refuse_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t device);
void refuse_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void refuse_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent, const char *name);
void refuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t to, const char *as,
		   unsigned flags);

#endif
