/* SPDX-License-Identifier: MIT */
#include "auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth_inner.h"
#include "challenge.h"
#include "error.h"
#include "loop.h"
#include "origin.h"
#include "scope.h"
#include "token.h"
#include "util/cleanup.h"

/* Bytes of tokens that are kept: some ten thousand repositories in turn. */
#define MAX_TOKENS ((size_t)16 << 20)

/* Milliseconds: rights may have been given since a token was made that is older. */
#define RIGHTS_LAST 10000

static void forget_headers(struct auth *a)
{
	char **const secrets[] = {&a->basic, &a->ready, &a->refresh};

	for (size_t k = 0; k < ARRAY_SIZE(secrets); k++) {
		reg_wipe(*secrets[k]);
		free(*secrets[k]);
		*secrets[k] = NULL;
	}
}

enum grant_kind auth_first_grant(const struct auth *a)
{
	return a->credentials.identity_token ? GRANT_REFRESH : GRANT_GET;
}

int auth_new(const struct auth_options *o, struct auth **ret)
{
	struct auth *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->https = o->https;
	a->digest = o->digest;
	a->credentials = *o->credentials;
	*o->credentials = (struct reg_credentials){0};
	a->grant = auth_first_grant(a);
	a->fetch = o->fetch;
	a->fetch_data = o->fetch_data;
	a->renew = o->renew;
	a->renew_data = o->renew_data;
	a->log = o->log;
	tokens_init(&a->tokens, MAX_TOKENS);
	list_init(&a->refused);
	list_init(&a->stranded);
	list_init(&a->turn);
	*ret = a;
	return 0;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	tokens_done(&a->tokens);
	reg_credentials_done(&a->credentials);
	forget_headers(a);
	free(a->realm);
	free(a->service);
	free(a);
}

void auth_set_https(struct auth *a, bool https)
{
	a->https = https;
}

bool auth_has_login(const struct auth *a)
{
	return a->credentials.user || a->credentials.identity_token || a->credentials.registry_token;
}

const char *auth_basic(struct auth *a)
{
	if (!a->basic && a->credentials.user)
		a->basic = reg_credentials_basic(&a->credentials);
	return a->basic;
}

static const char *ready_header(struct auth *a)
{
	if (!a->ready && a->credentials.registry_token &&
	    asprintf(&a->ready, "Bearer %s", a->credentials.registry_token) < 0)
		a->ready = NULL;
	return a->ready;
}

/* What a scheme shows that needs no token server. */
static void show_own(struct auth *a, enum auth_scheme scheme, struct auth_shown *ret)
{
	*ret = (struct auth_shown){0};
	if (scheme == AUTH_READY)
		ret->header = ready_header(a);
	else if (scheme == AUTH_BASIC || scheme == AUTH_DIGEST)
		ret->header = auth_basic(a);
	if (scheme == AUTH_DIGEST && ret->header) {
		ret->user = a->credentials.user;
		ret->password = a->credentials.password;
	}
}

int auth_show(struct auth *a, const char *scope, struct auth_waiter *w, struct auth_shown *ret,
	      struct reg_error *error)
{
	struct token *t;
	int r;

	if (a->scheme != AUTH_BEARER) {
		show_own(a, a->scheme, ret);
		return 0;
	}
	t = tokens_get(&a->tokens, scope);
	if (!t)
		return reg_fail(error, -ENOMEM, "out of memory");
	if (auth_token_good(t)) {
		*ret = (struct auth_shown){.header = t->header};
		return 0;
	}
	if (!t->busy) {
		r = auth_ask(a, t, error);
		if (r < 0)
			return r;
	}
	list_append(&t->waiters, &w->link);
	return 1;
}

bool auth_show_now(struct auth *a, const char *scope, struct auth_shown *ret)
{
	const struct token *t;

	if (a->scheme != AUTH_BEARER) {
		show_own(a, a->scheme, ret);
		return true;
	}
	t = tokens_find(&a->tokens, scope);
	if (!t || !auth_token_good(t))
		return false;
	*ret = (struct auth_shown){.header = t->header};
	return true;
}

void auth_forget_waiter(struct auth_waiter *w)
{
	list_remove(&w->link);
}

/* ---- what is refused ---- */

/* There is nothing that could be shown. */
static int fail_missing(const struct auth *a, struct reg_error *error)
{
	if (a->credentials.identity_token)
		return reg_fail(
			error, -EACCES,
			"the registry wants a user name and a password, and the login is an identity token");
	if (a->credentials.lacking)
		return reg_fail(error, -EACCES, "the registry wants a user name and a password, and %s",
				a->credentials.lacking);
	return reg_fail(
		error, -EACCES,
		"the registry wants a user name and a password: log in with docker, podman or skopeo, or "
		"set REGFS_USER and REGFS_PASSWORD");
}

int auth_fail_login(const struct auth *a, struct reg_error *error)
{
	if (a->credentials.registry_token)
		return reg_fail(error, -EACCES,
				"the registry token of the login is not accepted any more: log in again");
	if (a->credentials.identity_token && a->grant == GRANT_REFRESH)
		return reg_fail(error, -EACCES,
				"the identity token of the login is not accepted any more: log in again");
	if (a->credentials.user)
		return reg_fail(error, -EACCES, "this user name and password are not accepted");
	return fail_missing(a, error);
}

bool auth_look_again(struct auth *a)
{
	if (!a->renew)
		return false;
	if (!a->renewing) {
		a->renewing = true;
		a->renew(a->renew_data);
	}
	return true;
}

void auth_renewed(struct auth *a, struct reg_credentials *found, int err)
{
	struct reg_error error = {0};
	const bool changed = err == 0 && !reg_credentials_equal(found, &a->credentials);

	a->renewing = false;
	if (changed) {
		reg_credentials_done(&a->credentials);
		a->credentials = *found;
		reg_log(a->log, REG_LOG_INFO, "the login was refused; %s",
			auth_has_login(a) ? "another one has been found" : "there is none any more");
		*found = (struct reg_credentials){0};
		forget_headers(a);
		a->login++;
		a->grant = auth_first_grant(a);
		a->accepted = false;
		a->shut = 0;
	} else {
		auth_fail_login(a, &error);
		error.status = 401;
	}
	reg_credentials_done(found);
	auth_call_all(&a->refused, changed ? 0 : -EACCES, &error);
	auth_unstrand(a, changed ? 0 : -EACCES);
}

/* Shorter secrets are words that a message may hold by itself. Of one that was cut, the beginning is enough. */
enum { LEAST_SECRET = 6, BEGINNING = 12 };

static void hide(char *text, const char *secret)
{
	const size_t size = secret ? strlen(secret) : 0, known = size < BEGINNING ? size : BEGINNING;

	if (size < LEAST_SECRET)
		return;
	for (char *p = text; (p = memmem(p, strlen(p), secret, known)); p += 3) {
		size_t n = known;

		while (n < size && p[n] == secret[n])
			n++;
		memmove(p + 3, p + n, strlen(p + n) + 1);
		memcpy(p, "***", 3);
	}
}

void auth_hide(const struct auth *a, const char *used, struct reg_error *error)
{
	const char *const shown = used ? strchr(used, ' ') : NULL;
	const char *const secrets[] = {
		a->credentials.password,       a->basic ? strchr(a->basic, ' ') + 1 : NULL,
		a->credentials.identity_token, a->credentials.registry_token,
		a->refresh,                    shown ? shown + 1 : NULL,
	};

	for (size_t k = 0; k < ARRAY_SIZE(secrets); k++) {
		hide(error->msg, secrets[k]);
		hide(error->code, secrets[k]);
	}
}

/* ---- challenges ---- */

static bool starts(const char *text, const char *word)
{
	return strncasecmp(text, word, strlen(word)) == 0;
}

static bool realm_fits(const struct auth *a, const char *realm)
{
	auto_free char *origin = origin_of(realm);

	if (!origin)
		return false; /* no URL: nothing can be asked there */
	return starts(realm, "https://") || (!a->https && starts(realm, "http://"));
}

/* Of the schemes that the registry offers the best that we can do. */
static int choose(const struct auth *a, const struct reg_challenge *c, enum auth_scheme *ret,
		  struct reg_error *error)
{
	const bool user = a->credentials.user;
	char realm[100];

	if (a->credentials.registry_token)
		*ret = AUTH_READY;
	else if (c->bearer && realm_fits(a, c->realm))
		*ret = AUTH_BEARER;
	else if (c->digest && a->digest && user)
		*ret = AUTH_DIGEST;
	else if (c->basic && user)
		*ret = AUTH_BASIC;
	else if (c->bearer) {
		origin_words(c->realm, realm, sizeof(realm));
		return reg_fail(error, -EACCES,
				"the registry wants tokens from a realm that is %s: %s",
				a->https ? "not https" : "neither http nor https", realm);
	} else if ((c->basic || c->digest) && !user)
		return fail_missing(a, error);
	else if (c->digest)
		return reg_fail(error, -EACCES,
				"the registry asks for HTTP Digest: allow it with -o digest_auth");
	else
		return reg_fail(error, -EACCES,
				"the registry asks for a login in a way that regfs does not know: %s",
				c->other);
	return 0;
}

static int learn_realm(struct auth *a, const struct reg_challenge *c, struct reg_error *error)
{
	char *realm = strdup(c->realm), *service = strdup(c->service);

	if (!realm || !service) {
		free(realm);
		free(service);
		return reg_fail(error, -ENOMEM, "out of memory");
	}
	if (!a->realm || strcmp(a->realm, realm) != 0)
		a->grant = auth_first_grant(a); /* another server: it may know what the last one did not */
	free(a->realm);
	free(a->service);
	a->realm = realm;
	a->service = service;
	return 0;
}

/* Does a token lack a right, as the registry or the token itself says? A new one would lack it, too. */
static bool is_small(const struct reg_challenge *c, const char *scope, const char *held)
{
	if (strcmp(c->error, "insufficient_scope") == 0)
		return true;
	return strcmp(c->error, "invalid_token") != 0 && held && !reg_scope_covers(held, scope);
}

static int fail_small(const char *scope, const char *held, struct reg_error *error)
{
	char words[120], actions[40];

	reg_scope_words(scope, words, sizeof(words));
	if (!held)
		return reg_fail(error, -EACCES, "the login has no right %s", words);
	reg_scope_held(held, scope, actions, sizeof(actions));
	return reg_fail(error, -EACCES, "the login has no right %s; its token allows %s there", words,
			actions);
}

static int fail_token(const struct auth_refusal *f, const struct reg_challenge *c, const char *held,
		      struct reg_error *error)
{
	if (is_small(c, f->scope, held))
		return fail_small(f->scope, held, error);
	return reg_fail(error, -EACCES, "the registry does not accept a new token of its token server's%s%s",
			c->description[0] ? ": " : "", c->description);
}

static int bearer_challenged(struct auth *a, const struct auth_refusal *f, const struct reg_challenge *c,
			     struct reg_error *error)
{
	auto_free char *held = f->used ? reg_token_scopes(f->used) : NULL;
	char *asked;
	struct token *t;
	bool wider;
	int r = learn_realm(a, c, error);

	if (r < 0)
		return r;
	a->scheme = AUTH_BEARER;
	t = tokens_get(&a->tokens, f->scope);
	asked = t ? reg_scope_join(c->scope, f->scope) : NULL;
	if (!asked)
		return reg_fail(error, -ENOMEM, "out of memory");
	wider = !reg_scope_covers(t->asked ? t->asked : t->scope, asked);
	tokens_set_asked(&a->tokens, t, asked);
	/* Another request may have got a new token meanwhile: then that one is shown. */
	if (!f->used || !t->header || strcmp(f->used, t->header) != 0)
		return f->last ? fail_token(f, c, held, error) : 0;
	if (f->last || (!wider && is_small(c, f->scope, held) && loop_now() < t->since + RIGHTS_LAST))
		return fail_token(f, c, held, error);
	if (!t->busy)
		tokens_set_header(&a->tokens, t, NULL);
	return 0;
}

bool auth_offered(struct auth *a, const char *challenge)
{
	enum auth_scheme scheme = AUTH_NONE;
	struct reg_challenge c;

	if (a->scheme != AUTH_NONE || !reg_challenge_parse(challenge, &c) ||
	    choose(a, &c, &scheme, NULL) < 0 || scheme != AUTH_BASIC)
		return false;
	a->scheme = scheme;
	return true;
}

/* Some say nothing of a token that has ended (zot): the next one is had where it was had. */
static bool repeat_challenge(const struct auth *a, const struct auth_refusal *f, struct reg_challenge *ret)
{
	if (a->scheme != AUTH_BEARER || !f->used || f->challenge[0])
		return false;
	*ret = (struct reg_challenge){.bearer = true};
	snprintf(ret->realm, sizeof(ret->realm), "%s", a->realm);
	snprintf(ret->service, sizeof(ret->service), "%s", a->service);
	return true;
}

int auth_challenged(struct auth *a, const struct auth_refusal *f, struct auth_waiter *w,
		    struct reg_error *error)
{
	enum auth_scheme scheme = AUTH_NONE;
	struct reg_challenge c;
	struct auth_shown own;
	int r;

	if (!reg_challenge_parse(f->challenge, &c) && !repeat_challenge(a, f, &c))
		return reg_fail(error, -EACCES,
				"the registry asks for a login in a way that regfs does not know");
	r = choose(a, &c, &scheme, error);
	if (r < 0)
		return r;
	if (scheme == AUTH_BEARER)
		return bearer_challenged(a, f, &c, error);
	show_own(a, scheme, &own);
	if (!own.header)
		return reg_fail(error, -ENOMEM, "out of memory");
	a->scheme = scheme;
	if (!f->last && (!f->used || strcmp(f->used, own.header) != 0))
		return 0;
	if (f->last || !auth_look_again(a))
		return auth_fail_login(a, error);
	list_append(&a->refused, &w->link);
	return 1;
}
