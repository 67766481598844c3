/* SPDX-License-Identifier: MIT */
/* Between the files that plan.h is made of. */
#ifndef REG_STORAGE_PLAN_INNER_H
#define REG_STORAGE_PLAN_INNER_H

#include "storage/plan.h"

/* Finds the revisions that no tag holds by itself or through an index, and counts them. 0 or -ENOMEM. */
int plan_untagged(const struct store *s, const struct mark *m, const struct mark *tagged, struct plan *p);

#endif
