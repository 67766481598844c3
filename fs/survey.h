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

/* Is all that survey_run() with dates would say known and fresh? */
bool survey_is_dated(const struct repository *r);

/* What it found is not fresh any more, nor what one that is under way will find. */
void survey_forget(struct repository *r);

void survey_free(struct survey *s);

#endif
