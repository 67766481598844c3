/* SPDX-License-Identifier: MIT */
/* What only a diagnosis wants to know of an answer. */
#ifndef REG_HTTP_FACTS_H
#define REG_HTTP_FACTS_H

#include <stdbool.h>

/* All texts are as they came, of any bytes but line ends; empty: not said. */
struct http_facts {
	char server[128], api[64], date[64];
	char limit[64], remaining[64]; /* RateLimit-Limit and -Remaining, with or without the X- of old */
	const char *product; /* the name of a header that only one kind of registry sends, or NULL */
	char product_value[128]; /* empty: it is not for everybody's eyes */
	bool http2;
	unsigned redirects;
	char origin[300]; /* scheme://host[:port] that answered, behind the redirects */
};

/* easy: the CURL handle of a transfer that has ended. */
void http_facts_read(void *easy, struct http_facts *ret);

#endif
