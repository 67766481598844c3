/* SPDX-License-Identifier: MIT */
/* As many files as the transfers need: each connection is one, and looking up a name takes some more. */
#ifndef FS_DESCRIPTORS_H
#define FS_DESCRIPTORS_H

/* How many of these transfers this process may have at a time: its limit is raised first, as far as needed
 * and allowed. */
unsigned descriptors_fit(unsigned connections);

#endif
