/* SPDX-License-Identifier: MIT */
/* Which storage regfs-gc is to look at. */
#ifndef REG_GC_WHERE_H
#define REG_GC_WHERE_H

#include "gc_options.h"
#include "storage/settings.h"

struct gc_where {
	char *root; /* the driver's root folder; NULL: the storage is no folder */
	const char *config; /* the configuration's path, or NULL: --root alone */
	bool has_settings;
	struct settings settings; /* of config and environment */
};

/*
 * --root, the configuration's folder, or that of the configuration that a registry reads unless told
 * otherwise. -EINVAL: neither is there, or it says nothing about a storage; errnos of settings_read().
 */
int gc_where_find(const struct gc_options *o, char *const *environment, struct gc_where *ret,
		  struct reg_error *error);
void gc_where_done(struct gc_where *w);

#endif
