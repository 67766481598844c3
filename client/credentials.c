/* SPDX-License-Identifier: MIT */
#include "credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authfile.h"
#include "error.h"
#include "util/cleanup.h"

void reg_wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
}

void reg_credentials_done(struct reg_credentials *c)
{
	reg_wipe(c->user);
	reg_wipe(c->password);
	free(c->user);
	free(c->password);
	*c = (struct reg_credentials){0};
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

/* What the user gave by option or environment. 1: taken; 0: nothing was given. */
static int from_user(const char *user, const char *password, struct reg_credentials *ret,
		     struct reg_error *error)
{
	struct reg_credentials c;

	if (!user)
		user = environment("REGFS_USER");
	if (!password)
		password = environment("REGFS_PASSWORD");
	if (!user && !password)
		return 0;
	if (!user)
		return reg_fail(error, -EINVAL, "a password is given without a user name; set REGFS_USER");
	if (!password)
		return reg_fail(error, -EINVAL,
				"a user name is given without a password; set REGFS_PASSWORD");
	if (strchr(user, ':')) /* Basic authentication would split it there (RFC 7617) */
		return reg_fail(error, -EINVAL, "a user name must not have a ':'");
	c = (struct reg_credentials){.user = strdup(user), .password = strdup(password)};
	if (!c.user || !c.password) {
		reg_credentials_done(&c);
		return reg_fail(error, -ENOMEM, "no memory for credentials");
	}
	*ret = c;
	return 1;
}

/* Looks in DIRECTORY/REST, if DIRECTORY is known. */
static int from_file(const char *directory, const char *rest, const struct reg_source *source,
		     struct reg_credentials *ret, struct reg_error *error)
{
	auto_free char *path = NULL;

	if (!directory)
		return 0;
	if (asprintf(&path, "%s/%s", directory, rest) < 0) {
		path = NULL;
		return reg_fail(error, -ENOMEM, "no memory for a file name");
	}
	return reg_authfile_find(path, false, source, ret, error);
}

static int from_files(const struct reg_source *source, struct reg_credentials *ret, struct reg_error *error)
{
	const char *home = environment("HOME"), *config = environment("XDG_CONFIG_HOME");
	const char *file = environment("REGISTRY_AUTH_FILE"), *docker = environment("DOCKER_CONFIG");
	int r = 0;

	if (file)
		r = reg_authfile_find(file, true, source, ret, error);
	if (r == 0)
		r = from_file(environment("XDG_RUNTIME_DIR"), "containers/auth.json", source, ret, error);
	if (r == 0 && config)
		r = from_file(config, "containers/auth.json", source, ret, error);
	else if (r == 0)
		r = from_file(home, ".config/containers/auth.json", source, ret, error);
	if (r == 0 && docker)
		r = from_file(docker, "config.json", source, ret, error);
	else if (r == 0)
		r = from_file(home, ".docker/config.json", source, ret, error);
	return r;
}

int reg_credentials_find(const struct reg_source *source, const char *user, const char *password,
			 struct reg_credentials *ret, struct reg_error *error)
{
	int r = from_user(user, password, ret, error);

	if (r == 0)
		r = from_files(source, ret, error);
	if (r == 0)
		*ret = (struct reg_credentials){0};
	return r < 0 ? r : 0;
}
