/* SPDX-License-Identifier: MIT */
/*
 * Would the registry's collector destroy something? Its output held against our mark; where it would, the
 * reason, the tag that needs it, and the known bug.
 */
#ifndef REG_STORAGE_VERDICT_H
#define REG_STORAGE_VERDICT_H

#include "storage/collector.h"
#include "storage/mark.h"
#include "storage/store.h"

enum bug {
	BUG_NONE,
	BUG_B1,
	BUG_B2,
	BUG_B3,
	BUG_B4,
	BUG_B5,
	BUG_B6,
	BUG_B7,
	BUG_B8,
	BUG_B9,
	BUG_B12,
	BUG_B15,
	BUG_B17,
	BUG_END
};

/* "B3": the names of the manual's table. And a line: what it is, since when, how to go on. */
const char *bug_name(enum bug b);
const char *bug_text(enum bug b);

struct refusal {
	enum bug bug;
	struct reg_digest digest; /* algorithm 0: none */
	char *repository, *tag; /* or NULL */
	char *text; /* one line: what would be lost, and who needs it */
};

struct verdict {
	const struct store *store;
	const struct mark *mark;
	int major; /* of the collector's version; 0: not known */
	bool delete_untagged;
	char repository[256]; /* the one that the collector began last: it fails there, if it does */
	uint8_t *blobs, *links; /* by number: 1: the collector would remove it */
	uint8_t *kept; /* by number of a blob: 1: it says that it keeps it */
	struct reg_digest strange; /* one that it keeps, and that is not here; algorithm 0: none */
	/* What it named, and what its last line says that it named: unless they are one, it was not
	 * understood.
	 */
	uint64_t blob_lines, manifest_lines, said_blobs, said_manifests;
	bool summary;
	struct refusal *refusals; /* the first VERDICT_MAX */
	size_t nrefusals, all_refusals;
	uint64_t ndeleted, deleted_bytes; /* blobs that it says it removes */
	int err; /* -ENOMEM on the way */
};

#define VERDICT_MAX 100

int verdict_init(struct verdict *v, const struct store *s, const struct mark *m, int major,
		 bool delete_untagged);
void verdict_done(struct verdict *v);
/* A collector_fn: data is the verdict. 0, or -ENOMEM. */
int verdict_line(void *data, const struct collector_line *line);
/* After the last line of a dry run: what only shows in the whole (B2, B17), and what its failure means (B4 to
 * B9, B15). */
int verdict_end(struct verdict *v, const struct collector_end *end);

/*
 * Is it this storage that the collector read? A collector keeps or removes every blob, and says so of each.
 * Of another storage it tells of what is not here; of an old copy of this one it does not tell of what came
 * since. Asked after a dry run that did not fail: its last line is there.
 */
enum verdict_sight {
	SIGHT_SAME,
	SIGHT_STRANGE, /* it keeps *ret, which is not here */
	SIGHT_PART, /* it does not speak of *ret, which is here */
};
enum verdict_sight verdict_sight(const struct verdict *v, struct reg_digest *ret);

#endif
