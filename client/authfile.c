/* SPDX-License-Identifier: MIT */
#include "authfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "json.h"
#include "namelist.h"
#include "secretfile.h"
#include "util/cleanup.h"

#define MAX_FILE ((size_t)1 << 20)

/* Whichever of its names Docker Hub was logged in under. */
static const char *const hub_hosts[] = {"index.docker.io", "docker.io", "registry-1.docker.io",
					"registry.hub.docker.com"};

bool reg_authfile_host_fits(const char *host, size_t size, const struct reg_source *source)
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

enum { HTTP_FORM = 1, HTTPS_FORM, BEST_FORM };

/* A key of "auths", [http://|https://]HOST[:PORT][/PATH], taken apart; nothing of it is copied. */
struct key {
	unsigned form; /* BEST_FORM: as podman writes it */
	const char *host, *path;
	size_t host_size, path_size; /* path_size 0: it is for the whole host */
};

static struct key split_key(const char *text)
{
	const bool https = strncmp(text, "https://", 8) == 0, http = strncmp(text, "http://", 7) == 0;
	struct key k = {.form = http ? HTTP_FORM : https ? HTTPS_FORM : BEST_FORM,
			.host = text + (https ? 8 : http ? 7 : 0)};

	k.host_size = strcspn(k.host, "/");
	k.path = k.host + k.host_size;
	k.path += *k.path == '/';
	k.path_size = strlen(k.path);
	while (k.path_size && k.path[k.path_size - 1] == '/')
		k.path_size--;
	/* Docker used to keep the address of the API; podman's HOST/v1 is a name space. */
	if ((k.form != BEST_FORM || k.path[k.path_size] == '/') && k.path_size == 2 &&
	    (strncmp(k.path, "v1", 2) == 0 || strncmp(k.path, "v2", 2) == 0))
		k.path_size = 0;
	return k;
}

/* How well a key fits; 0: not at all. The longest path first, then a key as podman writes it. */
static size_t key_fits(const struct key *k, const struct reg_source *source)
{
	if (!reg_authfile_host_fits(k->host, k->host_size, source) ||
	    (k->path_size && !path_fits(k->path, k->path_size, source)))
		return 0;
	return k->path_size * (BEST_FORM + 1) + k->form;
}

/* Is it for a name space below the source's? */
static bool key_is_deeper(const struct key *k, const struct reg_source *source)
{
	const size_t above = strlen(source->prefix);

	return reg_authfile_host_fits(k->host, k->host_size, source) && k->path_size > above &&
	       k->path_size < sizeof(source->prefix) && strncmp(k->path, source->prefix, above) == 0 &&
	       (!above || k->path[above] == '/');
}

static const char *some_string(const struct json *entry, const char *name)
{
	const char *text = json_string(entry, name);

	return text && *text ? text : NULL;
}

/* Docker leaves an empty entry where a helper has the login. */
static bool usable(const struct json *entry)
{
	return some_string(entry, "auth") || some_string(entry, "identitytoken") ||
	       some_string(entry, "registrytoken") ||
	       (json_string(entry, "username") && json_string(entry, "password"));
}

static const struct json *best_entry(const struct json *auths, const struct reg_source *source)
{
	const struct json *best = NULL;
	size_t best_fits = 0;

	for (const struct json *i = json_first(auths); i; i = json_next(i)) {
		const struct key key = split_key(json_name(i));
		const size_t fits = key_fits(&key, source);

		if (fits > best_fits && usable(i)) {
			best = i;
			best_fits = fits;
		}
	}
	return best;
}

/*
 * USER:PASSWORD in base64. Docker pads it with NULs; made by hand it tends to end in a line feed. 0, -EBADMSG or
 * -ENOMEM.
 */
static int split_auth(const char *auth, char **ret_plain, char **ret_password)
{
	size_t size;
	char *plain, *colon;

	errno = 0;
	plain = reg_base64_decode(auth, &size);
	if (!plain)
		return errno == ENOMEM ? -ENOMEM : -EBADMSG;
	while (size && (plain[size - 1] == '\0' || plain[size - 1] == '\n' || plain[size - 1] == '\r'))
		plain[--size] = '\0';
	colon = strchr(plain, ':');
	if (!colon || strlen(plain) != size) {
		explicit_bzero(plain, size);
		free(plain);
		return -EBADMSG;
	}
	*colon = '\0';
	*ret_plain = plain;
	*ret_password = colon + 1;
	return 0;
}

/* A token goes into a header as it is: it must not be able to end it. */
static bool is_token(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static int copy(const char *user, const char *password, const char *identity, const char *registry,
		struct reg_credentials *ret, struct reg_error *error)
{
	const char *const from[] = {user, password, identity, registry};
	struct reg_credentials c = {0};
	char **const to[] = {&c.user, &c.password, &c.identity_token, &c.registry_token};

	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		*to[i] = from[i] ? strdup(from[i]) : NULL;
		if (from[i] && !*to[i]) {
			reg_credentials_done(&c);
			return reg_fail(error, -ENOMEM, "no memory for credentials");
		}
	}
	*ret = c;
	return 1;
}

static int read_entry(const struct json *entry, const char *path, struct reg_credentials *ret,
		      struct reg_error *error)
{
	const char *auth = some_string(entry, "auth"), *user = json_string(entry, "username");
	const char *secret = json_string(entry, "password");
	const char *identity = some_string(entry, "identitytoken");
	const char *registry = some_string(entry, "registrytoken");
	char *plain = NULL, *password = NULL;
	int r;

	if ((identity && !is_token(identity)) || (registry && !is_token(registry)))
		return reg_fail(error, -EBADMSG, "%s: auths, %s: a token with characters that none has", path,
				json_name(entry));
	if (auth) {
		r = split_auth(auth, &plain, &password);
		if (r == -ENOMEM)
			return reg_fail(error, r, "no memory for credentials");
		if (r < 0)
			return reg_fail(error, r, "%s: auths, %s, auth: not the base64 of USER:PASSWORD", path,
					json_name(entry));
		user = plain;
		secret = password;
	}
	/* Beside a token there is a user for show: "00000000-..." without a password, or nothing. */
	if (!user || !secret || ((identity || registry) && !*secret))
		user = secret = NULL;
	r = copy(user, secret, identity, registry, ret, error);
	reg_wipe(password);
	reg_wipe(plain);
	free(plain);
	return r;
}

static int check_object(const struct json *root, const char *path, const char *name, struct reg_error *error)
{
	if (!json_is_object(root))
		return reg_fail(error, -EBADMSG, "%s: not a JSON object", path);
	if (json_has(root, name) && !json_object(root, name))
		return reg_fail(error, -EBADMSG, "%s: %s is no object", path, name);
	return 0;
}

/* What is wrong with one login keeps nobody from what the others are for. */
static int keep_deeper(const struct json *entry, const char *path, struct reg_spaces *ret)
{
	struct reg_credentials c = {0};
	struct reg_error error = {0};
	const int r = read_entry(entry, path, &c, &error);

	if (r < 0 && r != -ENOMEM)
		c.lacking = strdup(error.msg);
	if (r < 0 && !c.lacking)
		return -ENOMEM;
	return reg_spaces_add(ret, &c);
}

static int add_deeper(const struct json *entry, const struct key *key, const char *path, const struct reg_lookup *l)
{
	char space[sizeof(l->source->prefix)];
	int r;

	snprintf(space, sizeof(space), "%.*s", (int)key->path_size, key->path);
	if (!reg_name_is_repository(space)) /* it would be no image's */
		return 0;
	if (l->failure && !l->failure->msg[0])
		reg_fail(l->failure, -EACCES, "%s has them for %.*s/%s alone", path, (int)key->host_size,
			 key->host, space);
	r = l->deeper ? namelist_add(l->deeper, space) : 0;
	if (r > 0 && l->spaces)
		r = keep_deeper(entry, path, l->spaces);
	return r < 0 ? r : 0;
}

/*
 * podman and skopeo log in to HOST/PATH as well. Whoever has no login for the rest would swear that he has one, and is
 * told which. Of several keys for one name space the form that fits best is the first one here.
 */
static int find_deeper(const struct json *auths, const char *path, const struct reg_lookup *l)
{
	if (l->spaces)
		l->spaces->files++;
	for (unsigned form = BEST_FORM; form; form--) {
		for (const struct json *i = json_first(auths); i; i = json_next(i)) {
			const struct key key = split_key(json_name(i));

			if (key.form == form && key_is_deeper(&key, l->source) && usable(i) &&
			    add_deeper(i, &key, path, l) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

int reg_authfile_parse(const void *data, size_t size, const char *path, const struct reg_lookup *lookup,
		       struct reg_credentials *ret, struct reg_error *error)
{
	struct json *root = json_parse(data, size);
	const struct json *const auths = json_object(root, "auths");
	const struct json *entry;
	int r = check_object(root, path, "auths", error);

	entry = r == 0 ? best_entry(auths, lookup->source) : NULL;
	if (r == 0 && find_deeper(auths, path, lookup) < 0)
		r = reg_fail(error, -ENOMEM, "no memory for credentials");
	if (r == 0 && entry)
		r = read_entry(entry, path, ret, error);
	json_wipe(root);
	return r;
}

/* ---- helpers ---- */

static int add_helper(const char *name, const char *server, const char *path, struct credhelper *ret,
		      struct reg_error *error)
{
	if (!credhelper_name_is_valid(name))
		return reg_fail(error, -EBADMSG,
				"%s: a credential helper's name has letters, digits, '-', '_' and '.' alone",
				path);
	if (strlen(server) >= sizeof(ret->server))
		return reg_fail(error, -EBADMSG, "%s: credHelpers: a key is too long", path);
	strcpy(ret->name, name);
	strcpy(ret->server, server);
	return 1;
}

/*
 * Docker looks for HOST as it stands; other forms of it are taken as in "auths". An empty name says that this
 * host's login is in the file.
 */
static const struct json *best_helper(const struct json *helpers, const struct reg_source *source)
{
	const struct json *best = NULL;
	size_t best_fits = 0;

	for (const struct json *i = json_first(helpers); i; i = json_next(i)) {
		const struct key key = split_key(json_name(i));
		const size_t fits = key_fits(&key, source);

		if (fits > best_fits && !key.path_size && json_text(i)) {
			best = i;
			best_fits = fits;
		}
	}
	return best;
}

int reg_authfile_helpers(const void *data, size_t size, const char *path, const struct reg_source *source,
			 struct credhelper ret[2], struct reg_error *error)
{
	struct json *root = json_parse(data, size);
	const char *const server = source->docker_hub ? "https://index.docker.io/v1/" : source->host;
	const struct json *own;
	const char *store;
	int n = 0, r = check_object(root, path, "credHelpers", error);

	own = r == 0 ? best_helper(json_object(root, "credHelpers"), source) : NULL;
	store = r == 0 ? some_string(root, "credsStore") : NULL;
	if (own && !*json_text(own)) {
		store = NULL;
	} else if (own) {
		r = add_helper(json_text(own), json_name(own), path, &ret[n], error);
		n += r == 1;
	}
	if (r >= 0 && store) {
		r = add_helper(store, server, path, &ret[n], error);
		n += r == 1;
	}
	json_wipe(root);
	return r < 0 ? r : n;
}

/* As docker: a helper that is not there, or fails, does not keep public images from anybody. */
static int ask_helpers(const char *data, size_t size, const char *path, const struct reg_lookup *l,
		       struct reg_credentials *ret, struct reg_error *error)
{
	struct credhelper helpers[2];
	const int n = l->no_helpers ? 0 : reg_authfile_helpers(data, size, path, l->source, helpers, error);
	int r = n < 0 ? n : 0;

	for (int i = 0; r == 0 && i < n; i++) {
		struct reg_error failure = {0};

		r = credhelper_get(&helpers[i], l->helper_ms, l->cancel, ret, &failure);
		if (r == -ECANCELED || r == -ENOMEM)
			return reg_fail(error, r, "%s", failure.msg);
		if (r == 1 && l->log)
			reg_log(l->log, REG_LOG_DEBUG, "credentials from docker-credential-%s",
				helpers[i].name);
		if (r < 0 && l->failure)
			*l->failure = failure;
		if (r < 0 && l->log)
			reg_log(l->log, REG_LOG_WARN, "%s: %s", path, failure.msg);
		if (r < 0)
			r = 0;
	}
	return r;
}

/*
 * As docker: the file of somebody else, whose environment was kept (su, sudo -E), does not keep public images from
 * anybody.
 */
static int pass_over(const char *path, const struct reg_lookup *l)
{
	struct reg_error failure = {0};

	secretfile_fail(&failure, "", path, -EACCES);
	if (l->log)
		reg_log(l->log, REG_LOG_WARN, "%s", failure.msg);
	if (l->failure)
		*l->failure = failure;
	return 0;
}

int reg_authfile_find(const char *path, const char *named, const struct reg_lookup *lookup,
		      struct reg_credentials *ret, struct reg_error *error)
{
	char *data = NULL;
	const ssize_t n = secretfile_read(path, MAX_FILE, lookup->cancel, &data);
	int r;

	if ((n == -ENOENT || n == -ENOTDIR) && !named)
		return 0;
	if (n == -EACCES && !named)
		return pass_over(path, lookup);
	if (n == -EFBIG)
		return reg_fail(error, -EFBIG, "%s: larger than 1 MiB", path);
	if (n < 0)
		return secretfile_fail(error, named ? named : "", path, (int)n);
	r = 0;
	if (n > 0) /* docker takes an empty file for one without logins */
		r = ask_helpers(data, (size_t)n, path, lookup, ret, error);
	if (r == 0 && n > 0) {
		r = reg_authfile_parse(data, (size_t)n, path, lookup, ret, error);
		if (r == 1 && lookup->log)
			reg_log(lookup->log, REG_LOG_DEBUG, "credentials from %s", path);
	}
	secretfile_free(data, (size_t)n);
	return r;
}
