/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <errno.h>
#include <string.h>

#include "unit.h"

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void valid(void **state)
{
	static const struct {
		const char *text, *host, *prefix;
		bool https, may_fall_back, hub;
		const char *why;
	} cases[] = {
		{"registry.example.com", "registry.example.com", "", true, false, false, "host alone"},
		{"https://registry.example.com", "registry.example.com", "", true, false, false, "https"},
		{"http://registry.example.com", "registry.example.com", "", false, false, false, "http"},
		{"HTTPS://Registry.Example.COM/", "registry.example.com", "", true, false, false,
		 "case, slash"},
		{"registry:5000/a/b//", "registry:5000", "a/b", true, false, false, "port, prefix, slashes"},
		{"https://ghcr.io/org/app", "ghcr.io", "org/app", true, false, false, "a repository"},
		{"localhost", "localhost", "", true, true, false, "loopback by name"},
		{"localhost:5000", "localhost:5000", "", true, true, false, "with a port"},
		{"LOCALHOST:5000", "localhost:5000", "", true, true, false, "in capitals"},
		{"reg.localhost", "reg.localhost", "", true, true, false, "below it (RFC 6761)"},
		{"127.0.0.1:5000", "127.0.0.1:5000", "", true, true, false, "by address"},
		{"127.1.2.3", "127.1.2.3", "", true, true, false, "127.0.0.0/8"},
		{"[::1]:5000", "[::1]:5000", "", true, true, false, "IPv6"},
		{"[0:0:0:0:0:0:0:1]", "[0:0:0:0:0:0:0:1]", "", true, true, false, "IPv6 in full"},
		{"https://localhost", "localhost", "", true, false, false, "https was asked for"},
		{"http://localhost", "localhost", "", false, false, false, "http was asked for"},
		{"128.0.0.1", "128.0.0.1", "", true, false, false, "not loopback"},
		{"127.example.com", "127.example.com", "", true, false, false, "a name that looks like it"},
		{"localhost.example.com", "localhost.example.com", "", true, false, false, "another one"},
		{"notlocalhost", "notlocalhost", "", true, false, false, "another one"},
		{"[2001:db8::1]:443/x", "[2001:db8::1]:443", "x", true, false, false, "IPv6 with all"},
		{"my_registry:5000", "my_registry:5000", "", true, false, false, "name of a compose service"},
		{"h:1", "h:1", "", true, false, false, "lowest port"},
		{"h:65535", "h:65535", "", true, false, false, "highest port"},
		{"docker.io", "registry-1.docker.io", "", true, false, true, "Docker Hub"},
		{"https://index.docker.io/library", "registry-1.docker.io", "library", true, false, true,
		 "alias"},
		{"Docker.IO/library/nginx", "registry-1.docker.io", "library/nginx", true, false, true,
		 "alias"},
		{"registry.hub.docker.com", "registry-1.docker.io", "", true, false, true, "alias"},
		{"registry-1.docker.io", "registry-1.docker.io", "", true, false, true, "itself"},
		{"mydocker.io", "mydocker.io", "", true, false, false, "not Docker Hub"},
		{"h/v1", "h", "v1", true, false, false, "a name space called v1"},
		{"h/v2x", "h", "v2x", true, false, false, "a name space that begins with v2"},
		{"h/a/v2", "h", "a/v2", true, false, false, "v2 further down"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_source s;

		check_int(reg_source_parse(cases[i].text, &s, NULL), 0, cases[i].text);
		check_text(s.host, cases[i].host, cases[i].why);
		check_text(s.prefix, cases[i].prefix, cases[i].why);
		check_int(s.https, cases[i].https, cases[i].why);
		check_int(s.may_fall_back, cases[i].may_fall_back, cases[i].why);
		check_int(s.docker_hub, cases[i].hub, cases[i].why);
	}
}

static void invalid(void **state)
{
	static const struct {
		const char *text, *hint; /* must be in the error */
	} cases[] = {
		{NULL, "HOST[:PORT]"},
		{"", "HOST[:PORT]"},
		{"https://", "no host"},
		{"/a/b", "no host"},
		{"https:///a", "no host"},
		{"ftp://h", "http:// or https://"},
		{"oci://h/a", "http:// or https://"},
		{"://h", "http:// or https://"},
		{"https://h://x", "port"},
		{"user:secret@h", "REGFS_PASSWORD"},
		{"https://user:secret@h/a", "REGFS_PASSWORD"},
		{"https://user:se/cret@h/a", "REGFS_PASSWORD"},
		{"secret@h", "REGFS_USER"},
		{"h/a@sha256:secret", "digest"},
		{"h?secret=1", "'?'"},
		{"h/a#b", "'?' or '#'"},
		{"h:", "port"},
		{"h:0", "port"},
		{"h:65536", "port"},
		{"h:99999999999999999999", "port"},
		{"h:-1", "port"},
		{"h:+80", "port"},
		{"h:80x", "port"},
		{"h:80:80", "port"},
		{":5000", "HOST"},
		{"-h", "no host name"},
		{"h-", "no host name"},
		{"a..b", "no host name"},
		{".a", "no host name"},
		{"a.", "no host name"},
		{"a.-b", "no host name"},
		{"a-.b", "no host name"},
		{"_a", "no host name"},
		{"h!", "no host name"},
		{"h%00", "no host name"},
		{"::1", "no host name"},
		{"[::1", "no host name"},
		{"[]", "no host name"},
		{"[::1]x", "no host name"},
		{"[::1]5000", "no host name"},
		{"[fe80::1%25eth0]", "no host name"},
		{"[127.0.0.1]", "no host name"},
		{A50 "aaaaaaaaaaaaaa.com", "no host name"},
		{A50 A50 A50 A50 A50 A50, "too long"},
		{"h h", "space"},
		{" h", "space"},
		{"h\n", "space or a character"},
		{"h/\x1b[31m", "space or a character"},
		{"h\xc3\xa4", "space or a character"},
		{"h/A", "lower case"},
		{"h/a:tag", "without a tag"},
		{"h//a", "no name space"},
		{"h/a//b", "no name space"},
		{"h/../x", "no name space"},
		{"h/.", "no name space"},
		{"h/_tags", "no name space"},
		{"h/a_", "no name space"},
		{"h/v2", "leave '/v2' out"},
		{"h/v2/", "leave '/v2' out"},
		{"https://h/v2/library/nginx", "leave '/v2' out"},
		{"h/" A50 A50 A50 A50 A50 "aaaaaa", "255"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_source s = {.host = "untouched"};
		struct reg_error e = {0};
		const char *why = cases[i].text ? cases[i].text : "NULL";

		check_int(reg_source_parse(cases[i].text, &s, &e), -EINVAL, why);
		check_int(e.err, -EINVAL, why);
		check_text(s.host, "untouched", why);
		if (!strstr(e.msg, cases[i].hint))
			fail_msg("%s: no '%s' in '%s'", why, cases[i].hint, e.msg);
		check(!strstr(e.msg, "secret") && !strstr(e.msg, "cret@"), why);
		check(strlen(e.msg) < sizeof(e.msg) - 1, e.msg);
		assert_int_equal(reg_source_parse(cases[i].text, &s, NULL), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid),
		cmocka_unit_test(invalid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
