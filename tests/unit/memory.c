/* SPDX-License-Identifier: MIT */
/* Every allocation fails once: the answer is -ENOMEM then, nothing is written, and (the sanitizers say) nothing leaks. */
#include "registry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authfile.h"
#include "bytes.h"
#include "logins.h"
#include "unit.h"
#include "util/buf.h"

#define MANY 1000

/* The linker sends the client's calls here (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);

static int left = -1; /* allocations until one fails; negative: none does */

static bool fails(void)
{
	if (left < 0 || left-- > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

#define H1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define DESCRIPTOR "{\"mediaType\":\"x\",\"digest\":\"" H1 "\",\"size\":1}"

/* Each returns 0 or an errno after one attempt, having released what it got. */
static int document(void)
{
	static const char text[] = "{\"config\":" DESCRIPTOR ",\"layers\":[" DESCRIPTOR "," DESCRIPTOR
				   "],\"subject\":" DESCRIPTOR ",\"blobs\":[" DESCRIPTOR
				   "],\"artifactType\":\"a\",\"annotations\":{\"a\":\"b\",\"c\":\"d\"}}";
	struct reg_document d;
	const int r = reg_document_parse(text, strlen(text), NULL, &d, NULL);

	if (r == 0)
		reg_document_done(&d);
	return r;
}

static int config(void)
{
	static const char text[] = "{\"config\":{\"Labels\":{\"a\":\"b\",\"c\":\"d\"}}}";
	struct reg_config c;
	const int r = reg_config_parse(text, strlen(text), &c, NULL);

	if (r == 0)
		reg_config_done(&c);
	return r;
}

static int login(void)
{
	static const char text[] = "{\"auths\":{\"h\":{\"username\":\"u\",\"password\":\"p\"}}}";
	static const struct reg_source source = {.host = "h"};
	const struct reg_lookup lookup = {.source = &source};
	struct reg_credentials c = {0};
	const int r = reg_authfile_parse(text, strlen(text), "FILE", &lookup, &c, NULL);
	char *header;

	if (r < 0)
		return r;
	header = reg_credentials_basic(&c);
	reg_credentials_done(&c);
	free(header);
	return header ? 0 : -ENOMEM;
}

static int no_token(void *data, struct auth *a, const struct auth_request *q, void *token)
{
	(void)data;
	(void)a;
	(void)q;
	(void)token;
	return -ENOSYS;
}

static int logins(void)
{
	static const struct reg_source source = {.host = "h"};
	const struct reg_log log = {0};
	const struct logins_options o = {.lookup = {.source = &source}, .fetch = no_token, .log = &log};
	struct reg_error error = {0};
	struct logins *l;
	const int r = logins_new(&o, &l, &error);

	if (r < 0)
		return error.err == r ? r : -EINVAL;
	assert_true(auth_has_login(logins_for(l, "repository:a/b:pull")));
	assert_true(auth_has_login(logins_for(l, "repository:b:pull")));
	assert_false(auth_has_login(logins_for(l, "repository:c:pull")));
	logins_free(l);
	return 0;
}

static int bytes(void)
{
	struct reg_bytes *b = reg_bytes_take(__real_strdup("x"), 1);

	reg_bytes_unref(b);
	return b ? 0 : -ENOMEM;
}

static int growing(void)
{
	struct buf b;
	int r = 0;

	buf_init(&b, 4096);
	for (int i = 0; r == 0 && i < 500; i++) {
		const size_t before = b.size;

		r = buf_puts(&b, "12345678");
		assert_int_equal(b.size, before + (r ? 0 : 8));
	}
	buf_done(&b);
	return r;
}

static void each_fails_once(void **state)
{
	static const struct {
		int (*attempt)(void);
		const char *name;
		int least; /* so many allocations are seen; else the wrapping does not work */
	} cases[] = {
		{document, "document", 10}, {config, "config", 5}, {login, "login", 3},
		{logins, "logins", 15},     {bytes, "bytes", 1},   {growing, "buffer", 5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int n = 0, r;

		do {
			left = n++;
			r = cases[i].attempt();
			left = -1;
			check(r == 0 || r == -ENOMEM, cases[i].name);
		} while (r && n < MANY);
		check(n > cases[i].least && n < MANY, cases[i].name);
	}
}

int main(void)
{
	static const char *const variables[] = {
		"REGFS_USER",      "REGFS_PASSWORD", "XDG_RUNTIME_DIR",   "HOME",
		"XDG_CONFIG_HOME", "DOCKER_CONFIG",  "REGISTRY_AUTH_FILE"};
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_fails_once)};

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	setenv("DOCKER_AUTH_CONFIG",
	       "{\"auths\":{\"h/a\":{\"username\":\"u\",\"password\":\"p\"},\"h/b\":{\"auth\":\"bTpw\"},"
	       "\"h/c\":{\"auth\":\"!\"}}}",
	       1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
