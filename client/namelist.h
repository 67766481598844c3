/* SPDX-License-Identifier: MIT */
/* A set of names that keeps the order in which they came: what a listing gathers, page by page. */
#ifndef REG_NAMELIST_H
#define REG_NAMELIST_H

#include "registry.h"
#include "util/list.h"
#include "util/map.h"

struct namelist {
	struct map map;
	const char **items;
	size_t count, room, dropped;
	struct list chunks; /* the names' memory */
};

void namelist_init(struct namelist *l);
void namelist_done(struct namelist *l);

/* 1: added, 0: it was there, -EFBIG: too many names to be true, -ENOMEM. The name is copied. */
int namelist_add(struct namelist *l, const char *name);

/* By bytes, but '/' before everything: a name space comes before what is below it. */
int namelist_compare(const char *a, const char *b);
void namelist_sort(struct namelist *l);

#endif
