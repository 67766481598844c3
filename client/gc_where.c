/* SPDX-License-Identifier: MIT */
#include "gc_where.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "util/cleanup.h"

static const char *usual_config(void)
{
	static const char *const usual[] = {
		"/etc/docker/registry/config.yml", /* 2.x, and Debian's */
		"/etc/distribution/config.yml", /* 3.x */
	};

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (access(usual[i], F_OK) == 0)
			return usual[i];
	return NULL;
}

void gc_where_done(struct gc_where *w)
{
	free(w->root);
	if (w->has_settings)
		settings_done(&w->settings);
	*w = (struct gc_where){0};
}

static int choose_root(const struct gc_options *o, struct gc_where *w, struct reg_error *error)
{
	const char *root = o->root;

	if (!root && !w->settings.driver)
		return reg_fail(error, -EINVAL, "%s: it names no storage; name the folder with --root",
				w->config);
	if (!root && strcmp(w->settings.driver, "filesystem") != 0)
		return 0;
	if (!root)
		root = w->settings.root;
	if (!root)
		return reg_fail(error, -EINVAL, "%s: it names no folder; name it with --root", w->config);
	w->root = strdup(root);
	return w->root ? 0 : reg_fail(error, -ENOMEM, "out of memory");
}

int gc_where_find(const struct gc_options *o, char *const *environment, struct gc_where *ret,
		  struct reg_error *error)
{
	struct gc_where w = {.config = o->config};
	int r = 0;

	if (!o->config && !o->root) {
		w.config = usual_config();
		if (!w.config)
			return reg_fail(error, -EINVAL,
					"where is the storage? Name the registry's configuration "
					"with --config, or its folder with --root");
	}
	if (w.config) {
		r = settings_read(w.config, environment, &w.settings, error);
		w.has_settings = r == 0;
	}
	if (r == 0)
		r = choose_root(o, &w, error);
	if (r < 0)
		gc_where_done(&w);
	else
		*ret = w;
	return r;
}
