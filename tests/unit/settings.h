/* SPDX-License-Identifier: MIT */
/* A registry's configuration as a row of a table has it: YAML, and what its environment says. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdio.h>
#include <string.h>

#include "storage/settings.h"
#include "unit.h"

enum { MAX_ENV = 4 };

static inline void environment(const char *const env[MAX_ENV], char texts[MAX_ENV][400],
			       char *ret[MAX_ENV + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < MAX_ENV && env[i]; i++) {
		snprintf(texts[n], sizeof(texts[n]), "%s", env[i]);
		ret[n] = texts[n];
		n++;
	}
	ret[n] = NULL;
}

static inline int parse(const char *yaml, const char *const env[MAX_ENV], struct settings *ret,
			struct reg_error *e)
{
	char texts[MAX_ENV][400], *pointers[MAX_ENV + 1];

	environment(env, texts, pointers);
	return settings_parse(yaml, strlen(yaml), pointers, ret, e);
}

#endif
