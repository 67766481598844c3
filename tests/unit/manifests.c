/* SPDX-License-Identifier: MIT */
/* Manifests by tag and by digest, over a scripted registry. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scripted.h"
#include "unit.h"

#define BODY "{\"schemaVersion\":2}"
#define OTHER "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TYPE "Content-Type: application/vnd.oci.image.manifest.v1+json; charset=utf-8\n"

static char digest[REG_DIGEST_MAX], digest512[REG_DIGEST_MAX];

struct scene {
	const char *why;
	const char *reference;     /* "@": the body's digest */
	const char *known, *body;  /* body NULL: BODY */
	bool head;
	const char *stated;        /* Docker-Content-Digest: "@" the right one, "512" likewise, NULL: none */
	int status, err;
	const char *want;          /* the digest of the answer: "@", "512", or as it is; NULL: none */
	bool not_modified;
};

static const struct scene scenes[] = {
	{"by tag", "v1", NULL, NULL, false, "@", 200, 0, "@", false},
	{"the registry states nothing", "v1", NULL, NULL, false, NULL, 200, 0, "@", false},
	{"the registry states nonsense", "v1", NULL, NULL, false, "sha256:1", 200, 0, "@", false},
	{"the registry states another digest", "v1", NULL, NULL, false, OTHER, 200, -EBADMSG, NULL, false},
	{"the registry states sha512", "v1", NULL, NULL, false, "512", 200, 0, "512", false},
	{"by digest", "@", NULL, NULL, false, "@", 200, 0, "@", false},
	{"by sha512", "512", NULL, NULL, false, NULL, 200, 0, "512", false},
	{"by digest, and other bytes come", "@", NULL, "{}", false, "@", 200, -EBADMSG, NULL, false},
	{"by digest, and the registry states what came", "@", NULL, "{}", false, OTHER, 200, -EBADMSG, NULL,
	 false},
	{"no bytes", "@", NULL, "", false, NULL, 200, -EBADMSG, NULL, false},
	{"no bytes by tag", "v1", NULL, "", false, NULL, 200, 0,
	 "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false},
	{"not there", "v1", NULL, NULL, false, NULL, 404, -ENOENT, NULL, false},
	{"known, and still so", "v1", OTHER, "", false, NULL, 304, 0, OTHER, true},
	{"known, and no more so", "v1", OTHER, NULL, false, "@", 200, 0, "@", false},
	{"a redirect to nowhere has no bytes of the tag", "v1", NULL, "", false, NULL, 302, -EIO, NULL, false},
	{"nor has one of many choices", "v1", OTHER, "<html>", false, NULL, 300, -EIO, NULL, false},
	{"nor what is not modified, and was not known", "v1", NULL, "", false, NULL, 304, -EIO, NULL, false},
	{"known, and gone", "v1", OTHER, NULL, false, NULL, 404, -ENOENT, NULL, false},
	{"HEAD", "v1", NULL, "", true, "@", 200, 0, "@", false},
	{"HEAD by digest", "@", NULL, "", true, "@", 200, 0, "@", false},
};

static const char *resolve(const char *text)
{
	return !text ? "" : strcmp(text, "@") == 0 ? digest : strcmp(text, "512") == 0 ? digest512 : text;
}

static void check_answer(const struct scene *scene, const struct answer *a)
{
	check_int(a->err, scene->err, scene->why);
	if (a->err) {
		check(!a->has_bytes && a->error.msg[0], scene->why);
		check_int(a->error.status, scene->status, scene->why);
		return;
	}
	check_text(a->digest_text, resolve(scene->want), scene->why);
	check_int(a->not_modified, scene->not_modified, scene->why);
	check_int(a->has_bytes, !scene->not_modified && !scene->head, scene->why);
	check_text(a->media_type, "application/vnd.oci.image.manifest.v1+json", scene->why);
	if (scene->head)
		check_int(a->size, 4711, scene->why);
	if (a->has_bytes)
		check_text(a->bytes, scene->body ? scene->body : BODY, scene->why);
	if (a->has_bytes)
		check_int(a->size, strlen(a->bytes), scene->why);
}

static void run(const struct scene *scene)
{
	char request[300], headers[400], etag[REG_DIGEST_MAX + 2];
	struct script_row row = {
		.request = request, .headers = headers, .status = scene->status,
		.body = scene->body ? scene->body : scene->status < 400 ? BODY : NULL,
	};
	struct reg_digest known;
	struct reg_call call;
	struct script *s;
	struct answer a;

	snprintf(request, sizeof(request), "%s /v2/a/b/manifests/%s", scene->head ? "HEAD" : "GET",
		 resolve(scene->reference));
	snprintf(headers, sizeof(headers), TYPE "Content-Length: 4711\n%s%s\n",
		 scene->stated ? "Docker-Content-Digest: " : "", resolve(scene->stated));
	if (scene->known) {
		snprintf(etag, sizeof(etag), "\"%s\"", scene->known);
		row.if_none_match = etag;
		assert_true(reg_digest_parse(scene->known, &known));
	}
	print_message("             %s\n", scene->why);
	s = script_start(&row, 1, NULL, NULL);
	call = answer_call(&a, s, 0);
	if (scene->head)
		check(reg_manifest_head(script_client(s), "a/b", resolve(scene->reference), &call),
			scene->why);
	else
		check(reg_manifest(script_client(s), "a/b", resolve(scene->reference),
			scene->known ? &known : NULL, &call),
		      scene->why);
	answer_wait(&a);
	script_finish(s);
	check_answer(scene, &a);
}

static void table(void **state)
{
	struct reg_digest d;

	(void)state;
	digest_of(BODY, digest);
	assert_int_equal(reg_digest_compute(REG_SHA512, BODY, strlen(BODY), &d), 0);
	reg_digest_text(&d, digest512);
	for (size_t k = 0; k < ARRAY_SIZE(scenes); k++)
		run(&scenes[k]);
}

/* What was read by tag is there by digest,
	with its type; by digest there is no entity tag: it never changes. */
static void from_memory(void **state)
{
	static const struct script_row rows[] = {
		{.request = "GET /v2/a/manifests/v1", .status = 200, .headers = TYPE, .body = BODY,
		 .times = 2},
	};
	struct script *s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	struct answer a;
	struct reg_call call = answer_call(&a, s, 0);
	struct reg_digest d;

	(void)state;
	digest_of(BODY, digest);
	assert_true(reg_digest_parse(digest, &d));
	assert_true(reg_manifest(script_client(s), "a", "v1", NULL, &call));
	answer_wait(&a);
	call = answer_call(&a, s, 0);
	assert_true(reg_manifest(script_client(s), "a", digest, &d, &call));
	answer_wait(&a);
	assert_int_equal(a.err, 0);
	assert_string_equal(a.bytes, BODY);
	assert_string_equal(a.digest_text, digest);
	assert_string_equal(a.media_type, "application/vnd.oci.image.manifest.v1+json");
	assert_int_equal(a.size, strlen(BODY));
	assert_false(a.not_modified);
	call = answer_call(&a, s, 0);
	assert_true(reg_manifest(script_client(s), "a", "v1", NULL, &call)); /* a tag may move: asked again */
	answer_wait(&a);
	script_finish(s);
}

/* By digest as well: it may have been removed. A tag that is known may still be answered as it was. */
static void fresh(void **state)
{
	char get[200], etag[REG_DIGEST_MAX + 2];
	const struct script_row rows[] = {
		{.request = "GET /v2/a/manifests/v1", .status = 200, .headers = TYPE, .body = BODY},
		{.request = get, .fresh = true, .status = 200, .headers = TYPE, .body = BODY},
		{.request = get, .fresh = true, .status = 404},
		{.request = "GET /v2/a/manifests/v1", .if_none_match = etag, .fresh = true, .status = 304},
		{.request = "HEAD /v2/a/manifests/v1", .fresh = true, .status = 404},
		{.request = "GET /v2/a/manifests/v1", .fresh = true, .status = 404},
	};
	static const int want[] = {0, 0, -ENOENT, 0, -ENOENT};
	struct script *s;
	struct answer a;
	struct reg_digest d;

	(void)state;
	digest_of(BODY, digest);
	assert_true(reg_digest_parse(digest, &d));
	snprintf(get, sizeof(get), "GET /v2/a/manifests/%s", digest);
	snprintf(etag, sizeof(etag), "\"%s\"", digest);
	s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	for (size_t k = 0; k < ARRAY_SIZE(want); k++) {
		const struct reg_call call = answer_call(&a, s, k ? REG_FRESH : 0);
		struct reg_client *c = script_client(s);

		if (k == 4)
			assert_true(reg_manifest_head(c, "a", "v1", &call));
		else
			assert_true(reg_manifest(c, "a", k == 1 || k == 2 ? digest : "v1", k == 3 ? &d : NULL,
						 &call));
		answer_wait(&a);
		assert_int_equal(a.err, want[k]);
		assert_int_equal(a.not_modified, k == 3);
	}
	script_finish(s);
}

static void too_large(void **state)
{
	char *body = malloc(REG_MAX_MANIFEST + 2);
	struct script_row row = {.request = "GET /v2/a/manifests/v1", .status = 200, .body = body};
	struct script *s;
	struct answer a;
	struct reg_call call;

	(void)state;
	assert_non_null(body);
	memset(body, ' ', REG_MAX_MANIFEST + 1);
	body[REG_MAX_MANIFEST + 1] = '\0';
	s = script_start(&row, 1, NULL, NULL);
	call = answer_call(&a, s, 0);
	assert_true(reg_manifest(script_client(s), "a", "v1", NULL, &call));
	answer_wait(&a);
	script_finish(s);
	free(body);
	assert_int_equal(a.err, -EFBIG);
}

#define HEAD "HEAD /v2/a/manifests/v1"
#define GET "GET /v2/a/manifests/v1"

/* HEAD does not say what is there: GET does, and from then on it alone is asked. */
static void head_by_get(void **state)
{
	static const struct {
		const char *why;
		int err;
		struct script_row rows[3];
		bool again; /* a second HEAD is asked for */
	} cases[] = {
		{"404", 0, {{HEAD, .status = 404}, {GET, .status = 200, .body = BODY, .times = 2}}, true},
		{"405", 0, {{HEAD, .status = 405}, {GET, .status = 200, .body = BODY, .times = 2}}, true},
		{"400", 0, {{HEAD, .status = 400}, {GET, .status = 200, .body = BODY}}, false},
		{"no digest", 0, {{HEAD, .status = 200}, {GET, .status = 200, .body = BODY, .times = 2}}, true},
		{"it is not there", -ENOENT, {{HEAD, .status = 404, .times = 2}, {GET, .status = 404, .times = 2}},
		 true},
		{"GET fails", -EIO, {{HEAD, .status = 404}, {GET, .status = 501}}, false},
		{"no access", -EACCES, {{HEAD, .status = 403}}, false},
	};

	(void)state;
	digest_of(BODY, digest);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct script *s = script_start(cases[k].rows, cases[k].rows[1].request ? 2 : 1, NULL, NULL);
		struct answer a;

		for (int i = 0; i <= cases[k].again; i++) {
			const struct reg_call call = answer_call(&a, s, 0);

			assert_true(reg_manifest_head(script_client(s), "a", "v1", &call));
			answer_wait(&a);
			check_int(a.err, cases[k].err, cases[k].why);
			check_text(a.digest_text, cases[k].err ? "" : digest, cases[k].why);
			check(!a.has_bytes, cases[k].why);
		}
		script_finish(s);
	}
}

/* Where HEAD has named a digest, its 404 needs no second opinion. */
static void head_is_trusted(void **state)
{
	char stated[300];
	const struct script_row rows[] = {
		{.request = HEAD, .status = 200, .headers = stated},
		{.request = "HEAD /v2/a/manifests/v2", .status = 404},
	};
	struct script *s;
	struct answer a;
	struct reg_call call;

	(void)state;
	snprintf(stated, sizeof(stated), TYPE "Docker-Content-Digest: %s\n", digest_of(BODY, digest));
	s = script_start(rows, ARRAY_SIZE(rows), NULL, NULL);
	for (int i = 1; i <= 2; i++) {
		call = answer_call(&a, s, 0);
		assert_true(reg_manifest_head(script_client(s), "a", i == 1 ? "v1" : "v2", &call));
		answer_wait(&a);
		assert_int_equal(a.err, i == 1 ? 0 : -ENOENT);
	}
	script_finish(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table), cmocka_unit_test(from_memory), cmocka_unit_test(fresh),
		cmocka_unit_test(too_large), cmocka_unit_test(head_by_get), cmocka_unit_test(head_is_trusted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
