/* SPDX-License-Identifier: MIT */
#include "certs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "util/cleanup.h"

static bool ends(const char *name, const char *ending)
{
	const size_t n = strlen(name), m = strlen(ending);

	return n > m && strcmp(name + n - m, ending) == 0;
}

/* A pipe that nobody writes to is an empty file, and holds nobody up. */
static FILE *open_file(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	FILE *f = fd >= 0 && fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "r") : NULL;

	if (!f && fd >= 0) {
		const int e = errno;

		close(fd);
		errno = e;
	}
	return f;
}

int certs_read_file(const char *path, struct buf *to, struct reg_error *error)
{
	FILE *f = open_file(path);
	char data[8192];
	size_t n;
	int r = 0;

	if (!f)
		return reg_fail(error, -errno, "%s cannot be read: %s", path, strerror(errno));
	while (r == 0 && (n = fread(data, 1, sizeof(data), f)) > 0)
		r = buf_add(to, data, n);
	if (r == 0 && ferror(f))
		r = -EIO;
	fclose(f);
	if (r == 0)
		r = buf_puts(to, "\n"); /* the last line of a file may lack its end */
	return r < 0 ? reg_fail(error, r, "%s cannot be read: %s", path, strerror(-r)) : 0;
}

static int list(const char *folder, struct dirent ***ret, struct reg_error *error)
{
	const int n = scandir(folder, ret, NULL, alphasort);

	return n < 0 ? reg_fail(error, -errno, "%s cannot be read: %s", folder, strerror(errno)) : n;
}

static void list_free(struct dirent **entries, int n)
{
	while (n > 0)
		free(entries[--n]);
	free(entries);
}

int certs_read(const char *folder, const char *ending, struct buf *to, struct reg_error *error)
{
	struct dirent **entries;
	const int n = list(folder, &entries, error);
	int r = n < 0 ? n : 0;

	for (int i = 0; i < n && r == 0; i++) {
		const char *const name = entries[i]->d_name;
		auto_free char *path = NULL;

		if (ending ? !ends(name, ending)
			   : !ends(name, ".crt") && !ends(name, ".pem") && !ends(name, ".cer"))
			continue;
		if (asprintf(&path, "%s/%s", folder, name) < 0)
			path = NULL;
		r = path ? certs_read_file(path, to, error) : reg_fail(error, -ENOMEM, "out of memory");
		if (r == -ENOENT)
			r = 0;
	}
	if (n >= 0)
		list_free(entries, n);
	return r;
}

/* FOLDER/NAME.cert to FOLDER/NAME.key, or back; NULL: no memory. */
static char *partner(const char *folder, const char *name, const char *ending)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%.*s%s", folder, (int)(strrchr(name, '.') - name), name, ending) < 0)
		return NULL;
	return path;
}

static int take_pair(struct certs *c, const char *name, struct reg_error *error)
{
	const bool cert = ends(name, ".cert");
	auto_free char *mine = NULL, *other = NULL;
	struct stat st;

	if (!cert && !ends(name, ".key"))
		return 0;
	mine = partner(c->folder, name, cert ? ".cert" : ".key");
	other = partner(c->folder, name, cert ? ".key" : ".cert");
	if (!mine || !other)
		return reg_fail(error, -ENOMEM, "out of memory");
	if (stat(other, &st) < 0)
		return reg_fail(error, -EINVAL, "%s has no %s beside it%s", mine, strrchr(other, '/') + 1,
				cert ? "; certificates to trust must end in .crt" : "");
	if (cert && !c->cert) {
		c->cert = steal(&mine);
		c->key = steal(&other);
	}
	return 0;
}

static int read_pairs(struct certs *c, struct reg_error *error)
{
	struct dirent **entries;
	const int n = list(c->folder, &entries, error);
	int r = n < 0 ? n : 0;

	for (int i = 0; i < n && r == 0; i++)
		r = take_pair(c, entries[i]->d_name, error);
	if (n >= 0)
		list_free(entries, n);
	return r;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* 1: the folder is there; 0: it is not, or not for us; negative errno: what is in it makes no sense. */
static int look_in(const char *folder, const struct reg_log *log, struct certs *ret, struct reg_error *error)
{
	struct certs c = {0};
	int r;

	if (!is_folder(folder))
		return 0;
	c.folder = strdup(folder);
	r = c.folder ? read_pairs(&c, error) : reg_fail(error, -ENOMEM, "out of memory");
	if (r == 0) {
		*ret = c;
		return 1;
	}
	certs_done(&c);
	if (r != -EACCES)
		return r;
	if (log)
		reg_log(log, REG_LOG_WARN, "%s cannot be read, and is passed over", folder);
	return 0;
}

int certs_find(const char *host, const struct reg_log *log, struct certs *ret, struct reg_error *error)
{
	const char *const config = getenv("XDG_CONFIG_HOME"), *const home = getenv("HOME");
	const bool own = config && config[0];
	const struct {
		const char *top, *below;
	} places[] = {
		{own ? config : NULL, "containers"},
		{home, ".config/containers"},
		{own ? config : home, own ? "docker" : ".config/docker"},
		{"/etc", "containers"},
		{"/etc", "docker"},
	};
	int r = 0;

	*ret = (struct certs){0};
	for (size_t i = 0; i < ARRAY_SIZE(places) && r == 0; i++) {
		auto_free char *path = NULL;

		if (!places[i].top || places[i].top[0] != '/')
			continue;
		if (asprintf(&path, "%s/%s/certs.d/%s", places[i].top, places[i].below, host) < 0) {
			path = NULL;
			return reg_fail(error, -ENOMEM, "out of memory");
		}
		r = look_in(path, log, ret, error);
	}
	return r < 0 ? r : 0;
}

void certs_done(struct certs *c)
{
	free(c->folder);
	free(c->cert);
	free(c->key);
	*c = (struct certs){0};
}
