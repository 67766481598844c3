/* SPDX-License-Identifier: MIT */
#include "credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authfile.h"
#include "unit.h"

static const char *const variables[] = {
	"REGFS_USER",      "REGFS_PASSWORD",     "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR",
	"XDG_CONFIG_HOME", "DOCKER_AUTH_CONFIG", "DOCKER_CONFIG",      "HOME"};

static struct reg_source source_of(const char *text)
{
	struct reg_source s;

	assert_int_equal(reg_source_parse(text, &s, NULL), 0);
	return s;
}

/* bTpw is m:p, YTpi is a:b, bG9uZzpw is long:p, aHViOnA= is hub:p. */
static void keys(void **state)
{
	static const struct {
		const char *source, *file, *user, *why; /* user NULL: anonymous */
	} cases[] = {
		{"h", "{\"auths\":{\"h\":{\"auth\":\"bTpw\"}}}", "m", "host"},
		{"h", "{\"auths\":{\"H\":{\"auth\":\"bTpw\"}}}", "m", "host in capitals"},
		{"h:5000", "{\"auths\":{\"h:5000\":{\"auth\":\"bTpw\"}}}", "m", "host and port"},
		{"h:5000", "{\"auths\":{\"h\":{\"auth\":\"bTpw\"}}}", NULL, "another port"},
		{"h", "{\"auths\":{\"h:5000\":{\"auth\":\"bTpw\"}}}", NULL, "a port"},
		{"h", "{\"auths\":{\"https://h\":{\"auth\":\"bTpw\"}}}", "m", "https"},
		{"h", "{\"auths\":{\"http://h\":{\"auth\":\"bTpw\"}}}", "m", "http"},
		{"h", "{\"auths\":{\"https://h/\":{\"auth\":\"bTpw\"}}}", "m", "slash"},
		{"h", "{\"auths\":{\"https://h/v1/\":{\"auth\":\"bTpw\"}}}", "m", "/v1/"},
		{"h", "{\"auths\":{\"https://h/v2/\":{\"auth\":\"bTpw\"}}}", "m", "/v2/"},
		{"h", "{\"auths\":{\"http://h/v2\":{\"auth\":\"bTpw\"}}}", "m", "/v2"},
		{"h", "{\"auths\":{\"https://h\":{\"auth\":\"YTpi\"},\"h\":{\"auth\":\"bTpw\"}}}", "m",
		 "host before URL"},
		{"h", "{\"auths\":{\"http://h\":{\"auth\":\"YTpi\"},\"https://h/v1/\":{\"auth\":\"bTpw\"}}}",
		 "m", "https before http"},
		{"h/a/b",
		 "{\"auths\":{\"h\":{\"auth\":\"bTpw\"},\"h/a/b\":{\"auth\":\"bG9uZzpw\"},"
		 "\"h/a\":{\"auth\":\"YTpi\"}}}",
		 "long", "longest prefix"},
		{"h/a/b", "{\"auths\":{\"h/a\":{\"auth\":\"bG9uZzpw\"},\"h/a/b/c\":{\"auth\":\"YTpi\"}}}",
		 "long", "a prefix that is deeper than the source"},
		{"h/ab", "{\"auths\":{\"h/a\":{\"auth\":\"YTpi\"}}}", NULL, "a prefix ends at a slash"},
		{"h", "{\"auths\":{\"h/a\":{\"auth\":\"YTpi\"}}}", NULL, "a login for a part only"},
		{"h/a", "{\"auths\":{\"h/a\":{},\"h\":{\"auth\":\"bTpw\"}}}", "m",
		 "an empty entry is passed over"},
		{"h", "{\"auths\":{\"h\":{\"auth\":\"\"}}}", NULL, "empty auth"},
		{"h", "{\"auths\":{\"h\":{\"username\":\"m\",\"password\":\"p\"}}}", "m", "in the clear"},
		{"h", "{\"auths\":{\"h\":{\"username\":\"m\"}}}", NULL, "no password"},
		{"h", "{\"auths\":{\"h\":null}}", NULL, "null entry"},
		{"h", "{\"auths\":{\"h\":\"bTpw\"}}", NULL, "string entry"},
		{"h", "{\"auths\":{\"notH\":{\"auth\":\"bTpw\"},\"h.example\":{\"auth\":\"bTpw\"}}}", NULL,
		 "others"},
		{"h", "{\"auths\":{\"\":{\"auth\":\"bTpw\"},\"https://\":{\"auth\":\"bTpw\"}}}", NULL,
		 "no host"},
		{"h", "{\"auths\":{}}", NULL, "no logins"},
		{"h", "{\"auths\":null}", NULL, "null"},
		{"h", "{\"credsStore\":\"desktop\"}", NULL, "a helper"},
		{"h", "{}", NULL, "empty"},
		{"docker.io", "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnA=\"}}}", "hub",
		 "Hub, docker"},
		{"docker.io", "{\"auths\":{\"docker.io\":{\"auth\":\"aHViOnA=\"}}}", "hub", "Hub, podman"},
		{"docker.io/a/b",
		 "{\"auths\":{\"docker.io/a\":{\"auth\":\"aHViOnA=\"},\"docker.io\":"
		 "{\"auth\":\"YTpi\"}}}",
		 "hub", "Hub, name space"},
		{"docker.io", "{\"auths\":{\"registry-1.docker.io\":{\"auth\":\"aHViOnA=\"}}}", "hub",
		 "Hub, itself"},
		{"h", "{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"aHViOnA=\"}}}", NULL,
		 "Hub's for others"},
		{"h", "{\"auths\":{\"h\":{\"auth\":\"bTpwAA==\"}}}", "m", "NUL behind"},
		{"h", "{\"auths\":{\"h\":{\"auth\":\"bTpwCg==\"}}}", "m", "line feed behind"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct reg_source s = source_of(cases[i].source);
		const struct reg_lookup l = {.source = &s};
		struct reg_credentials c = {0};
		struct reg_error e = {0};
		const int r = reg_authfile_parse(cases[i].file, strlen(cases[i].file), "FILE", &l, &c, &e);

		if (r < 0)
			fail_msg("%s: %s", cases[i].why, e.msg);
		check_int(r, cases[i].user != NULL, cases[i].why);
		check_text(c.user, cases[i].user, cases[i].why);
		check_text(c.password, cases[i].user ? "p" : NULL, cases[i].why);
		reg_credentials_done(&c);
		check(!c.user && !c.password, cases[i].why);
	}
}

static void bad_files(void **state)
{
	static const char *const cases[] = {
		"not JSON",
		"[]",
		"{\"auths\":[]}",
		"{\"auths\":\"secret\"}",
		"{\"auths\":{\"h\":{\"identitytoken\":\"secret token\"}}}", /* no token has a blank */
		"{\"auths\":{\"h\":{\"registrytoken\":\"secret\\r\\nX: y\"}}}", /* would be a header of its
										   own */
		"{\"auths\":{\"h\":{\"auth\":\"secret!\"}}}", /* no base64 */
		"{\"auths\":{\"h\":{\"auth\":\"c2VjcmV0\"}}}", /* no colon */
		"{\"auths\":{\"h\":{\"auth\":\"c2VjADpyZXQ=\"}}}", /* NUL inside */
	};
	const struct reg_source s = source_of("h");
	const struct reg_lookup l = {.source = &s};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_credentials c = {0};
		struct reg_error e = {0};

		check_int(reg_authfile_parse(cases[i], strlen(cases[i]), "FILE", &l, &c, &e), -EBADMSG,
			  cases[i]);
		check(strstr(e.msg, "FILE"), e.msg);
		check(!strstr(e.msg, "secret") && !strstr(e.msg, "c2Vj"), e.msg);
		check(!c.user && !c.password, cases[i]);
	}
}

static void put(const char *directory, const char *path, const char *text)
{
	char name[512];
	FILE *f;

	snprintf(name, sizeof(name), "%s/%s", directory, path);
	for (char *slash = name + strlen(directory) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(name, 0700);
		*slash = '/';
	}
	f = fopen(name, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static struct reg_lookup lookup; /* what expect() gives besides the source */

static void expect(int err, const char *user, const char *why)
{
	const struct reg_source s = source_of("h");
	struct reg_credentials c = {0};
	struct reg_error e = {0};

	lookup.source = &s;
	check_int(reg_credentials_find(&lookup, &c, &e), err, e.msg);
	check_text(c.user, user, why);
	reg_credentials_done(&c);
}

/* The words of an identity token, of one for the registry, and a user besides. */
static void tokens(void **state)
{
	static const struct {
		const char *entry, *user, *identity, *registry;
	} cases[] = {
		{"\"identitytoken\":\"I\"", NULL, "I", NULL},
		{"\"registrytoken\":\"R\"", NULL, NULL, "R"},
		{"\"auth\":\"bTpw\",\"identitytoken\":\"I\"", "m", "I", NULL},
		{"\"auth\":\"bTo=\",\"identitytoken\":\"I\"", NULL, "I", NULL}, /* m: as Azure's */
		{"\"auth\":\"bTo=\"", "m", NULL, NULL}, /* an empty password, and nothing else */
		{"\"auth\":\"bTpw\",\"identitytoken\":\"\"", "m", NULL, NULL},
		{"\"username\":\"m\",\"identitytoken\":\"I\"", NULL, "I", NULL},
	};
	const struct reg_source s = source_of("h");
	const struct reg_lookup l = {.source = &s};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_credentials c = {0}, other = {0};
		char file[200];

		snprintf(file, sizeof(file), "{\"auths\":{\"h\":{%s}}}", cases[i].entry);
		check_int(reg_authfile_parse(file, strlen(file), "FILE", &l, &c, NULL), 1, file);
		check_text(c.user, cases[i].user, file);
		check_text(c.identity_token, cases[i].identity, file);
		check_text(c.registry_token, cases[i].registry, file);
		check(!reg_credentials_equal(&c, &other), file);
		check(reg_credentials_equal(&c, &c), file);
		reg_credentials_done(&c);
		check(reg_credentials_equal(&c, &other), file);
	}
}

/* Which helpers are asked, and for what: NAME SERVER, one behind the other. */
static void helpers(void **state)
{
	static const struct {
		const char *source, *file, *want;
	} cases[] = {
		{"h", "{}", ""},
		{"h", "{\"credsStore\":\"\"}", ""},
		{"h", "{\"credsStore\":\"pass\"}", "pass h "},
		{"h:5000/a", "{\"credsStore\":\"pass\"}", "pass h:5000 "},
		{"docker.io", "{\"credsStore\":\"pass\"}", "pass https://index.docker.io/v1/ "},
		{"h", "{\"credHelpers\":{\"h\":\"ecr-login\"},\"credsStore\":\"pass\"}",
		 "ecr-login h pass h "},
		{"h", "{\"credHelpers\":{\"other\":\"a\",\"h:1\":\"b\",\"h/a\":\"c\"}}", ""},
		{"h", "{\"credHelpers\":{\"h\":\"\"},\"credsStore\":\"pass\"}", ""}, /* kept in the file */
		{"h", "{\"credHelpers\":{\"h\":null}}", ""},
		{"h", "{\"credHelpers\":{\"https://h\":\"a\"}}", "a https://h "},
		{"h", "{\"credHelpers\":{\"https://h\":\"a\",\"h\":\"b\"}}", "b h "},
		{"docker.io", "{\"credHelpers\":{\"https://index.docker.io/v1/\":\"a\"}}",
		 "a https://index.docker.io/v1/ "},
		{"docker.io", "{\"credHelpers\":{\"docker.io\":\"a\"}}", "a docker.io "},
		{"h", "{\"credHelpers\":[]}", "-EBADMSG"},
		{"h", "{\"credsStore\":\"../evil\"}", "-EBADMSG"},
		{"h", "{\"credsStore\":\"a b\"}", "-EBADMSG"},
		{"h", "{\"credHelpers\":{\"h\":\"a;b\"}}", "-EBADMSG"},
		{"h", "{\"credHelpers\":{\"other\":\"a;b\"}}", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct reg_source s = source_of(cases[i].source);
		const char *file = cases[i].file;
		struct credhelper found[2];
		struct reg_error e = {0};
		const int n = reg_authfile_helpers(file, strlen(file), "FILE", &s, found, &e);
		char have[800] = "";

		for (int k = 0; k < n; k++)
			snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s %s ", found[k].name,
				 found[k].server);
		check_text(n == -EBADMSG ? "-EBADMSG" : have, cases[i].want, file);
		check(n >= 0 || strncmp(e.msg, "FILE: ", 6) == 0, file);
	}
}

/* From the last place to look in to the first: each one found goes before those found until then. */
static void order(void **state)
{
	char directory[] = "/tmp/regfs-unit-XXXXXX", name[600], authfile[600];

	(void)state;
	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	expect(0, NULL, "nothing at all");
	setenv("HOME", directory, 1);
	expect(0, NULL, "no files");
	put(directory, ".netrc", "machine h login netrc password p\n");
	expect(0, NULL, "nobody asked for it");
	lookup.netrc = "";
	expect(0, "netrc", "~/.netrc");
	put(directory, ".docker/config.json",
	    "{\"auths\":{\"h\":{\"username\":\"docker\",\"password\":\"p\"}}}");
	expect(0, "docker", "~/.docker");
	put(directory, "docker/config.json",
	    "{\"auths\":{\"h\":{\"username\":\"docker2\",\"password\":\"p\"}}}");
	snprintf(name, sizeof(name), "%s/docker", directory);
	setenv("DOCKER_CONFIG", name, 1);
	expect(0, "docker2", "$DOCKER_CONFIG instead of it");
	setenv("DOCKER_AUTH_CONFIG", "{\"auths\":{\"h\":{\"auth\":\"bTpw\"}}}", 1);
	expect(0, "m", "$DOCKER_AUTH_CONFIG");
	put(directory, ".config/containers/auth.json",
	    "{\"auths\":{\"h\":{\"username\":\"podman\",\"password\":\"p\"}}}");
	expect(0, "podman", "~/.config");
	snprintf(name, sizeof(name), "%s/xdg", directory);
	setenv("XDG_CONFIG_HOME", name, 1);
	expect(0, "m", "another ~/.config, with nothing in it");
	put(directory, "xdg/containers/auth.json",
	    "{\"auths\":{\"h\":{\"username\":\"podman2\",\"password\":\"p\"}}}");
	expect(0, "podman2", "$XDG_CONFIG_HOME");
	put(directory, "run/containers/auth.json",
	    "{\"auths\":{\"h\":{\"username\":\"run\",\"password\":\"p\"}}}");
	snprintf(name, sizeof(name), "%s/run", directory);
	setenv("XDG_RUNTIME_DIR", name, 1);
	expect(0, "run", "$XDG_RUNTIME_DIR");
	snprintf(name, sizeof(name), "%s/file", directory);
	setenv("REGISTRY_AUTH_FILE", name, 1);
	expect(-ENOENT, NULL, "what is named must be there");
	put(directory, "file", "");
	expect(0, "run", "an empty file has no logins");
	put(directory, "file", "{\"auths\":{\"h\":{\"username\":\"file\",\"password\":\"p\"}}}");
	expect(0, "file", "$REGISTRY_AUTH_FILE");
	snprintf(authfile, sizeof(authfile), "%s/given", directory);
	lookup.authfile = authfile;
	expect(-ENOENT, NULL, "what is given must be there");
	put(directory, "given", "{\"auths\":{\"h\":{\"username\":\"given\",\"password\":\"p\"}}}");
	expect(0, "given", "authfile=");
	setenv("REGFS_USER", "environment", 1);
	expect(-EINVAL, NULL, "half of it");
	setenv("REGFS_PASSWORD", "", 1);
	expect(-EINVAL, NULL, "set to nothing counts as not set");
	setenv("REGFS_PASSWORD", "p", 1);
	expect(0, "environment", "the environment");
	lookup.user = "given";
	expect(0, "given", "a user that is given, a password of the environment");
	lookup.user = NULL;
	unsetenv("REGFS_USER");
	expect(-EINVAL, NULL, "the other half");
	unsetenv("REGFS_PASSWORD");

	lookup.authfile = lookup.netrc = NULL;
	put(directory, "file", "{");
	expect(-EBADMSG, NULL, "no JSON");
	setenv("REGISTRY_AUTH_FILE", directory, 1);
	expect(-EISDIR, NULL, "a directory");
	snprintf(name, sizeof(name), "rm -r '%s'", directory);
	assert_int_equal(system(name), 0);
}

static void password_files(void **state)
{
	static const struct {
		const char *content, *password;
	} cases[] = {
		{"secret", "secret"},
		{"secret\n", "secret"},
		{"secret\r\n", "secret"},
		{"secret\nmore\n", "secret"},
		{" sec ret ", " sec ret "},
		{"", NULL},
		{"\n", NULL},
		{"\nsecret", NULL},
	};
	const struct reg_source s = source_of("h");
	char directory[] = "/tmp/regfs-unit-XXXXXX", name[600];
	struct reg_lookup l = {.source = &s, .user = "m", .password_file = name};
	struct reg_credentials c = {0};
	struct reg_error e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	assert_non_null(mkdtemp(directory));
	snprintf(name, sizeof(name), "%s/password", directory);
	check_int(reg_credentials_find(&l, &c, &e), -ENOENT, "no such file");
	assert_non_null(strstr(e.msg, name));
	assert_non_null(strstr(e.msg, "password_file=/"));
	setenv("REGFS_PASSWORD", "environment", 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put(directory, "password", cases[i].content);
		check_int(reg_credentials_find(&l, &c, &e), cases[i].password ? 0 : -EINVAL,
			  cases[i].content);
		check_text(c.password, cases[i].password, cases[i].content);
		check(!strstr(e.msg, "secret"), e.msg);
		reg_credentials_done(&c);
	}
	put(directory, "password", "p");
	l.user = NULL;
	check_int(reg_credentials_find(&l, &c, &e), -EINVAL, "nobody's");
	setenv("REGFS_USER", "environment", 1);
	check_int(reg_credentials_find(&l, &c, &e), 0, e.msg);
	check_text(c.user, "environment", "a user of the environment");
	check_text(c.password, "p", "and a password of a file");
	reg_credentials_done(&c);
	unsetenv("REGFS_USER");
	unsetenv("REGFS_PASSWORD");
	snprintf(name, sizeof(name), "rm -r '%s'", directory);
	assert_int_equal(system(name), 0);
}

static void large_file(void **state)
{
	const struct reg_source s = source_of("h");
	const struct reg_lookup l = {.source = &s};
	char name[] = "/tmp/regfs-unit-XXXXXX";
	struct reg_credentials c = {0};
	struct reg_error e = {0};
	const int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
	assert_int_equal(reg_authfile_find(name, "authfile=", &l, &c, &e), -EFBIG);
	assert_non_null(strstr(e.msg, name));
	if (geteuid() != 0) {
		fchmod(fd, 0);
		assert_int_equal(reg_authfile_find(name, "authfile=", &l, &c, &e), -EACCES);
	}
	unlink(name);
	close(fd);
	assert_int_equal(reg_authfile_find(name, NULL, &l, &c, &e), 0);
	assert_int_equal(reg_authfile_find(name, "authfile=", &l, &c, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "authfile=/"));
}

/* A variable is easily forgotten: who named a file that is not there is told. */
static void who_named_it(void **state)
{
	const struct reg_source s = source_of("h");
	struct reg_lookup l = {.source = &s};
	struct reg_credentials c = {0};
	struct reg_error e = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	l.netrc = "/nowhere/logins";
	check_int(reg_credentials_find(&l, &c, &e), -ENOENT, "netrc=");
	assert_non_null(strstr(e.msg, "netrc=/nowhere/logins"));
	setenv("REGISTRY_AUTH_FILE", "/nowhere/auth.json", 1);
	check_int(reg_credentials_find(&l, &c, &e), -ENOENT, "the variable");
	assert_non_null(strstr(e.msg, "REGISTRY_AUTH_FILE=/nowhere/auth.json"));
	l.authfile = "/nowhere/given";
	check_int(reg_credentials_find(&l, &c, &e), -ENOENT, "the option");
	assert_non_null(strstr(e.msg, "authfile=/nowhere/given"));
	unsetenv("REGISTRY_AUTH_FILE");
}

static void given(void **state)
{
	const struct reg_source s = source_of("h");
	struct reg_lookup l = {.source = &s, .user = "Aladdin", .password = "open sesame"};
	struct reg_credentials c = {0};
	struct reg_error e = {0};
	char *header;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	assert_int_equal(reg_credentials_find(&l, &c, &e), 0);
	header = reg_credentials_basic(&c);
	assert_string_equal(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="); /* RFC 7617, 2 */
	reg_wipe(header);
	assert_int_equal(header[0], 0);
	free(header);
	reg_credentials_done(&c);
	l.user = "a:b";
	l.password = "secret";
	assert_int_equal(reg_credentials_find(&l, &c, &e), -EINVAL);
	assert_null(strstr(e.msg, "secret"));
	l.user = "a";
	l.password = NULL;
	assert_int_equal(reg_credentials_find(&l, &c, &e), -EINVAL);
	setenv("REGFS_PASSWORD", "from the environment", 1);
	assert_int_equal(reg_credentials_find(&l, &c, &e), 0);
	assert_string_equal(c.password, "from the environment");
	reg_credentials_done(&c);
	unsetenv("REGFS_PASSWORD");
	reg_wipe(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),       cmocka_unit_test(bad_files), cmocka_unit_test(tokens),
		cmocka_unit_test(helpers),    cmocka_unit_test(order),     cmocka_unit_test(password_files),
		cmocka_unit_test(large_file), cmocka_unit_test(given),     cmocka_unit_test(who_named_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
