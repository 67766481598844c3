/* SPDX-License-Identifier: MIT */
/* ~/.netrc: logins by host, as curl and ftp keep them. */
#ifndef REG_NETRC_H
#define REG_NETRC_H

#include <stddef.h>

#include "credentials.h"

/*
 * The first entry for the source, "machine HOST" or "machine HOST:PORT", else "default", that has a login and
 * a password. 1: *ret is that; 0: there is none; -EBADMSG: a word that has no place there, and error says in
 * which line.
 */
int netrc_parse(const char *text, const char *path, const struct reg_source *source,
		struct reg_credentials *ret, struct reg_error *error);

/* The same for a file; "": ~/.netrc. A missing one is an error: it was asked for. */
int netrc_find(const char *path, const struct reg_lookup *lookup, struct reg_credentials *ret,
	       struct reg_error *error);

#endif
