/* SPDX-License-Identifier: MIT */
/* Who is asked by a URL: its scheme, host and port, and where a redirect leads from there. */
#ifndef REG_ORIGIN_H
#define REG_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "registry.h"

/* "https://host:443" of a URL, always with its port; NULL: it is no URL, or there is no memory. To be freed.
 */
char *origin_of(const char *url);

/* A URL as it may be told: without a user and a password that it may name, and without its query. */
void origin_words(const char *url, char *ret, size_t size);

/* Where `location` leads from `url`: -EPROTO if no redirect may be followed there, -EIO: it is no URL. */
int origin_redirect(const char *url, const char *location, char **ret_url, struct reg_error *error);

#endif
