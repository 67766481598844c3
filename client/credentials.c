/* SPDX-License-Identifier: MIT */
#include "credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authfile.h"
#include "error.h"
#include "netrc.h"
#include "secretfile.h"
#include "util/cleanup.h"

#define MAX_PASSWORD ((size_t)64 << 10)

void reg_wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
}

void reg_credentials_done(struct reg_credentials *c)
{
	char *const all[] = {c->user, c->password, c->identity_token, c->registry_token, c->lacking};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		reg_wipe(all[i]);
		free(all[i]);
	}
	*c = (struct reg_credentials){0};
}

int reg_spaces_add(struct reg_spaces *s, struct reg_credentials *c)
{
	if (s->count == s->room) {
		const size_t room = s->room ? s->room * 2 : 16;
		struct reg_space *items = realloc(s->items, room * sizeof(*items));

		if (!items) {
			reg_credentials_done(c);
			return -ENOMEM;
		}
		s->items = items;
		s->room = room;
	}
	s->items[s->count++] = (struct reg_space){*c, s->files};
	*c = (struct reg_credentials){0};
	return 0;
}

void reg_spaces_done(struct reg_spaces *s)
{
	for (size_t i = 0; i < s->count; i++)
		reg_credentials_done(&s->items[i].credentials);
	free(s->items);
	*s = (struct reg_spaces){0};
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool reg_credentials_equal(const struct reg_credentials *a, const struct reg_credentials *b)
{
	return same(a->user, b->user) && same(a->password, b->password) &&
	       same(a->identity_token, b->identity_token) && same(a->registry_token, b->registry_token);
}

char *reg_credentials_basic(const struct reg_credentials *c)
{
	char *plain = NULL, *encoded, *header = NULL;

	if (asprintf(&plain, "%s:%s", c->user ? c->user : "", c->password ? c->password : "") < 0)
		return NULL;
	encoded = reg_base64_encode(plain, strlen(plain));
	if (encoded && asprintf(&header, "Basic %s", encoded) < 0)
		header = NULL;
	reg_wipe(plain);
	reg_wipe(encoded);
	free(plain);
	free(encoded);
	return header;
}

/* Variables that are set to nothing count as not set: so they are turned off in unit and compose files. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* Its first line: an editor ends it with a line feed, which is no part of a password. */
static int read_password(const struct reg_lookup *l, char **ret, struct reg_error *error)
{
	const char *const path = l->password_file;
	char *data = NULL;
	const ssize_t n = secretfile_read(path, MAX_PASSWORD, l->cancel, &data);
	int r = 0;

	if (n < 0)
		return secretfile_fail(error, "password_file=", path, (int)n);
	data[strcspn(data, "\r\n")] = '\0';
	*ret = strdup(data);
	if (!*ret)
		r = reg_fail(error, -ENOMEM, "no memory for a password");
	else if (!(*ret)[0])
		r = reg_fail(error, -EINVAL, "%s: the password is missing: it is the first line", path);
	secretfile_free(data, (size_t)n);
	secretfile_check(path, l->log);
	return r;
}

/* Half of a login, which is more likely a mistake than meant. */
static int check_pair(const char *user, bool password, struct reg_error *error)
{
	if (!user)
		return reg_fail(error, -EINVAL,
				"a password is given without a user name: set REGFS_USER, or say user=NAME");
	if (!password)
		return reg_fail(error, -EINVAL,
				"a user name is given without a password: set REGFS_PASSWORD, or say "
				"password_file=FILE");
	if (strchr(user, ':')) /* Basic authentication would split it there (RFC 7617) */
		return reg_fail(error, -EINVAL, "a user name must not have a ':'");
	return 0;
}

/* What the user gave by option or environment. 1: taken; 0: nothing was given. */
static int from_user(const struct reg_lookup *l, struct reg_credentials *ret, struct reg_error *error)
{
	const char *user = l->user ? l->user : environment("REGFS_USER"), *password = l->password;
	struct reg_credentials c = {0};
	int r;

	if (!password && !l->password_file)
		password = environment("REGFS_PASSWORD");
	if (!user && !password && !l->password_file)
		return 0;
	r = check_pair(user, password || l->password_file, error);
	if (r == 0 && l->password_file && !password)
		r = read_password(l, &c.password, error);
	else if (r == 0)
		c.password = strdup(password);
	if (r == 0) {
		c.user = strdup(user);
		if (!c.user || !c.password)
			r = reg_fail(error, -ENOMEM, "no memory for credentials");
	}
	if (r < 0) {
		reg_credentials_done(&c);
		return r;
	}
	*ret = c;
	return 1;
}

/* Looks in DIRECTORY/REST, if DIRECTORY is known. */
static int from_file(const char *directory, const char *rest, const struct reg_lookup *l,
		     struct reg_credentials *ret, struct reg_error *error)
{
	auto_free char *path = NULL;

	if (!directory)
		return 0;
	if (asprintf(&path, "%s/%s", directory, rest) < 0) {
		path = NULL;
		return reg_fail(error, -ENOMEM, "no memory for a file name");
	}
	return reg_authfile_find(path, NULL, l, ret, error);
}

static int from_podman(const struct reg_lookup *l, struct reg_credentials *ret, struct reg_error *error)
{
	const char *runtime = environment("XDG_RUNTIME_DIR"), *config = environment("XDG_CONFIG_HOME");
	char own[48];
	int r;

	snprintf(own, sizeof(own), "/run/containers/%lu", (unsigned long)geteuid());
	if (runtime)
		r = from_file(runtime, "containers/auth.json", l, ret, error);
	else
		r = from_file(own, "auth.json", l, ret, error);
	if (r == 0 && config)
		r = from_file(config, "containers/auth.json", l, ret, error);
	else if (r == 0)
		r = from_file(environment("HOME"), ".config/containers/auth.json", l, ret, error);
	return r;
}

static int from_docker(const struct reg_lookup *l, struct reg_credentials *ret, struct reg_error *error)
{
	const char *docker = environment("DOCKER_CONFIG"), *content = environment("DOCKER_AUTH_CONFIG");
	int r = 0;

	if (content)
		r = reg_authfile_parse(content, strlen(content), "DOCKER_AUTH_CONFIG", l, ret, error);
	if (r == 0 && docker)
		r = from_file(docker, "config.json", l, ret, error);
	else if (r == 0)
		r = from_file(environment("HOME"), ".docker/config.json", l, ret, error);
	return r;
}

/* None: anonymous. Why a helper had none is remembered for when that is not enough. */
static int nothing(const struct reg_error *failure, struct reg_credentials *ret, struct reg_error *error)
{
	struct reg_credentials c = {.lacking = failure->msg[0] ? strdup(failure->msg) : NULL};

	if (failure->msg[0] && !c.lacking)
		return reg_fail(error, -ENOMEM, "no memory for credentials");
	*ret = c;
	return 0;
}

static int find(const struct reg_lookup *lookup, struct reg_credentials *ret, struct reg_error *error)
{
	const char *file = lookup->authfile ? lookup->authfile : environment("REGISTRY_AUTH_FILE");
	int r = from_user(lookup, ret, error);

	if (r == 0 && file)
		r = reg_authfile_find(file, lookup->authfile ? "authfile=" : "REGISTRY_AUTH_FILE=", lookup,
				      ret, error);
	if (r == 0)
		r = from_podman(lookup, ret, error);
	if (r == 0)
		r = from_docker(lookup, ret, error);
	if (r == 0 && lookup->netrc)
		r = netrc_find(lookup->netrc, lookup, ret, error);
	return r == 0 ? nothing(lookup->failure, ret, error) : r < 0 ? r : 0;
}

int reg_credentials_find(const struct reg_lookup *lookup, struct reg_credentials *ret,
			 struct reg_error *error)
{
	struct reg_error failure = {0};
	struct reg_lookup mine = *lookup;

	mine.failure = &failure;
	return find(&mine, ret, error);
}
