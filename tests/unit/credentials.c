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

static const char *const variables[] = {"REGFS_USER",
					"REGFS_PASSWORD",
					"REGISTRY_AUTH_FILE",
					"XDG_RUNTIME_DIR",
					"XDG_CONFIG_HOME",
					"DOCKER_CONFIG",
					"HOME"};

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
		struct reg_credentials c = {0};
		struct reg_error e = {0};
		const int r = reg_authfile_parse(cases[i].file, strlen(cases[i].file), "FILE", &s, &c, &e);

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
		"{\"auths\":{\"h\":{\"auth\":\"secret!\"}}}", /* no base64 */
		"{\"auths\":{\"h\":{\"auth\":\"c2VjcmV0\"}}}", /* no colon */
		"{\"auths\":{\"h\":{\"auth\":\"c2VjADpyZXQ=\"}}}", /* NUL inside */
	};
	const struct reg_source s = source_of("h");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_credentials c = {0};
		struct reg_error e = {0};

		check_int(reg_authfile_parse(cases[i], strlen(cases[i]), "FILE", &s, &c, &e), -EBADMSG,
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

static void expect(int err, const char *user, const char *why)
{
	const struct reg_source s = source_of("h");
	struct reg_credentials c = {0};
	struct reg_error e = {0};

	check_int(reg_credentials_find(&s, NULL, NULL, &c, &e), err, e.msg);
	check_text(c.user, user, why);
	reg_credentials_done(&c);
}

/* From the last place to look in to the first: each one found goes before those found until then. */
static void order(void **state)
{
	char directory[] = "/tmp/regfs-unit-XXXXXX", name[600];

	(void)state;
	assert_non_null(mkdtemp(directory));
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	expect(0, NULL, "nothing at all");
	setenv("HOME", directory, 1);
	expect(0, NULL, "no files");
	put(directory, ".docker/config.json",
	    "{\"auths\":{\"h\":{\"username\":\"docker\",\"password\":\"p\"}}}");
	expect(0, "docker", "~/.docker");
	put(directory, "docker/config.json",
	    "{\"auths\":{\"h\":{\"username\":\"docker2\",\"password\":\"p\"}}}");
	snprintf(name, sizeof(name), "%s/docker", directory);
	setenv("DOCKER_CONFIG", name, 1);
	expect(0, "docker2", "$DOCKER_CONFIG instead of it");
	put(directory, ".config/containers/auth.json",
	    "{\"auths\":{\"h\":{\"username\":\"podman\",\"password\":\"p\"}}}");
	expect(0, "podman", "~/.config");
	snprintf(name, sizeof(name), "%s/xdg", directory);
	setenv("XDG_CONFIG_HOME", name, 1);
	expect(0, "docker2", "another ~/.config, with nothing in it");
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
	setenv("REGFS_USER", "environment", 1);
	expect(-EINVAL, NULL, "half of it");
	setenv("REGFS_PASSWORD", "", 1);
	expect(-EINVAL, NULL, "set to nothing counts as not set");
	setenv("REGFS_PASSWORD", "p", 1);
	expect(0, "environment", "the environment");
	unsetenv("REGFS_USER");
	expect(-EINVAL, NULL, "the other half");
	unsetenv("REGFS_PASSWORD");

	put(directory, "file", "{");
	expect(-EBADMSG, NULL, "no JSON");
	setenv("REGISTRY_AUTH_FILE", directory, 1);
	expect(-EISDIR, NULL, "a directory");
	snprintf(name, sizeof(name), "rm -r '%s'", directory);
	assert_int_equal(system(name), 0);
}

static void large_file(void **state)
{
	const struct reg_source s = source_of("h");
	char name[] = "/tmp/regfs-unit-XXXXXX";
	struct reg_credentials c = {0};
	struct reg_error e = {0};
	const int fd = mkstemp(name);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (1 << 20) + 1), 0);
	assert_int_equal(reg_authfile_find(name, true, &s, &c, &e), -EFBIG);
	assert_non_null(strstr(e.msg, name));
	if (geteuid() != 0) {
		fchmod(fd, 0);
		assert_int_equal(reg_authfile_find(name, true, &s, &c, &e), -EACCES);
	}
	unlink(name);
	close(fd);
	assert_int_equal(reg_authfile_find(name, false, &s, &c, &e), 0);
	assert_int_equal(reg_authfile_find(name, true, &s, &c, &e), -ENOENT);
}

static void given(void **state)
{
	const struct reg_source s = source_of("h");
	struct reg_credentials c = {0};
	struct reg_error e = {0};
	char *header;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	assert_int_equal(reg_credentials_find(&s, "Aladdin", "open sesame", &c, &e), 0);
	header = reg_credentials_basic(&c);
	assert_string_equal(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="); /* RFC 7617, 2 */
	reg_wipe(header);
	assert_int_equal(header[0], 0);
	free(header);
	reg_credentials_done(&c);
	assert_int_equal(reg_credentials_find(&s, "a:b", "secret", &c, &e), -EINVAL);
	assert_null(strstr(e.msg, "secret"));
	assert_int_equal(reg_credentials_find(&s, "a", NULL, &c, &e), -EINVAL);
	setenv("REGFS_PASSWORD", "from the environment", 1);
	assert_int_equal(reg_credentials_find(&s, "a", NULL, &c, &e), 0);
	assert_string_equal(c.password, "from the environment");
	reg_credentials_done(&c);
	unsetenv("REGFS_PASSWORD");
	reg_wipe(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),       cmocka_unit_test(bad_files), cmocka_unit_test(order),
		cmocka_unit_test(large_file), cmocka_unit_test(given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
