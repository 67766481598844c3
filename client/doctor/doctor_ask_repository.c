/* SPDX-License-Identifier: MIT */
/* The questions about one repository: its manifests and blobs, and what may be removed from it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "accept.h"
#include "doctor/doctor_inner.h"
#include "util/random.h"

/* ---- reading ---- */

static void judge(struct doctor_ability *a)
{
	a->can = a->err == 0                                       ? CAN_YES
		 : a->error.status >= 400 && a->error.status < 500 ? CAN_NO
								   : CAN_UNKNOWN;
}

static int ask_manifest(struct asking *a, enum http_method method, const char *reference,
			struct reg_probe_answer *answer, struct doctor_ability *ability)
{
	char path[REG_PATH_MAX], scope[REG_PATH_MAX];
	const struct reg_probe p = {
		.method = method,
		.path = path,
		.scope = scope,
		.accept = reg_accept_manifests,
		.max_body = REG_MAX_MANIFEST,
	};
	int r;

	snprintf(path, sizeof(path), "/v2/%s/manifests/%s", a->doctor->repository, reference);
	snprintf(scope, sizeof(scope), "repository:%s:pull", a->doctor->repository);
	r = doctor_probe(a, &p, answer, ability);
	judge(ability);
	return r;
}

static int ask_head(struct asking *a)
{
	struct doctor_manifests *m = &a->doctor->manifests;
	struct reg_probe_answer answer;
	const int r = ask_manifest(a, HTTP_HEAD, a->doctor->tag, &answer, &m->head);

	m->digest_on_head = m->head.can == CAN_YES && answer.digest[0];
	reg_probe_answer_done(&answer);
	return r;
}

static bool is_digest_of(const char *text, const struct buf *body)
{
	struct reg_digest said, have;

	return reg_digest_parse(text, &said) &&
	       reg_digest_compute(said.algorithm, body->data, body->size, &have) == 0 &&
	       reg_digest_equal(&said, &have);
}

/* The first blob that hangs from it; of an index, the manifest to ask for next in *ret_child. */
static int first_blob(const struct reg_probe_answer *answer, struct reg_digest *ret_blob,
		      struct reg_digest *ret_child, struct reg_error *error)
{
	struct reg_platform host;
	struct reg_document d;
	int item, r;

	r = reg_document_parse(answer->body.data, answer->body.size, answer->content_type, &d, error);
	if (r < 0)
		return r;
	reg_platform_host(&host);
	if (d.kind == REG_KIND_INDEX) {
		item = reg_platform_select(&d, &host);
		if (item >= 0)
			*ret_child = d.items[item].digest;
	} else {
		*ret_blob = d.nitems ? d.items[0].digest : d.config.digest;
	}
	reg_document_done(&d);
	return 0;
}

static int ask_tag(struct asking *a, struct reg_digest *ret_digest, struct reg_digest *ret_blob)
{
	struct doctor_manifests *m = &a->doctor->manifests;
	struct doctor_ability ignored;
	struct reg_probe_answer answer;
	struct reg_digest child = {0};
	char text[REG_DIGEST_MAX];
	int r = ask_manifest(a, HTTP_GET, a->doctor->tag, &answer, &m->get);

	if (r == 0 && m->get.can == CAN_YES) {
		m->digest_on_get = answer.digest[0];
		m->digest_is_right = m->digest_on_get && is_digest_of(answer.digest, &answer.body);
		r = reg_digest_compute(REG_SHA256, answer.body.data, answer.body.size, ret_digest);
		/* A page of a web server is no manifest, for all its status. */
		m->get.err = first_blob(&answer, ret_blob, &child, &m->get.error);
		m->get.can = m->get.err < 0 ? CAN_NO : CAN_YES;
		m->index = child.algorithm;
	}
	reg_probe_answer_done(&answer);
	if (r < 0 || !child.algorithm)
		return r;
	r = ask_manifest(a, HTTP_GET, reg_digest_text(&child, text), &answer, &ignored);
	if (r == 0 && ignored.err == 0)
		(void)first_blob(&answer, ret_blob, &child, NULL);
	reg_probe_answer_done(&answer);
	return r;
}

static int ask_blob(struct asking *a, const struct reg_digest *digest)
{
	struct doctor_blobs *b = &a->doctor->blobs;
	char path[REG_PATH_MAX], scope[REG_PATH_MAX], text[REG_DIGEST_MAX];
	const struct reg_probe p = {.path = path, .scope = scope, .first_byte = true, .max_body = 4096};
	struct reg_probe_answer answer;
	int r;

	snprintf(path, sizeof(path), "/v2/%s/blobs/%s", a->doctor->repository, reg_digest_text(digest, text));
	snprintf(scope, sizeof(scope), "repository:%s:pull", a->doctor->repository);
	r = doctor_probe(a, &p, &answer, &b->get);
	judge(&b->get);
	b->ranges = answer.status == 206;
	if (answer.facts.redirects && strcmp(answer.facts.origin, a->doctor->url) != 0)
		snprintf(b->origin, sizeof(b->origin), "%s", answer.facts.origin);
	reg_probe_answer_done(&answer);
	return r;
}

static int ask_referrers(struct asking *a, const struct reg_digest *digest)
{
	struct doctor_ability *can = &a->doctor->referrers;
	struct reg_probe_answer answer;
	char scope[REG_PATH_MAX], text[REG_DIGEST_MAX];
	int r;

	snprintf(scope, sizeof(scope), "repository:%s:pull", a->doctor->repository);
	r = doctor_get(a, scope, &answer, can, "/v2/%s/referrers/%s", a->doctor->repository,
		       reg_digest_text(digest, text));
	judge(can);
	reg_probe_answer_done(&answer);
	return r;
}

/* ---- removing ---- */

/* To remove what nobody has pushed harms nothing: see fs/abilities.c, which asks the same before it removes.
 */
static int ask_delete(struct asking *a, const char *what, struct doctor_ability *ability)
{
	struct answer end;
	const struct reg_call call = together_call(&a->together, &end, 0);
	char name[REG_DIGEST_MAX], unique[RANDOM_HEX + 1];

	random_hex(unique);
	snprintf(name, sizeof(name), "%s%s", what, unique);
	together_made(&end, reg_manifest_delete(a->client, a->doctor->repository, name, &call));
	together_wait(&a->together);
	ability->err = end.err;
	ability->error = end.error;
	answer_done(&end);
	return end.err == -ENOMEM ? -ENOMEM : 0;
}

/* A page of a proxy that knows no DELETE says 404 as well, but has no code of a registry. */
static bool is_not_found(const struct doctor_ability *a)
{
	return a->err == -ENOENT && a->error.code[0];
}

static int ask_removing(struct asking *a)
{
	struct doctor_ability *digest = &a->doctor->delete_digest, *tag = &a->doctor->delete_tag;
	int r = ask_delete(a, "sha256:", digest);

	if (is_not_found(digest))
		digest->can = CAN_YES;
	else if (digest->err == -EPERM || digest->err == -EROFS || digest->err == -EACCES)
		digest->can = CAN_NO;
	if (r < 0 || digest->can == CAN_NO)
		return r;
	r = ask_delete(a, "regfs-probe-", tag);
	if (is_not_found(tag))
		tag->can = CAN_YES;
	else if (tag->err == -ENOENT || tag->err == -EPERM || tag->err == -EACCES ||
		 tag->error.status == 400 || tag->error.status == 501)
		tag->can = CAN_NO;
	return r;
}

static int ask_upload(struct asking *a)
{
	struct doctor_ability *can = &a->doctor->upload;
	struct answer end;
	const struct reg_call call = together_call(&a->together, &end, 0);

	together_made(&end, reg_upload_try(a->client, a->doctor->repository, &call));
	together_wait(&a->together);
	can->err = end.err;
	can->error = end.error;
	judge(can);
	answer_done(&end);
	return end.err == -ENOMEM ? -ENOMEM : 0;
}

int doctor_ask_repository(struct asking *a)
{
	struct reg_digest digest = {0}, blob = {0};
	int r = 0;

	if (a->doctor->tag[0])
		r = ask_tag(a, &digest, &blob);
	if (r == 0 && a->doctor->tag[0])
		r = ask_head(a);
	if (r == 0 && blob.algorithm)
		r = ask_blob(a, &blob);
	if (r == 0 && digest.algorithm)
		r = ask_referrers(a, &digest);
	if (r == 0 && !a->options->only_read && a->doctor->tags.ability.can == CAN_YES)
		r = ask_removing(a);
	if (r == 0 && a->options->push && a->doctor->tags.ability.can == CAN_YES)
		r = ask_upload(a);
	return r;
}
