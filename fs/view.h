/* SPDX-License-Identifier: MIT */
/* What the directories _tags, _configs and _manifests have in common. */
#ifndef FS_VIEW_H
#define FS_VIEW_H

#include "kind.h"

int view_getattr(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch);
bool view_known(struct tree *t, struct directory *d, uint64_t node, struct entry *ret);

/* Is there a tag of this name? Answered from the list, or by asking for the tag itself: 0: *ret is it. */
int view_find_tag(struct tree *t, const struct call *c, struct directory *d, struct tag **ret,
		  struct fetch **ret_fetch);

/* Seconds for which a tag's attributes are good from now on. */
double tag_valid(const struct tag *tag);
/* And for which it is known to be there. */
double tag_name_valid(const struct tag *tag);

#endif
