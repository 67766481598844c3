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

/* One challenge; *ret has scheme NONE if it is not one for us. */
static const char *read_challenge(const char *p, struct reg_challenge *ret)
{
	const size_t n = strspn(p, TOKEN);
	const char *end;

	*ret = (struct reg_challenge){0};
	if (!n)
		return NULL;
	if (is_word(p, n, "Bearer"))
		ret->scheme = REG_SCHEME_BEARER;
	else if (is_word(p, n, "Basic"))
		ret->scheme = REG_SCHEME_BASIC;
	p += n;
	if (*p && !strchr(" \t,", *p))
		return NULL;
	p = skip_space(p);
	end = skip_token68(p);
	if (end || *p == ',' || !*p)
		return end ? end : p;
	return read_parameters(p, ret->scheme == REG_SCHEME_NONE ? NULL : ret);
}

bool reg_challenge_parse(const char *header, struct reg_challenge *ret)
{
	struct reg_challenge best = {0}, c;

	if (!header)
		return false;
	for (const char *p = header + strspn(header, " \t,"); *p; p += strspn(p, " \t,")) {
		p = read_challenge(p, &c);
		if (!p)
			return false;
		if (c.scheme == REG_SCHEME_BEARER && !c.realm[0]) /* no word of where to get a token */
			continue;
		if (c.scheme > best.scheme)
			best = c;
	}
	if (best.scheme == REG_SCHEME_NONE)
		return false;
	*ret = best;
	return true;
}
