/* SPDX-License-Identifier: MIT */
/* The Link header of a paged listing (RFC 8288; distribution specification, "Listing Tags"). */
#ifndef REG_LINK_H
#define REG_LINK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The query of the target of rel="next" in a Link header: what asks for the next page. Only that is the
 * registry's to say, and it is kept as it came, since it may hold a token that nobody else can read. Scheme,
 * host and path stay those of the page itself, base: behind a proxy registries name a host or a path of their
 * own (Nexus, Artifactory), and a Link to elsewhere must lead nowhere.
 *
 * False: there is none, it is for another endpoint, asks for pages of no names (n=0), or does not parse or
 * fit; the caller asks by `last` then.
 */
bool reg_link_next(const char *header, const char *base, char *ret, size_t size);

#endif
