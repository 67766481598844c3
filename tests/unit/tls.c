/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include <errno.h>
#include <stdlib.h>

#include "folder.h"

#define HOST "reg.test:5000"
#define CERTS_D ".config/docker/certs.d/" HOST "/"
#define CERT "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"
#define RSA_KEY "-----BEGIN RSA PRIVATE KEY-----\nx\n-----END RSA PRIVATE KEY-----\n"
#define LOCKED_KEY "-----BEGIN ENCRYPTED PRIVATE KEY-----\nx\n-----END ENCRYPTED PRIVATE KEY-----\n"
#define OLD_LOCKED_KEY                                                                                       \
	"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nx\n-----END RSA PRIVATE KEY-----\n"

struct scene {
	struct folder home;
	struct reg_options options;
	struct tls tls;
	struct reg_error error;
};

static void begin(struct scene *s)
{
	*s = (struct scene){.tls = {.cafd = -1}};
	reg_options_init(&s->options);
	folder_make(&s->home);
	setenv("HOME", s->home.path, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
}

static void put(const struct scene *s, const char *path, const char *text)
{
	folder_write(&s->home, path, text, strlen(text));
}

static int init(struct scene *s)
{
	tls_done(&s->tls);
	return tls_init(&s->tls, &s->options, HOST, &s->error);
}

static void end(struct scene *s)
{
	tls_done(&s->tls);
	folder_remove(&s->home);
}

/* The beginning of what is trusted, as another thread of this process reads it; in *ret_size all of it. */
static const char *trusted(const struct scene *s, size_t *ret_size)
{
	static char text[200];
	FILE *f = s->tls.cafile ? fopen(s->tls.cafile, "re") : NULL;

	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	*ret_size = (size_t)ftell(f);
	fclose(f);
	return text;
}

static void trust(void **state)
{
	struct scene s;
	size_t size;

	(void)state;
	begin(&s);
	assert_int_equal(init(&s), 0);
	assert_null(s.tls.cafile); /* libcurl's own */
	assert_null(s.tls.cert);
	assert_false(s.tls.insecure);

	put(&s, CERTS_D "client.txt", "no certificate");
	assert_int_equal(init(&s), 0);
	assert_null(s.tls.cafile); /* nothing is added to them */

	put(&s, CERTS_D "ca.crt", CERT);
	assert_int_equal(init(&s), 0);
	assert_memory_equal(trusted(&s, &size), CERT "\n", strlen(CERT) + 1);
	/* The system's are still trusted, where it has some. */
	assert_true(size > strlen(CERT) + 1 || access("/etc/ssl/certs/ca-certificates.crt", R_OK) < 0);

	put(&s, "own.pem", CERT);
	s.options.cacert = folder_path(&s.home, "own.pem");
	assert_int_equal(init(&s), 0);
	assert_string_equal(s.tls.cafile, s.options.cacert); /* in their place; read anew as it is renewed */

	s.options.insecure = true;
	assert_int_equal(init(&s), 0);
	assert_true(s.tls.insecure);
	end(&s);
}

static void trusted_folder(void **state)
{
	struct scene s;
	char path[100];
	size_t size;

	(void)state;
	begin(&s);
	put(&s, "own/b.pem", "b");
	put(&s, "own/a.cer", "a");
	put(&s, "empty/README", "c");
	strcpy(path, folder_path(&s.home, "own"));
	s.options.cacert = path;
	assert_int_equal(init(&s), 0);
	assert_string_equal(trusted(&s, &size), "a\nb\n");
	assert_int_equal(size, 4); /* nobody else */
	strcpy(path, folder_path(&s.home, "empty"));
	assert_int_equal(init(&s), -ENOENT);
	assert_non_null(strstr(s.error.msg, "holds no file"));
	strcpy(path, folder_path(&s.home, "none"));
	assert_int_equal(init(&s), -ENOENT);
	assert_non_null(strstr(s.error.msg, "cannot be read"));
	assert_int_equal(s.tls.cafd, -1);
	assert_null(s.tls.cafile);
	end(&s);
}

/* One adds to what the system trusts, both take its place, as for podman and skopeo. */
static void trusted_by_environment(void **state)
{
	struct scene s;
	char folders[300];
	size_t size, system;

	(void)state;
	begin(&s);
	put(&s, "own.pem", "own");
	put(&s, "a/x.pem", "x");
	put(&s, "b/y.crt", "y");
	put(&s, "cacert", "cacert");
	setenv("SSL_CERT_FILE", folder_path(&s.home, "gone"), 1);
	assert_int_equal(init(&s), 0);
	if (s.tls.cafile)
		(void)trusted(&s, &system);
	else
		system = 0;

	setenv("SSL_CERT_FILE", folder_path(&s.home, "own.pem"), 1);
	assert_int_equal(init(&s), 0);
	assert_memory_equal(trusted(&s, &size), "own\n", 4);
	assert_int_equal(size, system + 4);

	snprintf(folders, sizeof(folders), "%s:%s:%s", folder_path(&s.home, "a"),
		 folder_path(&s.home, "gone"), folder_path(&s.home, "b"));
	setenv("SSL_CERT_DIR", folders, 1);
	assert_int_equal(init(&s), 0);
	assert_string_equal(trusted(&s, &size), "own\nx\ny\n");

	put(&s, CERTS_D "ca.crt", "ca");
	assert_int_equal(init(&s), 0);
	assert_string_equal(trusted(&s, &size), "ca\nown\nx\ny\n");

	unsetenv("SSL_CERT_FILE");
	assert_int_equal(init(&s), 0);
	assert_memory_equal(trusted(&s, &size), "ca\nx\ny\n", 7);
	assert_int_equal(size, system + 7);

	setenv("SSL_CERT_DIR", "", 1); /* set to nothing is not set */
	assert_int_equal(init(&s), 0);
	(void)trusted(&s, &size);
	assert_int_equal(size, system + 3);

	s.options.cacert = folder_path(&s.home, "cacert");
	setenv("SSL_CERT_FILE", folder_path(&s.home, "own.pem"), 1);
	assert_int_equal(init(&s), 0);
	assert_string_equal(s.tls.cafile, s.options.cacert);
	end(&s);
}

static void identity(void **state)
{
	static const struct {
		const char *why, *cert, *key; /* what is in them; NULL: not given */
		int err;
		const char *words;
	} cases[] = {
		{"two files", CERT, KEY, 0, NULL},
		{"a key of old", CERT, RSA_KEY, 0, NULL},
		{"the key is in the same file", KEY CERT, NULL, 0, NULL},
		{"and behind it", CERT RSA_KEY, NULL, 0, NULL},
		{"no key", CERT, NULL, -EINVAL, "key=FILE"},
		{"a key alone", NULL, KEY, -EINVAL, "without cert="},
		{"a key in place of the certificate", KEY, KEY, -EINVAL, "holds no certificate"},
		{"a certificate in place of the key", CERT, CERT, -EINVAL, "holds no private key"},
		{"a passphrase", CERT, LOCKED_KEY, -EINVAL, "passphrase"},
		{"a passphrase of old", CERT, OLD_LOCKED_KEY, -EINVAL, "passphrase"},
		{"nothing", "", KEY, -EINVAL, "holds no certificate"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scene s;
		char cert[100], key[100];

		begin(&s);
		strcpy(cert, folder_path(&s.home, "c"));
		strcpy(key, folder_path(&s.home, "k"));
		s.options.cert = cases[i].cert ? cert : NULL;
		s.options.key = cases[i].key ? key : NULL;
		if (cases[i].cert)
			put(&s, "c", cases[i].cert);
		if (cases[i].key)
			put(&s, "k", cases[i].key);
		check_int(init(&s), cases[i].err, cases[i].why);
		check(!cases[i].words || strstr(s.error.msg, cases[i].words), cases[i].why);
		check_text(s.tls.cert, cases[i].err ? NULL : cert, cases[i].why);
		check_text(s.tls.key, cases[i].err ? NULL : cases[i].key ? key : cert, cases[i].why);
		end(&s);
	}
}

static void identity_of_certs_d(void **state)
{
	struct scene s;
	char large[100];
	FILE *f;

	(void)state;
	begin(&s);
	put(&s, CERTS_D "client.cert", CERT);
	assert_int_equal(init(&s), -EINVAL);
	assert_non_null(strstr(s.error.msg, "has no client.key"));
	put(&s, CERTS_D "client.key", KEY);
	assert_int_equal(init(&s), 0);
	assert_string_equal(s.tls.cert, folder_path(&s.home, CERTS_D "client.cert"));
	assert_string_equal(s.tls.key, folder_path(&s.home, CERTS_D "client.key"));

	put(&s, "own.pem", CERT KEY);
	s.options.cert = folder_path(&s.home, "own.pem"); /* before them, and with its own key */
	assert_int_equal(init(&s), 0);
	assert_string_equal(s.tls.cert, s.tls.key);
	s.options.cert = NULL;

	put(&s, CERTS_D "client.key", LOCKED_KEY);
	assert_int_equal(init(&s), -EINVAL);
	assert_non_null(strstr(s.error.msg, CERTS_D "client.key has a passphrase"));

	strcpy(large, folder_path(&s.home, "large"));
	f = fopen(large, "we");
	assert_non_null(f);
	assert_int_equal(ftruncate(fileno(f), 2 << 20), 0);
	fclose(f);
	s.options.cert = large;
	assert_int_equal(init(&s), -EFBIG);
	s.options.cert = "/nowhere";
	assert_int_equal(init(&s), -ENOENT);
	assert_non_null(strstr(s.error.msg, "cert=/nowhere cannot be read"));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trust),
		cmocka_unit_test(trusted_folder),
		cmocka_unit_test(trusted_by_environment),
		cmocka_unit_test(identity),
		cmocka_unit_test(identity_of_certs_d),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
