/* SPDX-License-Identifier: MIT */
/* Addresses of either family, and whether they are in a network. */
#ifndef UTIL_NETWORK_H
#define UTIL_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

/* As IPv6 has it. */
struct address {
	bool valid, ipv4;
	unsigned char bytes[16];
};

/* HOST of HOST[:PORT], an IPv6 address without its brackets. False: there is none, or no room for it. */
bool network_host(const char *host, char *ret, size_t size);

struct address address_of(const char *text); /* without brackets; not valid: it is no address */
/* network: ADDRESS/BITS (RFC 4632). Anything else is in no network, and holds nothing. */
bool address_is_in(const struct address *a, const char *network);

#endif
