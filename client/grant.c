/* SPDX-License-Identifier: MIT */
#include "grant.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "credentials.h"
#include "util/cleanup.h"

/* name=value, percent-encoded. */
static int add(struct buf *out, char mark, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	int r = -ENOMEM;

	if (escaped && mark)
		r = buf_printf(out, "%c%s=%s", mark, name, escaped);
	else if (escaped)
		r = buf_printf(out, "%s=%s", name, escaped);
	reg_wipe(escaped);
	curl_free(escaped);
	return r;
}

static int add_query(struct buf *url, const char *name, const char *value)
{
	return add(url, strchr(url->data, '?') ? '&' : '?', name, value);
}

/* GET realm?service=..&scope=..&scope=.. */
static int write_query(const struct grant *g, struct buf *url)
{
	auto_free char *scopes = strdup(g->scopes);
	char *save = NULL;
	int r = scopes ? 0 : -ENOMEM;

	if (r == 0 && g->service[0])
		r = add_query(url, "service", g->service);
	for (char *s = scopes ? strtok_r(scopes, " ", &save) : NULL; s && r == 0;
	     s = strtok_r(NULL, " ", &save))
		r = add_query(url, "scope", s);
	if (r == 0 && g->user)
		r = add_query(url, "account", g->user);
	return r;
}

static int write_form(const struct grant *g, struct buf *form)
{
	const bool refresh = g->kind == GRANT_REFRESH;
	int r = add(form, 0, "grant_type", refresh ? "refresh_token" : "password");

	if (r == 0)
		r = add(form, '&', "service", g->service);
	if (r == 0)
		r = add(form, '&', "client_id", "regfs");
	if (r == 0 && g->scopes[0])
		r = add(form, '&', "scope", g->scopes);
	if (refresh)
		return r == 0 ? add(form, '&', "refresh_token", g->identity_token) : r;
	if (r == 0)
		r = add(form, '&', "username", g->user);
	return r == 0 ? add(form, '&', "password", g->password) : r;
}

int grant_write(const struct grant *g, struct buf *url, struct buf *form)
{
	const int r = buf_puts(url, g->realm);

	if (r < 0)
		return r;
	return g->kind == GRANT_GET ? write_query(g, url) : write_form(g, form);
}
