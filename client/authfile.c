/* SPDX-License-Identifier: MIT */
#include "authfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "error.h"
#include "json.h"
#include "util/cleanup.h"

#define MAX_FILE ((size_t)1 << 20)

/* Whichever of its names Docker Hub was logged in under. */
static const char *const hub_hosts[] = {"index.docker.io", "docker.io", "registry-1.docker.io",
					"registry.hub.docker.com"};

static bool host_fits(const char *host, size_t size, const struct reg_source *source)
{
	if (!source->docker_hub)
		return strlen(source->host) == size && strncasecmp(host, source->host, size) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(hub_hosts); i++)
		if (strlen(hub_hosts[i]) == size && strncasecmp(host, hub_hosts[i], size) == 0)
			return true;
	return false;
}

/* Is path, without slashes around it, the source's prefix or a name space above it? */
static bool path_fits(const char *path, size_t size, const struct reg_source *source)
{
	if (strncmp(source->prefix, path, size) != 0)
		return false;
	return source->prefix[size] == '\0' || source->prefix[size] == '/';
}

/* How well a key of "auths" fits; 0: not at all. The longest path first, then a key as podman writes it. */
static size_t key_fits(const char *key, const struct reg_source *source)
{
	const bool https = strncmp(key, "https://", 8) == 0, http = strncmp(key, "http://", 7) == 0;
	const char *host = key + (https ? 8 : http ? 7 : 0);
	const size_t host_size = strcspn(host, "/");
	const char *path = host + host_size;
	size_t size;

	path += *path == '/';
	size = strlen(path);
	while (size && path[size - 1] == '/')
		size--;
	if (size == 2 && (strncmp(path, "v1", 2) == 0 || strncmp(path, "v2", 2) == 0))
		size = 0;
	if (!host_fits(host, host_size, source) || (size && !path_fits(path, size, source)))
		return 0;
	return size * 4 + (http ? 1 : https ? 2 : 3);
}

static bool usable(const struct json *entry)
{
	const char *auth = json_string(entry, "auth");

	return (auth && *auth) || (json_string(entry, "username") && json_string(entry, "password"));
}

static const struct json *best_entry(const struct json *auths, const struct reg_source *source)
{
	const struct json *best = NULL;
	size_t best_fits = 0;

	for (const struct json *i = json_first(auths); i; i = json_next(i)) {
		const size_t fits = key_fits(json_name(i), source);

		if (fits > best_fits && usable(i)) {
			best = i;
			best_fits = fits;
		}
	}
	return best;
}

/* USER:PASSWORD in base64. Docker pads it with NULs; made by hand it tends to end in a line feed. */
static bool split_auth(const char *auth, char **ret_plain, char **ret_password)
{
	size_t size;
	char *plain = reg_base64_decode(auth, &size), *colon;

	if (!plain)
		return false;
	while (size && (plain[size - 1] == '\0' || plain[size - 1] == '\n' || plain[size - 1] == '\r'))
		plain[--size] = '\0';
	colon = strchr(plain, ':');
	if (!colon || strlen(plain) != size) {
		explicit_bzero(plain, size);
		free(plain);
		return false;
	}
	*colon = '\0';
	*ret_plain = plain;
	*ret_password = colon + 1;
	return true;
}

static int read_entry(const struct json *entry, const char *path, struct reg_credentials *ret,
		      struct reg_error *error)
{
	const char *auth = json_string(entry, "auth"), *user = json_string(entry, "username");
	const char *secret = json_string(entry, "password");
	char *plain = NULL, *password = NULL;
	struct reg_credentials c;

	if (auth && *auth) {
		if (!split_auth(auth, &plain, &password))
			return reg_fail(error, -EBADMSG,
					"%s: auths, %s, auth: not the base64 of USER:PASSWORD", path,
					json_name(entry));
		user = plain;
		secret = password;
	}
	c = (struct reg_credentials){.user = strdup(user), .password = strdup(secret)};
	reg_wipe(password);
	reg_wipe(plain);
	free(plain);
	if (!c.user || !c.password) {
		reg_credentials_done(&c);
		return reg_fail(error, -ENOMEM, "no memory for credentials");
	}
	*ret = c;
	return 1;
}

int reg_authfile_parse(const void *data, size_t size, const char *path, const struct reg_source *source,
		       struct reg_credentials *ret, struct reg_error *error)
{
	struct json *root = json_parse(data, size);
	const struct json *entry;
	int r = 0;

	if (!json_is_object(root))
		r = reg_fail(error, -EBADMSG, "%s: not a JSON object", path);
	else if (json_has(root, "auths") && !json_object(root, "auths"))
		r = reg_fail(error, -EBADMSG, "%s: auths is no object", path);
	entry = r == 0 ? best_entry(json_object(root, "auths"), source) : NULL;
	if (entry)
		r = read_entry(entry, path, ret, error);
	json_wipe(root);
	return r;
}

/* How many bytes the file has, or a negative errno. It need not be a regular file: <(...) is a pipe. */
static ssize_t read_file(const char *path, char *data, size_t room)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t size = 0;
	ssize_t n = fd < 0 ? -errno : 1;

	while (n > 0 && size < room) {
		n = read(fd, data + size, room - size);
		if (n >= 0)
			size += (size_t)n;
		else
			n = errno == EINTR ? 1 : -errno;
	}
	if (fd >= 0)
		close(fd);
	return n < 0 ? n : (ssize_t)size;
}

int reg_authfile_find(const char *path, bool must_exist, const struct reg_source *source,
		      struct reg_credentials *ret, struct reg_error *error)
{
	char *data = malloc(MAX_FILE + 1); /* never moved, so that there is one copy to wipe */
	ssize_t n;
	int r = 0;

	if (!data)
		return reg_fail(error, -ENOMEM, "no memory for %s", path);
	n = read_file(path, data, MAX_FILE + 1);
	if ((n == -ENOENT || n == -ENOTDIR) && !must_exist)
		r = 0;
	else if (n < 0)
		r = reg_fail(error, (int)n, "%s: %s", path, strerror((int)-n));
	else if ((size_t)n > MAX_FILE)
		r = reg_fail(error, -EFBIG, "%s: larger than 1 MiB", path);
	else if (n > 0) /* docker takes an empty file for one without logins */
		r = reg_authfile_parse(data, (size_t)n, path, source, ret, error);
	if (n > 0)
		explicit_bzero(data, (size_t)n);
	free(data);
	return r;
}
