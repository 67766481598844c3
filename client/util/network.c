/* SPDX-License-Identifier: MIT */
#include "network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool network_host(const char *host, char *ret, size_t size)
{
	const bool brackets = host[0] == '[';
	const size_t n = brackets ? strcspn(++host, "]") : strcspn(host, ":");

	if (!n || n >= size || (brackets && !host[n]))
		return false;
	memcpy(ret, host, n);
	ret[n] = '\0';
	return true;
}

struct address address_of(const char *text)
{
	struct address a = {0};

	if (inet_pton(AF_INET, text, a.bytes + 12) == 1) {
		a.bytes[10] = a.bytes[11] = 0xff;
		a.valid = a.ipv4 = true;
	} else if (inet_pton(AF_INET6, text, a.bytes) == 1) {
		static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

		a.valid = true;
		a.ipv4 = memcmp(a.bytes, mapped, sizeof(mapped)) == 0;
	}
	return a;
}

static bool same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	const unsigned char mask = (unsigned char)(0xff00 >> bits % 8);

	return memcmp(a, b, bits / 8) == 0 && (bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

bool address_is_in(const struct address *a, const char *network)
{
	const char *const slash = strchr(network, '/');
	char text[INET6_ADDRSTRLEN], *end;
	struct address base;
	unsigned long bits;

	if (!slash || slash[1] < '0' || slash[1] > '9' || (size_t)(slash - network) >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(slash - network), network);
	bits = strtoul(slash + 1, &end, 10);
	base = address_of(text);
	if (!base.valid || !a->valid || *end || base.ipv4 != a->ipv4 || bits > (base.ipv4 ? 32U : 128U))
		return false;
	return same_bits(base.bytes, a->bytes, (unsigned)bits + (base.ipv4 ? 96 : 0));
}
