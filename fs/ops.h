/* SPDX-License-Identifier: MIT */
/* FUSE calls in, replies out: the only file that replies. */
#ifndef FS_OPS_H
#define FS_OPS_H

#include <fuse_lowlevel.h>
#include <stdbool.h>

extern const struct fuse_lowlevel_ops fs_ops;
extern const struct fuse_lowlevel_ops fs_ops_xattr; /* with extended attributes */

#endif
