/* SPDX-License-Identifier: MIT */
/*
 * Which dates to ask for next, for whom. A program that asks for one attribute after the other, in the order
 * of the listing, is walking: what it will ask for next is fetched ahead, many at a time, across repositories
 * once it has gone from one to the next. When it stops asking, so does this. With the lock.
 */
#ifndef FS_WALK_H
#define FS_WALK_H

#include "repository.h"

struct walks *walks_new(void);
void walks_free(struct walks *w);

/* pid asks for the attributes of a tag, or has listed the tags of a repository. */
void walk_stat(struct tree *t, int pid, struct tag *tag);
void walk_list(struct tree *t, int pid, struct repository *r);
/* pid was told a tag's attributes with a listing: if it walks for dates it will not ask for them again. */
void walk_pass(struct tree *t, int pid, struct tag *tag);
/* Has anybody been asking for dates within the last seconds? Then the next listing's will be wanted as well.
 */
bool walk_wants_dates(const struct tree *t);
/* Was anybody walking within the last seconds? */
bool walk_is_alive(const struct tree *t);

#endif
