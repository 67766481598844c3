/* SPDX-License-Identifier: MIT */
/* Which registries docker's daemon.json names. */
#include "insecure.h"

#include <stdlib.h>

#include "folder.h"

static const struct {
	const char *why, *source, *list; /* list NULL: no file at all */
	bool insecure;
} cases[] = {
	{"no file", "reg.test", NULL, false},
	{"nobody", "reg.test", "[]", false},
	{"by name", "reg.test", "[\"other\",\"reg.test\"]", true},
	{"in capitals", "Reg.Test", "[\"reg.TEST\"]", true},
	{"with its port", "reg.test:5000/a", "[\"reg.test:5000\"]", true},
	{"another port", "reg.test:5000", "[\"reg.test:5001\"]", false},
	{"without its port", "reg.test:5000", "[\"reg.test\"]", false},
	{"with a port that it has not", "reg.test", "[\"reg.test:443\"]", false},
	{"with a scheme, which docker passes over", "reg.test:5000", "[\"http://reg.test:5000\"]", true},
	{"a scheme was given: that holds", "https://reg.test:5000", "[\"reg.test:5000\"]", false},
	{"a name that ends alike", "reg.test", "[\"eg.test\"]", false},
	{"a network", "10.1.2.3:5000", "[\"10.0.0.0/8\"]", true},
	{"another network", "11.1.2.3:5000", "[\"10.0.0.0/8\"]", false},
	{"of IPv6", "[fd00::1]:5000", "[\"fd00::/8\"]", true},
	{"another one", "[fe00::1]:5000", "[\"fd00::/8\"]", false},
	{"a network that is none", "10.1.2.3", "[\"10.0.0.0/x\",\"/8\",\"10.0.0.0/\",\"10.0.0.0/33\",\"\"]", false},
	{"no texts", "reg.test", "[1,null,{},[\"reg.test\"]]", false},
	{"no list", "reg.test", "\"reg.test\"", false},
	{"Docker Hub never", "docker.io", "[\"docker.io\",\"registry-1.docker.io\",\"0.0.0.0/0\"]", false},
	{"loopback always", "localhost:5000", NULL, true},
	{"but where a scheme was given", "https://localhost:5000", NULL, false},
};

static bool look(const char *text)
{
	const struct reg_log log = {0};
	struct reg_source source;

	assert_int_equal(reg_source_parse(text, &source, NULL), 0);
	return insecure_to_docker(&source, &log);
}

static void which(void **state)
{
	static const char *const places[] = {".config/docker/daemon.json", "config/docker/daemon.json"};
	char text[300];

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const char *const list = cases[i / 2].list;
		struct folder home;

		folder_make(&home);
		setenv("HOME", home.path, 1);
		setenv("XDG_CONFIG_HOME", i % 2 ? folder_path(&home, "config") : "", 1);
		snprintf(text, sizeof(text), "{\"debug\":true,\"insecure-registries\":%s}", list ? list : "");
		if (list)
			folder_write(&home, places[i % 2], text, strlen(text));
		check_int(look(cases[i / 2].source), cases[i / 2].insecure, cases[i / 2].why);
		folder_remove(&home);
	}
}

static void broken(void **state)
{
	static const char *const texts[] = {"", "{", "[\"reg.test\"]", "{\"insecure-registries\":[\"reg.test\"]"};
	struct folder home;

	(void)state;
	folder_make(&home);
	setenv("HOME", home.path, 1);
	unsetenv("XDG_CONFIG_HOME");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		folder_write(&home, ".config/docker/daemon.json", texts[i], strlen(texts[i]));
		check_int(look("reg.test"), false, texts[i]);
	}
	unsetenv("HOME");
	check_int(look("reg.test"), false, "no home");
	folder_remove(&home);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(which),
		cmocka_unit_test(broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
