/* SPDX-License-Identifier: MIT */
/* The parts that manifests, indexes and configs are made of: strings by name, and platforms. */
#ifndef REG_PARTS_H
#define REG_PARTS_H

#include "json.h"
#include "registry.h"

/* The members of an object that are strings; others are dropped. NULL or no object: none. 0 or -ENOMEM. */
int reg_pairs_read(const struct json *object, struct reg_pairs *ret);
void reg_pairs_done(struct reg_pairs *pairs);

/* Members os, architecture and variant; what is not there, or is no such word, is left empty. */
void reg_platform_read(const struct json *object, struct reg_platform *ret);

/* strdup() for what may be NULL; false: no memory. */
bool reg_copy(const char *text, char **ret);

#endif
