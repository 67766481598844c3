/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of a list, a token and a date fails once: whoever asked is answered once, nothing breaks or leaks (the
 * sanitizers say), and the next who asks is answered as if nothing had been.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scripted_tree.h"
#include "unit.h"
#include "walk.h"

enum { MANY = 5000 };

/* The linker sends the client's and the tree's calls here (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
int __real_vasprintf(char **ret, const char *format, va_list args);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_vasprintf(char **ret, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static atomic_int left = -1; /* allocations until one fails; negative: none does */

static bool fails(void)
{
	return atomic_load(&left) >= 0 && atomic_fetch_sub(&left, 1) == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t size)
{
	return fails() ? NULL : __real_strndup(text, size);
}

int __wrap_vasprintf(char **ret, const char *format, va_list args)
{
	return fails() ? -1 : __real_vasprintf(ret, format, args);
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = __wrap_vasprintf(ret, format, args);
	va_end(args);
	return r;
}

#define OCI "application/vnd.oci.image."
#define BEARER "WWW-Authenticate: Bearer realm=\"https://auth.test/token\",service=\"reg\",scope=\"repository:a:pull\"\n"
#define TOKEN "https://auth.test/token?service=reg&scope=repository%3Aa%3Apull"

static char config[] = "{\"created\":\"2020-01-02T03:04:05Z\",\"config\":{\"Labels\":{\"a\":\"b\"}}}";
static char manifest[1000], list[1000], config_digest[REG_DIGEST_MAX], manifest_digest[REG_DIGEST_MAX];
static char get_config[200], get_manifest[200];

static const struct script_row rows[] = {
	{.request = "GET /v2/a/tags/list?n=1000", .status = 401, .headers = BEARER, .times = SCRIPT_ANY},
	{.request = "GET " TOKEN, .status = 200, .body = "{\"token\":\"t\"}", .times = SCRIPT_ANY},
	{.request = "GET /v2/a/tags/list?n=1000", .authorization = "Bearer t", .status = 200, .times = SCRIPT_ANY,
	 .headers = "Link: </v2/a/tags/list?last=v2>; rel=\"next\"\n", .body = "{\"tags\":[\"v1\",\"v2\"]}"},
	{.request = "GET /v2/a/tags/list?last=v2", .authorization = "Bearer t", .status = 200, .times = SCRIPT_ANY,
	 .body = "{\"tags\":[\"v3\",\"v4\",\"v5\"]}"},
	{.request = "GET /v2/a/tags/list?n=1000&last=v5", .authorization = "Bearer t", .status = 200, .times = SCRIPT_ANY,
	 .body = "{\"tags\":[]}"},
	{.request = "GET /v2/a/manifests/v1", .authorization = "Bearer t", .status = 200, .body = list, .times = SCRIPT_ANY},
	{.request = "GET /v2/a/manifests/v1", .status = 401, .headers = BEARER, .times = SCRIPT_ANY},
	{.request = get_manifest, .authorization = "Bearer t", .status = 200, .body = manifest, .times = SCRIPT_ANY},
	{.request = get_config, .authorization = "Bearer t", .status = 200, .body = config, .times = SCRIPT_ANY},
};

static int setup(void **state)
{
	(void)state;
	digest_of(config, config_digest);
	snprintf(get_config, sizeof(get_config), "GET /v2/a/blobs/%s", config_digest);
	snprintf(manifest, sizeof(manifest),
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"layers\":[],\"config\":"
		 "{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"%s\",\"size\":2},\"annotations\":{\"a\":\"b\"}}",
		 config_digest);
	digest_of(manifest, manifest_digest);
	snprintf(get_manifest, sizeof(get_manifest), "GET /v2/a/manifests/%s", manifest_digest);
	snprintf(list, sizeof(list),
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[{\"mediaType\":\"" OCI
		 "manifest.v1+json\",\"digest\":\"%s\",\"size\":9,\"platform\":{\"os\":\"linux\","
		 "\"architecture\":\"amd64\"}}]}",
		 manifest_digest);
	return 0;
}

/* Asks until it is answered; an error may be told twice, by what failed and by what was kept for the next who asks. */
static void must_succeed(struct scripted_tree *st, struct repository *r, unsigned n)
{
	struct tag *tag;
	int err = -1;

	for (unsigned k = 0; k < 4 && err; k++)
		err = ask_list(st, r);
	if (err)
		fail_msg("allocation %u: the list: %d", n, err);
	tree_lock(st->tree);
	tag = repository_tag(r, "v1");
	tree_unlock(st->tree);
	assert_non_null(tag);
	assert_int_equal(r->ntags, 5);
	err = -1;
	for (unsigned k = 0; k < 4 && err; k++)
		err = ask_date(st, tag);
	if (err)
		fail_msg("allocation %u: the date: %d", n, err);
}

/* Returns true if no allocation is left that could fail. */
static bool attempt(unsigned n)
{
	struct scripted_tree st;
	struct repository *r;
	struct tag *tag;
	bool last;

	scripted_tree_start(&st, rows, ARRAY_SIZE(rows), 3600);
	r = scripted_repository(&st, "a");
	tag = scripted_tag(&st, "a", "v1");
	atomic_store(&left, (int)n);
	(void)ask_list(&st, r);
	(void)ask_date(&st, tag);
	script_settle(st.script);
	last = atomic_load(&left) >= 0;
	atomic_store(&left, -1);
	must_succeed(&st, r, n);
	scripted_tree_finish(&st);
	return last;
}

static void every_allocation(void **state)
{
	unsigned n = 0;

	(void)state;
	while (!attempt(n))
		assert_true(++n < MANY);
	print_message("             %u allocations\n", n);
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};

	return cmocka_run_group_tests(tests, setup, NULL);
}
