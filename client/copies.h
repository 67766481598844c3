/* SPDX-License-Identifier: MIT */
/* The manifests that a journal saved, by digest, whichever removal they were part of. */
#ifndef REG_COPIES_H
#define REG_COPIES_H

#include "restore.h"

struct copies;

/* The journal must outlive them. 0 or -ENOMEM. */
REG_MUST_CHECK int copies_new(const struct restore_journal *j, struct copies **ret);
void copies_free(struct copies *c);

/*
 * -ENOENT: no removal has it; else the first failure of restore_bytes(), if none of them has it undamaged.
 * *ret is to be unreferenced; *ret_media_type may be NULL, and lives as long as the journal.
 */
REG_MUST_CHECK int copies_get(const struct copies *c, const struct reg_digest *digest, struct reg_bytes **ret,
			      const char **ret_media_type, struct reg_error *error);

#endif
