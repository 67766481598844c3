/* SPDX-License-Identifier: MIT */
/* The Link header of a paged listing (RFC 8288; distribution specification, "Listing Tags"). */
#ifndef REG_LINK_H
#define REG_LINK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The target of rel="next" in a Link header, as path and query only: whatever host it names is ignored, so
 * that a page is only ever asked of the mount's own host. base is the URL of the page that it came with.
 * False: there is none, or it does not parse or fit. A path that does not begin with /v2/ (a proxy's own
 * prefix) is not taken over: false then, and the caller asks by `last`.
 */
bool reg_link_next(const char *header, const char *base, char *ret, size_t size);

#endif
