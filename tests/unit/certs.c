/* SPDX-License-Identifier: MIT */
#include "certs.h"

#include <errno.h>
#include <stdlib.h>

#include "folder.h"

#define HOST "reg.test:5000"

struct scene {
	struct folder home;
	struct certs found;
	struct reg_error error;
	char log[300]; /* the last line */
};

static void on_log(void *data, enum reg_log_level level, const char *line)
{
	struct scene *s = data;

	assert_int_equal(level, REG_LOG_WARN);
	snprintf(s->log, sizeof(s->log), "%s", line);
}

static void begin(struct scene *s)
{
	*s = (struct scene){0};
	folder_make(&s->home);
	setenv("HOME", s->home.path, 1);
	unsetenv("XDG_CONFIG_HOME");
}

static int find(struct scene *s, const char *host)
{
	const struct reg_log log = {on_log, s, REG_LOG_WARN};

	certs_done(&s->found);
	s->error = (struct reg_error){0};
	return certs_find(host, &log, &s->found, &s->error);
}

static void write_file(const struct scene *s, const char *path)
{
	folder_write(&s->home, path, path, strlen(path));
}

static void end(struct scene *s)
{
	certs_done(&s->found);
	folder_remove(&s->home);
}

#define check_path(have, want, why) check_text(have, folder_path(&s.home, want), why)

/* Each is looked in before those above it. */
static void places(void **state)
{
	static const char *const in_turn[] = {".config/docker/certs.d/" HOST,
					      ".config/containers/certs.d/" HOST, "xdg/docker/certs.d/" HOST,
					      ".config/containers/certs.d/" HOST,
					      "xdg/containers/certs.d/" HOST};
	struct scene s;

	(void)state;
	begin(&s);
	assert_int_equal(find(&s, HOST), 0);
	assert_null(s.found.folder);
	for (size_t i = 0; i < ARRAY_SIZE(in_turn); i++) {
		char name[100];

		if (i == 2) { /* podman does not know this variable: its folder stays where it is */
			setenv("XDG_CONFIG_HOME", folder_path(&s.home, "xdg"), 1);
			folder_remove(&s.home);
			assert_int_equal(mkdir(s.home.path, 0700), 0);
		}
		snprintf(name, sizeof(name), "%s/ca.crt", in_turn[i]);
		write_file(&s, name);
		check_int(find(&s, HOST), 0, in_turn[i]);
		check_path(s.found.folder, in_turn[i], in_turn[i]);
		check(!s.found.cert && !s.found.key, in_turn[i]);
	}
	setenv("HOME", ".", 1); /* nobody knows where that is for a daemon */
	unsetenv("XDG_CONFIG_HOME");
	assert_int_equal(find(&s, HOST), 0);
	assert_null(s.found.folder);
	end(&s);
}

static void hosts(void **state)
{
	static const struct {
		const char *folder, *host;
		bool found;
	} cases[] = {
		{"reg.test", "reg.test", true},      {"reg.test", "reg.test:5000", false},
		{"reg.test:443", "reg.test", false}, {"reg.test:5000", "reg.test:5000", true},
		{"[::1]:5000", "[::1]:5000", true},  {"test", "reg.test", false},
		{"192.0.2.7", "192.0.2.7", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;
		char name[100];

		begin(&s);
		snprintf(name, sizeof(name), ".config/docker/certs.d/%s/ca.crt", cases[i].folder);
		write_file(&s, name);
		check_int(find(&s, cases[i].host), 0, cases[i].host);
		check_int(s.found.folder != NULL, cases[i].found, cases[i].host);
		end(&s);
	}
}

#define D ".config/docker/certs.d/" HOST "/"

static void pairs(void **state)
{
	static const struct {
		const char *why, *files[5], *cert, *key, *words; /* words: of the error */
	} cases[] = {
		{"authorities alone", {"ca.crt", "b.crt"}, NULL, NULL, NULL},
		{"docker's names",
		 {"ca.crt", "client.cert", "client.key"},
		 "client.cert",
		 "client.key",
		 NULL},
		{"the first of several", {"z.cert", "z.key", "m.key", "m.cert"}, "m.cert", "m.key", NULL},
		{"dots in a name", {"a.b.cert", "a.b.key"}, "a.b.cert", "a.b.key", NULL},
		{"other files", {"README", "client.pem", ".cert", "cert", "x.key.old"}, NULL, NULL, NULL},
		{"no key", {"client.cert"}, NULL, NULL, "client.cert has no client.key"},
		{"an authority by the wrong name", {"ca.cert"}, NULL, NULL, "must end in .crt"},
		{"no certificate", {"ca.crt", "client.key"}, NULL, NULL, "client.key has no client.cert"},
		{"one of two has none", {"a.cert", "a.key", "b.cert"}, NULL, NULL, "b.cert has no b.key"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;
		char name[100];

		begin(&s);
		for (size_t k = 0; k < ARRAY_SIZE(cases[i].files) && cases[i].files[k]; k++) {
			snprintf(name, sizeof(name), D "%s", cases[i].files[k]);
			write_file(&s, name);
		}
		check_int(find(&s, HOST), cases[i].words ? -EINVAL : 0, cases[i].why);
		check(!cases[i].words || strstr(s.error.msg, cases[i].words), cases[i].why);
		check_int(s.found.cert != NULL, cases[i].cert != NULL, cases[i].why);
		if (cases[i].cert) {
			check_text(strrchr(s.found.cert, '/') + 1, cases[i].cert, cases[i].why);
			check_text(strrchr(s.found.key, '/') + 1, cases[i].key, cases[i].why);
		}
		end(&s);
	}
}

/* Kubernetes mounts secrets as links to links. */
static void links(void **state)
{
	struct scene s;
	struct buf all;

	(void)state;
	begin(&s);
	write_file(&s, "real/client.key");
	write_file(&s, "real/client.cert");
	write_file(&s, "real/ca.crt");
	write_file(&s, ".config/docker/certs.d/other/ca.crt");
	assert_int_equal(
		symlink(folder_path(&s.home, "real"), folder_path(&s.home, ".config/docker/certs.d/" HOST)),
		0);
	assert_int_equal(symlink("ca.crt", folder_path(&s.home, "real/b.crt")), 0);
	assert_int_equal(symlink("gone", folder_path(&s.home, "real/c.crt")), 0);
	assert_int_equal(find(&s, HOST), 0);
	assert_non_null(s.found.cert);
	buf_init(&all, 1000);
	assert_int_equal(certs_read(s.found.folder, ".crt", &all, &s.error), 0);
	assert_string_equal(all.data, "real/ca.crt\nreal/ca.crt\n");
	buf_done(&all);
	assert_int_equal(unlink(folder_path(&s.home, "real/client.key")), 0);
	assert_int_equal(symlink("gone", folder_path(&s.home, "real/client.key")), 0);
	assert_int_equal(find(&s, HOST), -EINVAL);
	end(&s);
}

static void reading(void **state)
{
	struct scene s;
	struct buf all;

	(void)state;
	begin(&s);
	write_file(&s, "d/b.crt");
	write_file(&s, "d/a.pem");
	write_file(&s, "d/c.cer");
	write_file(&s, "d/d.cert");
	write_file(&s, "d/.crt");
	buf_init(&all, 30);
	assert_int_equal(certs_read(folder_path(&s.home, "d"), NULL, &all, &s.error), 0);
	assert_string_equal(all.data, "d/a.pem\nd/b.crt\nd/c.cer\n");
	buf_clear(&all);
	assert_int_equal(mkfifo(folder_path(&s.home, "d/e.pem"), 0600), 0);
	assert_int_equal(certs_read(folder_path(&s.home, "d"), NULL, &all, &s.error), 0);
	assert_string_equal(all.data, "d/a.pem\nd/b.crt\nd/c.cer\n\n");
	assert_int_equal(certs_read(folder_path(&s.home, "d"), ".crt", &all, &s.error), -EFBIG);
	assert_non_null(strstr(s.error.msg, "b.crt"));
	assert_int_equal(certs_read(folder_path(&s.home, "none"), ".crt", &all, &s.error), -ENOENT);
	assert_int_equal(certs_read_file(folder_path(&s.home, "none"), &all, &s.error), -ENOENT);
	assert_int_equal(mkdir(folder_path(&s.home, "d/0.crt"), 0700), 0);
	buf_clear(&all);
	assert_true(certs_read(folder_path(&s.home, "d"), ".crt", &all, &s.error) < 0);
	assert_non_null(strstr(s.error.msg, "0.crt"));
	buf_done(&all);
	end(&s);
}

/* As an ordinary user: root reads everything. */
static void not_for_us(void **state)
{
	struct scene s;
	struct buf all;
	const bool root = geteuid() == 0;

	(void)state;
	begin(&s);
	write_file(&s, ".config/containers/certs.d/" HOST "/ca.crt");
	write_file(&s, D "ca.crt");
	assert_int_equal(chmod(s.home.path, 0755), 0);
	for (const char *const *p =
		     (const char *const[]){".config", ".config/docker", ".config/docker/certs.d", D,
					   ".config/containers", ".config/containers/certs.d", NULL};
	     *p; p++)
		assert_int_equal(chmod(folder_path(&s.home, *p), 0755), 0);
	assert_int_equal(chmod(folder_path(&s.home, D "ca.crt"), 0), 0);
	assert_int_equal(chmod(folder_path(&s.home, ".config/containers/certs.d/" HOST), 0), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(find(&s, HOST), 0);
	check_path(s.found.folder, ".config/docker/certs.d/" HOST, "the next one");
	check(strstr(s.log, ".config/containers/certs.d/" HOST " cannot be read"), s.log);
	buf_init(&all, 1000);
	assert_int_equal(certs_read(s.found.folder, ".crt", &all, &s.error), -EACCES);
	check(strstr(s.error.msg, "ca.crt cannot be read"), s.error.msg);
	buf_done(&all);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(folder_path(&s.home, ".config/containers/certs.d/" HOST), 0700), 0);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places), cmocka_unit_test(hosts),   cmocka_unit_test(pairs),
		cmocka_unit_test(links),  cmocka_unit_test(reading), cmocka_unit_test(not_for_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
