/* SPDX-License-Identifier: MIT */
/*
 * Into the background, in a way that the parent's exit status says whether the mount succeeded: it waits for
 * the child's word. Done before any thread is started.
 */
#ifndef FS_BACKGROUND_H
#define FS_BACKGROUND_H

/* In the child: returns a descriptor for background_ready(). The parent does not return. -1: fork failed,
 * errno says why. */
int background_start(void);
/* Mounted: the parent exits with 0. The child's terminal is given up. Without this word it exits with 1. */
void background_ready(int fd);

#endif
