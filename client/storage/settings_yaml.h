/* SPDX-License-Identifier: MIT */
/* A YAML document as a tree, bounded, by libyaml. Only settings_yaml.c includes it. */
#ifndef REG_STORAGE_SETTINGS_YAML_H
#define REG_STORAGE_SETTINGS_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "registry.h"

#define CONFIG_MAX ((size_t)1 << 20) /* bytes */

enum config_kind { CONFIG_NULL, CONFIG_SCALAR, CONFIG_SEQUENCE, CONFIG_MAPPING };

struct config_pair {
	char *name; /* NULL: the key is no scalar */
	struct config_value *value;
};

struct config_value {
	struct config_value *older; /* of the same document */
	enum config_kind kind;
	char *text; /* of a scalar */
	bool quoted; /* a string, whatever it looks like */
	bool shared; /* it has an anchor, so that it may stand in several places */
	bool implicit; /* a mapping made for a variable of the environment that names a member of it */
	size_t line, column; /* from 1 on; 0: from the environment */
	size_t npairs, room;
	struct config_pair *pairs;
};

/* Owns its values. Zero it to begin. */
struct config_document {
	struct config_value *newest;
	size_t count;
};

/*
 * The first document of a YAML stream; an empty stream is null. -EBADMSG: no YAML, or deeper than 32, or more
 * than 50,000 values; -EFBIG, -ENOMEM.
 */
int config_document_add(struct config_document *d, const char *yaml, size_t size, struct config_value **ret,
			struct reg_error *error);
void config_document_done(struct config_document *d);

/* A value of the document's own; NULL: no memory. */
struct config_value *config_value_new(struct config_document *d, enum config_kind kind);
/* Sets a member of a mapping. 0 or -ENOMEM. */
int config_value_set(struct config_value *mapping, const char *name, struct config_value *value);

/*
 * The mapping that a merge key (<<) of this one names: its members count where this one has none of their
 * name. NULL: none. -EBADMSG: several of them.
 */
int config_merged(const struct config_value *mapping, const struct config_value **ret,
		  struct reg_error *error);
/*
 * The member of this name, of a mapping; NULL where there is none, or `value` is no mapping (or NULL).
 * -EBADMSG: it is there twice, which cannot be what somebody meant.
 */
int config_member(const struct config_value *value, const char *name, struct config_value **ret,
		  struct reg_error *error);

/* "line 3, column 5: TEXT" into error; returns -EBADMSG. */
int config_fail(const struct config_value *where, struct reg_error *error, const char *text);

#endif
