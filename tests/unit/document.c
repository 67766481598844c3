/* SPDX-License-Identifier: MIT */
#include "registry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define H1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define H3 "sha256:3333333333333333333333333333333333333333333333333333333333333333"

#define OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX "application/vnd.oci.image.index.v1+json"
#define OCI_ARTIFACT "application/vnd.oci.artifact.manifest.v1+json"
#define V2 "application/vnd.docker.distribution.manifest.v2+json"
#define LIST "application/vnd.docker.distribution.manifest.list.v2+json"
#define V1 "application/vnd.docker.distribution.manifest.v1+json"
#define V1JWS "application/vnd.docker.distribution.manifest.v1+prettyjws"

/* Cases are written with ' for ", since JSON in C is unreadable otherwise. */
static int parse(const char *text, const char *media_type, struct reg_document *d, struct reg_error *e)
{
	char *json = strdup(text);
	int r;

	assert_non_null(json);
	for (char *p = json; *p; p++)
		if (*p == '\'')
			*p = '"';
	r = reg_document_parse(json, strlen(json), media_type, d, e);
	free(json);
	return r;
}

#define CONFIG "'config':{'mediaType':'c','digest':'" H1 "','size':7}"
#define LAYERS "'layers':[{'mediaType':'l','digest':'" H2 "','size':1},{'digest':'" H3 "','size':2}]"
#define MANIFESTS "'manifests':[{'mediaType':'m','digest':'" H2 "','size':3}]"

static void kinds(void **state)
{
	static const struct {
		const char *text, *header;
		enum reg_kind kind;
		const char *media_type;
		size_t nitems;
		const char *why;
	} cases[] = {
		{"{'schemaVersion':2,'mediaType':'" V2 "'," CONFIG "," LAYERS "}", V2, REG_KIND_MANIFEST, V2,
		 2, "docker"},
		{"{'schemaVersion':2,'mediaType':'" OCI_MANIFEST "'," CONFIG "," LAYERS "}", NULL,
		 REG_KIND_MANIFEST, OCI_MANIFEST, 2, "OCI"},
		{"{'schemaVersion':2,'mediaType':'" LIST "'," MANIFESTS "}", LIST, REG_KIND_INDEX, LIST, 1,
		 "list"},
		{"{'schemaVersion':2,'mediaType':'" OCI_INDEX "'," MANIFESTS "}", NULL, REG_KIND_INDEX,
		 OCI_INDEX, 1, "index"},
		{"{'mediaType':'" OCI_MANIFEST "'," CONFIG "," LAYERS "}", V2, REG_KIND_MANIFEST,
		 OCI_MANIFEST, 2, "its own type wins over the header"},
		{"{" CONFIG "," LAYERS "}", V2 "; charset=utf-8", REG_KIND_MANIFEST, V2, 2,
		 "header with parameters"},
		{"{" CONFIG "," LAYERS "}", "  APPLICATION/VND.OCI.image.manifest.v1+JSON", REG_KIND_MANIFEST,
		 OCI_MANIFEST, 2, "header in capitals"},
		{"{" MANIFESTS "}", "application/json", REG_KIND_INDEX, OCI_INDEX, 1,
		 "header that says little"},
		{"{" MANIFESTS "}", NULL, REG_KIND_INDEX, OCI_INDEX, 1, "index by structure"},
		{"{" CONFIG "," LAYERS "}", "", REG_KIND_MANIFEST, OCI_MANIFEST, 2, "manifest by structure"},
		{"{" CONFIG "," LAYERS "}", ";", REG_KIND_MANIFEST, OCI_MANIFEST, 2, "header without a type"},
		{"{" CONFIG "}", NULL, REG_KIND_MANIFEST, OCI_MANIFEST, 0, "by its config alone"},
		{"{'mediaType':'application/x'," CONFIG "}", V2, REG_KIND_MANIFEST, "application/x", 0,
		 "unknown own type"},
		{"{'mediaType':5," CONFIG "}", V2, REG_KIND_MANIFEST, V2, 0, "own type that is no string"},
		{"{'mediaType':'" OCI_ARTIFACT "','blobs':[{'digest':'" H2 "','size':1}]}", NULL,
		 REG_KIND_MANIFEST, OCI_ARTIFACT, 1, "artifact"},
		{"{'blobs':[{'digest':'" H2 "','size':1}]}", NULL, REG_KIND_MANIFEST, OCI_ARTIFACT, 1,
		 "artifact by structure"},
		{"{'mediaType':'" OCI_ARTIFACT "'}", NULL, REG_KIND_MANIFEST, OCI_ARTIFACT, 0,
		 "artifact without blobs"},
		{"{'mediaType':'" OCI_INDEX "','manifests':null}", NULL, REG_KIND_INDEX, OCI_INDEX, 0,
		 "null manifests"},
		{"{'mediaType':'" OCI_INDEX "','manifests':[]}", NULL, REG_KIND_INDEX, OCI_INDEX, 0,
		 "no manifests"},
		{"{'mediaType':'" OCI_MANIFEST "'," CONFIG ",'layers':null}", NULL, REG_KIND_MANIFEST,
		 OCI_MANIFEST, 0, "null layers"},
		{"{" CONFIG ",'layers':[],'manifests':[]}", V2, REG_KIND_MANIFEST, V2, 0,
		 "empty manifests do no harm"},
		{"{" MANIFESTS ",'config':null,'layers':[],'blobs':null}", OCI_INDEX, REG_KIND_INDEX,
		 OCI_INDEX, 1, "empty layers do no harm"},
		{"{'schemaVersion':1,'history':[]}", NULL, REG_KIND_SCHEMA1, V1, 0, "schema 1 by structure"},
		{"{'schemaVersion':1,'fsLayers':[]}", V1JWS, REG_KIND_SCHEMA1, V1JWS, 0,
		 "schema 1 by its header"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error e = {0};
		struct reg_document d;
		const int r = parse(cases[i].text, cases[i].header, &d, &e);

		if (r)
			fail_msg("%s: %d %s", cases[i].why, r, e.msg);
		check_int(d.kind, cases[i].kind, cases[i].why);
		check_text(d.media_type, cases[i].media_type, cases[i].why);
		check_int(d.nitems, cases[i].nitems, cases[i].why);
		reg_document_done(&d);
	}
}

static void refused(void **state)
{
	static const struct {
		const char *text, *header, *hint, *why;
	} cases[] = {
		{"", NULL, "JSON", "empty"},
		{"[]", NULL, "JSON", "array"},
		{"null", V2, "JSON", "null"},
		{"{", V2, "JSON", "cut off"},
		{"<html>", "text/html", "JSON", "HTML"},
		{"{}", NULL, "neither", "nothing"},
		{"{}", "application/json", "neither", "nothing, with a type that says little"},
		{"{'schemaVersion':2}", NULL, "neither", "a version alone"},
		{"{'Config':{},'LAYERS':[]}", NULL, "neither", "names in another case"},
		{"{}", V2, "without a config", "a type alone"},
		{"{}", OCI_INDEX, "without manifests", "a type alone"},
		{"{" LAYERS "}", V2, "without a config", "no config"},
		{"{'config':null," LAYERS "}", V2, "without a config", "null config"},
		{"{'config':[]," LAYERS "}", V2, "config is no object", "config that is an array"},
		{"{'config':{}," LAYERS "}", V2, "config has no valid digest", "empty config"},
		{"{'config':{'digest':'" H1 "'}}", V2, "config has no valid size", "no size"},
		{"{'config':{'digest':'" H1 "','size':-1}}", V2, "config has no valid size", "negative size"},
		{"{'config':{'digest':'" H1 "','size':1.5}}", V2, "config has no valid size", "half a byte"},
		{"{'config':{'digest':'" H1 "','size':'7'}}", V2, "config has no valid size",
		 "size in a string"},
		{"{'config':{'digest':'" H1 "','size':1e300}}", V2, "config has no valid size", "huge size"},
		{"{'config':{'digest':'sha256:x','size':7}}", V2, "config has no valid digest", "bad digest"},
		{"{'config':{'digest':7,'size':7}}", V2, "config has no valid digest",
		 "digest that is a number"},
		{"{" CONFIG ",'layers':{}}", V2, "layers is no array", "layers that are an object"},
		{"{" CONFIG ",'layers':[null]}", V2, "layers[0] is no object", "null layer"},
		{"{" CONFIG ",'layers':[{'digest':'" H1 "','size':1},{'size':1}]}", V2,
		 "layers[1] has no valid digest", "second layer"},
		{"{'manifests':'x'}", OCI_INDEX, "manifests is no array", "manifests that are a string"},
		{"{'manifests':[{'digest':'../../x','size':1}]}", OCI_INDEX,
		 "manifests[0] has no valid digest", "path"},
		{"{" CONFIG "," LAYERS "," MANIFESTS "}", NULL, "both", "both, no type"},
		{"{" CONFIG "," LAYERS "," MANIFESTS "}", V2, "both", "both, as a manifest"},
		{"{" CONFIG "," LAYERS "," MANIFESTS "}", OCI_INDEX, "both", "both, as an index"},
		{"{" CONFIG "," MANIFESTS "}", OCI_INDEX, "both", "config and manifests"},
		{"{'mediaType':'" OCI_INDEX "'," CONFIG "," LAYERS "}", V2, "contradicts",
		 "own type index, a manifest"},
		{"{'mediaType':'" V2 "'," MANIFESTS "}", LIST, "contradicts", "own type manifest, an index"},
		{"{" CONFIG "," LAYERS "}", LIST, "contradicts", "header index, a manifest"},
		{"{" MANIFESTS "}", V2, "contradicts", "header manifest, an index"},
		{"{'schemaVersion':1,'history':[]," CONFIG "}", V1, "contradicts", "schema 1 with a config"},
		{"{" CONFIG ",'subject':{'digest':'x','size':1}}", V2, "subject has no valid digest",
		 "bad subject"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_document d = {.nitems = 42};
		struct reg_error e = {0};

		check_int(parse(cases[i].text, cases[i].header, &d, &e), -EBADMSG, cases[i].why);
		check_int(e.err, -EBADMSG, cases[i].why);
		if (!strstr(e.msg, cases[i].hint))
			fail_msg("%s: no '%s' in '%s'", cases[i].why, cases[i].hint, e.msg);
		check_int(d.nitems, 42, cases[i].why);
	}
}

static void manifest(void **state)
{
	static const char text[] =
		"{'mediaType':'" OCI_MANIFEST "'," CONFIG "," LAYERS ",'artifactType':'application/x',"
		"'subject':{'mediaType':'s','digest':'" H3 "','size':9007199254740992},"
		"'annotations':{'a':'1','b':2,'c':null,'d':'','A':'other'}}";
	struct reg_document d;
	char digest[REG_DIGEST_MAX];

	(void)state;
	assert_int_equal(parse(text, NULL, &d, NULL), 0);
	assert_string_equal(reg_digest_text(&d.config.digest, digest), H1);
	assert_int_equal(d.config.size, 7);
	assert_string_equal(d.config.media_type, "c");
	assert_string_equal(reg_digest_text(&d.items[0].digest, digest), H2);
	assert_string_equal(d.items[0].media_type, "l");
	assert_null(d.items[1].media_type);
	assert_int_equal(d.items[1].size, 2);
	assert_false(d.items[0].attestation);
	assert_string_equal(reg_digest_text(&d.subject.digest, digest), H3);
	assert_true(d.subject.size == 9007199254740992);
	assert_string_equal(d.artifact_type, "application/x");
	assert_int_equal(d.annotations.count, 3);
	assert_string_equal(reg_pairs_get(&d.annotations, "a"), "1");
	assert_string_equal(reg_pairs_get(&d.annotations, "A"), "other");
	assert_string_equal(reg_pairs_get(&d.annotations, "d"), "");
	assert_null(reg_pairs_get(&d.annotations, "b"));
	assert_null(reg_pairs_get(&d.annotations, "c"));
	assert_false(d.has_created);
	reg_document_done(&d);
	reg_document_done(&d); /* empty now */

	assert_int_equal(parse("{" CONFIG ",'subject':null,'annotations':[]}", V2, &d, NULL), 0);
	assert_int_equal(d.subject.digest.algorithm, 0);
	assert_int_equal(d.annotations.count, 0);
	assert_null(d.artifact_type);
	reg_document_done(&d);
}

#define ITEM(rest) "{'digest':'" H1 "','size':1" rest "}"

static void index_platforms(void **state)
{
	static const char text[] =
		"{'manifests':[" ITEM(",'platform':{'os':'linux','architecture':'arm64','variant':'v8'}") "," ITEM(",'platform':{'os':'unknown','architecture':'unknown'}") "," ITEM(",'platform':{'os':'linux','architecture':'unknown'}") "," ITEM(",'annotations':{'vnd.docker.reference.type':'attestation-manifest'}") "," ITEM(
			",'annotations':{'vnd.docker.reference.type':'other'}") "," ITEM(",'platform':{'os':'li\\nnux','architecture':'\\u001b[0m','variant':7}") "," ITEM(",'platform':{'os':'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','architecture':'amd64'}") "," ITEM(",'platform':null") "]}";
	static const struct {
		const char *os, *architecture, *variant;
		bool attestation;
	} expected[] = {
		{"linux", "arm64", "v8", false},
		{"unknown", "unknown", "", true},
		{"linux", "unknown", "", false},
		{"", "", "", true},
		{"", "", "", false},
		{"", "", "", false},
		{"", "amd64", "", false},
		{"", "", "", false},
	};
	struct reg_document d;

	(void)state;
	assert_int_equal(parse(text, OCI_INDEX, &d, NULL), 0);
	assert_int_equal(d.nitems, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(d.items[i].platform.os, expected[i].os);
		assert_string_equal(d.items[i].platform.architecture, expected[i].architecture);
		assert_string_equal(d.items[i].platform.variant, expected[i].variant);
		assert_int_equal(d.items[i].attestation, expected[i].attestation);
	}
	assert_int_equal(d.config.digest.algorithm, 0);
	reg_document_done(&d);
}

static void schema1(void **state)
{
	static const char text[] =
		"{\"schemaVersion\":1,\"name\":\"a\",\"tag\":\"b\",\"fsLayers\":[{\"blobSum\":\"" H1
		"\"}],\"history\":["
		"{\"v1Compatibility\":\"{\\\"created\\\":\\\"2015-01-01T00:00:00Z\\\"}\"},"
		"{\"v1Compatibility\":\"{\\\"created\\\":\\\"2016-01-01T00:00:00.5Z\\\"}\"},"
		"{\"v1Compatibility\":\"{\\\"created\\\":\\\"2016-01-01T00:00:00.25Z\\\"}\"},"
		"{\"v1Compatibility\":\"{\\\"created\\\":\\\"yesterday\\\"}\"},"
		"{\"v1Compatibility\":\"not JSON\"},{\"v1Compatibility\":7},{},null,[]]}";
	struct reg_document d;

	(void)state;
	assert_int_equal(reg_document_parse(text, strlen(text), V1JWS, &d, NULL), 0);
	assert_int_equal(d.kind, REG_KIND_SCHEMA1);
	assert_true(d.has_created);
	assert_int_equal(d.created.tv_sec, 1451606400);
	assert_int_equal(d.created.tv_nsec, 500000000);
	assert_int_equal(d.nitems, 0);
	reg_document_done(&d);
	assert_int_equal(parse("{'schemaVersion':1,'history':null}", V1, &d, NULL), 0);
	assert_false(d.has_created);
	reg_document_done(&d);
}

/* 100,000 layers are read, one more is refused. */
static void many(void **state)
{
	static const char item[] = "{\"digest\":\"" H1 "\",\"size\":1},";
	char *text = malloc(100 + 100001 * sizeof(item)), *p;
	struct reg_document d;

	(void)state;
	assert_non_null(text);
	for (int more = 0; more < 2; more++) {
		p = stpcpy(text, "{\"manifests\":[");
		for (int i = 0; i < 100000 + more; i++)
			p = stpcpy(p, item);
		strcpy(p - 1, "]}");
		assert_int_equal(reg_document_parse(text, strlen(text), NULL, &d, NULL), more ? -EBADMSG : 0);
		if (!more) {
			assert_int_equal(d.nitems, 100000);
			reg_document_done(&d);
		}
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),           cmocka_unit_test(refused), cmocka_unit_test(manifest),
		cmocka_unit_test(index_platforms), cmocka_unit_test(schema1), cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
