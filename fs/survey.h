/* SPDX-License-Identifier: MIT */
/*
 * A repository looked at as a whole: what every tag points to, and every manifest that is reachable from the
 * tags (indexes, their children, referrers). Many questions at a time, each once. With the lock.
 */
#ifndef FS_SURVEY_H
#define FS_SURVEY_H

#include "repository.h"

/*
 * Makes the manifests of a repository known (manifest.listed), whose tags are listed; with dates, also how
 * old their newest holder is (manifest.newest). A tag that cannot be resolved does not stop it: *ret_error is
 * the first such failure, or 0.
 */
int survey_run(struct repository *r, const struct call *c, bool dates, int *ret_error,
	       struct fetch **ret_fetch);

/*
 * The same for a removal: what is as old as c->patience says is taken as known, so that thousands of removals
 * in a row do not ask about every tag again and again; but a name that came or a tag that moved since the
 * last time makes it look again. manifest.nparents and .referrers are as it says until r->changes goes on.
 */
int survey_complete(struct repository *r, const struct call *c, bool dates, int *ret_error,
		    struct fetch **ret_fetch);

/* Is all that survey_run() with dates would say known and fresh? */
bool survey_is_dated(const struct repository *r);

/* What it found is not fresh any more, nor what one that is under way will find. */
void survey_forget(struct repository *r);

/* Something was removed, and what it held is accounted for: only the dates may not be right any more. */
void survey_changed(struct repository *r);

void survey_free(struct survey *s);

#endif
