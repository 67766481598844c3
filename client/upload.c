/* SPDX-License-Identifier: MIT */
/* An upload that is begun to see whether the registry takes it (OCI distribution specification, end-4a). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"
#include "error.h"
#include "util/cleanup.h"

static void on_cancelled(struct exchange *x)
{
	struct work *w = container_of(x, struct work, x);
	const struct reg_result result = {0};

	/* Whatever it said: it took the upload, and forgets it after a week (distribution) at the latest. */
	work_finish(w, &result);
}

/*
 * The path of a Location, which is the registry's own; NULL: it leads to another host, which is not asked. A
 * registry behind a proxy may take itself for one without TLS, so the scheme does not count.
 */
static const char *own_path(const struct reg_client *c, const char *location)
{
	const size_t host = strlen(c->source.host);

	if (strncasecmp(location, "http://", 7) == 0)
		location += 7;
	else if (strncasecmp(location, "https://", 8) == 0)
		location += 8;
	else
		return location[0] == '/' && location[1] != '/' ? location : NULL;
	if (strncasecmp(location, c->source.host, host) != 0 || location[host] != '/')
		return NULL;
	return location + host;
}

static void on_begun(struct exchange *x)
{
	struct work *w = container_of(x, struct work, x);
	const struct reg_result result = {0};
	struct reg_error error = x->error;
	const char *path;

	if (x->err < 0) {
		work_fail(w, x->err, &error);
		return;
	}
	if (x->req.status != 202) {
		reg_fail(&error, -EIO, "HTTP status %d is no answer to a POST", x->req.status);
		error.status = x->req.status;
		work_fail(w, -EIO, &error);
		return;
	}
	path = own_path(w->client, x->req.location);
	w->x.req.method = HTTP_DELETE;
	w->x.req.upload = NULL;
	if (!path || work_set_path(w, "%s", path) < 0)
		work_finish(w, &result);
	else
		work_send(w, on_cancelled);
}

static void upload_start(struct work *w)
{
	struct reg_error error = {0};

	w->x.req.method = HTTP_POST;
	w->x.req.upload = "";
	w->x.req.upload_type = "application/octet-stream";
	w->x.req.max_body = 1 << 20;
	w->x.once = true;
	if (work_set_path(w, "/v2/%s/blobs/uploads/", w->group) < 0)
		work_fail(w, reg_fail(&error, -ENOMEM, "out of memory"), &error);
	else
		work_send(w, on_begun);
}

uint64_t reg_upload_try(struct reg_client *c, const char *repository, const struct reg_call *call)
{
	static const struct work_class class = {.start = upload_start};
	struct work_target target = {"upload", repository, NULL, ""};
	auto_free char *scope = NULL;
	struct work *w;

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	if (asprintf(&scope, "repository:%s:pull,push", repository) < 0) {
		scope = NULL;
		return 0;
	}
	target.scope = scope;
	w = work_new(c, &class, sizeof(*w), &target);
	if (!w)
		return 0;
	w->alone = true;
	return work_submit(w, call);
}
