/* SPDX-License-Identifier: MIT */
#include "storage/check.h"

#include <errno.h>
#include <stdlib.h>

#include "storage/check_inner.h"

#define PLATFORM_LOOKS 1000 /* indexes' entries that are read again for a text */

static int check_init(struct check *c)
{
	const size_t n = (size_t)c->store->nblobs + 1;

	c->looked = calloc(n, sizeof(*c->looked));
	c->needed = calloc(n, sizeof(*c->needed));
	c->todo = calloc(n, sizeof(*c->todo));
	c->named = calloc(n, sizeof(*c->named));
	c->counted = calloc(n, sizeof(*c->counted));
	c->orphans = calloc((size_t)c->store->nlinks + 1, sizeof(*c->orphans));
	c->index_blob = STORE_NONE;
	c->looks_left = PLATFORM_LOOKS;
	return c->looked && c->needed && c->todo && c->named && c->counted && c->orphans ? 0 : -ENOMEM;
}

static void check_done(struct check *c)
{
	if (c->index_blob != STORE_NONE)
		reg_document_done(&c->index);
	holders_free(c->holders);
	free(c->looked);
	free(c->needed);
	free(c->todo);
	free(c->named);
	free(c->counted);
	free(c->orphans);
	free(c->covered);
}

/* Last, since a registry 2 leaves them by the thousand: no problem is to be dropped for a note. */
static int tell_orphans(struct check *c)
{
	struct store *s = c->store;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < s->nrepositories; i++) {
		const struct store_repository *repository = &s->repositories[i];

		for (uint32_t l = repository->first_link;
		     r == 0 && l < repository->first_link + repository->nlinks; l++) {
			const struct problem p = {
				.kind = PROBLEM_ORPHAN_LINK,
				.repository = repository->name,
				.digest = s->blobs[s->links[l].blob]->digest,
			};

			if (c->orphans[l])
				r = problems_add(
					&s->problems, &p,
					"a layer's link whose content is gone, and that nothing here needs");
		}
	}
	return r;
}

static int check_all(struct check *c, bool verify)
{
	const size_t scanned = c->store->problems.count;
	int r = check_init(c);

	for (uint32_t i = 0; r == 0 && i < c->store->nrepositories; i++) {
		c->number = i;
		c->repository = &c->store->repositories[i];
		r = progress_interrupted(c->progress) ? -EINTR : check_repository(c);
	}
	if (r == 0)
		r = check_attribute(c, scanned);
	if (r == 0 && verify)
		r = check_verify(c);
	if (r == 0)
		r = tell_orphans(c);
	return r;
}

int check(const struct storage *storage, struct store *s, const struct mark *m, const struct check_options *o,
	  struct progress *progress, struct check_result *ret)
{
	struct check c = {.storage = storage, .store = s, .mark = m, .progress = progress};
	const int r = check_all(&c, o->verify);

	check_done(&c);
	problems_sort(&s->problems);
	if (r == 0)
		*ret = c.result;
	return r;
}
