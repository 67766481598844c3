/* SPDX-License-Identifier: MIT */
/* What a manifest points to: nothing that any reader might follow may be overlooked, and no guess is made. */
#include "storage/refs.h"

#include <errno.h>
#include <string.h>

#include "util/buf.h"

#include "unit.h"

#define HEX(c) c c c c c c c c c c c c c c c c
#define DIGEST(c) "\"digest\":\"sha256:" HEX(c) "\""
#define A DIGEST("aaaa")
#define B DIGEST("bbbb")
#define C DIGEST("cccc")
#define MANIFEST "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\""
#define INDEX "\"mediaType\":\"application/vnd.oci.image.index.v1+json\""
#define V2 "\"schemaVersion\":2"

/* Its references in letters: c child, g config, l layer, f foreign, s subject; each with its digest's digit.
 */
static void letters(const struct store *s, const struct store_manifest *m, char *ret)
{
	static const char roles[] = {
		[ROLE_CHILD] = 'c',   [ROLE_CONFIG] = 'g',  [ROLE_LAYER] = 'l',
		[ROLE_FOREIGN] = 'f', [ROLE_SUBJECT] = 's',
	};

	for (size_t i = 0; i < m->nrefs; i++) {
		*ret++ = roles[m->refs[i].role];
		*ret++ = "0123456789abcdef"[s->blobs[m->refs[i].blob]->digest.hash[0] & 15];
	}
	*ret = '\0';
}

static void test_what_it_names(void **state)
{
	static const struct {
		const char *json, *refs;
		enum reg_kind kind;
		const char *type;
	} cases[] = {
		{"{" V2 "," MANIFEST ",\"config\":{\"mediaType\":\"x/y\"," A ",\"size\":2},\"layers\":[{" B
		 ",\"size\":3},{" C "}]}",
		 "galblc", REG_KIND_MANIFEST, "x/y"},
		{"{" V2 ",\"artifactType\":\"art/type\",\"config\":{\"mediaType\":\"x/y\"," A
		 "},\"layers\":[],\"subject\":{" B "}}",
		 "gasb", REG_KIND_MANIFEST, "art/type"},
		{"{" V2 "," INDEX ",\"manifests\":[{" A "},{" B "," MANIFEST "}],\"subject\":{" C "}}",
		 "cacbsc", REG_KIND_INDEX, NULL},
		{"{" V2 "," INDEX ",\"manifests\":[]}", "", REG_KIND_INDEX, NULL},
		{"{" V2 "," INDEX ",\"manifests\":null}", "", REG_KIND_INDEX, NULL},
		{"{\"manifests\":[{" A "}]}", "ca", REG_KIND_INDEX, NULL},
		{"{" V2 ",\"config\":{" A "},\"layers\":null}", "ga", REG_KIND_MANIFEST, NULL},
		{"{" V2 ",\"config\":{" A "},\"subject\":null}", "ga", REG_KIND_MANIFEST, NULL},
		{"{" V2 "}", "", REG_KIND_MANIFEST, NULL},
		{"{\"mediaType\":\"application/vnd.oci.artifact.manifest.v1+json\",\"blobs\":[{" A
		 "}],\"artifactType\":\"sbom\"}",
		 "la", REG_KIND_MANIFEST, "sbom"},
		/* The same layer twice, as docker's schema 1 and empty layers have it. */
		{"{\"schemaVersion\":1,\"fsLayers\":[{\"blobSum\":\"sha256:" HEX(
			 "aaaa") "\"},{\"blobSum\":\"sha256:" HEX("aaaa") "\"}],\"history\":[{\"v1Compatibility\":\"{}\"}]}",
		 "lala", REG_KIND_SCHEMA1, NULL},
		/* One that clients may take for two things (CVE-2021-41190) names all of both. */
		{"{" V2 "," MANIFEST ",\"config\":{" A "},\"layers\":[{" B "}],\"manifests\":[{" C "}]}",
		 "galbcc", REG_KIND_INDEX, NULL},
		/* Layers that may be elsewhere. */
		{"{" V2 ",\"config\":{" A "},\"layers\":[{" B ",\"urls\":[\"https://x\"]},{" C
		 ",\"urls\":[]}]}",
		 "gafblc", REG_KIND_MANIFEST, NULL},
		{"{" V2
		 ",\"layers\":[{\"mediaType\":\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\"," B
		 "},{\"mediaType\":\"application/vnd.oci.image.layer.nondistributable.v1.tar\"," C "}]}",
		 "fbfc", REG_KIND_MANIFEST, NULL},
		/* BuildKit's cache: an index whose entries are layers. */
		{"{" V2 "," INDEX
		 ",\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\"," A
		 "},{\"mediaType\":\"application/vnd.buildkit.cacheconfig.v0\"," B "},{" C "}]}",
		 "lalbcc", REG_KIND_INDEX, NULL},
		/* Members of others, whatever their case, and members twice that nobody follows. */
		{"{" V2 ",\"config\":{" A
		 ",\"annotations\":{\"Size\":1,\"Digest\":2}},\"Annotations\":1,\"annotations\":2,"
		 "\"annotations\":3}",
		 "ga", REG_KIND_MANIFEST, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store_manifest *m = NULL;
		struct reg_error e = {0};
		struct store s;
		char have[64];

		store_init(&s);
		check_int(refs_parse(&s, cases[i].json, strlen(cases[i].json), &m, &e), 0, cases[i].json);
		letters(&s, m, have);
		check_text(have, cases[i].refs, cases[i].json);
		check_int(m->kind, cases[i].kind, cases[i].json);
		check_text(m->type, cases[i].type, cases[i].json);
		refs_free(m);
		store_done(&s);
	}
}

static void test_what_is_refused(void **state)
{
	static const struct {
		const char *json, *part; /* of the message */
	} cases[] = {
		{"", "no JSON"},
		{"[]", "no JSON object"},
		{"{" V2 "", "no JSON"},
		{"{" V2 "}x", "no JSON"},
		{"{}", "no manifest"},
		/* An image's config. */
		{"{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{},\"history\":[]}", "no manifest"},
		{"{\"architecture\":\"amd64\",\"config\":{\"Env\":[]},\"rootfs\":{}}", "config"},
		/* Twice: our reader takes the first one, Go's the last. */
		{"{" V2 ",\"layers\":[{" A "}],\"layers\":[{" B "}]}", "layers stands twice"},
		{"{" V2 ",\"config\":{" A "},\"config\":{" B "}}", "config stands twice"},
		{"{" V2 ",\"subject\":{" A "},\"subject\":null}", "subject stands twice"},
		{"{" V2 "," V2 "}", "schemaVersion stands twice"},
		{"{" V2 ",\"layers\":[{" A "," B "}]}", "layers[0].digest stands twice"},
		{"{" V2 ",\"layers\":[{" A "},{" B ",\"size\":1,\"size\":2}]}",
		 "layers[1].size stands twice"},
		{"{" V2 ",\"manifests\":[{" A ",\"platform\":{},\"platform\":{}}]}", "platform stands twice"},
		/* Go's reader takes these for what they look like. */
		{"{" V2 ",\"Layers\":[{" A "}]}", "Layers is layers but for its case"},
		{"{" V2 ",\"layers\":[],\"LAYERS\":[{" A "}]}", "but for its case"},
		{"{" V2 ",\"manife\xc5\xbfts\":[{" A "}]}", "but for its case"},
		{"{" V2 ",\"manife\\u017Fts\":[{" A "}]}", "but for its case"},
		{"{" V2 ",\"layers\":[{" A ",\"Digest\":\"sha256:" HEX("bbbb") "\"}]}", "but for its case"},
		{"{" V2 ",\"layers\":[{" A ",\"URLs\":[\"x\"]}]}", "but for its case"},
		/* What cannot be followed. */
		{"{" V2 ",\"config\":{\"size\":1}}", "cannot be followed"},
		{"{" V2 ",\"config\":{\"digest\":\"sha256:abc\"}}", "cannot be followed"},
		{"{" V2 ",\"layers\":[{\"digest\":\"sha384:" HEX("aaaa") HEX("aa") "\"}]}",
		 "cannot be followed"},
		{"{" V2 ",\"subject\":{\"digest\":7}}", "cannot be followed"},
		{"{" V2 ",\"fsLayers\":[{" A "}]}", "cannot be followed"},
		{"{" V2 ",\"layers\":{}}", "no array"},
		{"{" V2 ",\"layers\":[null]}", "no object"},
		{"{" V2 ",\"layers\":[\"x\"]}", "no object"},
		{"{" V2 ",\"config\":[]}", "no object"},
		{"{" V2 ",\"subject\":\"x\"}", "no object"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store_manifest *m = NULL;
		struct reg_error e = {0};
		struct store s;

		store_init(&s);
		check_int(refs_parse(&s, cases[i].json, strlen(cases[i].json), &m, &e), -EBADMSG,
			  cases[i].json);
		check_int(e.err, -EBADMSG, cases[i].json);
		if (!strstr(e.msg, cases[i].part))
			fail_msg("%s: '%s' does not say '%s'", cases[i].json, e.msg, cases[i].part);
		check_int(s.nblobs, 0, cases[i].json); /* nothing is half in the store */
		assert_null(m);
		store_done(&s);
	}
}

static void test_sizes(void **state)
{
	static const char json[] = "{" V2 ",\"layers\":[{" A ",\"size\":5000000000},{" A ",\"size\":0},{" A
				   "},{" A ",\"size\":-1},{" A ",\"size\":1.5},{" A ",\"size\":\"7\"}]}";
	static const int64_t sizes[] = {5000000000, 0, -1, -1, -1, -1};
	struct store_manifest *m;
	struct store s;

	(void)state;
	store_init(&s);
	assert_int_equal(refs_parse(&s, json, strlen(json), &m, NULL), 0);
	assert_int_equal(m->nrefs, ARRAY_SIZE(sizes));
	for (size_t i = 0; i < m->nrefs; i++)
		assert_int_equal(m->refs[i].size, sizes[i]);
	refs_free(m);
	store_done(&s);
}

static void test_platforms(void **state)
{
	static const char json[] =
		"{" V2 ",\"manifests\":[{" A
		",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}},{" B
		",\"platform\":{\"os\":\"linux\"}},{" C
		",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}},{" A
		",\"platform\":{\"os\":\"other\",\"architecture\":\"amd64\"}}]}";
	static const char *const want[] = {"linux/arm64/v8", NULL, "linux/amd64"};
	struct refs_platforms p = {0};
	struct store_manifest *m;
	struct store s;

	(void)state;
	store_init(&s);
	assert_int_equal(refs_parse_platforms(&s, json, strlen(json), &p, &m, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		check_text(p.items[m->refs[i].blob], want[i], "the first one said");
	refs_free(m);
	refs_platforms_done(&p);
	store_done(&s);
}

static void test_not_without_end(void **state)
{
	struct store_manifest *m;
	struct reg_error e = {0};
	struct store s;
	struct buf b;

	(void)state;
	store_init(&s);
	for (size_t n = 100000; n <= 100001; n++) {
		buf_init(&b, (size_t)64 << 20);
		assert_int_equal(buf_puts(&b, "{" V2 ",\"layers\":["), 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(buf_puts(&b, i ? ",{" A "}" : "{" A "}"), 0);
		assert_int_equal(buf_puts(&b, "]}"), 0);
		assert_int_equal(refs_parse(&s, b.data, b.size, &m, &e), n > 100000 ? -EBADMSG : 0);
		buf_done(&b);
		if (n == 100000)
			refs_free(m);
	}
	assert_non_null(strstr(e.msg, "more than"));
	store_done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_names),   cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_sizes),           cmocka_unit_test(test_platforms),
		cmocka_unit_test(test_not_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
