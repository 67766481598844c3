/* SPDX-License-Identifier: MIT */
#include "storage/settings_env.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "util/cleanup.h"

#define PREFIX "REGISTRY_"

enum { MAX_PARTS = 16, MAX_NAME = 256 };

struct variable {
	struct config_document *document;
	char name[MAX_NAME]; /* split at each '_', of which there are nparts - 1 */
	const char *parts[MAX_PARTS];
	size_t nparts;
	const char *value;
	bool storage; /* REGISTRY_STORAGE..: below it is a map, which the registry's parser does not know */
};

/*
 * Other variables may hold anything: a service called `registry` gives every container in Kubernetes a
 * REGISTRY_PORT and more of the kind, which a registry ignores unread.
 */
static bool is_wanted(const char *name)
{
	static const char *const names[] = {
		"DATABASE",
		"DATABASE_ENABLED",
		"HTTP",
		"HTTP_ADDR",
		"HTTP_NET",
		"HTTP_PREFIX",
		"HTTP_TLS",
		"HTTP_TLS_CERTIFICATE",
		"HTTP_TLS_LETSENCRYPT",
		"HTTP_TLS_LETSENCRYPT_CACHEFILE",
		"PROXY",
		"PROXY_REMOTEURL",
		"STORAGE",
		"VALIDATION",
		"VALIDATION_MANIFESTS",
		"VALIDATION_MANIFESTS_INDEXES",
		"VALIDATION_MANIFESTS_INDEXES_PLATFORMS",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return strncmp(name, "STORAGE_", 8) == 0;
}

/* False: not for us. */
static bool split(const char *text, struct variable *ret)
{
	const size_t n = strcspn(text, "=") - strlen(PREFIX);

	if (!text[strlen(PREFIX) + n] || n >= sizeof(ret->name))
		return false;
	memcpy(ret->name, text + strlen(PREFIX), n);
	ret->name[n] = '\0';
	if (!is_wanted(ret->name))
		return false;
	ret->value = text + strlen(PREFIX) + n + 1;
	ret->nparts = 0;
	for (char *p = ret->name, *end; p; p = end) {
		if (ret->nparts == MAX_PARTS)
			return false;
		end = strchr(p, '_');
		if (end)
			*end++ = '\0';
		ret->parts[ret->nparts++] = p;
	}
	ret->storage = strcmp(ret->parts[0], "STORAGE") == 0;
	return true;
}

static void lower(const char *text, char ret[MAX_NAME])
{
	size_t i;

	for (i = 0; text[i]; i++)
		ret[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 'a' - 'A') : text[i];
	ret[i] = '\0';
}

/* Is this what the registry calls the upper case of a key? What is not ASCII is no member that is read. */
static bool is_upper_of(const char *part, const char *key)
{
	for (; *key; key++, part++) {
		const char up = *key >= 'a' && *key <= 'z' ? (char)(*key + 'A' - 'a') : *key;

		if (*part != up)
			return false;
	}
	return !*part;
}

/* The key of a member in whatever case it is written, or the part in small letters. */
static void find_key(const struct variable *v, const struct config_value *above, size_t part,
		     char ret[MAX_NAME])
{
	lower(v->parts[part], ret);
	if (!v->storage || part == 0)
		return;
	do {
		for (size_t i = 0; i < above->npairs; i++) {
			const char *key = above->pairs[i].name;

			if (key && strlen(key) < MAX_NAME && is_upper_of(v->parts[part], key)) {
				strcpy(ret, key);
				return;
			}
		}
	} while (config_merged(above, &above, NULL) == 0 && above);
}

static struct config_value *copy_mapping(struct config_document *d, const struct config_value *from)
{
	struct config_value *to = config_value_new(d, CONFIG_MAPPING);

	if (!to)
		return NULL;
	to->line = from->line;
	to->column = from->column;
	to->implicit = from->implicit;
	for (size_t i = 0; i < from->npairs; i++)
		if (from->pairs[i].name &&
		    config_value_set(to, from->pairs[i].name, from->pairs[i].value) < 0)
			return NULL;
	return to;
}

/* `storage: filesystem` is short for `storage: {filesystem: {}}`. */
static struct config_value *write_out(struct config_document *d, const struct config_value *driver)
{
	struct config_value *all = config_value_new(d, CONFIG_MAPPING);
	struct config_value *none = config_value_new(d, CONFIG_MAPPING);

	if (!all || !none || config_value_set(all, driver->text, none) < 0)
		return NULL;
	all->line = none->line = driver->line;
	all->column = none->column = driver->column;
	return all;
}

/* The mapping behind a part that is not the last one, made if need be. NULL: the variable is ignored. */
static int descend(const struct variable *v, struct config_value *above, size_t part,
		   struct config_value **ret, struct reg_error *error)
{
	struct config_value *have, *want;
	char key[MAX_NAME];
	int r;

	find_key(v, above, part, key);
	r = config_member(above, key, &have, error);
	if (r < 0)
		return r;
	want = have;
	if (!have || have->kind == CONFIG_NULL) {
		lower(v->parts[part], key);
		want = config_value_new(v->document, CONFIG_MAPPING);
		if (want)
			want->implicit = true;
	} else if (have->kind == CONFIG_SCALAR && v->storage && part == 0) {
		want = write_out(v->document, have);
	} else if (have->kind != CONFIG_MAPPING || (v->storage && part >= 2 && !have->implicit)) {
		/*
		 * What a file nests below a driver's or a section's own members is out of reach: the registry
		 * logs that it ignores such a variable. So READONLY_ENABLED does not change what the file
		 * says of it.
		 */
		*ret = NULL;
		return 0;
	} else if (have->shared) {
		want = copy_mapping(v->document, have);
	}
	if (!want || (want != have && config_value_set(above, key, want) < 0))
		return reg_fail(error, -ENOMEM, "out of memory");
	*ret = want;
	return 0;
}

static int apply(const struct variable *v, struct config_value *root, struct reg_error *error)
{
	struct config_value *above = root, *value;
	char key[MAX_NAME];
	int r;

	for (size_t i = 0; i + 1 < v->nparts; i++) {
		r = descend(v, above, i, &above, error);
		if (r < 0 || !above)
			return r;
	}
	r = config_document_add(v->document, v->value, strlen(v->value), &value, error);
	if (r < 0)
		return r;
	lower(v->parts[v->nparts - 1], key);
	if (config_value_set(above, key, value) < 0)
		return reg_fail(error, -ENOMEM, "out of memory");
	return 0;
}

/* By their names alone: '=' ends them. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	const size_t n = strcspn(x, "="), m = strcspn(y, "=");
	const int r = memcmp(x, y, n < m ? n : m);

	return r ? r : n < m ? -1 : n > m;
}

static int apply_all(struct config_document *d, struct config_value *root, char **texts, size_t count,
		     struct reg_error *error)
{
	struct variable v = {.document = d};
	struct reg_error e = {0};
	int r = 0;

	qsort(texts, count, sizeof(*texts), by_name);
	for (size_t i = 0; i < count && r == 0; i++) {
		if (split(texts[i], &v))
			r = apply(&v, root, &e);
		if (r < 0)
			reg_fail(error, r, "%.*s: %s", (int)strcspn(texts[i], "="), texts[i], e.msg);
	}
	return r;
}

int config_apply(struct config_document *d, struct config_value *root, char *const *environment,
		 struct reg_error *error)
{
	auto_free char **texts = NULL;
	size_t all = 0, count = 0;

	while (environment && environment[all])
		all++;
	if (!all)
		return 0;
	texts = calloc(all, sizeof(*texts));
	if (!texts)
		return reg_fail(error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < all; i++)
		if (strncmp(environment[i], PREFIX, strlen(PREFIX)) == 0)
			texts[count++] = environment[i];
	return apply_all(d, root, texts, count, error);
}
