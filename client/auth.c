/* SPDX-License-Identifier: MIT */
#include "auth.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "challenge.h"
#include "error.h"
#include "json.h"
#include "loop.h"
#include "parts.h"
#include "util/cleanup.h"
#include "util/map.h"

/* Seconds: what a token without expires_in lives (token specification), and how long before its end it is
 * replaced. */
enum { DEFAULT_LIFE = 60, EARLY = 10 };

struct token {
	struct map_node node;
	char *scope; /* the key: what we need */
	char *asked; /* what the registry said to ask for, or NULL: the same */
	char *header; /* "Bearer ...", NULL: none yet */
	uint64_t until; /* loop_now() */
	bool fetching;
	struct list waiters;
};

struct auth {
	bool https;
	struct reg_credentials credentials;
	auth_fetch_fn *fetch;
	void *fetch_data;
	const struct reg_log *log;
	enum reg_scheme scheme; /* what the registry asked for last */
	char *realm, *service;
	char *basic;
	struct map tokens;
};

int auth_new(const struct auth_options *o, struct auth **ret)
{
	struct auth *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->https = o->https;
	a->credentials = *o->credentials;
	*o->credentials = (struct reg_credentials){0};
	a->fetch = o->fetch;
	a->fetch_data = o->fetch_data;
	a->log = o->log;
	map_init(&a->tokens);
	*ret = a;
	return 0;
}

static void token_free(struct token *t)
{
	reg_wipe(t->header);
	free(t->header);
	free(t->scope);
	free(t->asked);
	free(t);
}

void auth_free(struct auth *a)
{
	struct map_node *node;

	if (!a)
		return;
	while ((node = map_any(&a->tokens))) {
		map_remove(&a->tokens, node);
		token_free(container_of(node, struct token, node));
	}
	map_done(&a->tokens);
	reg_credentials_done(&a->credentials);
	reg_wipe(a->basic);
	free(a->basic);
	free(a->realm);
	free(a->service);
	free(a);
}

void auth_set_https(struct auth *a, bool https)
{
	a->https = https;
}

static struct token *find_token(struct auth *a, const char *scope)
{
	const uint64_t hash = map_hash(scope, strlen(scope));
	struct token *t;

	map_for_each_match(&a->tokens, hash, node)
	{
		t = container_of(node, struct token, node);
		if (strcmp(t->scope, scope) == 0)
			return t;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	list_init(&t->waiters);
	t->scope = strdup(scope);
	if (!t->scope || map_add(&a->tokens, &t->node, hash) < 0) {
		token_free(t);
		return NULL;
	}
	return t;
}

/* One query parameter, percent-encoded. */
static int add_query(struct buf *url, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);
	int r = -ENOMEM;

	if (escaped)
		r = buf_printf(url, "%c%s=%s", strchr(url->data, '?') ? '&' : '?', name, escaped);
	curl_free(escaped);
	return r;
}

/* Token specification: GET realm?service=..&scope=..&scope=.. */
static int token_url(const struct auth *a, const struct token *t, struct buf *url)
{
	auto_free char *scopes = strdup(t->asked ? t->asked : t->scope);
	char *save = NULL;
	int r;

	if (!scopes)
		return -ENOMEM;
	r = buf_puts(url, a->realm);
	if (r == 0 && a->service[0])
		r = add_query(url, "service", a->service);
	for (char *s = strtok_r(scopes, " ", &save); s && r == 0; s = strtok_r(NULL, " ", &save))
		r = add_query(url, "scope", s);
	if (r == 0 && a->credentials.user)
		r = add_query(url, "account", a->credentials.user);
	return r;
}

static const char *basic_header(struct auth *a)
{
	if (!a->basic && a->credentials.user)
		a->basic = reg_credentials_basic(&a->credentials);
	return a->basic;
}

static int fetch_token(struct auth *a, struct token *t, struct reg_error *error)
{
	struct buf url;
	int r;

	buf_init(&url, 8192);
	r = token_url(a, t, &url);
	if (r == 0)
		r = a->fetch(a->fetch_data, url.data, basic_header(a), t);
	buf_done(&url);
	if (r < 0)
		return reg_fail(error, r, "no token could be asked for");
	t->fetching = true;
	return 0;
}

int auth_header(struct auth *a, const char *scope, struct auth_waiter *w, const char **ret_header,
		struct reg_error *error)
{
	struct token *t;
	int r;

	*ret_header = NULL;
	if (a->scheme == REG_SCHEME_NONE)
		return 0;
	if (a->scheme == REG_SCHEME_BASIC) {
		*ret_header = basic_header(a);
		return 0;
	}
	t = find_token(a, scope);
	if (!t)
		return reg_fail(error, -ENOMEM, "out of memory");
	if (t->header && loop_now() < t->until) {
		*ret_header = t->header;
		return 0;
	}
	if (!t->fetching) {
		r = fetch_token(a, t, error);
		if (r < 0)
			return r;
	}
	list_append(&t->waiters, &w->link);
	return 1;
}

void auth_forget_waiter(struct auth_waiter *w)
{
	list_remove(&w->link);
}

static int learn_bearer(struct auth *a, const struct reg_challenge *c, struct reg_error *error)
{
	char *realm, *service;

	if (strncmp(c->realm, "https://", 8) != 0 && (a->https || strncmp(c->realm, "http://", 7) != 0))
		return reg_fail(error, -EACCES, "the registry wants tokens from a realm that is not https");
	realm = strdup(c->realm);
	service = strdup(c->service);
	if (!realm || !service) {
		free(realm);
		free(service);
		return reg_fail(error, -ENOMEM, "out of memory");
	}
	free(a->realm);
	free(a->service);
	a->realm = realm;
	a->service = service;
	return 0;
}

static int bearer_challenged(struct auth *a, const char *scope, const char *used,
			     const struct reg_challenge *c, struct reg_error *error)
{
	struct token *t;
	char *asked = NULL;
	int r = learn_bearer(a, c, error);

	if (r < 0)
		return r;
	a->scheme = REG_SCHEME_BEARER;
	t = find_token(a, scope);
	if (!t || !reg_copy(c->scope[0] ? c->scope : NULL, &asked)) {
		free(asked);
		return reg_fail(error, -ENOMEM, "out of memory");
	}
	free(t->asked);
	t->asked = asked;
	/* Only the token that was refused is dropped: another request may have fetched a new one meanwhile.
	 */
	if (used && t->header && strcmp(used, t->header) == 0) {
		reg_wipe(t->header);
		free(t->header);
		t->header = NULL;
	}
	return 0;
}

int auth_challenged(struct auth *a, const char *scope, const char *used, const char *challenge,
		    struct reg_error *error)
{
	struct reg_challenge c;

	if (!reg_challenge_parse(challenge, &c))
		return reg_fail(error, -EACCES,
				"the registry asks for a login in a way that regfs does not know");
	if (c.scheme == REG_SCHEME_BEARER)
		return bearer_challenged(a, scope, used, &c, error);
	if (!a->credentials.user)
		return reg_fail(
			error, -EACCES,
			"the registry wants a user name and a password: log in with docker, podman or skopeo, or "
			"set REGFS_USER and REGFS_PASSWORD");
	if (used)
		return reg_fail(error, -EACCES, "the registry does not accept this user name and password");
	a->scheme = REG_SCHEME_BASIC;
	return 0;
}

static int read_token(struct token *t, const struct buf *body, struct reg_error *error)
{
	struct json *json = json_parse(body->data, body->size);
	const char *text = json_string(json, "token");
	int64_t life = DEFAULT_LIFE;
	struct buf header;
	int r;

	if (!text)
		text = json_string(json, "access_token");
	if (!text || strpbrk(text, "\r\n")) {
		json_free(json);
		return reg_fail(error, -EBADMSG, "the token server's answer holds no token");
	}
	json_size(json, "expires_in", &life);
	buf_init(&header, 64 << 10);
	r = buf_printf(&header, "Bearer %s", text);
	json_free(json);
	if (r < 0) {
		buf_done(&header);
		return reg_fail(error, r, "the token server's answer is too large");
	}
	reg_wipe(t->header);
	free(t->header);
	t->header = header.data;
	if (life > 86400)
		life = 86400;
	if (life < 2)
		life = 2; /* or its waiters would ask for another one at once */
	/* A token that lives no longer than the margin is still used for what waits for it now. */
	t->until = loop_now() + (uint64_t)(life > 2 * EARLY ? life - EARLY : (life + 1) / 2) * 1000;
	return 0;
}

void auth_token_answer(struct auth *a, void *token, int err, const struct reg_error *error,
		       const struct buf *body)
{
	struct token *t = token;
	struct reg_error mine = {0};
	struct list waiters, *node;

	t->fetching = false;
	/* That the token server has no such page, or no such method, says nothing about what the token is
	 * for. */
	if (err == -ENOENT || err == -EPERM || err == -EROFS || err == -EBUSY)
		err = -EIO;
	if (err == 0)
		err = read_token(t, body, &mine);
	else
		err = reg_fail(&mine, err, "no token from %s: %s", a->realm, error->msg);
	list_init(&waiters);
	list_splice(&waiters, &t->waiters);
	for (node = list_pop(&waiters); node; node = list_pop(&waiters)) {
		struct auth_waiter *w = container_of(node, struct auth_waiter, link);

		w->ready(w, err, &mine);
	}
}
