/* SPDX-License-Identifier: MIT */
#include "storage/refs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "json.h"
#include "parts.h"
#include "util/cleanup.h"
#include "util/grow.h"
#include "util/utf8.h"

#define MAX_REFS 100000
#define MAX_TYPE 255 /* longer ones are cut: they are for people */
#define PLATFORM_MAX (3 * sizeof(((struct reg_platform *)0)->os))

/* ---- the members of an object ---- */

/* Everything that some reader of a document looks for. */
enum root_member {
	ROOT_VERSION,
	ROOT_MEDIA_TYPE,
	ROOT_ARTIFACT_TYPE,
	ROOT_CONFIG,
	ROOT_LAYERS,
	ROOT_BLOBS,
	ROOT_MANIFESTS,
	ROOT_FS_LAYERS,
	ROOT_SUBJECT,
	ROOT_MEMBERS,
};

static const char *const root_names[ROOT_MEMBERS] = {
	[ROOT_VERSION] = "schemaVersion",
	[ROOT_MEDIA_TYPE] = "mediaType",
	[ROOT_ARTIFACT_TYPE] = "artifactType",
	[ROOT_CONFIG] = "config",
	[ROOT_LAYERS] = "layers",
	[ROOT_BLOBS] = "blobs",
	[ROOT_MANIFESTS] = "manifests",
	[ROOT_FS_LAYERS] = "fsLayers",
	[ROOT_SUBJECT] = "subject",
};

static const char *const descriptor_names[] = {"digest",   "size",         "mediaType", "urls",
					       "platform", "artifactType", "blobSum"};

/* The next letter of a name as Go's reader compares them; its folding knows two letters beyond ASCII. */
static char folded(const char **p)
{
	const char *s = *p;

	if (strncmp(s, "\xc5\xbf", 2) == 0) { /* the long s */
		*p += 2;
		return 's';
	}
	if (strncmp(s, "\xe2\x84\xaa", 3) == 0) { /* the sign of Kelvin */
		*p += 3;
		return 'k';
	}
	if (*s)
		++*p;
	return *s >= 'A' && *s <= 'Z' ? (char)(*s - 'A' + 'a') : *s;
}

static bool same_but_for_case(const char *a, const char *b)
{
	char x, y;

	do {
		x = folded(&a);
		y = folded(&b);
	} while (x && x == y);
	return x == y;
}

/* Which of the names each member has: each at most once, and spelled so. where: for the message. */
static int find_members(const struct json *object, const char *where, const char *const *names, size_t n,
			unsigned *ret_found, struct reg_error *error)
{
	unsigned found = 0;

	for (const struct json *m = json_first(object); m; m = json_next(m)) {
		const char *name = json_name(m);

		for (size_t i = 0; name && i < n; i++) {
			if (!same_but_for_case(name, names[i]))
				continue;
			if (strcmp(name, names[i]) != 0)
				return reg_fail(error, -EBADMSG, "%s.%s is %s but for its case: ambiguous",
						where, name, names[i]);
			if (found & 1U << i)
				return reg_fail(error, -EBADMSG, "%s.%s stands twice: ambiguous", where,
						name);
			found |= 1U << i;
		}
	}
	*ret_found = found;
	return 0;
}

/* ---- what is found, until all of it is known to be good ---- */

struct found {
	struct reg_digest digest;
	int64_t size;
	uint8_t role;
	char platform[PLATFORM_MAX];
};

struct reading {
	const struct json *root;
	unsigned members; /* of the root, bits by enum root_member */
	struct found *items;
	size_t count, room;
	struct reg_error *error;
};

static bool has(const struct reading *r, enum root_member m)
{
	return r->members & 1U << m && json_has(r->root, root_names[m]);
}

static int add(struct reading *r, const struct found *f)
{
	struct found *items;

	if (r->count == MAX_REFS)
		return reg_fail(r->error, -EBADMSG, "it names more than %d blobs", MAX_REFS);
	items = grow(r->items, r->count, &r->room, sizeof(*items));
	if (!items)
		return reg_fail(r->error, -ENOMEM, "no memory for a manifest");
	r->items = items;
	r->items[r->count++] = *f;
	return 0;
}

static bool is_manifest_type(const char *type)
{
	static const char *const types[] = {
		"application/vnd.oci.image.manifest.v1+json",
		"application/vnd.oci.image.index.v1+json",
		"application/vnd.oci.artifact.manifest.v1+json",
		"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.distribution.manifest.list.v2+json",
		"application/vnd.docker.distribution.manifest.v1+json",
		"application/vnd.docker.distribution.manifest.v1+prettyjws",
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strcasecmp(type, types[i]) == 0)
			return true;
	return false;
}

static uint8_t role_of(const struct json *descriptor, enum store_role role)
{
	const char *type = json_string(descriptor, "mediaType");

	if (role == ROLE_LAYER && (json_first(json_array(descriptor, "urls")) ||
				   (type && (strstr(type, "foreign") || strstr(type, "nondistributable")))))
		return ROLE_FOREIGN;
	if (role == ROLE_CHILD && type && *type && !is_manifest_type(type))
		return ROLE_LAYER;
	return (uint8_t)role;
}

static void read_platform(const struct json *descriptor, char ret[PLATFORM_MAX])
{
	struct reg_platform p;

	reg_platform_read(json_object(descriptor, "platform"), &p);
	if (p.os[0] && p.architecture[0])
		snprintf(ret, PLATFORM_MAX, "%s/%s%s%s", p.os, p.architecture, p.variant[0] ? "/" : "",
			 p.variant);
}

/* i: its place in an array, or -1. */
static int read_descriptor(struct reading *r, const struct json *from, enum root_member in, long i,
			   enum store_role role)
{
	struct found f = {.size = -1};
	const char *text;
	unsigned members;
	char where[48];
	int e;

	snprintf(where, sizeof(where), i < 0 ? "%s" : "%s[%ld]", root_names[in], i);
	if (!json_is_object(from))
		return reg_fail(r->error, -EBADMSG, "%s is no object", where);
	e = find_members(from, where, descriptor_names, ARRAY_SIZE(descriptor_names), &members, r->error);
	if (e < 0)
		return e;
	text = json_string(from, in == ROOT_FS_LAYERS ? "blobSum" : "digest");
	if (!reg_digest_parse(text, &f.digest))
		return reg_fail(r->error, -EBADMSG,
				"%s cannot be followed: its digest is missing or of a kind that is not known",
				where);
	json_size(from, "size", &f.size);
	f.role = role_of(from, role);
	if (role == ROLE_CHILD)
		read_platform(from, f.platform);
	return add(r, &f);
}

static int read_one(struct reading *r, enum root_member m, enum store_role role)
{
	const struct json *one = json_object(r->root, root_names[m]);

	if (!has(r, m))
		return 0;
	return one ? read_descriptor(r, one, m, -1, role)
		   : reg_fail(r->error, -EBADMSG, "%s is no object", root_names[m]);
}

static int read_array(struct reading *r, enum root_member m, enum store_role role)
{
	const struct json *array = json_array(r->root, root_names[m]);
	long n = 0;
	int e = 0;

	if (!has(r, m))
		return 0;
	if (!array)
		return reg_fail(r->error, -EBADMSG, "%s is no array", root_names[m]);
	for (const struct json *i = json_first(array); i && e == 0; i = json_next(i))
		e = read_descriptor(r, i, m, n++, role);
	return e;
}

/* Every blob that it names, wherever. */
static int read_all(struct reading *r)
{
	int e = read_one(r, ROOT_CONFIG, ROLE_CONFIG);

	if (e == 0)
		e = read_array(r, ROOT_LAYERS, ROLE_LAYER);
	if (e == 0)
		e = read_array(r, ROOT_BLOBS, ROLE_LAYER);
	if (e == 0)
		e = read_array(r, ROOT_FS_LAYERS, ROLE_LAYER);
	if (e == 0)
		e = read_array(r, ROOT_MANIFESTS, ROLE_CHILD);
	if (e == 0)
		e = read_one(r, ROOT_SUBJECT, ROLE_SUBJECT);
	return e;
}

/* ---- the manifest ---- */

static bool is_manifest(const struct reading *r)
{
	static const enum root_member any[] = {ROOT_VERSION,   ROOT_CONFIG,    ROOT_LAYERS, ROOT_BLOBS,
					       ROOT_MANIFESTS, ROOT_FS_LAYERS, ROOT_SUBJECT};
	const char *type = json_string(r->root, "mediaType");

	for (size_t i = 0; i < ARRAY_SIZE(any); i++)
		if (r->members & 1U << any[i])
			return true;
	return type && is_manifest_type(type);
}

static enum reg_kind kind_of(const struct reading *r)
{
	const char *type = json_string(r->root, "mediaType");
	int64_t version;

	if (json_first(json_array(r->root, "manifests")))
		return REG_KIND_INDEX;
	if (has(r, ROOT_FS_LAYERS))
		return REG_KIND_SCHEMA1;
	if (has(r, ROOT_CONFIG) || has(r, ROOT_LAYERS) || has(r, ROOT_BLOBS))
		return REG_KIND_MANIFEST;
	if (json_size(r->root, "schemaVersion", &version) && version == 1)
		return REG_KIND_SCHEMA1;
	if (r->members & 1U << ROOT_MANIFESTS || (type && (strstr(type, "index") || strstr(type, "list"))))
		return REG_KIND_INDEX;
	return REG_KIND_MANIFEST;
}

static int copy_type(const struct json *root, char **ret)
{
	const char *type = json_string(root, "artifactType");

	if (!type || !*type)
		type = json_string(json_object(root, "config"), "mediaType");
	if (!type || !*type)
		return 0;
	*ret = strndup(type, MAX_TYPE);
	if (!*ret)
		return -ENOMEM;
	utf8_make_printable(*ret);
	return 0;
}

static int keep_platform(struct refs_platforms *p, uint32_t blob, const char *text)
{
	if (!*text)
		return 0;
	if (blob >= p->count) {
		const uint32_t count = blob + blob / 2 + 64;
		char **items = reallocarray(p->items, count, sizeof(*items));

		if (!items)
			return -ENOMEM;
		memset(items + p->count, 0, (count - p->count) * sizeof(*items));
		p->items = items;
		p->count = count;
	}
	if (!p->items[blob])
		p->items[blob] = strdup(text);
	return p->items[blob] ? 0 : -ENOMEM;
}

static int build(struct store *s, const struct reading *r, struct refs_platforms *platforms,
		 struct store_manifest **ret)
{
	struct store_manifest *m = calloc(1, sizeof(*m) + r->count * sizeof(m->refs[0]));
	int e = m ? copy_type(r->root, &m->type) : -ENOMEM;

	for (size_t i = 0; i < r->count && e == 0; i++) {
		const struct found *f = &r->items[i];

		m->refs[i] = (struct store_ref){.size = f->size, .role = f->role};
		e = store_blob_add(s, &f->digest, &m->refs[i].blob);
		if (e == 0 && platforms)
			e = keep_platform(platforms, m->refs[i].blob, f->platform);
	}
	if (e < 0) {
		refs_free(m);
		return e;
	}
	m->kind = kind_of(r);
	m->nrefs = r->count;
	*ret = m;
	return 0;
}

static int parse(struct store *s, struct reading *r, struct refs_platforms *platforms,
		 struct store_manifest **ret)
{
	int e;

	if (!json_is_object(r->root))
		return reg_fail(r->error, -EBADMSG, r->root ? "it is no JSON object" : "it is no JSON");
	e = find_members(r->root, "manifest", root_names, ROOT_MEMBERS, &r->members, r->error);
	if (e < 0)
		return e;
	if (!is_manifest(r))
		return reg_fail(r->error, -EBADMSG, "it is JSON, but no manifest");
	e = read_all(r);
	if (e < 0)
		return e;
	e = build(s, r, platforms, ret);
	return e < 0 ? reg_fail(r->error, e, "no memory for a manifest") : 0;
}

int refs_parse_platforms(struct store *s, const void *data, size_t size, struct refs_platforms *platforms,
			 struct store_manifest **ret, struct reg_error *error)
{
	struct json *root = json_parse(data, size);
	struct reading r = {.root = root, .error = error};
	const int e = parse(s, &r, platforms, ret);

	free(r.items);
	json_free(root);
	return e;
}

int refs_parse(struct store *s, const void *data, size_t size, struct store_manifest **ret,
	       struct reg_error *error)
{
	return refs_parse_platforms(s, data, size, NULL, ret, error);
}

void refs_free(struct store_manifest *m)
{
	if (!m)
		return;
	free(m->type);
	free(m->platform);
	free(m);
}

void refs_platforms_done(struct refs_platforms *p)
{
	for (uint32_t i = 0; i < p->count; i++)
		free(p->items[i]);
	free(p->items);
	*p = (struct refs_platforms){0};
}
