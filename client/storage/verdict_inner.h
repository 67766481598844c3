/* SPDX-License-Identifier: MIT */
/* What the files of the verdict share. */
#ifndef REG_STORAGE_VERDICT_INNER_H
#define REG_STORAGE_VERDICT_INNER_H

#include "storage/verdict.h"

/* Whether a refusal is one too many to be kept: then it is only counted, and needs no words. */
bool verdict_is_full(struct verdict *v);
/* Copies all of it. digest, repository and tag may be NULL. 0 or -ENOMEM, also kept in v->err. */
int verdict_refuse(struct verdict *v, enum bug bug, const struct reg_digest *digest, const char *repository,
		   const char *tag, const char *format, ...) __attribute__((format(printf, 6, 7)));

/* Something that the collector would remove, of which the mark says that it stays: why, and whose fault. */
int verdict_blob(struct verdict *v, uint32_t blob);
int verdict_link(struct verdict *v, uint32_t repository, uint32_t link);

/* What it means that the collector failed. */
int verdict_failure(struct verdict *v, const struct collector_end *end);

#endif
