/* SPDX-License-Identifier: MIT */
/* The grammar of names. What passes here becomes a URL and a file name, so nothing else may. */
#include "registry.h"

#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

#define MAX_REPOSITORY 255
#define MAX_TAG 128

/* By hand: what isalnum() says depends on the locale. */
static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_word(char c)
{
	return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The length of a separator within a component (\.|_|__|-+), 0 if there is none at p. */
static size_t separator(const char *p)
{
	if (*p == '-')
		return strspn(p, "-");
	if (*p == '_')
		return p[1] == '_' ? 2 : 1;
	return *p == '.' ? 1 : 0;
}

/* The end of the component that begins at p, NULL if none does: [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)* */
static const char *component_end(const char *p)
{
	for (;;) {
		size_t n;

		if (!is_lower_or_digit(*p))
			return NULL;
		while (is_lower_or_digit(*p))
			p++;
		n = separator(p);
		if (!n)
			return p;
		p += n;
	}
}

bool reg_name_is_component(const char *name)
{
	const char *end =
		name && strnlen(name, MAX_REPOSITORY + 1) <= MAX_REPOSITORY ? component_end(name) : NULL;

	return end && *end == '\0';
}

bool reg_name_is_repository(const char *name)
{
	const char *p = name;

	if (!name || strnlen(name, MAX_REPOSITORY + 1) > MAX_REPOSITORY)
		return false;
	for (;;) {
		p = component_end(p);
		if (!p)
			return false;
		if (*p == '\0')
			return true;
		if (*p++ != '/')
			return false;
	}
}

bool reg_name_is_tag(const char *name)
{
	size_t n = 1;

	if (!name || !is_word(name[0]))
		return false;
	while (n <= MAX_TAG && (is_word(name[n]) || name[n] == '.' || name[n] == '-'))
		n++;
	return n <= MAX_TAG && name[n] == '\0';
}

/* Only SHA-256: the schema cuts a longer hash to 64 digits, from which no digest can be told. */
bool reg_tag_subject(const char *tag, struct reg_digest *ret)
{
	static const char *const suffixes[] = {"", ".sig", ".att", ".sbom"};
	char text[sizeof("sha256:") + 64];

	if (!tag || strncmp(tag, "sha256-", 7) != 0 || strnlen(tag, 7 + 64) < 7 + 64)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		if (strcmp(tag + 7 + 64, suffixes[i]) != 0)
			continue;
		snprintf(text, sizeof(text), "sha256:%.64s", tag + 7);
		return reg_digest_parse(text, ret);
	}
	return false;
}
