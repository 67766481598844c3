/* SPDX-License-Identifier: MIT */
/* A storage with one of each thing that the builtin engine has to tell apart, and runs over it. */
#ifndef SWEPT_H
#define SWEPT_H

#include "storage/sweep.h"
#include "tree.h"

#define DAY ((time_t)24 * 3600)

/* All of it was written ten days ago, unless it is said otherwise. */
struct swept_scene {
	struct tree tree;
	struct tree_image tagged; /* a/app:v1 */
	struct tree_image untagged; /* a/app, which v1 was before */
	char *untagged_json;
	struct tree_image child; /* b, in an index that is tagged */
	struct tree_image signature; /* b, untagged, of the index */
	struct tree_blob young; /* linked by b; written a minute ago */
	struct tree_blob lost_512, stray; /* linked nowhere; the stray has something beside it */
	struct tree_blob unsure_layer; /* linked by unsure, which has a bad tag */
};

struct swept_end {
	int err;
	struct sweep_result result;
	struct reg_error error;
	/* Of the first problems: what they were. */
	struct {
		enum problem_kind kind;
		char repository[64];
	} problems[64];
	size_t nproblems;
};

void swept_make(struct swept_scene *s);
void swept_remove(struct swept_scene *s);
void swept_run(struct swept_scene *s, const struct sweep_options *o, struct swept_end *ret);
bool swept_problem(const struct swept_end *e, enum problem_kind kind, const char *repository);
/* The usual quarantine's path of a blob. */
const char *swept_aside(const struct tree_blob *b);
/* Every path, with the type and the size of what is there; without the lock and the quarantine's own folder.
 */
char *swept_picture(const struct swept_scene *s);
/* What one picture has and the other has not, or "": the first such line, with a sign. */
const char *swept_difference(const char *have, const char *want);

#endif
