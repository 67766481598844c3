/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "util/cleanup.h"

#define FORM "[http://|https://]HOST[:PORT][/PREFIX]"
#define MAX_HOST 253 /* of a DNS name */
#define HUB "registry-1.docker.io"

static const char *const hub_aliases[] = {
	"docker.io",
	"index.docker.io",
	"registry.hub.docker.com",
	"registry-1.docker.io",
};

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Labels of letters, digits, '-' and '_' (containers and services have it) with dots between them. */
static bool is_host_name(const char *host)
{
	size_t label = 0;

	if (strlen(host) > MAX_HOST)
		return false;
	for (const char *p = host; *p; p++) {
		if (*p == '.' && (!label || p[-1] == '-'))
			return false;
		if (*p != '.' && !is_alnum(*p) && (!label || (*p != '-' && *p != '_')))
			return false;
		label = *p == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label && host[strlen(host) - 1] != '-';
}

static bool is_ipv6(const char *text)
{
	struct in6_addr a;

	return inet_pton(AF_INET6, text, &a) == 1;
}

static bool is_loopback(const char *host)
{
	const size_t n = strlen(host);
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET6, host, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return strcmp(host, "localhost") == 0 || (n > 10 && strcmp(host + n - 10, ".localhost") == 0);
}

static bool is_port(const char *text)
{
	const size_t n = strspn(text, "0123456789");
	unsigned port = 0;

	if (!n || n > 5 || text[n])
		return false;
	for (size_t i = 0; i < n; i++)
		port = port * 10 + (unsigned)(text[i] - '0');
	return port >= 1 && port <= 65535;
}

/* Splits HOST[:PORT], in place; the port is NULL if none is there. An IPv6 address loses its brackets. */
static bool split_host(char *host, char **ret_host, char **ret_port)
{
	char *end;

	if (*host != '[') {
		end = strchr(host, ':');
		*ret_host = host;
		*ret_port = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		return true;
	}
	end = strchr(host, ']');
	if (!end || (end[1] && end[1] != ':'))
		return false;
	*ret_host = host + 1;
	*ret_port = end[1] ? end + 2 : NULL;
	*end = '\0';
	return true;
}

static int read_host(const char *text, size_t size, struct reg_source *ret, struct reg_error *error)
{
	char copy[sizeof(ret->host)], *host, *port;
	bool ipv6;

	if (!size)
		return reg_fail(error, -EINVAL, "the source has no host; write it as " FORM);
	if (size >= sizeof(copy))
		return reg_fail(error, -EINVAL, "the source's host name is too long");
	for (size_t i = 0; i < size; i++)
		copy[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i];
	copy[size] = '\0';
	ipv6 = copy[0] == '[';
	if (!split_host(copy, &host, &port) || (ipv6 ? !is_ipv6(host) : !is_host_name(host)))
		return reg_fail(error, -EINVAL,
				"'%.*s' is no host name or address; write the source as " FORM, (int)size,
				text);
	if (port && !is_port(port))
		return reg_fail(error, -EINVAL, "'%s' is no port: a number from 1 to 65535 is one", port);
	ret->may_fall_back = ret->may_fall_back && is_loopback(host);
	for (size_t i = 0; !port && i < ARRAY_SIZE(hub_aliases); i++)
		ret->docker_hub = ret->docker_hub || strcmp(host, hub_aliases[i]) == 0;
	if (ret->docker_hub)
		host = strcpy(copy, HUB);
	if (snprintf(ret->host, sizeof(ret->host), "%s%s%s%s%s", ipv6 ? "[" : "", host, ipv6 ? "]" : "",
		     port ? ":" : "", port ? port : "") >= (int)sizeof(ret->host))
		return reg_fail(error, -EINVAL, "the source's host name is too long");
	return 0;
}

static int read_prefix(const char *text, struct reg_source *ret, struct reg_error *error)
{
	size_t n;

	text += *text == '/';
	n = strlen(text);
	while (n && text[n - 1] == '/')
		n--;
	if (n >= sizeof(ret->prefix))
		return reg_fail(error, -EINVAL, "the source's prefix is longer than 255 bytes");
	memcpy(ret->prefix, text, n);
	ret->prefix[n] = '\0';
	if (strcmp(ret->prefix, "v2") == 0 || strncmp(ret->prefix, "v2/", 3) == 0)
		return reg_fail(error, -EINVAL,
				"leave '/v2' out of the source: it is added to every request");
	if (n && !reg_name_is_repository(ret->prefix))
		return reg_fail(
			error, -EINVAL,
			"'%s' is no name space or repository: lower case letters and digits, '.', '_' or '-' "
			"between them, without a tag",
			ret->prefix);
	return 0;
}

/* Behind the scheme, if there is one; NULL: it is another than http and https. */
static const char *read_scheme(const char *text, struct reg_source *ret)
{
	const char *colon = strstr(text, "://");

	ret->https = true;
	ret->bare = ret->may_fall_back = !colon;
	if (!colon)
		return text;
	if (strncasecmp(text, "https://", 8) == 0)
		return text + 8;
	if (strncasecmp(text, "http://", 7) != 0)
		return NULL;
	ret->https = false;
	return text + 7;
}

int reg_source_parse(const char *text, struct reg_source *ret, struct reg_error *error)
{
	struct reg_source s = {0};
	const char *p;
	size_t host;
	int r;

	if (!text || !*text)
		return reg_fail(error, -EINVAL, "no registry is named; write it as " FORM);
	/* First, as no other error may repeat a password; it may hold slashes, so '@' can stand anywhere. */
	if (strchr(text, '@'))
		return reg_fail(error, -EINVAL,
				"the source must not hold a user name, password, digest or '@': log in by "
				"REGFS_USER and REGFS_PASSWORD or an auth file (docker login, podman login)");
	for (p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			return reg_fail(
				error, -EINVAL,
				"the source has a space or a character that no URL has; write it as " FORM);
	if (strpbrk(text, "?#"))
		return reg_fail(error, -EINVAL, "the source must not have a '?' or '#'; write it as " FORM);
	p = read_scheme(text, &s);
	if (!p)
		return reg_fail(error, -EINVAL, "the source's scheme must be http:// or https://");
	host = strcspn(p, "/");
	r = read_host(p, host, &s, error);
	if (r < 0)
		return r;
	r = read_prefix(p + host, &s, error);
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}
