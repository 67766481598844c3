/* SPDX-License-Identifier: MIT */
/* Image configs (OCI image specification, config.md; docker's are the same where it matters here). */
#include "registry.h"

#include <errno.h>

#include "error.h"
#include "json.h"
#include "parts.h"

static bool later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static void read_history(const struct json *history, struct reg_config *ret)
{
	struct timespec date;

	for (const struct json *i = json_first(history); i; i = json_next(i)) {
		if (!reg_date_parse(json_string(i, "created"), &date))
			continue;
		if (!ret->has_history || later(&date, &ret->history))
			ret->history = date;
		ret->has_history = true;
	}
}

int reg_config_parse(const void *data, size_t size, struct reg_config *ret, struct reg_error *error)
{
	struct json *root = json_parse(data, size);
	struct reg_config c = {0};
	int r;

	if (!json_is_object(root)) {
		json_free(root);
		return reg_fail(error, -EBADMSG, "the config is no JSON object");
	}
	c.has_created = reg_date_parse(json_string(root, "created"), &c.created);
	read_history(json_array(root, "history"), &c);
	reg_platform_read(root, &c.platform);
	r = reg_pairs_read(json_object(json_object(root, "config"), "Labels"), &c.labels);
	json_free(root);
	if (r < 0)
		return reg_fail(error, r, "no memory for a config");
	*ret = c;
	return 0;
}

void reg_config_done(struct reg_config *c)
{
	reg_pairs_done(&c->labels);
}
