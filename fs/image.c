/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

static const char created_annotation[] = "org.opencontainers.image.created";

struct image *image_get(struct tree *t, const struct reg_digest *digest)
{
	const uint64_t hash = map_hash(digest, sizeof(*digest));
	struct image *i;

	map_for_each_match(&t->images, hash, node)
	{
		i = container_of(node, struct image, node);
		if (reg_digest_equal(&i->digest, digest))
			return i;
	}
	i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->digest = *digest;
	if (map_add(&t->images, &i->node, hash) < 0) {
		free(i);
		return NULL;
	}
	return i;
}

static enum config_kind config_kind(const struct reg_descriptor *config)
{
	const char *const type = config->media_type ? config->media_type : "";
	const size_t length = strlen(type);

	if (!config->digest.algorithm || strcmp(type, "application/vnd.oci.empty.v1+json") == 0)
		return CONFIG_SILENT;
	if (strcmp(type, "application/vnd.oci.image.config.v1+json") == 0 ||
	    strcmp(type, "application/vnd.docker.container.image.v1+json") == 0)
		return CONFIG_IMAGE;
	return length >= 4 && strcmp(type + length - 4, "json") == 0 ? CONFIG_OTHER : CONFIG_SILENT;
}

static bool is_index_type(const char *type)
{
	return type && (strcmp(type, "application/vnd.oci.image.index.v1+json") == 0 ||
			strcmp(type, "application/vnd.docker.distribution.manifest.list.v2+json") == 0);
}

static int learn_items(struct image *i, const struct reg_document *d)
{
	if (d->kind != REG_KIND_INDEX || !d->nitems)
		return 0;
	i->items = calloc(d->nitems, sizeof(*i->items));
	if (!i->items)
		return -ENOMEM;
	i->nitems = d->nitems;
	for (size_t k = 0; k < d->nitems; k++) {
		const struct reg_descriptor *from = &d->items[k];

		i->items[k] = (struct image_item){from->digest, (uint64_t)from->size, from->platform,
						  from->attestation, is_index_type(from->media_type)};
	}
	return 0;
}

static int learn_document(struct image *i, const struct reg_document *d)
{
	const char *const annotation = reg_pairs_get(&d->annotations, created_annotation);
	char *media_type = strdup(d->media_type ? d->media_type : "");

	if (!media_type || learn_items(i, d) < 0) {
		free(media_type);
		return -ENOMEM;
	}
	i->media_type = media_type;
	i->kind = d->kind;
	i->config = d->config.digest;
	i->config_size = (uint64_t)d->config.size;
	i->config_kind = config_kind(&d->config);
	i->subject = d->subject.digest;
	for (size_t k = 0; d->kind == REG_KIND_MANIFEST && k < d->nitems; k++)
		i->layers_size += (uint64_t)d->items[k].size;
	i->has_annotation = annotation && reg_date_parse(annotation, &i->annotation);
	if (d->kind == REG_KIND_SCHEMA1) {
		i->has_annotation = d->has_created;
		i->annotation = d->created;
	}
	return 0;
}

int image_learn(struct tree *t, const struct reg_digest *digest, const char *media_type,
		struct reg_bytes *bytes, struct image **ret, struct reg_error *error)
{
	struct image *i = image_get(t, digest);
	struct reg_document d;
	int r;

	if (!i)
		return -ENOMEM;
	if (!i->known) {
		r = reg_document_parse(bytes->data, bytes->size, media_type, &d, error);
		if (r < 0)
			return r;
		r = learn_document(i, &d);
		reg_document_done(&d);
		if (r < 0)
			return r;
		i->size = bytes->size;
		i->known = true;
	}
	*ret = i;
	return 0;
}

/* ---- as one repository has it ---- */

/* For a moment even if ttl is 0: who waited for the answer must find it. */
enum { MOMENT_MS = 1000 };

static bool is_recent(const struct tree *t, uint64_t when)
{
	return when && (tree_now() - when < MOMENT_MS || tree_fresh(t, when, NULL));
}

static struct image_source *find_source(const struct image *i, const char *repository)
{
	struct image_source *s = i->sources;

	while (s && s->repository != repository)
		s = s->next;
	return s;
}

bool image_is_unproven(const struct image *i, const char *repository)
{
	const struct image_source *s = find_source(i, repository);

	return s && s->unproven;
}

struct image_source *image_source(struct tree *t, struct image *i, const char *repository)
{
	struct image_source *s = find_source(i, repository);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->tree = t;
	s->image = i;
	s->repository = repository;
	fetch_init(&s->dating);
	fetch_init(&s->loading);
	s->next = i->sources;
	i->sources = s;
	return s;
}

enum created_from image_created(const struct image *i, const char *repository, struct timespec *ret)
{
	const struct image_source *s;

	if (i->from != CREATED_UNKNOWN) {
		*ret = i->created;
		return i->from;
	}
	s = find_source(i, repository);
	if (!s || !is_recent(s->tree, s->dated))
		return CREATED_UNKNOWN;
	*ret = s->created;
	return s->from;
}

static void on_loaded(void *data, const struct reg_result *result)
{
	struct image_source *s = data;
	struct tree *t = s->tree;
	struct image *i;
	struct reg_error error = {0};
	char text[REG_DIGEST_MAX];
	int r = result->err;

	tree_lock(t);
	if (r < 0)
		error = *result->error;
	if (r == -ENOENT)
		s->absent = tree_now();
	s->unproven = r == -ENOENT && !error.code[0];
	if (r == 0)
		r = image_learn(t, &result->digest, result->media_type, result->bytes, &i, &error);
	if (r < 0)
		tree_log_failure(t, s->repository, reg_digest_text(&s->image->digest, text), r, &error);
	fetch_end(t, &s->loading, r);
	tree_unlock(t);
}

int image_load(struct tree *t, struct image *i, const char *repository, bool ahead, struct fetch **ret_fetch)
{
	char text[REG_DIGEST_MAX];
	struct image_source *s;
	struct reg_call call;
	int r;

	if (i->known)
		return 0;
	s = image_source(t, i, repository);
	if (!s)
		return -ENOMEM;
	if (is_recent(t, s->absent))
		return -ENOENT;
	*ret_fetch = &s->loading;
	if (s->loading.active)
		return 1;
	r = fetch_take_error(&s->loading, ahead);
	if (r < 0)
		return r;
	fetch_begin(t, &s->loading, ahead);
	call = fetch_call(&s->loading, on_loaded, s);
	fetch_sent(t, &s->loading,
		   reg_manifest(t->client, repository, reg_digest_text(&i->digest, text), NULL, &call));
	return s->loading.active ? 1 : -ENOMEM;
}

const struct image_item *image_platform(const struct tree *t, const struct image *i)
{
	struct reg_document d = {.kind = REG_KIND_INDEX, .nitems = i->nitems};
	int k;

	if (!i->nitems)
		return NULL;
	d.items = calloc(i->nitems, sizeof(*d.items));
	if (!d.items)
		return NULL;
	for (size_t n = 0; n < i->nitems; n++) {
		d.items[n].platform = i->items[n].platform;
		d.items[n].attestation = i->items[n].attestation;
	}
	k = reg_platform_select(&d, &t->options.platform);
	free(d.items);
	return k < 0 ? NULL : &i->items[k];
}

const char *created_from_text(enum created_from from)
{
	static const char *const texts[] = {
		[CREATED_UNKNOWN] = "unknown",       [CREATED_CONFIG] = "config",
		[CREATED_ANNOTATION] = "annotation", [CREATED_HISTORY] = "history",
		[CREATED_PLATFORM] = "platform",     [CREATED_SUBJECT] = "subject",
		[CREATED_UNDATED] = "undated",
	};

	return texts[from];
}
