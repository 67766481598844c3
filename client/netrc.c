/* SPDX-License-Identifier: MIT */
#include "netrc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "authfile.h"
#include "error.h"
#include "secretfile.h"
#include "util/cleanup.h"

#define MAX_FILE ((size_t)1 << 20)
enum { MAX_WORD = 8192 }; /* tokens in the place of passwords are long */

struct reader {
	const char *at;
	unsigned line;
	char word[MAX_WORD];
};

struct entry {
	bool fits, has_user, has_password;
	char user[MAX_WORD], password[MAX_WORD];
};

static void skip_space(struct reader *r)
{
	for (; *r->at && strchr(" \t\r\n", *r->at); r->at++)
		r->line += *r->at == '\n';
}

/* In a file of words a '#' is a comment only where a keyword is expected: a password may begin with it. */
static void skip_comments(struct reader *r)
{
	skip_space(r);
	while (*r->at == '#') {
		r->at += strcspn(r->at, "\n");
		skip_space(r);
	}
}

/* A macro begins on the line after its name, and ends with an empty one. */
static void skip_macro(struct reader *r)
{
	r->at += strcspn(r->at, "\n");
	if (*r->at)
		r->at++;
	r->line++;
	while (*r->at) {
		const size_t size = strcspn(r->at, "\n");

		if (size == strspn(r->at, " \t\r"))
			return;
		r->at += size;
		if (*r->at)
			r->at++;
		r->line++;
	}
}

static char escaped(char c)
{
	return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
}

/* The next word, as it is or in double quotes. False: there is none, or it does not end, or is too long. */
static bool read_word(struct reader *r)
{
	bool quoted;
	size_t n = 0;

	skip_space(r);
	quoted = *r->at == '"';
	r->at += quoted;
	while (*r->at && (quoted ? *r->at != '"' : !strchr(" \t\r\n", *r->at))) {
		if (quoted && *r->at == '\n')
			return false;
		if (quoted && *r->at == '\\' && r->at[1])
			r->word[n++] = escaped(*++r->at);
		else
			r->word[n++] = *r->at;
		if (n == sizeof(r->word))
			return false;
		r->at++;
	}
	if (quoted && *r->at != '"')
		return false;
	r->at += quoted;
	r->word[n] = '\0';
	return n || quoted;
}

/* HOST or HOST:PORT; an IPv6 address with its brackets or without. */
static bool machine_fits(const char *machine, const struct reg_source *source)
{
	const char *const host = source->host, *end = strrchr(host, ':');
	size_t size;

	if (reg_authfile_host_fits(machine, strlen(machine), source))
		return true;
	if (!end || strchr(end, ']'))
		end = host + strlen(host);
	size = (size_t)(end - host);
	if (strlen(machine) == size && strncasecmp(machine, host, size) == 0)
		return true;
	return host[0] == '[' && strlen(machine) == size - 2 && strncasecmp(machine, host + 1, size - 2) == 0;
}

/* One keyword with what belongs to it. 0, or -EBADMSG. */
static int take(struct reader *r, struct entry *e, const struct reg_source *source)
{
	char key[16];

	if (!read_word(r) || strlen(r->word) >= sizeof(key))
		return -EBADMSG;
	strcpy(key, r->word);
	if (strcmp(key, "default") == 0) {
		*e = (struct entry){.fits = true};
		return 0;
	}
	if (!read_word(r))
		return -EBADMSG;
	if (strcmp(key, "macdef") == 0) {
		skip_macro(r);
	} else if (strcmp(key, "machine") == 0) {
		*e = (struct entry){.fits = machine_fits(r->word, source)};
	} else if (strcmp(key, "login") == 0) {
		strcpy(e->user, r->word);
		e->has_user = true;
	} else if (strcmp(key, "password") == 0) {
		strcpy(e->password, r->word);
		e->has_password = true;
	} else if (strcmp(key, "account") != 0) {
		return -EBADMSG;
	}
	return 0;
}

static int copy(const struct entry *e, struct reg_credentials *ret, struct reg_error *error)
{
	struct reg_credentials c = {.user = strdup(e->user), .password = strdup(e->password)};

	if (!c.user || !c.password) {
		reg_credentials_done(&c);
		return reg_fail(error, -ENOMEM, "no memory for credentials");
	}
	*ret = c;
	return 1;
}

int netrc_parse(const char *text, const char *path, const struct reg_source *source,
		struct reg_credentials *ret, struct reg_error *error)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct entry *e = calloc(1, sizeof(*e));
	int err = r && e ? 0 : reg_fail(error, -ENOMEM, "no memory for %s", path);

	if (err == 0) {
		r->at = text;
		r->line = 1;
		skip_comments(r);
	}
	while (err == 0 && *r->at) {
		const unsigned line = r->line;

		err = take(r, e, source);
		if (err < 0) /* without the word, which may be a part of a password */
			reg_fail(
				error, err,
				"%s, line %u: wants machine, default, login, password, account or macdef, and a word "
				"after it; a password with blanks goes in double quotes",
				path, line);
		else if (e->fits && e->has_user && e->has_password)
			err = copy(e, ret, error);
		else
			skip_comments(r);
	}
	if (r)
		explicit_bzero(r, sizeof(*r));
	if (e)
		explicit_bzero(e, sizeof(*e));
	free(r);
	free(e);
	return err;
}

int netrc_find(const char *path, const struct reg_lookup *lookup, struct reg_credentials *ret,
	       struct reg_error *error)
{
	auto_free char *usual = NULL;
	char *data = NULL;
	ssize_t n;
	int r;

	if (!path[0]) {
		const char *home = getenv("HOME");

		if (!home || !*home)
			return reg_fail(error, -ENOENT, "there is no home folder: say netrc=FILE");
		if (asprintf(&usual, "%s/.netrc", home) < 0) {
			usual = NULL;
			return reg_fail(error, -ENOMEM, "no memory for a file name");
		}
		path = usual;
	}
	n = secretfile_read(path, MAX_FILE, lookup->cancel, &data);
	if (n == -EFBIG)
		return reg_fail(error, -EFBIG, "%s: larger than 1 MiB", path);
	if (n < 0)
		return secretfile_fail(error, usual ? "" : "netrc=", path, (int)n);
	secretfile_check(path, lookup->log);
	r = netrc_parse(data, path, lookup->source, ret, error);
	if (r == 1 && lookup->log)
		reg_log(lookup->log, REG_LOG_DEBUG, "credentials from %s", path);
	secretfile_free(data, (size_t)n);
	return r;
}
