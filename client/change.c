/* SPDX-License-Identifier: MIT */
/* PUT and DELETE of manifests (OCI distribution specification, end-7 and end-9). No two of them are one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "error.h"
#include "util/cleanup.h"

struct change_work {
	struct work work;
	char *reference;
	struct reg_digest digest; /* PUT: of the bytes; DELETE: the reference, if it is one */
	struct reg_bytes *bytes;
	char *media_type;
	bool single;
};

static void change_done(struct work *w)
{
	struct change_work *m = container_of(w, struct change_work, work);

	reg_bytes_unref(m->bytes);
	free(m->media_type);
	free(m->reference);
}

static bool is_one_of(int status, const int *wanted, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (wanted[k] == status)
			return true;
	return false;
}

/* A status below 300 that these requests cannot have, or a web page: what answered is no registry. */
static void fail_status(struct change_work *m)
{
	struct reg_error error = {0};
	const struct http_request *q = &m->work.x.req;

	reg_fail(&error, -EIO, "HTTP status %d%s is no answer to a %s", q->status,
		 q->status == 200 ? " with a web page" : "", http_method_name(q->method));
	error.status = q->status;
	work_fail(&m->work, -EIO, &error);
}

static void send(struct change_work *m, enum http_method method, void (*done)(struct exchange *x))
{
	struct work *w = &m->work;
	struct reg_error error = {0};

	w->x.req.method = method;
	w->x.req.max_body = 1 << 20;
	if (work_set_path(w, "/v2/%s/manifests/%s", w->group, m->reference) < 0)
		work_fail(w, reg_fail(&error, -ENOMEM, "out of memory"), &error);
	else
		work_send(w, done);
}

static struct change_work *change_new(struct reg_client *c, const struct work_class *class,
				      const struct work_target *target)
{
	struct change_work *m = work_new(c, class, sizeof(*m), target);

	if (!m)
		return NULL;
	m->work.alone = true;
	m->reference = strdup(target->detail);
	if (!m->reference) {
		work_free(&m->work);
		return NULL;
	}
	return m;
}

/* Returns whether a reference is a tag or a digest, which is stored then. */
static bool parse_reference(const char *reference, struct reg_digest *ret)
{
	return reg_digest_parse(reference, ret) || reg_name_is_tag(reference);
}

/* ---- PUT ---- */

/* 0 unless the registry states another digest than that of the bytes, of whatever algorithm. */
static int check_stated(const struct change_work *m, struct reg_error *error)
{
	const struct http_request *q = &m->work.x.req;
	struct reg_digest stated, have;
	char text[REG_DIGEST_MAX], other[REG_DIGEST_MAX];
	int r;

	if (!reg_digest_parse(q->digest, &stated))
		return 0;
	r = reg_digest_compute(stated.algorithm, m->bytes->data, m->bytes->size, &have);
	if (r < 0)
		return reg_fail(error, r, "the digest cannot be computed");
	if (reg_digest_equal(&stated, &have))
		return 0;
	r = reg_fail(error, -EBADMSG, "the registry stored %s, not %s", reg_digest_text(&stated, text),
		     reg_digest_text(&have, other));
	error->status = q->status;
	return r;
}

static void on_put(struct exchange *x)
{
	static const int good[] = {200, 201, 202, 204};
	struct change_work *m = container_of(x, struct change_work, work.x);
	struct reg_result result = {.digest = m->digest, .media_type = m->media_type, .size = m->bytes->size};
	struct reg_error error = {0};
	int r;

	if (x->err < 0) {
		work_fail(&m->work, x->err, &x->error);
		return;
	}
	if (!is_one_of(x->req.status, good, ARRAY_SIZE(good))) {
		fail_status(m);
		return;
	}
	r = check_stated(m, &error);
	if (r < 0)
		work_fail(&m->work, r, &error);
	else
		work_finish(&m->work, &result);
}

static void put_start(struct work *w)
{
	struct change_work *m = container_of(w, struct change_work, work);

	w->x.once = true;
	w->x.single = m->single;
	w->x.req.upload = m->bytes->data;
	w->x.req.upload_size = m->bytes->size;
	w->x.req.upload_type = m->media_type;
	send(m, HTTP_PUT, on_put);
}

/* It becomes a header: nothing may end the line. */
static bool is_media_type(const char *text)
{
	size_t n = 0;

	while (text && text[n] >= ' ' && text[n] <= '~')
		n++;
	return n && n < 256 && !text[n] && strchr(text, '/');
}

uint64_t reg_manifest_put(struct reg_client *c, const char *repository, const char *reference,
			  const char *media_type, struct reg_bytes *bytes, const struct reg_call *call)
{
	static const struct work_class class = {put_start, change_done};
	struct work_target target = {"put", repository, NULL, reference};
	struct reg_digest want = {0}, have;
	auto_free char *scope = NULL;
	struct change_work *m;

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	if (!parse_reference(reference, &want))
		return work_refuse(c, call, "tag or digest", reference);
	if (!is_media_type(media_type))
		return work_refuse(c, call, "media type", media_type ? media_type : "none");
	if (reg_digest_compute(want.algorithm ? want.algorithm : REG_SHA256, bytes->data, bytes->size,
			       &have) < 0)
		return 0;
	if (want.algorithm && !reg_digest_equal(&want, &have))
		return work_refuse(c, call, "digest of this manifest", reference);
	if (asprintf(&scope, "repository:%s:pull,push", repository) < 0) {
		scope = NULL;
		return 0;
	}
	target.scope = scope;
	m = change_new(c, &class, &target);
	if (!m)
		return 0;
	m->digest = have;
	m->bytes = reg_bytes_ref(bytes);
	m->single = call->flags & REG_NO_REPEAT;
	m->media_type = strdup(media_type);
	if (!m->media_type) {
		work_free(&m->work);
		return 0;
	}
	return work_submit(&m->work, call);
}

/* ---- DELETE ---- */

/*
 * A registry that deletes by digest alone takes a tag for a digest, and a bad one (distribution 2). That is
 * no server's error but says what it cannot do, as UNSUPPORTED does.
 */
static int delete_errno(const struct change_work *m)
{
	const struct exchange *x = &m->work.x;

	if (!m->digest.algorithm && x->req.status == 400 && strcmp(x->error.code, "DIGEST_INVALID") == 0)
		return -EPERM;
	return x->err;
}

/* Of a login page, or whatever else a network puts before a registry: it has heard nothing of the removal. */
static bool is_page(const struct http_request *q)
{
	return q->status == 200 && q->body.size && strncmp(q->content_type, "text/html", 9) == 0;
}

static void on_deleted(struct exchange *x)
{
	static const int good[] = {200, 202, 204};
	struct change_work *m = container_of(x, struct change_work, work.x);
	const struct reg_result result = {.digest = m->digest};
	struct reg_error error = x->error;
	/* Not there any more after an attempt that got no answer: that was it. */
	const bool done = x->err == -ENOENT && x->doubt;

	if (m->digest.algorithm && (x->err == 0 || x->err == -ENOENT))
		cache_drop(m->work.client->cache, &m->digest);
	if (x->err < 0 && !done) {
		error.err = delete_errno(m);
		work_fail(&m->work, error.err, &error);
	} else if (!done && (!is_one_of(x->req.status, good, ARRAY_SIZE(good)) || is_page(&x->req))) {
		fail_status(m);
	} else {
		work_finish(&m->work, &result);
	}
}

static void delete_start(struct work *w)
{
	struct change_work *m = container_of(w, struct change_work, work);

	/* A digest stays gone; a tag may have been pushed anew by the time of another attempt. */
	w->x.once = !m->digest.algorithm;
	w->x.single = m->single;
	send(m, HTTP_DELETE, on_deleted);
}

uint64_t reg_manifest_delete(struct reg_client *c, const char *repository, const char *reference,
			     const struct reg_call *call)
{
	static const struct work_class class = {delete_start, change_done};
	struct work_target target = {"delete", repository, NULL, reference};
	struct reg_digest digest = {0};
	auto_free char *scope = NULL;
	struct change_work *m;

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	if (!parse_reference(reference, &digest))
		return work_refuse(c, call, "tag or digest", reference);
	if (asprintf(&scope, "repository:%s:delete", repository) < 0) {
		scope = NULL;
		return 0;
	}
	target.scope = scope;
	m = change_new(c, &class, &target);
	if (!m)
		return 0;
	m->digest = digest;
	m->single = call->flags & REG_NO_REPEAT;
	return work_submit(&m->work, call);
}
