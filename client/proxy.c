/* SPDX-License-Identifier: MIT */
#include "proxy.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "credentials.h"
#include "util/cleanup.h"
#include "util/network.h"

/* ---- reading ---- */

/* libcurl repeats a proxy's URL, password and all, where it cannot use it: so that it can is seen to before.
 */
static bool is_proxy(const char *url)
{
	static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
	const char *const rest = strstr(url, "://") + 3;
	CURLU *u;
	char *scheme = NULL, *host = NULL;
	bool known = false;

	/* A password that nobody encoded: what is behind its '/' would be taken for a path, and before for a host. */
	if (strchr(rest + strcspn(rest, "/?#"), '@'))
		return false;
	u = curl_url();
	if (u &&
	    curl_url_set(u, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME | CURLU_DEFAULT_SCHEME) ==
		    CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK && host[0])
		curl_url_get(u, CURLUPART_SCHEME, &scheme, 0);
	for (size_t i = 0; scheme && i < ARRAY_SIZE(schemes); i++)
		known = known || strcasecmp(scheme, schemes[i]) == 0;
	curl_free(scheme);
	curl_free(host);
	curl_url_cleanup(u);
	return known;
}

static int read_one(const char *const names[], char **ret, struct reg_error *error)
{
	for (size_t i = 0; names[i]; i++) {
		const char *const value = getenv(names[i]);

		if (!value || !value[0])
			continue;
		/* "host:8080" reads like a scheme. */
		if (strstr(value, "://"))
			*ret = strdup(value);
		else if (asprintf(ret, "http://%s", value) < 0)
			*ret = NULL;
		if (!*ret)
			return reg_fail(error, -ENOMEM, "out of memory");
		if (!is_proxy(*ret))
			return reg_fail(error, -EINVAL,
					"%s in the environment is no proxy: write it as "
					"http://[USER:PASSWORD@]HOST:PORT, with '@', '/', '?' and '#' in a password as "
					"%%40, %%2F, %%3F and %%23",
					names[i]);
		return 0;
	}
	return 0;
}

int proxies_init(struct proxies *p, struct reg_error *error)
{
	static const char *const https[] = {"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", NULL};
	static const char *const http[] = {"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", NULL};
	const char *except = getenv("NO_PROXY");
	/* Of a CGI program HTTP_PROXY is what a stranger sent as a header "Proxy". */
	const bool cgi = getenv("REQUEST_METHOD");
	int r;

	*p = (struct proxies){0};
	if (!except || !except[0])
		except = getenv("no_proxy");
	r = read_one(https, &p->https, error);
	if (r == 0)
		r = read_one(http + cgi, &p->http, error);
	if (r == 0 && except && !(p->except = strdup(except)))
		r = reg_fail(error, -ENOMEM, "out of memory");
	if (r < 0)
		proxies_done(p);
	return r;
}

void proxies_done(struct proxies *p)
{
	reg_wipe(p->http);
	reg_wipe(p->https);
	free(p->http);
	free(p->https);
	free(p->except);
	*p = (struct proxies){0};
}

/* ---- choosing ---- */

struct target {
	char host[300]; /* without brackets */
	const char *port;
	struct address address;
};

static bool split(const char *origin, struct target *ret)
{
	const char *host = strstr(origin, "://");
	const char *end;

	if (!host)
		return false;
	host += 3;
	end = strrchr(host, ':');
	if (!end)
		return false;
	ret->port = end + 1;
	if (!network_host(host, ret->host, sizeof(ret->host)))
		return false;
	ret->address = address_of(ret->host);
	return true;
}

static bool is_here(const struct target *t)
{
	static const unsigned char one[16] = {[15] = 1};

	if (!t->address.valid)
		return strcmp(t->host, "localhost") == 0;
	return t->address.ipv4 ? t->address.bytes[12] == 127 : memcmp(t->address.bytes, one, 16) == 0;
}

/* A port behind a name, an IPv4 address, or an IPv6 address in brackets; cut off. */
static const char *cut_port(char **entry)
{
	char *colon = strrchr(*entry, ':');
	const size_t n = strlen(*entry);

	if (!colon)
		return NULL;
	if ((*entry)[0] == '[') {
		if ((*entry)[n - 1] == ']')
			colon = NULL;
		else if (colon[-1] != ']')
			return NULL;
		(*(colon ? colon - 1 : *entry + n - 1)) = '\0';
		(*entry)++;
	} else if (strchr(*entry, ':') != colon) {
		return NULL; /* a bare IPv6 address */
	} else {
		*colon = '\0';
	}
	return colon ? colon + 1 : NULL;
}

/* "example.com" is that name and all below it, ".example.com" and "*.example.com" what is below it. */
static bool in_domain(const char *host, const char *domain)
{
	const size_t n = strlen(host);
	size_t m;

	if (domain[0] == '*' && domain[1] == '.')
		domain++;
	m = strlen(domain);
	if (n >= m && strcasecmp(host + n - m, domain) == 0 && domain[0] == '.')
		return true;
	if (domain[0] == '.' || !m || n < m || strcasecmp(host + n - m, domain) != 0)
		return false;
	return n == m || host[n - m - 1] == '.';
}

static bool excepted(const struct target *t, char *entry)
{
	struct address address;
	const char *port;

	if (strcmp(entry, "*") == 0)
		return true;
	if (strchr(entry, '/'))
		return address_is_in(&t->address, entry);
	port = cut_port(&entry);
	if (port && port[0] && strcmp(port, t->port) != 0)
		return false;
	address = address_of(entry);
	if (address.valid)
		return t->address.valid && memcmp(address.bytes, t->address.bytes, 16) == 0;
	return !t->address.valid && in_domain(t->host, entry);
}

const char *proxies_choose(const struct proxies *p, const char *origin)
{
	const char *const proxy = strncmp(origin, "https:", 6) == 0 ? p->https : p->http;
	auto_free char *except = proxy && p->except ? strdup(p->except) : NULL;
	struct target t;
	char *save = NULL;

	if (!proxy || !split(origin, &t) || is_here(&t))
		return NULL;
	for (char *e = except ? strtok_r(except, ", \t\n", &save) : NULL; e;
	     e = strtok_r(NULL, ", \t\n", &save))
		if (excepted(&t, e))
			return NULL;
	return proxy;
}
