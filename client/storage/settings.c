/* SPDX-License-Identifier: MIT */
#include "storage/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "storage/settings_env.h"
#include "storage/settings_yaml.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define DEFAULT_ROOT "/var/lib/registry"

/* What is done to a member that must be there in vain: a step that failed before makes all others idle. */
struct walk {
	struct reg_error *error;
	int err;
};

static struct config_value *member(struct walk *w, const struct config_value *value, const char *name)
{
	struct config_value *found = NULL;

	if (w->err == 0)
		w->err = config_member(value, name, &found, w->error);
	return w->err == 0 ? found : NULL;
}

static void fail(struct walk *w, const struct config_value *where, const char *text)
{
	if (w->err == 0)
		w->err = config_fail(where, w->error, text);
}

/* A mapping's, which may be left out. */
static struct config_value *section(struct walk *w, const struct config_value *value, const char *name)
{
	struct config_value *found = member(w, value, name);

	if (!found || found->kind == CONFIG_NULL)
		return NULL;
	if (found->kind == CONFIG_MAPPING)
		return found;
	fail(w, found, "a section with members is expected here");
	return NULL;
}

/* A copy of a text, NULL if there is none. */
static char *text_of(struct walk *w, const struct config_value *value, const char *name)
{
	const struct config_value *found = member(w, value, name);
	char *copy;

	if (!found || found->kind == CONFIG_NULL)
		return NULL;
	if (found->kind != CONFIG_SCALAR) {
		fail(w, found, "a text is expected here");
		return NULL;
	}
	copy = strdup(found->text);
	if (!copy)
		w->err = reg_fail(w->error, -ENOMEM, "out of memory");
	return copy;
}

static bool has_text(struct walk *w, const struct config_value *value, const char *name)
{
	auto_free char *text = text_of(w, value, name);

	return text && *text;
}

/* 1, 0, or -1: no boolean. As YAML 1.1, which the registry reads, has them; a quoted one is a text. */
static int boolean(const struct config_value *value)
{
	static const char *const words[][11] = {
		{"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"},
		{"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"},
	};

	if (value->kind != CONFIG_SCALAR || value->quoted)
		return -1;
	for (int k = 0; k < 2; k++)
		for (size_t i = 0; i < ARRAY_SIZE(words[k]); i++)
			if (strcmp(value->text, words[k][i]) == 0)
				return k;
	return -1;
}

/* A name in storage: that is no driver's. */
static bool is_setting(const char *name)
{
	static const char *const names[] = {"maintenance", "cache", "delete", "redirect", "tag"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static void find_driver(struct walk *w, const struct config_value *storage, struct settings *s)
{
	for (const struct config_value *m = storage; m && w->err == 0;) {
		for (size_t i = 0; i < m->npairs && w->err == 0; i++) {
			const char *name = m->pairs[i].name;

			if (!name || strcmp(name, "<<") == 0 || is_setting(name))
				continue;
			if (s->driver && strcmp(s->driver, name) != 0) {
				fail(w, m->pairs[i].value, "more than one storage driver");
			} else if (!s->driver) {
				s->driver = strdup(name);
				if (!s->driver)
					w->err = reg_fail(w->error, -ENOMEM, "out of memory");
			}
		}
		if (w->err == 0)
			w->err = config_merged(m, &m, w->error);
	}
	if (!s->driver)
		fail(w, storage, "no storage driver");
}

static void read_driver(struct walk *w, const struct config_value *storage, struct settings *s)
{
	const struct config_value *parameters, *root;

	find_driver(w, storage, s);
	if (w->err < 0)
		return;
	parameters = section(w, storage, s->driver);
	if (strcmp(s->driver, "filesystem") != 0)
		return;
	root = member(w, parameters, "rootdirectory");
	if (root && (root->kind != CONFIG_SCALAR || !root->text[0]))
		fail(w, root, "rootdirectory is no folder");
	s->root = text_of(w, parameters, "rootdirectory");
	if (!s->root && w->err == 0 && !(s->root = strdup(DEFAULT_ROOT)))
		w->err = reg_fail(w->error, -ENOMEM, "out of memory");
}

/*
 * readonly and uploadpurging: the registry ends at once where they are not as it wants them. A mapping that
 * was made for a variable is not: it is of another type.
 */
static const struct config_value *strict_section(struct walk *w, const struct config_value *maintenance,
						 const char *name)
{
	const struct config_value *found = member(w, maintenance, name);

	if (found && found->implicit)
		fail(w, found,
		     "the registry does not start with a variable for `enabled` alone; set "
		     "REGISTRY_STORAGE_MAINTENANCE_READONLY (or .._UPLOADPURGING) to {enabled: true}");
	else if (found && found->kind != CONFIG_MAPPING)
		fail(w, found, "a section with `enabled` is expected here");
	return found;
}

static void read_maintenance(struct walk *w, const struct config_value *storage, struct settings *s)
{
	const struct config_value *maintenance = section(w, storage, "maintenance");
	const struct config_value *readonly = strict_section(w, maintenance, "readonly");
	const struct config_value *purging = strict_section(w, maintenance, "uploadpurging");
	const struct config_value *enabled;

	enabled = member(w, readonly, "enabled");
	if (enabled && boolean(enabled) < 0)
		fail(w, enabled, "readonly's `enabled` must be true or false, without quotes");
	s->readonly = enabled && boolean(enabled) == 1;
	enabled = member(w, purging, "enabled");
	s->uploadpurging = !enabled || boolean(enabled) != 0;
	enabled = member(w, section(w, storage, "delete"), "enabled");
	s->delete_enabled = enabled && boolean(enabled) == 1;
}

/* layerinfo is what blobdescriptor was called before 2015; it counts where the other is not there at all. */
static void read_cache(struct walk *w, const struct config_value *storage, struct settings *s)
{
	const struct config_value *cache = section(w, storage, "cache");
	const bool newer = member(w, cache, "blobdescriptor");

	s->cache = text_of(w, cache, newer ? "blobdescriptor" : "layerinfo");
	if (s->cache && !*s->cache) {
		free(s->cache);
		s->cache = NULL;
	}
}

static void read_http(struct walk *w, const struct config_value *root, struct settings *s)
{
	const struct config_value *http = section(w, root, "http");
	const struct config_value *tls = section(w, http, "tls");
	auto_free char *net = text_of(w, http, "net");

	/* The path of a socket is no address to connect to. */
	if (!net || !*net || strncmp(net, "tcp", 3) == 0)
		s->addr = text_of(w, http, "addr");
	s->prefix = text_of(w, http, "prefix");
	if (s->prefix && !*s->prefix) {
		free(s->prefix);
		s->prefix = NULL;
	}
	if (!s->prefix && w->err == 0 && !(s->prefix = strdup("/")))
		w->err = reg_fail(w->error, -ENOMEM, "out of memory");
	s->tls = has_text(w, tls, "certificate") || has_text(w, section(w, tls, "letsencrypt"), "cachefile");
	s->proxy = has_text(w, section(w, root, "proxy"), "remoteurl");
}

/* Of version 3; 2.x asks for every child whatever stands there. */
static void read_indexes(struct walk *w, const struct config_value *root, struct settings *s)
{
	const struct config_value *manifests = section(w, section(w, root, "validation"), "manifests");
	auto_free char *platforms = text_of(w, section(w, manifests, "indexes"), "platforms");

	s->sparse = platforms && (strcasecmp(platforms, "none") == 0 || strcasecmp(platforms, "list") == 0);
}

/*
 * "prefer" means: unless the storage was in use without one. What is not known to be false may lose images.
 */
static void read_database(struct walk *w, const struct config_value *root, struct settings *s)
{
	const struct config_value *database = member(w, root, "database");
	const struct config_value *enabled = NULL;

	if (database && database->kind == CONFIG_MAPPING)
		enabled = member(w, database, "enabled");
	s->database = enabled && enabled->kind != CONFIG_NULL && boolean(enabled) != 0;
}

static void read_all(struct walk *w, struct config_document *d, struct config_value *root,
		     char *const *environment, struct settings *s)
{
	const struct config_value *version = member(w, root, "version"), *storage;

	if (w->err == 0 && (!version || version->kind != CONFIG_SCALAR || strcmp(version->text, "0.1") != 0))
		fail(w, version ? version : root,
		     "no configuration of a registry: `version: 0.1` is missing");
	if (w->err == 0)
		w->err = config_apply(d, root, environment, w->error);
	storage = member(w, root, "storage");
	if (storage && storage->kind == CONFIG_SCALAR) {
		s->driver = text_of(w, root, "storage");
		if (s->driver && strcmp(s->driver, "filesystem") == 0 && !(s->root = strdup(DEFAULT_ROOT)))
			w->err = reg_fail(w->error, -ENOMEM, "out of memory");
		storage = NULL;
	} else if (section(w, root, "storage")) {
		read_driver(w, storage, s);
	} else {
		fail(w, storage ? storage : root, "no storage is set");
	}
	read_maintenance(w, storage, s);
	read_cache(w, storage, s);
	read_http(w, root, s);
	read_indexes(w, root, s);
	read_database(w, root, s);
}

void settings_done(struct settings *s)
{
	free(s->driver);
	free(s->root);
	free(s->cache);
	free(s->addr);
	free(s->prefix);
	*s = (struct settings){0};
}

int settings_parse(const char *yaml, size_t size, char *const *environment, struct settings *ret,
		   struct reg_error *error)
{
	struct config_document document = {0};
	struct walk w = {.error = error};
	struct config_value *root;
	struct settings s = {0};

	w.err = config_document_add(&document, yaml, size, &root, error);
	if (w.err == 0 && root->kind != CONFIG_MAPPING)
		fail(&w, root, "no configuration of a registry");
	if (w.err == 0)
		read_all(&w, &document, root, environment, &s);
	config_document_done(&document);
	if (w.err < 0) {
		settings_done(&s);
		return w.err;
	}
	*ret = s;
	return 0;
}

static int read_file(const char *path, struct buf *ret, struct reg_error *error)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	char part[16384];
	ssize_t n = 0;
	int r = 0;

	if (fd < 0) {
		r = -errno;
		return reg_fail(error, r, "%s: %s", path, strerror(-r));
	}
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		r = -EISDIR;
	while (r == 0 && (n = read(fd, part, sizeof(part))) > 0)
		r = buf_add(ret, part, (size_t)n);
	if (n < 0)
		r = -errno;
	close(fd);
	if (r == -EFBIG)
		return reg_fail(error, r, "%s: larger than %zu bytes", path, CONFIG_MAX);
	return r < 0 ? reg_fail(error, r, "%s: %s", path, strerror(-r)) : 0;
}

int settings_read(const char *path, char *const *environment, struct settings *ret, struct reg_error *error)
{
	struct reg_error e = {0};
	struct buf text;
	int r;

	buf_init(&text, CONFIG_MAX);
	r = read_file(path, &text, error);
	if (r == 0) {
		r = settings_parse(text.data ? text.data : "", text.size, environment, ret, &e);
		if (r < 0)
			reg_fail(error, r, "%s: %s", path, e.msg);
	}
	buf_done(&text);
	return r;
}
