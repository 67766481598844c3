/* SPDX-License-Identifier: MIT */
/* What kind of registry a storage is of, as far as that says what its files mean. */
#include <errno.h>

#include "storage/scan_inner.h"

static int blind(struct scanning *c, const char *name, const char *why)
{
	const int r = scan_tell(c, PROBLEM_BLIND, name, NULL, NULL, "%s", why);

	return r < 0 ? r : store_blind(c->store, "%s%s%s", name ? name : "", name ? ": " : "", why);
}

/* GitLab's registry leaves this file where it has begun to use a database. */
static int look_for_database(struct scanning *c)
{
	static const char lock[] = "docker/registry/lockfiles/database-in-use";
	struct stat st;
	const int r = files_stat(c->storage->root, lock, &st);

	if (r == 0)
		return blind(
			c, lock,
			"GitLab's registry keeps in a database what of this storage is needed, and collects "
			"by itself; remove this file if the database is not in use any more");
	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return scan_lost(c, lock, r, SCAN_BLIND);
	return c->storage->known.database
		       ? blind(c, NULL,
			       "by its configuration (database.enabled) GitLab's registry keeps in a database what of "
			       "this storage is needed, and collects by itself")
		       : 0;
}

int scan_kind(struct scanning *c)
{
	const struct storage_known *known = &c->storage->known;
	struct stat st;

	c->store->sparse = known->sparse;
	/* Where a cache keeps what is to expire, whatever the configuration at hand says of one. */
	c->store->cache = known->cache || (files_stat(c->storage->root, "scheduler-state.json", &st) == 0 &&
					   S_ISREG(st.st_mode));
	return look_for_database(c);
}

/* A volume that is not mounted looks like this, and so does a registry of which all was removed. */
int scan_no_repositories(struct scanning *c)
{
	const struct store *s = c->store;
	bool any = false;

	for (uint32_t i = 0; i < s->nblobs && !any; i++)
		any = s->blobs[i]->flags & BLOB_PRESENT;
	if (!any || s->blind || s->nrepositories || c->storage->known.no_repositories)
		return 0;
	return blind(
		c, "repositories",
		"there are blobs, but no repository at all, as where a volume is not mounted: mount it; if all of "
		"them were removed on purpose, regfs-gc run --engine=builtin --force collects the blobs");
}
