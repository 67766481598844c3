/* SPDX-License-Identifier: MIT */
#include "challenge.h"

#include <string.h>
#include <strings.h>

#include "util/cleanup.h"

/* Characters of a token, and of what some schemes have in place of parameters (RFC 9110, 5.6.2 and 11.2). */
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define TOKEN ALNUM "!#$%&'*+-.^_`|~"
#define TOKEN68 ALNUM "-._~+/"

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t");
}

static bool is_word(const char *start, size_t size, const char *word)
{
	return size == strlen(word) && strncasecmp(start, word, size) == 0;
}

/* Where a parameter is kept and how much fits; NULL: nobody asks for it, or it has been said already. */
static char *place_for(struct reg_challenge *c, const char *name, size_t size, size_t *ret_room)
{
	const struct {
		const char *name;
		char *text;
		size_t room;
	} places[] = {
		{"realm", c->realm, sizeof(c->realm)},
		{"service", c->service, sizeof(c->service)},
		{"scope", c->scope, sizeof(c->scope)},
		{"error", c->error, sizeof(c->error)},
		{"error_description", c->description, sizeof(c->description)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		if (!is_word(name, size, places[i].name) || places[i].text[0])
			continue;
		*ret_room = places[i].room;
		return places[i].text;
	}
	return NULL;
}

/* A quoted string, or all up to a comma or space: some servers leave the quotes away, even around a URL. */
static const char *read_value(const char *p, char *ret, size_t room)
{
	const bool quoted = *p == '"';
	size_t n = 0;

	p += quoted;
	for (; *p && (quoted ? *p != '"' : !strchr(" \t,\"", *p)); p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		if ((unsigned char)*p < ' ' || *p == 0x7f || (ret && n + 1 >= room))
			return NULL;
		if (ret)
			ret[n] = *p;
		n++;
	}
	if (ret)
		ret[n] = '\0';
	if (!quoted)
		return n ? p : NULL;
	return *p == '"' ? p + 1 : NULL;
}

/* Behind a token68, if that and nothing else stands at p; else NULL. */
static const char *skip_token68(const char *p)
{
	const size_t n = strspn(p, TOKEN68);

	p = skip_space(p + n + strspn(p + n, "="));
	return n && (*p == '\0' || *p == ',') ? p : NULL;
}

/* Is a parameter there, or a scheme's name? */
static bool at_parameter(const char *p)
{
	const size_t n = strspn(p, TOKEN);

	return n && *skip_space(p + n) == '=';
}

/*
 * The parameters of one challenge, up to the next or the end, into *c unless that is NULL. NULL: they do not
 * parse, or do not fit.
 */
static const char *read_parameters(const char *p, struct reg_challenge *c)
{
	while (at_parameter(p)) {
		const size_t n = strspn(p, TOKEN);
		size_t room = 0;
		char *place = c ? place_for(c, p, n, &room) : NULL;

		p = skip_space(skip_space(p + n) + 1);
		p = read_value(p, place, room);
		if (!p)
			return NULL;
		p = skip_space(p);
		if (*p && *p != ',')
			return NULL;
		p += strspn(p, " \t,");
	}
	return p;
}

/* A token server is asked at its realm: without one, a Bearer is of no use. */
static void add_bearer(struct reg_challenge *ret, const struct reg_challenge *one)
{
	const struct reg_challenge before = *ret;

	if (ret->bearer || !one->realm[0])
		return;
	*ret = *one;
	ret->bearer = true;
	ret->basic = before.basic;
	ret->digest = before.digest;
	memcpy(ret->other, before.other, sizeof(ret->other));
}

/* One challenge, added to *ret. */
static const char *read_challenge(const char *p, struct reg_challenge *ret)
{
	const size_t n = strspn(p, TOKEN);
	const char *const scheme = p, *end;
	struct reg_challenge one = {0};
	const bool bearer = is_word(p, n, "Bearer");

	if (!n)
		return NULL;
	p += n;
	if (*p && !strchr(" \t,", *p))
		return NULL;
	p = skip_space(p);
	end = skip_token68(p);
	if (!end && *p && *p != ',') {
		end = read_parameters(p, bearer ? &one : NULL);
		if (!end)
			return NULL;
	}
	if (bearer)
		add_bearer(ret, &one);
	else if (is_word(scheme, n, "Basic"))
		ret->basic = true;
	else if (is_word(scheme, n, "Digest"))
		ret->digest = true;
	else if (n < sizeof(ret->other) && !ret->other[0])
		memcpy(ret->other, scheme, n);
	return end ? end : p;
}

static bool read_header(const char *header, struct reg_challenge *ret)
{
	for (const char *p = header + strspn(header, " \t,"); *p; p += strspn(p, " \t,")) {
		p = read_challenge(p, ret);
		if (!p)
			return false;
	}
	return true;
}

bool reg_challenge_parse(const char *headers, struct reg_challenge *ret)
{
	struct reg_challenge all = {0}, more;
	auto_free char *lines = headers ? strdup(headers) : NULL;
	char *save = NULL;

	if (!lines)
		return false;
	for (char *line = strtok_r(lines, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		more = all;
		if (read_header(line, &more))
			all = more;
	}
	if (!all.bearer && !all.basic && !all.digest && !all.other[0])
		return false;
	*ret = all;
	return true;
}
