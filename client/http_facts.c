/* SPDX-License-Identifier: MIT */
#include "http_facts.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

/* The first of these headers that fits is kept. */
static void keep(CURL *easy, char *ret, size_t size, const char *const *names, size_t count)
{
	struct curl_header *h;

	for (size_t i = 0; i < count && !ret[0]; i++)
		if (curl_easy_header(easy, names[i], 0, CURLH_HEADER, -1, &h) == CURLHE_OK &&
		    strlen(h->value) < size)
			strcpy(ret, h->value);
}

/* scheme://host[:port] of where the answer came from; without a user and a password that it may name. */
static void keep_origin(CURL *easy, char *ret, size_t size)
{
	const char *url = NULL, *host, *at;
	int n;

	if (curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url) != CURLE_OK || !url)
		return;
	host = strstr(url, "://");
	if (!host)
		return;
	host += 3;
	n = (int)strcspn(host, "/?#");
	at = memrchr(host, '@', (size_t)n);
	if (at)
		n -= (int)(at + 1 - host);
	snprintf(ret, size, "%.*s%.*s", (int)(host - url), url, n, at ? at + 1 : host);
}

void http_facts_read(void *easy, struct http_facts *ret)
{
	static const char *const server[] = {"Server"}, *const date[] = {"Date"},
				 *const api[] = {"Docker-Distribution-Api-Version"},
				 *const limit[] = {"RateLimit-Limit", "X-RateLimit-Limit"},
				 *const remaining[] = {"RateLimit-Remaining", "X-RateLimit-Remaining"};
	static const struct {
		const char *name;
		bool secret; /* what it says */
	} products[] = {{"Gitlab-Container-Registry-Version", false},
			{"X-JFrog-Version", false},
			{"X-Harbor-Csrf-Token", true},
			{"X-GitHub-Request-Id", false},
			{"X-Amzn-RequestId", false},
			{"X-Ms-Correlation-Request-Id", false}};
	long n = 0;

	*ret = (struct http_facts){0};
	keep(easy, ret->server, sizeof(ret->server), server, 1);
	keep(easy, ret->date, sizeof(ret->date), date, 1);
	keep(easy, ret->api, sizeof(ret->api), api, 1);
	keep(easy, ret->limit, sizeof(ret->limit), limit, ARRAY_SIZE(limit));
	keep(easy, ret->remaining, sizeof(ret->remaining), remaining, ARRAY_SIZE(remaining));
	for (size_t i = 0; i < ARRAY_SIZE(products) && !ret->product; i++) {
		char value[128] = "";

		keep(easy, value, sizeof(value), &products[i].name, 1);
		if (!value[0])
			continue;
		ret->product = products[i].name;
		if (!products[i].secret)
			strcpy(ret->product_value, value);
	}
	if (curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &n) == CURLE_OK)
		ret->http2 = n == CURL_HTTP_VERSION_2_0;
	if (curl_easy_getinfo(easy, CURLINFO_REDIRECT_COUNT, &n) == CURLE_OK)
		ret->redirects = (unsigned)n;
	keep_origin(easy, ret->origin, sizeof(ret->origin));
}
