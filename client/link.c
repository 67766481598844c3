/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "util/cleanup.h"

#define MAX_TARGET 4096

/* A piece of the header. */
struct span {
	const char *start;
	size_t size;
};

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

/* A parameter's value without its quotes. Returns where it ends, NULL: a quote without an end. */
static const char *value(const char *p, struct span *ret)
{
	if (*p != '"') {
		*ret = (struct span){p, strcspn(p, " \t,;\"")};
		return p + ret->size;
	}
	for (const char *q = p + 1; *q; q++) {
		if (*q == '"') {
			*ret = (struct span){p + 1, (size_t)(q - p - 1)};
			return q + 1;
		}
		if (*q == '\\' && q[1])
			q++;
	}
	return NULL;
}

/* rel is a list of words. */
static bool has_next(struct span rel)
{
	while (rel.size) {
		size_t n = 0;

		while (n < rel.size && rel.start[n] != ' ' && rel.start[n] != '\t')
			n++;
		if (n == 4 && strncasecmp(rel.start, "next", 4) == 0)
			return true;
		n += n < rel.size;
		rel.start += n;
		rel.size -= n;
	}
	return false;
}

/* The parameters behind a target, up to the comma or the end; only the first rel counts (RFC 8288, 3.3). */
static const char *parameters(const char *p, bool *ret_next)
{
	bool seen = false, next = false;

	for (p = skip_space(p); *p == ';'; p = skip_space(p)) {
		struct span name, text = {0};

		p = skip_space(p + 1);
		name = (struct span){p, strcspn(p, " \t=,;\"")};
		p = skip_space(p + name.size);
		if (*p == '=') {
			p = value(skip_space(p + 1), &text);
			if (!p)
				return NULL;
		}
		if (seen || name.size != 3 || strncasecmp(name.start, "rel", 3) != 0)
			continue;
		seen = true;
		next = has_next(text);
	}
	if (*p && *p != ',')
		return NULL;
	*ret_next = next;
	return p;
}

/* Finds <target>; rel="next" among the header's links. */
static bool find_next(const char *p, struct span *ret)
{
	for (;;) {
		struct span target;
		bool next;

		p += strspn(p, " \t,");
		if (*p != '<')
			return false;
		target = (struct span){p + 1, strcspn(p + 1, ">")};
		p = target.start + target.size;
		if (*p != '>')
			return false;
		p = parameters(p + 1, &next);
		if (!p)
			return false;
		if (next) {
			*ret = target;
			return true;
		}
	}
}

static void free_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void free_part(char **part)
{
	curl_free(*part);
}

/* What is sent in a request line must be printable ASCII, whatever came. */
static bool is_clean(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

/* What a path ends in: list, _catalog, or the digest whose referrers are listed. */
static const char *endpoint(const char *path)
{
	const char *const slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Does a query ask for pages of nothing? n=0 is said to mean "no limit" to some, and is answered by an empty
 * list by others. */
static bool asks_for_nothing(const char *query)
{
	for (const char *p = query; p; p = strchr(p, '&')) {
		p += *p == '&';
		if (strncmp(p, "n=0", 3) == 0 && (p[3] == '\0' || p[3] == '&'))
			return true;
	}
	return false;
}

static bool get_part(CURLU *url, CURLUPart part, char **ret)
{
	return !curl_url_get(url, part, ret, 0);
}

static bool resolve(const char *target, const char *base, char *ret, size_t size)
{
	__attribute__((cleanup(free_url))) CURLU *url = curl_url();
	__attribute__((cleanup(free_part))) char *own = NULL;
	__attribute__((cleanup(free_part))) char *path = NULL;
	__attribute__((cleanup(free_part))) char *query = NULL;

	if (!url || curl_url_set(url, CURLUPART_URL, base, 0) || !get_part(url, CURLUPART_PATH, &own) ||
	    curl_url_set(url, CURLUPART_URL, target, 0) || !get_part(url, CURLUPART_PATH, &path) ||
	    !get_part(url, CURLUPART_QUERY, &query))
		return false;
	if (strcmp(endpoint(path), endpoint(own)) != 0 || !is_clean(query) || asks_for_nothing(query))
		return false;
	if (!query[0] || strlen(query) >= size)
		return false;
	strcpy(ret, query);
	return true;
}

bool reg_link_next(const char *header, const char *base, char *ret, size_t size)
{
	char target[MAX_TARGET];
	struct span found;

	if (!header || !base || !find_next(header, &found) || !found.size || found.size >= sizeof(target))
		return false;
	memcpy(target, found.start, found.size);
	target[found.size] = '\0';
	return resolve(target, base, ret, size);
}
