/* SPDX-License-Identifier: MIT */
/*
 * libfuse before 3.17 accepts FUSE_CAP_PARALLEL_DIROPS but never tells the kernel (libfuse#861), which then
 * holds a lock on a directory while it looks up a name in it: one name that the registry does not answer for
 * would block the whole directory, beyond reach of a signal. Here the flag is set in the one reply where it
 * belongs, on its way to the kernel.
 */
#ifndef FS_PARALLEL_H
#define FS_PARALLEL_H

#include <fuse_lowlevel.h>

/* To be called after the session is mounted; its user data is a struct filesystem. 0 or a negative errno. */
int parallel_enable(struct fuse_session *session);

#endif
