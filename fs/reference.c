/* SPDX-License-Identifier: MIT */
#include "reference.h"

#include <string.h>

#define FORM "[HOST/]REPOSITORY[:TAG][@DIGEST]"

static bool is_word(const char *text, size_t size, const char *besides)
{
	for (size_t i = 0; i < size; i++) {
		const char c = text[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    (!c || !strchr(besides, c)))
			return false;
	}
	return size > 0;
}

/* HOST[:PORT] or [IPV6][:PORT], loosely: it is cut off and not used. */
static bool is_host(const char *text, size_t size)
{
	const char *const end = text + size;
	const char *port;

	if (size > REFERENCE_MAX_HOST)
		return false;
	if (text[0] == '[') {
		port = memchr(text, ']', size);
		if (!port || !is_word(text + 1, (size_t)(port - text) - 1, ":.%"))
			return false;
		port++;
	} else {
		port = memchr(text, ':', size);
		port = port ? port : end;
		if (!is_word(text, (size_t)(port - text), ".-_"))
			return false;
	}
	if (port == end)
		return true;
	return *port == ':' && port + 1 < end && strspn(port + 1, "0123456789") == (size_t)(end - port - 1);
}

/* Does the part before the first '/' name a host, as docker decides it? */
static bool looks_like_host(const char *part, size_t size)
{
	if (size == 9 && strncmp(part, "localhost", 9) == 0)
		return true;
	for (size_t i = 0; i < size; i++)
		if (part[i] == '.' || part[i] == ':' || part[i] == '[' || (part[i] >= 'A' && part[i] <= 'Z'))
			return true;
	return false;
}

/* Behind "docker-pullable://", "docker://" and what else there may be. */
static char *skip_scheme(char *word)
{
	char *const end = strstr(word, "://");

	return end && is_word(word, (size_t)(end - word), "+.-") ? end + 3 : word;
}

/*
 * A short or a bare id, of an image or a container: docker ps shows one where the tag has moved on. It reads
 * like a name, and would protect nothing.
 */
static bool is_bare_id(const char *word)
{
	const size_t n = strspn(word, "0123456789abcdef");

	return !word[n] && (n == 12 || n == 64);
}

const char *reference_parse(char *word, struct reference *ret)
{
	static const char bad[] = "is no reference to an image: " FORM " or a digest is one";
	struct reference r = {0};
	char *at, *slash, *colon;

	word = skip_scheme(word);
	if (is_bare_id(word))
		return "is an id without its algorithm: an image's is sha256: and 64 digits "
		       "(docker ps --no-trunc)";
	at = strrchr(word, '@');
	if (at) {
		*at = '\0';
		r.digest = at + 1;
	} else if (strncmp(word, "sha256:", 7) == 0 || strncmp(word, "sha512:", 7) == 0) {
		r.digest = word;
	}
	if (r.digest && !reg_digest_parse(r.digest, &(struct reg_digest){0}))
		return "has no whole digest: sha256: and 64 digits of 0-9 and a-f are one";
	if (r.digest == word) {
		*ret = r;
		return NULL;
	}
	colon = strrchr(word, ':');
	if (colon && !strchr(colon, '/')) {
		*colon = '\0';
		r.tag = colon + 1;
	} else if (!at) {
		r.tag = "latest";
	}
	if (r.tag && !reg_name_is_tag(r.tag))
		return bad;
	slash = strchr(word, '/');
	if (slash && looks_like_host(word, (size_t)(slash - word))) {
		if (!is_host(word, (size_t)(slash - word)))
			return bad;
		r.names[0] = slash + 1;
		r.names[1] = reg_name_is_repository(word) ? word : NULL;
	} else {
		r.names[0] = word;
	}
	if (!reg_name_is_repository(r.names[0]))
		return bad;
	*ret = r;
	return NULL;
}
