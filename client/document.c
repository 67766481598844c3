/* SPDX-License-Identifier: MIT */
/* Manifests and indexes, of OCI and of docker: what they are, and what they point to. */
#include "registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "json.h"
#include "parts.h"
#include "util/cleanup.h"

#define MAX_ITEMS 100000

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_ARTIFACT "application/vnd.oci.artifact.manifest.v1+json"
#define DOCKER_SCHEMA1 "application/vnd.docker.distribution.manifest.v1+json"

static const struct type {
	const char *media_type;
	enum reg_kind kind;
} types[] = {
	{OCI_MANIFEST, REG_KIND_MANIFEST},
	{OCI_INDEX, REG_KIND_INDEX},
	{OCI_ARTIFACT, REG_KIND_MANIFEST},
	{"application/vnd.docker.distribution.manifest.v2+json", REG_KIND_MANIFEST},
	{"application/vnd.docker.distribution.manifest.list.v2+json", REG_KIND_INDEX},
	{DOCKER_SCHEMA1, REG_KIND_SCHEMA1},
	{"application/vnd.docker.distribution.manifest.v1+prettyjws", REG_KIND_SCHEMA1},
};

static const struct type *find_type(const char *media_type, size_t size)
{
	for (size_t i = 0; media_type && i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].media_type) == size &&
		    strncasecmp(media_type, types[i].media_type, size) == 0)
			return &types[i];
	return NULL;
}

/* The table's spelling for a Content-Type, which may come with parameters. */
static const struct type *content_type(const char *text)
{
	if (!text)
		return NULL;
	text += strspn(text, " \t");
	return find_type(text, strcspn(text, " \t;"));
}

static bool has_items(const struct json *root, const char *name)
{
	return json_first(json_array(root, name)) != NULL;
}

/* What a document without a media type that is known is by its members; NULL: nothing. */
static const struct type *type_by_structure(const struct json *root)
{
	const char *media_type = NULL;
	int64_t version;

	if (json_has(root, "manifests"))
		media_type = OCI_INDEX;
	else if (json_has(root, "config") || json_has(root, "layers"))
		media_type = OCI_MANIFEST;
	else if (json_has(root, "blobs"))
		media_type = OCI_ARTIFACT;
	else if (json_size(root, "schemaVersion", &version) && version == 1 && json_has(root, "history"))
		media_type = DOCKER_SCHEMA1;
	return media_type ? find_type(media_type, strlen(media_type)) : NULL;
}

/*
 * A document that says to be one thing and is built as another is taken for different images by different
 * clients (CVE-2021-41190), so it is refused. NULL: it is what it says.
 */
static const char *contradiction(const struct json *root, enum reg_kind kind)
{
	const bool manifest =
		json_object(root, "config") || has_items(root, "layers") || has_items(root, "blobs");
	const bool index = has_items(root, "manifests");

	if (manifest && index)
		return "it has both layers and manifests";
	if (kind == REG_KIND_INDEX && manifest)
		return "its type is an index, but it has a config or layers";
	if (kind == REG_KIND_MANIFEST && index)
		return "its type is a manifest, but it lists manifests";
	if (kind == REG_KIND_SCHEMA1 && (manifest || index))
		return "its type is docker's schema 1, but its members are of schema 2";
	return NULL;
}

static int decide_type(const struct json *root, const char *header, struct reg_document *d,
		       struct reg_error *error)
{
	const char *own = json_string(root, "mediaType");
	const struct type *type = own ? find_type(own, strlen(own)) : content_type(header);
	const char *wrong;

	if (!type)
		type = type_by_structure(root);
	if (!type)
		return reg_fail(error, -EBADMSG, "neither a manifest nor an index");
	wrong = contradiction(root, type->kind);
	if (wrong)
		return reg_fail(error, -EBADMSG, "the document contradicts itself: %s", wrong);
	d->kind = type->kind;
	return reg_copy(own ? own : type->media_type, &d->media_type) ? 0
								      : reg_fail(error, -ENOMEM, "no memory");
}

static bool is_attestation(const struct json *from, const struct reg_platform *platform)
{
	const char *reference = json_string(json_object(from, "annotations"), "vnd.docker.reference.type");

	if (reference && strcmp(reference, "attestation-manifest") == 0)
		return true;
	return strcmp(platform->os, "unknown") == 0 && strcmp(platform->architecture, "unknown") == 0;
}

/* what and i say which descriptor it is, i < 0 that there is but one. */
static int read_descriptor(const struct json *from, const char *what, long i, struct reg_descriptor *ret,
			   struct reg_error *error)
{
	struct reg_descriptor d = {0};
	const char *wrong = NULL;
	char where[32];

	snprintf(where, sizeof(where), i < 0 ? "%s" : "%s[%ld]", what, i);
	if (!json_is_object(from))
		wrong = "is no object";
	else if (!reg_digest_parse(json_string(from, "digest"), &d.digest))
		wrong = "has no valid digest";
	else if (!json_size(from, "size", &d.size))
		wrong = "has no valid size";
	if (wrong)
		return reg_fail(error, -EBADMSG, "%s %s", where, wrong);
	reg_platform_read(json_object(from, "platform"), &d.platform);
	d.attestation = is_attestation(from, &d.platform);
	if (!reg_copy(json_string(from, "mediaType"), &d.media_type))
		return reg_fail(error, -ENOMEM, "no memory for a document");
	*ret = d;
	return 0;
}

/* Appends an array of descriptors; one that is not there, or null, is an empty one. */
static int read_items(const struct json *root, const char *name, struct reg_document *d,
		      struct reg_error *error)
{
	const struct json *array = json_array(root, name);
	struct reg_descriptor *items;
	size_t n = 0;
	long i = 0;

	if (!array && json_has(root, name))
		return reg_fail(error, -EBADMSG, "%s is no array", name);
	for (const struct json *e = json_first(array); e; e = json_next(e))
		n++;
	if (!n)
		return 0;
	if (n > MAX_ITEMS - d->nitems)
		return reg_fail(error, -EBADMSG, "%s has more than %d entries", name, MAX_ITEMS);
	items = reallocarray(d->items, d->nitems + n, sizeof(*items));
	if (!items)
		return reg_fail(error, -ENOMEM, "no memory for a document");
	d->items = items;
	for (const struct json *e = json_first(array); e; e = json_next(e), i++) {
		const int r = read_descriptor(e, name, i, &d->items[d->nitems], error);

		if (r < 0)
			return r;
		d->nitems++;
	}
	return 0;
}

static int read_manifest(const struct json *root, struct reg_document *d, struct reg_error *error)
{
	int r;

	if (json_has(root, "config"))
		r = read_descriptor(json_object(root, "config"), "config", -1, &d->config, error);
	else if (strcasecmp(d->media_type, OCI_ARTIFACT) == 0)
		r = 0;
	else
		r = reg_fail(error, -EBADMSG, "a manifest without a config");
	if (r == 0)
		r = read_items(root, "layers", d, error);
	if (r == 0)
		r = read_items(root, "blobs", d, error);
	return r;
}

static int read_index(const struct json *root, struct reg_document *d, struct reg_error *error)
{
	if (!json_has(root, "manifests") && !json_has_null(root, "manifests"))
		return reg_fail(error, -EBADMSG, "an index without manifests");
	return read_items(root, "manifests", d, error);
}

/* Each entry of its history is a JSON document in a string; the newest is the image's. */
static int read_schema1(const struct json *root, struct reg_document *d, struct reg_error *error)
{
	size_t n = 0;

	for (const struct json *i = json_first(json_array(root, "history")); i; i = json_next(i)) {
		const char *text = json_string(i, "v1Compatibility");
		struct json *image = text ? json_parse(text, strlen(text)) : NULL;
		struct timespec date;

		if (reg_date_parse(json_string(image, "created"), &date) &&
		    (!d->has_created || date.tv_sec > d->created.tv_sec ||
		     (date.tv_sec == d->created.tv_sec && date.tv_nsec > d->created.tv_nsec))) {
			d->created = date;
			d->has_created = true;
		}
		json_free(image);
		if (++n > MAX_ITEMS)
			return reg_fail(error, -EBADMSG, "history has more than %d entries", MAX_ITEMS);
	}
	return 0;
}

/* What every kind may have. */
static int read_common(const struct json *root, struct reg_document *d, struct reg_error *error)
{
	const struct json *subject = json_object(root, "subject");
	int r = 0;

	if (subject)
		r = read_descriptor(subject, "subject", -1, &d->subject, error);
	if (r == 0 && (reg_pairs_read(json_object(root, "annotations"), &d->annotations) < 0 ||
		       !reg_copy(json_string(root, "artifactType"), &d->artifact_type)))
		r = reg_fail(error, -ENOMEM, "no memory for a document");
	return r;
}

static int read_document(const struct json *root, const char *media_type, struct reg_document *d,
			 struct reg_error *error)
{
	int r;

	if (!json_is_object(root))
		return reg_fail(error, -EBADMSG, "the document is no JSON object");
	r = decide_type(root, media_type, d, error);
	if (r < 0)
		return r;
	if (d->kind == REG_KIND_MANIFEST)
		r = read_manifest(root, d, error);
	else if (d->kind == REG_KIND_INDEX)
		r = read_index(root, d, error);
	else
		r = read_schema1(root, d, error);
	if (r == 0)
		r = read_common(root, d, error);
	return r;
}

int reg_document_parse(const void *data, size_t size, const char *media_type, struct reg_document *ret,
		       struct reg_error *error)
{
	struct json *root = json_parse(data, size);
	struct reg_document d = {0};
	const int r = read_document(root, media_type, &d, error);

	json_free(root);
	if (r < 0) {
		reg_document_done(&d);
		return r;
	}
	*ret = d;
	return 0;
}

void reg_document_done(struct reg_document *d)
{
	free(d->media_type);
	free(d->artifact_type);
	free(d->config.media_type);
	free(d->subject.media_type);
	for (size_t i = 0; i < d->nitems; i++)
		free(d->items[i].media_type);
	free(d->items);
	reg_pairs_done(&d->annotations);
	*d = (struct reg_document){0};
}
