/* SPDX-License-Identifier: MIT */
/* GET of blobs, whole and in ranges, and HEAD (OCI distribution specification, end-2). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "client.h"
#include "error.h"
#include "util/cleanup.h"

struct blob_work {
	struct work work;
	struct reg_digest digest;
	size_t max; /* whole blob */
	uint64_t size, offset; /* range */
	size_t length;
};

static void finish_with_body(struct blob_work *b, struct reg_result *result)
{
	struct buf *body = &b->work.x.req.body;
	struct reg_error error = {0};

	if (buf_add(body, "", 0) < 0) { /* an empty body has its NUL as well */
		work_fail(&b->work, reg_fail(&error, -ENOMEM, "out of memory"), &error);
		return;
	}
	result->size = body->size;
	result->bytes = reg_bytes_take(body->data, body->size);
	*body = (struct buf){0};
	if (!result->bytes) {
		work_fail(&b->work, reg_fail(&error, -ENOMEM, "out of memory"), &error);
		return;
	}
	if (b->max)
		cache_put(b->work.client->cache, &b->digest, NULL, result->bytes);
	work_finish(&b->work, result);
	reg_bytes_unref(result->bytes);
}

static int verify(const struct blob_work *b, struct reg_error *error)
{
	const struct http_request *q = &b->work.x.req;
	struct reg_digest have;
	char text[REG_DIGEST_MAX];
	int r = reg_digest_compute(b->digest.algorithm, q->body.data, q->body.size, &have);

	if (r < 0)
		return reg_fail(error, r, "the digest cannot be computed");
	if (reg_digest_equal(&have, &b->digest))
		return 0;
	r = reg_fail(
		error, -EBADMSG, "the blob hashes to %s, not to its name%s", reg_digest_text(&have, text),
		q->body.size
			? ""
			: "; it is empty: restart the registry if its garbage was collected while it ran");
	error->status = q->status;
	return r;
}

static void on_blob(struct exchange *x)
{
	struct blob_work *b = container_of(x, struct blob_work, work.x);
	struct reg_result result = {.digest = b->digest};
	struct reg_error error = {0};
	int r = x->err;

	if (r < 0)
		error = x->error;
	else
		r = verify(b, &error);
	if (r < 0)
		work_fail(&b->work, r, &error);
	else
		finish_with_body(b, &result);
}

static void on_range(struct exchange *x)
{
	struct blob_work *b = container_of(x, struct blob_work, work.x);
	struct reg_result result = {.digest = b->digest};
	struct reg_error error = {0};
	unsigned long long first, last;

	if (x->err < 0) {
		work_fail(&b->work, x->err, &x->error);
		return;
	}
	if (x->req.status == 206 &&
	    (sscanf(x->req.content_range, "bytes %llu-%llu/", &first, &last) != 2 || first != b->offset)) {
		work_fail(&b->work, reg_fail(&error, -EIO, "the registry sent another range than asked for"),
			  &error);
		return;
	}
	if (x->req.body.size != b->length) {
		work_fail(&b->work,
			  reg_fail(&error, -EIO, "the registry sent %zu bytes of %zu", x->req.body.size,
				   b->length),
			  &error);
		return;
	}
	finish_with_body(b, &result);
}

static void on_head(struct exchange *x)
{
	struct reg_result result = {.size = x->req.content_length};
	struct work *w = container_of(x, struct work, x);

	if (x->err < 0) {
		work_fail(w, x->err, &x->error);
		return;
	}
	(void)reg_digest_parse(x->req.digest, &result.digest);
	work_finish(w, &result);
}

static void send(struct blob_work *b, void (*done)(struct exchange *x))
{
	struct reg_error error = {0};
	char text[REG_DIGEST_MAX];

	if (work_set_path(&b->work, "/v2/%s/blobs/%s", b->work.group, reg_digest_text(&b->digest, text)) < 0)
		work_fail(&b->work, reg_fail(&error, -ENOMEM, "out of memory"), &error);
	else
		work_send(&b->work, done);
}

static void blob_start(struct work *w)
{
	struct blob_work *b = container_of(w, struct blob_work, work);
	struct reg_result result = {.digest = b->digest};

	if (!w->fresh)
		result.bytes = cache_get(w->client->cache, &b->digest, &result.media_type);
	if (result.bytes && result.bytes->size <= b->max) {
		result.size = result.bytes->size;
		reg_bytes_ref(result.bytes);
		work_finish(w, &result);
		reg_bytes_unref(result.bytes);
		return;
	}
	w->x.req.max_body = b->max;
	send(b, on_blob);
}

static void range_start(struct work *w)
{
	struct blob_work *b = container_of(w, struct blob_work, work);
	struct reg_result result = {.digest = b->digest};

	/* Registries answer a range past the end with a length that never comes: never ask for one. */
	if (b->offset >= b->size)
		b->length = 0;
	else if (b->length > b->size - b->offset)
		b->length = b->size - b->offset;
	if (!b->length) {
		finish_with_body(b, &result);
		return;
	}
	w->x.req.ranged = true;
	w->x.req.range_offset = b->offset;
	w->x.req.range_length = b->length;
	w->x.req.max_body = b->length;
	send(b, on_range);
}

static void head_start(struct work *w)
{
	w->x.req.method = HTTP_HEAD;
	send(container_of(w, struct blob_work, work), on_head);
}

static struct blob_work *blob_new(struct reg_client *c, const struct work_class *class, const char *kind,
				  const char *repository, const struct reg_digest *digest, const char *detail)
{
	const struct work_target target = {kind, repository, NULL, detail};
	struct blob_work *b = work_new(c, class, sizeof(*b), &target);

	if (b)
		b->digest = *digest;
	return b;
}

uint64_t reg_blob(struct reg_client *c, const char *repository, const struct reg_digest *digest, size_t max,
		  const struct reg_call *call)
{
	static const struct work_class class = {.start = blob_start};
	char text[REG_DIGEST_MAX], detail[REG_DIGEST_MAX + 32];
	struct blob_work *b;

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	snprintf(detail, sizeof(detail), "%s %zu", reg_digest_text(digest, text), max);
	b = blob_new(c, &class, "blob", repository, digest, detail);
	if (!b)
		return 0;
	b->max = max;
	return work_submit(&b->work, call);
}

uint64_t reg_blob_range(struct reg_client *c, const char *repository, const struct reg_digest *digest,
			uint64_t size, uint64_t offset, size_t length, const struct reg_call *call)
{
	static const struct work_class class = {.start = range_start};
	char text[REG_DIGEST_MAX], detail[REG_DIGEST_MAX + 64];
	struct blob_work *b;

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	snprintf(detail, sizeof(detail), "%s %llu %zu", reg_digest_text(digest, text),
		 (unsigned long long)offset, length);
	b = blob_new(c, &class, "range", repository, digest, detail);
	if (!b)
		return 0;
	b->size = size;
	b->offset = offset;
	b->length = length;
	return work_submit(&b->work, call);
}

uint64_t reg_blob_head(struct reg_client *c, const char *repository, const struct reg_digest *digest,
		       const struct reg_call *call)
{
	static const struct work_class class = {.start = head_start};
	char text[REG_DIGEST_MAX];
	struct blob_work *b;

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	b = blob_new(c, &class, "blob head", repository, digest, reg_digest_text(digest, text));
	return b ? work_submit(&b->work, call) : 0;
}
