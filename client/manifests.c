/* SPDX-License-Identifier: MIT */
/* GET and HEAD of manifests (OCI distribution specification, end-3). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"
#include "bytes.h"
#include "client.h"
#include "error.h"
#include "util/cleanup.h"

/*
 * Every type at once: with fewer, registries answer an index's reader with one of its children, or with 404.
 * The last three are for what only old registries still hold.
 */
const char reg_accept_manifests[] = "application/vnd.oci.image.index.v1+json, "
				       "application/vnd.docker.distribution.manifest.list.v2+json, "
				       "application/vnd.oci.image.manifest.v1+json, "
				       "application/vnd.docker.distribution.manifest.v2+json, "
				       "application/vnd.oci.artifact.manifest.v1+json;q=0.5, "
				       "application/vnd.docker.distribution.manifest.v1+prettyjws;q=0.1, "
				       "application/vnd.docker.distribution.manifest.v1+json;q=0.1";

struct manifest_work {
	struct work work;
	char *reference;
	struct reg_digest digest; /* if the reference is one */
	struct reg_digest known;
	bool head; /* only what HEAD says is wanted, by whatever method */
	char etag[REG_DIGEST_MAX + 2];
};

static void manifest_done(struct work *w)
{
	struct manifest_work *m = container_of(w, struct manifest_work, work);

	free(m->reference);
}

/* Content-Type without its parameters; NULL if there is none. */
static const char *plain_type(char *content_type)
{
	content_type[strcspn(content_type, "; \t")] = '\0';
	return content_type[0] ? content_type : NULL;
}

/* What the bytes must hash to: the digest asked for, else the one that the registry states, else whatever
 * they do. */
static int verify(const struct manifest_work *m, const struct http_request *q, struct reg_digest *ret,
		  struct reg_error *error)
{
	struct reg_digest want = m->digest, have;
	char text[REG_DIGEST_MAX], other[REG_DIGEST_MAX];
	int r;

	if (!want.algorithm)
		(void)reg_digest_parse(q->digest, &want);
	r = reg_digest_compute(want.algorithm ? want.algorithm : REG_SHA256, q->body.data, q->body.size,
			       &have);
	if (r < 0)
		return reg_fail(error, r, "the digest cannot be computed");
	if (want.algorithm && !reg_digest_equal(&want, &have)) {
		r = reg_fail(error, -EBADMSG, "the manifest hashes to %s, not to %s",
			     reg_digest_text(&have, text), reg_digest_text(&want, other));
		error->status = q->status;
		return r;
	}
	*ret = have;
	return 0;
}

static void finish(struct manifest_work *m, struct reg_result *result)
{
	struct reg_bytes *const bytes = result->bytes;

	if (m->head) {
		m->work.client->head = HEAD_USELESS; /* it said nothing of what is there */
		result->bytes = NULL;
	}
	work_finish(&m->work, result);
	reg_bytes_unref(bytes);
}

static void on_manifest(struct exchange *x)
{
	struct manifest_work *m = container_of(x, struct manifest_work, work.x);
	struct reg_client *c = m->work.client;
	struct reg_result result = {.media_type = plain_type(x->req.content_type)};
	struct reg_error error = {0};
	int r = x->err;

	if (r < 0) {
		work_fail(&m->work, r, &x->error);
		return;
	}
	if (x->req.status == 304 && m->known.algorithm) {
		result.not_modified = true;
		result.digest = m->known;
		work_finish(&m->work, &result);
		return;
	}
	r = verify(m, &x->req, &result.digest, &error);
	if (r < 0) {
		work_fail(&m->work, r, &error);
		return;
	}
	result.size = x->req.body.size;
	if (buf_add(&x->req.body, "", 0) == 0) /* an empty body has its NUL as well */
		result.bytes = reg_bytes_take(x->req.body.data, x->req.body.size);
	x->req.body = (struct buf){0};
	if (!result.bytes) {
		reg_fail(&error, -ENOMEM, "out of memory");
		work_fail(&m->work, -ENOMEM, &error);
		return;
	}
	cache_put(c->cache, &result.digest, result.media_type, result.bytes);
	finish(m, &result);
}

static void send(struct work *w, void (*done)(struct exchange *x))
{
	struct manifest_work *m = container_of(w, struct manifest_work, work);
	struct reg_error error = {0};
	char text[REG_DIGEST_MAX];

	w->x.req.accept = reg_accept_manifests;
	w->x.req.max_body = REG_MAX_MANIFEST;
	if (m->known.algorithm) {
		snprintf(m->etag, sizeof(m->etag), "\"%s\"", reg_digest_text(&m->known, text));
		w->x.req.if_none_match = m->etag;
	}
	if (work_set_path(w, "/v2/%s/manifests/%s", w->group, m->reference) < 0)
		work_fail(w, reg_fail(&error, -ENOMEM, "out of memory"), &error);
	else
		work_send(w, done);
}

/*
 * Nexus answers HEAD with 404 for what is there, others with 400 or 405, or without a digest. A GET tells.
 * Once HEAD has named a digest on this host, what it says is so.
 */
static bool is_doubtful(const struct manifest_work *m, const struct exchange *x,
			const struct reg_digest *digest)
{
	const int status = x->req.status;

	if (x->err == 0)
		return !digest->algorithm && !m->digest.algorithm;
	return m->work.client->head != HEAD_TRUSTED &&
	       (status == 400 || status == 404 || status == 405 || status == 501);
}

static void on_head(struct exchange *x)
{
	struct manifest_work *m = container_of(x, struct manifest_work, work.x);
	struct reg_result result = {.media_type = plain_type(x->req.content_type),
				    .size = x->req.content_length};

	(void)reg_digest_parse(x->req.digest, &result.digest);
	if (is_doubtful(m, x, &result.digest)) {
		x->req.method = HTTP_GET;
		buf_clear(&x->req.body);
		send(&m->work, on_manifest);
	} else if (x->err < 0) {
		work_fail(&m->work, x->err, &x->error);
	} else {
		if (result.digest.algorithm)
			m->work.client->head = HEAD_TRUSTED;
		work_finish(&m->work, &result);
	}
}

static void manifest_start(struct work *w)
{
	struct manifest_work *m = container_of(w, struct manifest_work, work);
	struct reg_result result = {.digest = m->digest};

	if (m->digest.algorithm && !w->fresh)
		result.bytes = cache_get(w->client->cache, &m->digest, &result.media_type);
	if (result.bytes) {
		result.size = result.bytes->size;
		reg_bytes_ref(result.bytes); /* a callback may push it out of the cache */
		work_finish(w, &result);
		reg_bytes_unref(result.bytes);
		return;
	}
	send(w, on_manifest);
}

static void head_start(struct work *w)
{
	container_of(w, struct manifest_work, work)->head = true;
	if (w->client->head == HEAD_USELESS) {
		send(w, on_manifest);
		return;
	}
	w->x.req.method = HTTP_HEAD;
	send(w, on_head);
}

static uint64_t submit(struct reg_client *c, const struct work_class *class, const char *repository,
		       const char *reference, const struct reg_digest *known, const struct reg_call *call)
{
	const char *const kind = class->start == head_start ? "head" : known ? "check" : "manifest";
	const struct work_target target = {kind, repository, NULL, reference};
	struct manifest_work *m;
	struct reg_digest digest = {0};

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	if (!reg_digest_parse(reference, &digest) && !reg_name_is_tag(reference))
		return work_refuse(c, call, "tag or digest", reference);
	m = work_new(c, class, sizeof(*m), &target);
	if (!m)
		return 0;
	m->digest = digest;
	/* An entity tag is no test of existence: registries compare it before they look. So only for tags. */
	if (known && !digest.algorithm)
		m->known = *known;
	m->reference = strdup(reference);
	if (!m->reference) {
		work_free(&m->work);
		return 0;
	}
	return work_submit(&m->work, call);
}

uint64_t reg_manifest(struct reg_client *c, const char *repository, const char *reference,
		      const struct reg_digest *known, const struct reg_call *call)
{
	static const struct work_class class = {manifest_start, manifest_done};

	return submit(c, &class, repository, reference, known, call);
}

uint64_t reg_manifest_head(struct reg_client *c, const char *repository, const char *reference,
			   const struct reg_call *call)
{
	static const struct work_class class = {head_start, manifest_done};

	return submit(c, &class, repository, reference, NULL, call);
}
