/* SPDX-License-Identifier: MIT */
/*
 * Every allocation fails once, in the tree and the client below it: whoever asked is answered once, nothing
 * breaks or leaks (the sanitizers say), and the next who asks is answered as if nothing had been.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "failing.h"
#include "scripted_tree.h"
#include "unit.h"

enum { MANY = 5000 };

#define OCI "application/vnd.oci.image."
#define BEARER \
	"WWW-Authenticate: Bearer realm=\"https://auth.test/token\",service=\"reg\"," \
	"scope=\"repository:a:pull\"\n"

static char config[] = "{\"created\":\"2020-01-02T03:04:05Z\",\"config\":{\"Labels\":{\"a\":\"b\"}}}";
static char manifest[1000], list[1000], config_digest[REG_DIGEST_MAX], manifest_digest[REG_DIGEST_MAX];
static char get_config[200], get_list[200], get_manifest[200], head_manifest[200], get_referrers[2][200];

/* Who comes without a token is challenged; with one, answered. */
#define SERVE(get, content, ...) \
	{.request = (get), .status = 401, .headers = BEARER, .times = SCRIPT_ANY}, \
	{.request = (get), .authorization = "Bearer t", .status = 200, .body = (content), \
	 .times = SCRIPT_ANY, __VA_ARGS__}
#define GIVE_TOKEN(scope) \
	{.request = "GET https://auth.test/token?service=reg&scope=" scope, .status = 200, \
	 .body = "{\"token\":\"t\"}", .times = SCRIPT_ANY}
#define NEXT(query) .headers = "Link: </v2/a/tags/list?" query ">; rel=\"next\"\n"

static const struct script_row rows[] = {
	GIVE_TOKEN("repository%3Aa%3Apull"),
	/* With the scope of the challenge, or without one where another request was challenged before. */
	GIVE_TOKEN("repository%3Aa%3Apull&scope=registry%3Acatalog%3A%2A"),
	GIVE_TOKEN("registry%3Acatalog%3A%2A"),
	SERVE("GET /v2/_catalog?n=1000", "{\"repositories\":[\"a\",\"a/b\"]}"),
	SERVE("GET /v2/a/tags/list?n=1000", "{\"tags\":[\"v1\",\"v2\"]}", NEXT("last=v2")),
	SERVE("GET /v2/a/tags/list?last=v2", "{\"tags\":[\"v3\",\"v4\",\"v5\"]}"),
	SERVE("GET /v2/a/manifests/v1", list),
	SERVE("GET /v2/a/manifests/v2", list),
	SERVE("GET /v2/a/manifests/v3", manifest),
	SERVE("GET /v2/a/manifests/v4", manifest),
	SERVE("GET /v2/a/manifests/v5", manifest),
	SERVE(get_list, list),
	SERVE(get_manifest, manifest),
	SERVE(head_manifest, NULL),
	SERVE(get_config, config),
	SERVE(get_referrers[0], "{\"manifests\":[]}"),
	SERVE(get_referrers[1], "{\"manifests\":[]}"),
};

static int setup(void **state)
{
	char digest[REG_DIGEST_MAX];

	(void)state;
	digest_of(config, config_digest);
	snprintf(get_config, sizeof(get_config), "GET /v2/a/blobs/%s", config_digest);
	snprintf(manifest, sizeof(manifest),
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"layers\":[],\"config\":"
		 "{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"%s\",\"size\":2},"
		 "\"annotations\":{\"a\":\"b\"}}",
		 config_digest);
	digest_of(manifest, manifest_digest);
	snprintf(get_manifest, sizeof(get_manifest), "GET /v2/a/manifests/%s", manifest_digest);
	snprintf(head_manifest, sizeof(head_manifest), "HEAD /v2/a/manifests/%s", manifest_digest);
	snprintf(list, sizeof(list),
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[{"
		 "\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"%s\",\"size\":9,"
		 "\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}}]}",
		 manifest_digest);
	snprintf(get_referrers[0], sizeof(get_referrers[0]), "GET /v2/a/referrers/%s", manifest_digest);
	digest_of(list, digest);
	snprintf(get_list, sizeof(get_list), "GET /v2/a/manifests/%s", digest);
	snprintf(get_referrers[1], sizeof(get_referrers[1]), "GET /v2/a/referrers/%s", digest);
	return 0;
}

/* What a program does, from one that knows nothing. */
static const struct question {
	const char *why;
	void (*ask)(struct tree *t, struct call *c);
	enum node_kind kind;
	const char *name;
} questions[] = {
	{"ls of the root", tree_opendir, 0, NULL},
	{"into a repository", tree_lookup, 0, "a"},
	{"ls of a repository", tree_opendir, NODE_DIRECTORY, NULL},
	{"ls of tags", tree_opendir, NODE_TAGS, NULL},
	{"a tag by name", tree_lookup, NODE_TAGS, "v1"},
	{"ls of configs", tree_opendir, NODE_CONFIGS, NULL},
	{"ls of manifests", tree_opendir, NODE_MANIFESTS, NULL},
	{"a manifest by name", tree_lookup, NODE_MANIFESTS, manifest_digest},
	{"stat of a tag", tree_getattr, NODE_TAG, NULL},
	{"cat of a tag", tree_open, NODE_TAG, NULL},
	{"stat of a config", tree_getattr, NODE_CONFIG, NULL},
	{"cat of a config", tree_open, NODE_CONFIG, NULL},
	{"attributes", tree_xattr, NODE_TAG, NULL},
	{"an attribute", tree_xattr, NODE_TAG, "user.oci.label.a"},
};

/* Returns true if no allocation is left that could fail. */
static bool attempt(const struct question *q, unsigned n)
{
	struct scripted_tree st;
	const struct tag *tag;
	uint64_t node;
	bool last;
	size_t count;
	int err = -1;

	scripted_tree_start(&st, rows, ARRAY_SIZE(rows), 3600);
	tag = scripted_tag(&st, "a", "v1");
	node = q->kind ? node_make(q->kind, tag->repository->directory->index, tag->index) : NODE_ROOT;
	atomic_store(&failing_left, (int)n);
	(void)ask_tree(&st, q->ask, node, q->name);
	script_settle(st.script);
	count = st.count;
	last = atomic_load(&failing_left) >= 0;
	atomic_store(&failing_left, -1);
	/* An error may be told again, as what was kept for the next who asks. */
	for (unsigned k = 0; k < 4 && err; k++)
		err = ask_tree(&st, q->ask, node, q->name);
	if (err)
		fail_msg("%s, allocation %u: %d", q->why, n, err);
	if (count != SIZE_MAX) /* half a list is no list */
		check_int(count, st.count, q->why);
	scripted_tree_finish(&st);
	return last;
}

static void every_allocation(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(questions); k++) {
		unsigned n = 0;

		while (!attempt(&questions[k], n))
			assert_true(++n < MANY);
		print_message("             %s: %u allocations\n", questions[k].why, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
