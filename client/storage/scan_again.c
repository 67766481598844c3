/* SPDX-License-Identifier: MIT */
/*
 * A registry at work writes while it is read, and an older one writes its files in place: what was half there
 * is read once more, after one wait for all of it together.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/layout.h"
#include "storage/scan_inner.h"
#include "util/grow.h"

#define WAIT_NS (100 * 1000 * 1000)

bool scan_is_fresh(const struct scanning *c, time_t changed)
{
	return !c->again.over && changed >= c->again.since;
}

int scan_doubt(struct scanning *c, const struct scan_doubt *d)
{
	struct scan_again *a = &c->again;
	struct scan_doubt *items = grow(a->items, a->count, &a->room, sizeof(*items));

	if (!items)
		return -ENOMEM;
	a->items = items;
	a->items[a->count] = *d;
	a->items[a->count++].repository = (uint32_t)(c->repository - c->store->repositories);
	return 0;
}

int scan_wait(struct scanning *c, bool needed)
{
	const struct timespec time = {.tv_nsec = WAIT_NS};

	c->again.over = true;
	if (needed)
		nanosleep(&time, NULL); /* a signal ends it early: */
	return scan_go_on(c, 0);
}

/* A tag points to what this repository has no link to: it was deleted meanwhile, or is broken. */
static int doubt_dangling(struct scanning *c)
{
	const struct store *s = c->store;
	int r = 0;

	for (uint32_t i = 0; i < s->nrepositories && r == 0; i++) {
		const struct store_repository *one = &s->repositories[i];

		c->repository = &c->store->repositories[i];
		for (uint32_t k = 0; k < one->ntags && r == 0; k++) {
			const struct store_tag *t = &one->tags[k];
			const struct scan_doubt d = {.tag = t->name};

			if (t->blob != STORE_NONE &&
			    store_link_find(s, one, t->blob, LINK_REVISION) == STORE_NONE &&
			    store_link_find(s, one, t->blob, LINK_LAYER) == STORE_NONE)
				r = scan_doubt(c, &d);
		}
	}
	c->repository = NULL;
	return r;
}

static int read_one(struct scanning *c, const struct scan_doubt *d)
{
	static const char *const parts[] = {
		[0] = "_manifests/tags", [LINK_REVISION] = "_manifests/revisions", [LINK_LAYER] = "_layers"};
	const size_t at = scan_push(c, "repositories");
	auto_close int top = files_open_folder(c->storage->v2, "repositories");
	auto_close int fd = -1;
	int r = 0;

	c->repository = &c->store->repositories[d->repository];
	scan_push(c, c->repository->name);
	scan_push(c, parts[d->link]);
	if (top >= 0) {
		auto_close int folder = files_open_folder(top, c->repository->name);

		fd = folder < 0 ? folder : files_open_folder(folder, parts[d->link]);
	}
	/* A folder that vanished has taken all in it along: what was seen stands, which keeps more. */
	if (fd >= 0)
		r = d->tag ? scan_tag_again(c, fd, d->tag) : scan_link_again(c, fd, d);
	c->repository = NULL;
	scan_pop(c, at);
	return fd == -ENOMEM ? fd : r;
}

int scan_links_again(struct scanning *c)
{
	int r = doubt_dangling(c);

	for (size_t i = 0; i < c->again.count && r == 0; i++)
		r = read_one(c, &c->again.items[i]);
	return r;
}

int scan_blobs_again(struct scanning *c, uint32_t from)
{
	struct store *s = c->store;
	int r = 0;

	for (uint32_t i = from; i < s->nblobs && c->storage->v2 >= 0 && r == 0; i++) {
		struct store_blob *b = s->blobs[i];
		char path[LAYOUT_MAX];
		struct stat st;

		if (b->flags & (BLOB_PRESENT | BLOB_ODD))
			continue;
		r = files_stat(c->storage->v2, layout_blob(path, &b->digest), &st);
		if (r == 0 && S_ISREG(st.st_mode)) {
			b->flags |= BLOB_PRESENT;
			b->size = st.st_size;
			b->changed = st.st_mtime;
		}
		r = r == -ENOMEM ? r : scan_go_on(c, 0);
	}
	return r;
}
