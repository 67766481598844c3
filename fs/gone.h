/* SPDX-License-Identifier: MIT */
/* What has been removed is taken out of what is known, and the kernel is told. With the lock. */
#ifndef FS_GONE_H
#define FS_GONE_H

#include "plan.h"

/* One name has gone, its manifest has not. */
void gone_tag(struct tag *tag);
/* A manifest has gone with its names: `asked` (or NULL) is the one that pid removed, the others went along.
 */
void gone_item(struct repository *r, const struct plan_item *item, const struct tag *asked, int pid);

#endif
