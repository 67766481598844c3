/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs.h"
#include "error.h"
#include "secretfile.h"
#include "util/buf.h"
#include "util/cleanup.h"

enum { MAX_CERTIFICATES = 16 << 20, MAX_KEY = 1 << 20 };

static int no_memory(struct reg_error *error)
{
	return reg_fail(error, -ENOMEM, "out of memory");
}

/* A file in memory: libcurl's TLS libraries all read files, and not all of them bytes. */
static int keep(struct tls *t, const struct buf *certificates, struct reg_error *error)
{
	size_t done = 0;

	t->cafd = memfd_create("certificates", MFD_CLOEXEC);
	if (t->cafd < 0 || asprintf(&t->cafile, "/proc/self/fd/%d", t->cafd) < 0) {
		t->cafile = NULL;
		return no_memory(error);
	}
	while (done < certificates->size) {
		const ssize_t n = write(t->cafd, certificates->data + done, certificates->size - done);

		if (n <= 0)
			return no_memory(error);
		done += (size_t)n;
	}
	return 0;
}

/* NULL: not set, or to nothing. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* A file, and folders with colons between, or NULL; what cannot be read is passed over, as Go does. */
static int add_named(struct buf *to, const char *file, const char *folders, struct reg_error *error)
{
	auto_free char *copy = folders ? strdup(folders) : NULL;
	char *save = NULL;
	int r = 0;

	if (folders && !copy)
		return no_memory(error);
	if (file && access(file, R_OK) == 0)
		r = certs_read_file(file, to, error);
	for (char *f = copy ? strtok_r(copy, ":", &save) : NULL; f && r == 0; f = strtok_r(NULL, ":", &save))
		if (access(f, R_OK) == 0)
			r = certs_read(f, NULL, to, error);
	return r;
}

/*
 * What the system trusts; nothing if it cannot be read, as then nothing else is trusted either. podman, skopeo
 * and whatever else is written in Go take these variables, which libcurl does not know: one adds to the
 * system's certificates (where those are a file and a folder of the same), both take their place.
 */
static int add_system(struct buf *to, struct reg_error *error)
{
	const curl_version_info_data *const info = curl_version_info(CURLVERSION_NOW);
	const char *const file = environment("SSL_CERT_FILE"), *const folders = environment("SSL_CERT_DIR");
	const bool bundle = info->cainfo && access(info->cainfo, R_OK) == 0;
	const int r = add_named(to, file, folders, error);

	if (r < 0 || (file && folders))
		return r;
	return add_named(to, bundle ? info->cainfo : NULL, bundle ? NULL : info->capath, error);
}

/* certs.d adds to what the system trusts, as docker does; cacert= takes its place. */
static int trust(struct tls *t, const char *cacert, const char *folder, struct reg_error *error)
{
	const bool named = environment("SSL_CERT_FILE") || environment("SSL_CERT_DIR");
	struct stat st;
	struct buf all;
	size_t own;
	int r = 0;

	if (cacert && (access(cacert, R_OK) < 0 || stat(cacert, &st) < 0))
		return reg_fail(error, -errno, "cacert=%s cannot be read: %s", cacert, strerror(errno));
	if (cacert && !S_ISDIR(st.st_mode)) {
		t->cafile = strdup(cacert);
		return t->cafile ? 0 : no_memory(error);
	}
	buf_init(&all, MAX_CERTIFICATES);
	if (cacert || folder)
		r = certs_read(cacert ? cacert : folder, cacert ? NULL : ".crt", &all, error);
	own = all.size;
	if (r == 0 && cacert && !own)
		r = reg_fail(error, -ENOENT, "cacert=%s holds no file that ends in .crt, .pem or .cer",
			     cacert);
	if (r == 0 && !cacert && (own || named))
		r = add_system(&all, error);
	if (r == 0 && all.size)
		r = keep(t, &all, error);
	buf_done(&all);
	return r;
}

/* The PEM file of a certificate or key; what it must hold is told here, since libcurl does not. */
static int check_pem(const char *what, const char *path, const char *word, struct reg_error *error)
{
	const bool key = strcmp(what, "key") == 0;
	char *text = NULL;
	const ssize_t n = secretfile_read(path, MAX_KEY, NULL, &text);
	int r = 0;

	if (n < 0)
		return reg_fail(error, (int)n, "%s=%s cannot be read: %s", what, path, strerror((int)-n));
	if (!strstr(text, word))
		r = reg_fail(error, -EINVAL, "%s=%s holds no %s in PEM form%s", what, path,
			     key ? "private key" : "certificate",
			     key ? ": say where it is with key=FILE" : "");
	else if (key && (strstr(text, "BEGIN ENCRYPTED") || strstr(text, ",ENCRYPTED")))
		r = reg_fail(
			error, -EINVAL,
			"the key in %s has a passphrase, which regfs cannot ask for: write it anew without "
			"one, by 'openssl pkey -in %s -out NEW'",
			path, path);
	secretfile_free(text, (size_t)n);
	return r;
}

static int identify(struct tls *t, const char *cert, const char *key, struct reg_error *error)
{
	int r;

	if (!cert)
		return key ? reg_fail(error, -EINVAL,
				      "key= has no effect without cert=: name the certificate")
			   : 0;
	if (!key)
		key = cert;
	r = check_pem("cert", cert, "-----BEGIN CERTIFICATE", error);
	if (r == 0)
		r = check_pem("key", key, "PRIVATE KEY-----", error);
	if (r < 0)
		return r;
	t->cert = strdup(cert);
	t->key = strdup(key);
	return t->cert && t->key ? 0 : no_memory(error);
}

int tls_init(struct tls *t, const struct reg_options *o, const char *host, struct reg_error *error)
{
	const struct reg_log log = {o->log, o->log_data, o->log_level};
	struct certs certs = {0};
	int r;

	*t = (struct tls){.insecure = o->insecure, .cafd = -1};
	r = certs_find(host, &log, &certs, error);
	if (r == 0)
		r = trust(t, o->cacert, certs.folder, error);
	if (r == 0 && (o->cert || o->key))
		r = identify(t, o->cert, o->key, error);
	else if (r == 0)
		r = identify(t, certs.cert, certs.key, error);
	certs_done(&certs);
	if (r < 0)
		tls_done(t);
	return r;
}

void tls_done(struct tls *t)
{
	if (t->cafd >= 0)
		close(t->cafd);
	free(t->cafile);
	free(t->cert);
	free(t->key);
	*t = (struct tls){.cafd = -1};
}
