/* SPDX-License-Identifier: MIT */
/* Puts back into a registry what is wanted of a journal, and says of each tag what became of it. */
#ifndef REG_PUTBACK_H
#define REG_PUTBACK_H

#include "wanted.h"

enum putback_outcome {
	PUTBACK_THERE, /* it was there */
	PUTBACK_DONE, /* it was put back, and read back */
	PUTBACK_WOULD, /* a dry run: nothing stands in the way */
	PUTBACK_NOT, /* it could not be put back */
};

/* why: of PUTBACK_NOT, else NULL. */
typedef void putback_report_fn(void *data, const struct wanted *wanted, enum putback_outcome outcome,
			       const char *why);

struct putback_options {
	struct reg_client *client;
	const struct restore_journal *journal;
	const struct wanted_list *wanted;
	bool dry_run;
	putback_report_fn *report;
	void *data;
};

/*
 * Each of what is wanted is reported once, a failure as well; but not what has no tag and belongs to
 * something that is not put back. 0 or -ENOMEM: then not all was.
 */
REG_MUST_CHECK int putback_run(const struct putback_options *o);

#endif
