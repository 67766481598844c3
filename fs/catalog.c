/* SPDX-License-Identifier: MIT */
/* Which repositories there are, as the registry's catalog or the user tells. */
#include <errno.h>
#include <string.h>

#include "repository.h"

enum { SLOW_MS = 2000 };

/* Is a name at or below the mount's root? */
static bool below_root(const struct tree *t, const char *name)
{
	const char *const root = t->directories[0]->path;
	const size_t length = strlen(root);

	return !length || (strncmp(name, root, length) == 0 && (name[length] == '/' || !name[length]));
}

static void note_change(struct directory *d, const struct timespec *now)
{
	if (d->parent)
		d->parent->changed = *now;
}

int tree_repositories(struct tree *t, char **names, size_t count)
{
	int r;

	tree_lock(t);
	r = catalog_merge(t, (const char *const *)names, count);
	t->options.repositories = names;
	t->options.nrepositories = count;
	tree_unlock(t);
	return r;
}

int catalog_merge(struct tree *t, const char *const *names, size_t count)
{
	const bool first = t->ndirectories == 1;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t k = 0; k < t->ndirectories; k++)
		t->directories[k]->seen = false;
	for (size_t k = 0; k < count; k++) {
		struct directory *d = below_root(t, names[k]) ? directory_make(t, names[k]) : NULL;

		if (!d) {
			if (below_root(t, names[k]))
				return -ENOMEM;
			continue;
		}
		d->is_repository = true;
		for (; d && !d->seen; d = d->parent) {
			d->seen = true;
			if (!d->listed && !first)
				note_change(d, &now);
			d->listed = true;
			if (d->parent)
				d->parent->is_space = true;
		}
	}
	for (size_t k = 1; k < t->ndirectories; k++) {
		struct directory *d = t->directories[k];

		if (d->listed && !d->seen) {
			d->listed = d->is_repository = false;
			note_change(d, &now);
		}
	}
	return 0;
}

bool directory_unknown_may_be(const struct tree *t)
{
	return t->options.repositories || t->catalog_absent || t->catalog_empty;
}

void directory_confirm(struct tree *t, struct directory *d)
{
	d->is_repository = true;
	if (!directory_unknown_may_be(t))
		return;
	for (; d && !d->listed; d = d->parent)
		d->listed = true;
}

/* Not an error of this moment: this registry, or this user, has no catalog. */
static bool means_absent(const struct tree *t, int err)
{
	/* Who could see it once has one: that it is refused now is a failure. */
	return (err == -ENOENT || err == -EACCES || err == -EPERM || err == -EROFS) &&
	       (!t->had_catalog || t->catalog_absent);
}

static void on_catalog(void *data, const struct reg_result *result)
{
	struct tree *t = data;
	int r = result->err;

	tree_lock(t);
	if (r == 0) {
		r = catalog_merge(t, result->names->items, result->names->count);
		t->had_catalog = true;
		t->catalog_absent = false;
		t->catalog_empty = !result->names->count && !result->names->dropped;
		if (result->names->dropped)
			tree_log(t, REG_LOG_WARN,
				 "the catalog holds %zu names that break the grammar; they are not shown",
				 result->names->dropped);
	} else if (means_absent(t, r)) {
		if (!t->catalog_absent)
			tree_log(
				t, REG_LOG_WARN,
				"the registry shows no catalog (HTTP %d %s): enter repositories by name, or list them "
				"with -o repos_from=FILE",
				result->error->status, result->error->msg);
		t->catalog_absent = true;
		t->catalog_error = r == -EACCES ? r : -EOPNOTSUPP;
		r = 0;
	} else {
		tree_log_failure(t, "the catalog", "", r, result->error);
	}
	t->cataloged = r == 0 ? fetch_when(t, &t->catalog) : 0;
	t->catalog_took = tree_now() - t->catalog.began;
	fetch_end(t, &t->catalog, r);
	tree_unlock(t);
}

/*
 * Some catalogs take minutes: the last one is shown while the next one comes, unless the user said to forget it,
 * or that failed the last time. Tags, and so what may be removed, are never taken from it.
 */
static bool stands_in(const struct tree *t)
{
	return t->had_catalog && t->cataloged && t->catalog_took >= SLOW_MS;
}

int catalog_list(struct tree *t, const struct call *c, struct fetch **ret_fetch)
{
	struct reg_call call;
	int r;

	if (t->options.repositories || tree_fresh(t, t->cataloged, c))
		return 0;
	*ret_fetch = &t->catalog;
	if (t->catalog.active)
		return stands_in(t) ? 0 : 1;
	r = fetch_take_error(&t->catalog, false);
	if (r < 0)
		return r;
	fetch_begin(t, &t->catalog, false);
	call = fetch_call(&t->catalog, on_catalog, t);
	fetch_sent(t, &t->catalog, reg_catalog(t->client, NULL, &call));
	if (!t->catalog.active)
		return -ENOMEM;
	return stands_in(t) ? 0 : 1;
}
