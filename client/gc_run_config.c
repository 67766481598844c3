/* SPDX-License-Identifier: MIT */
/*
 * The configuration for the registry's collector. It must lead it to the very folder that we look at: where
 * --root names that, we write a configuration with nothing else in it, and take away from the environment
 * what would override it.
 */
#include "gc_run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "util/buf.h"
#include "util/cleanup.h"

extern char **environ;

/* REGISTRY_AUTH_FILE is podman's: where credentials are. */
static bool overrides(const char *variable)
{
	static const char prefix[] = "REGISTRY_", other[] = "REGISTRY_AUTH_FILE=";

	return strncmp(variable, prefix, strlen(prefix)) == 0 && strncmp(variable, other, strlen(other)) != 0;
}

static int clear_environment(void)
{
	for (size_t i = 0; environ && environ[i];) {
		auto_free char *name = NULL;

		if (!overrides(environ[i])) {
			i++;
			continue;
		}
		name = strndup(environ[i], strcspn(environ[i], "="));
		if (!name)
			return -ENOMEM;
		if (unsetenv(name) < 0)
			return -errno;
	}
	return 0;
}

/* JSON is YAML. */
static int write_text(struct buf *out, const char *root)
{
	struct json_writer w = {.out = out};

	json_write_object(&w, NULL);
	json_write_text(&w, "version", "0.1");
	json_write_object(&w, "storage");
	json_write_object(&w, "filesystem");
	json_write_text(&w, "rootdirectory", root);
	json_write_object_end(&w);
	json_write_object_end(&w);
	json_write_object(&w, "http");
	json_write_text(&w, "addr", ":0");
	json_write_object_end(&w);
	json_write_object_end(&w);
	return w.err;
}

static int write_file(const char *path, int fd, const struct buf *b)
{
	size_t done = 0;

	while (done < b->size) {
		const ssize_t n = write(fd, b->data + done, b->size - done);

		if (n < 0 && errno != EINTR) {
			const int e = errno;

			gc_complain("%s: %s", path, strerror(e));
			return -e;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int make(struct gc_config *c, const struct gc *gc)
{
	const char *folder = getenv("TMPDIR");
	char link[64], root[PATH_MAX];
	struct buf b;
	int fd, r;

	/* By what is open: it may have been named by docker/registry/v2 in it. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", gc->storage.root);
	if (!realpath(link, root) && !realpath(gc->storage.path, root)) {
		r = -errno;
		gc_complain("%s: %s", gc->storage.path, strerror(-r));
		return r;
	}
	if (asprintf(&c->own, "%s/regfs-gc-XXXXXX", folder && *folder ? folder : "/tmp") < 0) {
		c->own = NULL;
		return -ENOMEM;
	}
	fd = mkstemp(c->own); /* mode 0600 */
	if (fd < 0) {
		r = -errno;
		gc_complain("%s: %s", c->own, strerror(-r));
		free(steal(&c->own));
		return r;
	}
	buf_init(&b, (size_t)64 << 10);
	r = write_text(&b, root);
	if (r == 0)
		r = write_file(c->own, fd, &b);
	close(fd);
	buf_done(&b);
	c->path = c->own;
	return r;
}

int gc_config_init(struct gc_config *c, const struct gc *gc)
{
	int r;

	*c = (struct gc_config){0};
	if (gc->options->registry_config) {
		c->path = gc->options->registry_config;
		return 0;
	}
	if (!gc->options->root) {
		c->path = gc->where.config;
		return 0;
	}
	r = clear_environment();
	if (r == 0)
		r = make(c, gc);
	if (r == -ENOMEM) /* what else there is was told where it was met */
		gc_fail(gc, r);
	if (r < 0)
		gc_config_done(c);
	return r;
}

void gc_config_done(struct gc_config *c)
{
	if (c->own)
		unlink(c->own);
	free(c->own);
	*c = (struct gc_config){0};
}
