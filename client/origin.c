/* SPDX-License-Identifier: MIT */
#include "origin.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "error.h"

static char *part(CURLU *u, CURLUPart which, unsigned flags)
{
	char *text = NULL;

	return curl_url_get(u, which, &text, flags) == CURLUE_OK ? text : NULL;
}

char *origin_of(const char *url)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *port = NULL, *ret = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK) {
		scheme = part(u, CURLUPART_SCHEME, 0);
		host = part(u, CURLUPART_HOST, 0);
		port = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	}
	for (char *p = host; p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	if (scheme && host && port && asprintf(&ret, "%s://%s:%s", scheme, host, port) < 0)
		ret = NULL;
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return ret;
}

void origin_words(const char *url, char *ret, size_t size)
{
	const char *const scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url, *at;
	const size_t before = (size_t)(host - url);

	at = memrchr(host, '@', strcspn(host, "/?#"));
	if (at)
		host = at + 1;
	snprintf(ret, size, "%.*s%.*s", (int)before, url, (int)strcspn(host, "?#"), host);
}

/* The whole URL is never told: it may be signed. */
static int check_scheme(const char *url, CURLU *u, struct reg_error *error)
{
	char *scheme = part(u, CURLUPART_SCHEME, 0);
	int r = 0;

	if (!scheme || (strcasecmp(scheme, "https") != 0 && strcasecmp(scheme, "http") != 0))
		r = reg_fail(error, -EPROTO, "the registry redirects to what is neither http nor https");
	else if (strncasecmp(url, "https:", 6) == 0 && strcasecmp(scheme, "https") != 0)
		r = reg_fail(error, -EPROTO,
			     "the registry redirects from https to http, which is not followed: its storage "
			     "must be behind https as well");
	curl_free(scheme);
	return r;
}

int origin_redirect(const char *url, const char *location, char **ret_url, struct reg_error *error)
{
	CURLU *u = curl_url();
	char *text = NULL;
	int r = -EIO;

	/* The first sets what the second is relative to. */
	if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, location, CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME) ==
		    CURLUE_OK) {
		r = check_scheme(url, u, error);
		if (r == 0)
			text = part(u, CURLUPART_URL, 0);
	} else {
		reg_fail(error, r, "the registry redirects to what is no URL");
	}
	curl_url_cleanup(u);
	if (r < 0)
		return r;
	*ret_url = text ? strdup(text) : NULL;
	curl_free(text);
	return *ret_url ? 0 : reg_fail(error, -ENOMEM, "out of memory");
}
