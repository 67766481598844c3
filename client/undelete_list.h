/* SPDX-License-Identifier: MIT */
/* regfs-undelete --list: what a journal holds, as a table. */
#ifndef REG_UNDELETE_LIST_H
#define REG_UNDELETE_LIST_H

#include "wanted.h"

/* A row for each tag, and for each removal without one. 0 or -ENOMEM. */
int undelete_list(const struct restore_journal *j, const struct wanted_filter *f);

#endif
