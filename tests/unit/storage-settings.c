/* SPDX-License-Identifier: MIT */
/*
 * The registry's configuration. What the rows say was seen with Debian's docker-registry 2.8.2 and with
 * distribution 3.1.1, which agree: where they wrote to, and whether they refused an upload.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "settings.h"

#define V "version: 0.1\n"
#define A V "storage:\n  filesystem:\n    rootdirectory: /A\n"
#define RO "REGISTRY_STORAGE_MAINTENANCE_READONLY"
#define ROOT "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY"

static void storage(void **state)
{
	static const struct {
		const char *why, *yaml;
		const char *env[MAX_ENV];
		const char *driver, *root;
	} cases[] = {
		{"plain", A, {0}, "filesystem", "/A"},
		{"the root by environment", A, {ROOT "=/B"}, "filesystem", "/B"},
		{"quoted", V "storage: {\"filesystem\": {'rootdirectory': \"/A\"}}", {0}, "filesystem", "/A"},
		{"the default root", V "storage: {filesystem: {}}", {0}, "filesystem", "/var/lib/registry"},
		{"no members", V "storage:\n  filesystem:\n", {0}, "filesystem", "/var/lib/registry"},
		{"no members, and the environment",
		 V "storage:\n  filesystem:\n",
		 {ROOT "=/B"},
		 "filesystem",
		 "/B"},
		{"a scalar", V "storage: filesystem\n", {0}, "filesystem", "/var/lib/registry"},
		{"a scalar, and the environment",
		 V "storage: filesystem\n",
		 {ROOT "=/B"},
		 "filesystem",
		 "/B"},
		{"in memory", V "storage: inmemory\n", {0}, "inmemory", NULL},
		{"s3", V "storage: {s3: {bucket: b, rootdirectory: /x}}", {0}, "s3", NULL},
		{"nothing but the environment", V, {ROOT "=/B"}, "filesystem", "/B"},
		{"a whole driver by environment",
		 A,
		 {"REGISTRY_STORAGE_FILESYSTEM={rootdirectory: /B}"},
		 "filesystem",
		 "/B"},
		{"all by environment", A, {"REGISTRY_STORAGE=inmemory"}, "inmemory", NULL},
		{"all by environment, then one more",
		 A,
		 {ROOT "=/B", "REGISTRY_STORAGE=filesystem"},
		 "filesystem",
		 "/B"},
		{"another case, which is no member",
		 V "storage: {filesystem: {RootDirectory: /A}}",
		 {0},
		 "filesystem",
		 "/var/lib/registry"},
		{"another case, and the environment",
		 V "storage: {filesystem: {RootDirectory: /A}}",
		 {ROOT "=/B"},
		 "filesystem",
		 "/B"},
		{"a driver in another case",
		 V "storage: {Filesystem: {rootdirectory: /A}}",
		 {0},
		 "Filesystem",
		 NULL},
		{"a variable in small letters",
		 A,
		 {"REGISTRY_Storage_filesystem_rootdirectory=/B"},
		 "filesystem",
		 "/A"},
		{"variables of others",
		 A,
		 {"REGISTRY_FOO=[", "REGISTRY_PORT=tcp://10.0.0.1:5000", "REGISTRY_CONFIGURATION_PATH=/c.yml",
		  "XREGISTRY_STORAGE=inmemory"},
		 "filesystem",
		 "/A"},
		{"an alias",
		 V "x: &x {rootdirectory: /A}\nstorage: {filesystem: *x}",
		 {0},
		 "filesystem",
		 "/A"},
		{"an alias is not changed for others",
		 V "x: &x {rootdirectory: /A}\nstorage: {filesystem: *x, delete: *x}",
		 {"REGISTRY_STORAGE_DELETE_ENABLED=true"},
		 "filesystem",
		 "/A"},
		{"a merge key",
		 V "x: &x {rootdirectory: /A}\nstorage: {filesystem: {<<: *x}}",
		 {0},
		 "filesystem",
		 "/A"},
		{"a merge key and a member",
		 V "x: &x {rootdirectory: /A}\nstorage: {filesystem: {<<: *x, rootdirectory: /B}}",
		 {0},
		 "filesystem",
		 "/B"},
		{"a merged storage",
		 V "x: &x {filesystem: {rootdirectory: /A}}\nstorage: {<<: *x}",
		 {ROOT "=/B"},
		 "filesystem",
		 "/B"},
		{"the version quoted",
		 "version: \"0.1\"\nstorage: {filesystem: {rootdirectory: /A}}",
		 {0},
		 "filesystem",
		 "/A"},
		{"only the first document", A "---\nfoo: [\n", {0}, "filesystem", "/A"},
		{"tag and redirect are no drivers",
		 A "  tag: {concurrencylimit: 1}\n  redirect: {disable: true}\n",
		 {0},
		 "filesystem",
		 "/A"},
		{"comments and lists",
		 "# c\n" A "  # c\nlog: {hooks: [{a: b}, [c, {d: e}]]}\n",
		 {0},
		 "filesystem",
		 "/A"},
		{"a key that is a mapping", A "? {a: b}\n: c\n", {0}, "filesystem", "/A"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error e = {.msg = "no error"};
		struct settings s;
		const int r = parse(cases[i].yaml, cases[i].env, &s, &e);

		if (r < 0)
			fail_msg("%s: %s", cases[i].why, e.msg);
		check_text(s.driver, cases[i].driver, cases[i].why);
		check_text(s.root, cases[i].root, cases[i].why);
		settings_done(&s);
	}
}

static void members(void **state)
{
	static const struct {
		const char *why, *more;
		const char *env[MAX_ENV];
		bool readonly, delete_enabled, no_purging;
		const char *cache;
	} cases[] = {
		{"read-only", "  maintenance: {readonly: {enabled: true}}\n", {0}, 1, 0, 0, NULL},
		{"yes", "  maintenance: {readonly: {enabled: yes}}\n", {0}, 1, 0, 0, NULL},
		{"y", "  maintenance: {readonly: {enabled: y}}\n", {0}, 1, 0, 0, NULL},
		{"On", "  maintenance: {readonly: {enabled: On}}\n", {0}, 1, 0, 0, NULL},
		{"off", "  maintenance: {readonly: {enabled: off}}\n", {0}, 0, 0, 0, NULL},
		{"by its tag", "  maintenance: {readonly: {enabled: !!bool \"true\"}}\n", {0}, 1, 0, 0, NULL},
		{"nothing said", "  maintenance: {readonly: {}}\n", {0}, 0, 0, 0, NULL},
		{"by environment", "", {RO "={enabled: true}"}, 1, 0, 0, NULL},
		{"all of it by environment",
		 "",
		 {"REGISTRY_STORAGE_MAINTENANCE={readonly: {enabled: true}}"},
		 1,
		 0,
		 0,
		 NULL},
		{"the environment does not reach into what the file says",
		 "  maintenance: {readonly: {enabled: false}}\n",
		 {RO "_ENABLED=true"},
		 0,
		 0,
		 0,
		 NULL},
		{"nor into what another variable says",
		 "",
		 {RO "={enabled: true}", RO "_ENABLED=false"},
		 1,
		 0,
		 0,
		 NULL},
		{"nor is it read",
		 "  maintenance: {readonly: {enabled: true}}\n",
		 {RO "_ENABLED=["},
		 1,
		 0,
		 0,
		 NULL},
		{"delete", "  delete: {enabled: true}\n", {0}, 0, 1, 0, NULL},
		{"delete quoted is a text", "  delete: {enabled: \"true\"}\n", {0}, 0, 0, 0, NULL},
		{"delete by environment", "", {"REGISTRY_STORAGE_DELETE_ENABLED=true"}, 0, 1, 0, NULL},
		{"delete by environment over the file",
		 "  delete: {enabled: false}\n",
		 {"REGISTRY_STORAGE_DELETE_ENABLED=true"},
		 0,
		 1,
		 0,
		 NULL},
		{"no purging", "  maintenance: {uploadpurging: {enabled: false}}\n", {0}, 0, 0, 1, NULL},
		{"a purging of another age",
		 "  maintenance: {uploadpurging: {age: 1h}}\n",
		 {0},
		 0,
		 0,
		 0,
		 NULL},
		{"cache", "  cache: {blobdescriptor: inmemory}\n", {0}, 0, 0, 0, "inmemory"},
		{"cache, the old name", "  cache: {layerinfo: redis}\n", {0}, 0, 0, 0, "redis"},
		{"cache, both names",
		 "  cache: {layerinfo: inmemory, blobdescriptor: }\n",
		 {0},
		 0,
		 0,
		 0,
		 NULL},
		{"cache turned off by environment",
		 "  cache: {blobdescriptor: inmemory}\n",
		 {"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR="},
		 0,
		 0,
		 0,
		 NULL},
		{"cache turned off by an empty text",
		 "  cache: {blobdescriptor: inmemory}\n",
		 {"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR=\"\""},
		 0,
		 0,
		 0,
		 NULL},
		{"cache by environment",
		 "",
		 {"REGISTRY_STORAGE_CACHE={blobdescriptor: redis}"},
		 0,
		 0,
		 0,
		 "redis"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error e = {.msg = "no error"};
		struct settings s;
		char yaml[500];

		snprintf(yaml, sizeof(yaml), "%s%s", A, cases[i].more);
		if (parse(yaml, cases[i].env, &s, &e) < 0)
			fail_msg("%s: %s", cases[i].why, e.msg);
		check_int(s.readonly, cases[i].readonly, cases[i].why);
		check_int(s.delete_enabled, cases[i].delete_enabled, cases[i].why);
		check_int(s.uploadpurging, !cases[i].no_purging, cases[i].why);
		check_text(s.cache, cases[i].cache, cases[i].why);
		settings_done(&s);
	}
}

static void http(void **state)
{
	static const struct {
		const char *why, *more;
		const char *env[MAX_ENV];
		const char *addr, *prefix;
		bool tls, proxy;
	} cases[] = {
		{"nothing", "", {0}, NULL, "/", 0, 0},
		{"an address", "http: {addr: \":5000\"}", {0}, ":5000", "/", 0, 0},
		{"by environment",
		 "http: {addr: \":5000\"}",
		 {"REGISTRY_HTTP_ADDR=0.0.0.0:80"},
		 "0.0.0.0:80",
		 "/",
		 0,
		 0},
		{"all by environment",
		 "http: {addr: \":5000\", prefix: /x/}",
		 {"REGISTRY_HTTP={addr: \":1\"}"},
		 ":1",
		 "/",
		 0,
		 0},
		{"a socket", "http: {net: unix, addr: /run/r.sock}", {0}, NULL, "/", 0, 0},
		{"a prefix", "http: {net: tcp4, addr: \":1\", prefix: /x/}", {0}, ":1", "/x/", 0, 0},
		{"another case is another section",
		 "HTTP: {addr: \":5000\"}",
		 {"REGISTRY_HTTP_PREFIX=/p/"},
		 NULL,
		 "/p/",
		 0,
		 0},
		{"certificates", "http: {tls: {certificate: /c}}", {0}, NULL, "/", 1, 0},
		{"no certificate", "http: {tls: {certificate: \"\"}}", {0}, NULL, "/", 0, 0},
		{"certificates by environment", "", {"REGISTRY_HTTP_TLS_CERTIFICATE=/c"}, NULL, "/", 1, 0},
		{"let's encrypt", "http: {tls: {letsencrypt: {cachefile: /c}}}", {0}, NULL, "/", 1, 0},
		{"a cache of another registry", "proxy: {remoteurl: https://r}", {0}, NULL, "/", 0, 1},
		{"the same by environment", "", {"REGISTRY_PROXY_REMOTEURL=https://r"}, NULL, "/", 0, 1},
		{"not a member that is read", "", {"REGISTRY_HTTP_FOO=["}, NULL, "/", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error e = {.msg = "no error"};
		struct settings s;
		char yaml[500];

		snprintf(yaml, sizeof(yaml), "%s%s\n", A, cases[i].more);
		if (parse(yaml, cases[i].env, &s, &e) < 0)
			fail_msg("%s: %s", cases[i].why, e.msg);
		check_text(s.addr, cases[i].addr, cases[i].why);
		check_text(s.prefix, cases[i].prefix, cases[i].why);
		check_int(s.tls, cases[i].tls, cases[i].why);
		check_int(s.proxy, cases[i].proxy, cases[i].why);
		settings_done(&s);
	}
}

static void bad(void **state)
{
	static const struct {
		const char *yaml;
		const char *env[MAX_ENV];
		const char *hint;
	} cases[] = {
		{"", {0}, "no configuration"},
		{"hello", {0}, "line 1, column 1: no configuration"},
		{"[a]", {0}, "no configuration"},
		{"{}", {0}, "version: 0.1"},
		{"storage: {filesystem: {}}", {0}, "version: 0.1"},
		{"version: 0.2\nstorage: {filesystem: {}}", {0}, "version: 0.1"},
		{"version: [0.1]\n", {0}, "version: 0.1"},
		{V, {0}, "no storage"},
		{V "storage:\n", {0}, "no storage"},
		{V "Storage: {filesystem: {}}", {0}, "no storage"},
		{V "storage: {delete: {enabled: true}}", {0}, "no storage driver"},
		{V "storage: [a]\n", {0}, "line 2, column 10: a section"},
		{V "storage: {filesystem: abc}", {0}, "a section"},
		{V "storage: {filesystem: [a]}", {0}, "a section"},
		{V "storage: {filesystem: {rootdirectory: [a]}}", {0}, "rootdirectory"},
		{V "storage: {filesystem: {rootdirectory: }}", {0}, "rootdirectory"},
		{V "storage: {filesystem: {rootdirectory: \"\"}}", {0}, "rootdirectory"},
		{A "  foo: {}\n", {0}, "line 5, column 8: more than one storage driver"},
		{A, {"REGISTRY_STORAGE_S3_BUCKET=b"}, "more than one storage driver"},
		{A "  uploadpurging: {enabled: false}\n", {0}, "more than one storage driver"},
		{A "storage: inmemory\n", {0}, "line 5, column 10: the same key twice"},
		{A "    rootdirectory: /B\n", {0}, "the same key twice"},
		{A "  delete: true\n", {0}, "a section"},
		{A "  cache: inmemory\n", {0}, "a section"},
		{A "  maintenance: {readonly: {enabled: \"true\"}}\n", {0}, "without quotes"},
		{A "  maintenance: {readonly: {enabled: !!str true}}\n", {0}, "without quotes"},
		{A "  maintenance: {readonly: {enabled: 1}}\n", {0}, "without quotes"},
		{A "  maintenance: {readonly: {enabled: }}\n", {0}, "without quotes"},
		{A "  maintenance: {readonly: }\n", {0}, "`enabled`"},
		{A "  maintenance: {readonly: true}\n", {0}, "`enabled`"},
		{A "  maintenance: {uploadpurging: false}\n", {0}, "`enabled`"},
		{A, {RO "_ENABLED=true"}, "REGISTRY_STORAGE_MAINTENANCE_READONLY"},
		{A, {"REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING_ENABLED=false"}, "UPLOADPURGING"},
		{A, {ROOT "=["}, ROOT ": line "},
		{A, {"REGISTRY_STORAGE_FILESYSTEM=/B"}, "a section"},
		{A "http: [1]\n", {0}, "a section"},
		{A "http: {addr: {}}\n", {0}, "a text"},
		{A "x: [\n", {0}, "line "},
		{A "x: \"\\0\"\n", {0}, "NUL"},
		{A "x: *nobody\n", {0}, "alias"},
		{A "x: &x {a: *x}\n", {0}, "holds itself"},
		{A "x: &x\n  b: 1\nhttp: {<<: [*x, *x]}\n", {0}, "merge key"},
		{A "x: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
		 {0},
		 "too deep"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct settings s = {0};
		struct reg_error e = {0};

		check_int(parse(cases[i].yaml, cases[i].env, &s, &e), -EBADMSG, cases[i].yaml);
		check_int(e.err, -EBADMSG, cases[i].yaml);
		if (!strstr(e.msg, cases[i].hint))
			fail_msg("%s: no '%s' in '%s'", cases[i].yaml, cases[i].hint, e.msg);
		check(!s.driver && !s.root && !s.prefix, "untouched");
		check_int(parse(cases[i].yaml, cases[i].env, &s, NULL), -EBADMSG, "without an error");
	}
}

/* A thousand laughs are told once: an alias is not written out. */
static void laughs(void **state)
{
	static const char yaml[] = A "a: &a [x, x, x, x, x, x, x, x]\n"
				     "b: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
				     "c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\n"
				     "d: &d [*c, *c, *c, *c, *c, *c, *c, *c]\n"
				     "e: &e [*d, *d, *d, *d, *d, *d, *d, *d]\n"
				     "f: &f [*e, *e, *e, *e, *e, *e, *e, *e]\n"
				     "g: &g [*f, *f, *f, *f, *f, *f, *f, *f]\n"
				     "h: &h [*g, *g, *g, *g, *g, *g, *g, *g]\n";
	struct settings s;

	(void)state;
	assert_int_equal(settings_parse(yaml, sizeof(yaml) - 1, NULL, &s, NULL), 0);
	settings_done(&s);
}

static void bounds(void **state)
{
	const size_t size = ((size_t)1 << 20) + 1;
	char *yaml = malloc(size);
	struct reg_error e;
	struct settings s;

	(void)state;
	assert_non_null(yaml);
	memset(yaml, '#', size);
	memcpy(yaml, A, strlen(A));
	assert_int_equal(settings_parse(yaml, size, NULL, &s, &e), -EFBIG);
	assert_int_equal(settings_parse(yaml, size - 1, NULL, &s, &e), 0);
	settings_done(&s);
	memset(yaml, '\n', size);
	memcpy(yaml, A "x: [", strlen(A) + 4);
	for (size_t i = strlen(A) + 4; i + 2 < size; i += 2)
		memcpy(yaml + i, "a,", 2);
	assert_int_equal(settings_parse(yaml, size - 1, NULL, &s, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "too many values"));
	free(yaml);
}

static void file(void **state)
{
	char folder[] = "/tmp/regfs-settings-XXXXXX", path[100];
	struct reg_error e = {0};
	struct settings s;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/config.yml", folder);
	assert_int_equal(settings_read(path, NULL, &s, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "config.yml"));
	assert_int_equal(settings_read(folder, NULL, &s, &e), -EISDIR);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(A, f);
	fclose(f);
	assert_int_equal(settings_read(path, NULL, &s, &e), 0);
	check_text(s.root, "/A", "from a file");
	settings_done(&s);
	f = fopen(path, "a");
	assert_non_null(f);
	fputs("\nx: [", f);
	fclose(f);
	assert_int_equal(settings_read(path, NULL, &s, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "config.yml: line "));
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(storage), cmocka_unit_test(members), cmocka_unit_test(http),
		cmocka_unit_test(bad),     cmocka_unit_test(laughs),  cmocka_unit_test(bounds),
		cmocka_unit_test(file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
