/* SPDX-License-Identifier: MIT */
/* The client's life, and the ping that begins a conversation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "error.h"
#include "insecure.h"
#include "json.h"
#include "util/cleanup.h"

void reg_options_init(struct reg_options *o)
{
	*o = (struct reg_options){
		.connections = 64,
		.timeout = 30,
		.cache = (size_t)64 << 20,
		.log_level = REG_LOG_INFO,
	};
}

static void set_base(struct reg_client *c, bool https)
{
	snprintf(c->session.base, sizeof(c->session.base), "%s://%s", https ? "https" : "http",
		 c->source.host);
}

static void client_done(struct reg_client *c)
{
	logins_free(c->session.logins); /* first: a search for one hands over to the loop */
	cache_free(c->cache);
	http_free(c->http);
	loop_free(c->loop);
	free(c);
}

static int make_session(struct reg_client *c, const struct reg_options *o, struct reg_error *error)
{
	struct logins_options logins = {
		.lookup = {
			.source = &c->source,
			.user = o->user,
			.password = o->password,
			.password_file = o->password_file,
			.authfile = o->authfile,
			.netrc = o->netrc,
			.log = &c->log,
		},
		.digest = o->digest_auth,
		.fetch = session_fetch_token,
		.fetch_data = &c->session,
		.log = &c->log,
	};
	int r;

	if (loop_new(&c->loop) < 0 || cache_new(o->cache, &c->cache) < 0)
		return reg_fail(error, -ENOMEM, "out of memory");
	if (insecure_to_docker(&c->source, &c->log))
		c->source.insecure = c->source.may_fall_back = true;
	logins.loop = c->loop;
	r = logins_new(&logins, &c->session.logins, error);
	if (r == 0)
		r = http_new(o, &c->source, &c->http, error);
	if (r < 0)
		return r;
	c->session.loop = c->loop;
	c->session.transport = http_transport(c->http);
	c->session.log = c->log;
	c->session.token_timeout_ms = c->timeout_ms;
	list_init(&c->session.tokens);
	set_base(c, c->source.https);
	return 0;
}

static int check_options(const struct reg_options *o, struct reg_error *error)
{
	if (!o->source)
		return reg_fail(error, -EINVAL, "no registry is named");
	if (o->connections < 1 || o->connections > 1024)
		return reg_fail(error, -EINVAL, "connections must be from 1 to 1024");
	if (o->timeout < 1 || o->timeout > 86400 || o->list_timeout > 864000)
		return reg_fail(error, -EINVAL, "a timeout must be from 1 to 86400 seconds");
	return 0;
}

int reg_client_new(const struct reg_options *o, struct reg_client **ret, struct reg_error *error)
{
	struct loop_poller poller;
	struct reg_client *c;
	int r = check_options(o, error);

	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return reg_fail(error, -ENOMEM, "out of memory");
	c->log = (struct reg_log){o->log, o->log_data, o->log_level};
	c->timeout_ms = (uint64_t)o->timeout * 1000;
	c->list_timeout_ms = o->list_timeout ? (uint64_t)o->list_timeout * 1000 : 10 * c->timeout_ms;
	map_init(&c->works);
	map_init(&c->ops);
	r = reg_source_parse(o->source, &c->source, error);
	if (r == 0)
		r = make_session(c, o, error);
	if (r == 0) {
		poller = http_poller(c->http);
		r = loop_start(c->loop, &poller);
		if (r < 0)
			reg_fail(error, r, "no thread can be started: %s", strerror(-r));
	}
	if (r < 0) {
		client_done(c);
		return r;
	}
	*ret = c;
	return 0;
}

struct ending {
	struct loop_task task;
	struct reg_client *client;
};

static void on_end(struct loop_task *task)
{
	struct ending *e = container_of(task, struct ending, task);

	client_cancel_all(e->client);
	session_cancel_tokens(&e->client->session);
}

void reg_client_free(struct reg_client *c)
{
	struct ending ending = {.task.run = on_end, .client = c};

	if (!c)
		return;
	atomic_store(&c->ending, true);
	loop_stop(c->loop, &ending.task);
	client_done(c);
}

const char *reg_client_url(const struct reg_client *c)
{
	return c->session.base;
}

const char *reg_client_host(const struct reg_client *c)
{
	return c->source.host;
}

const char *reg_client_prefix(const struct reg_client *c)
{
	return c->source.prefix;
}

/* ---- ping ---- */

struct ping {
	struct work work;
	struct reg_error tls; /* why https did not do, if http was tried then */
	size_t login; /* whose login is shown: of logins_at(), logins_next() */
	struct reg_error refused; /* the source's own */
};

static void on_ping(struct exchange *x);

static void send_ping(struct work *w)
{
	struct reg_error error = {0};

	if (work_set_path(w, "/v2/") < 0)
		work_fail(w, reg_fail(&error, -ENOMEM, "out of memory"), &error);
	else
		work_send(w, on_ping);
}

/* The specification asks for 200 and nothing else (end-1): a web page is told from a registry by its body. */
static bool is_registry(const struct http_request *q)
{
	struct json *body;
	bool object;

	if (q->status != 200)
		return false;
	if (!q->body.size)
		return true;
	body = json_parse(q->body.data, q->body.size);
	object = json_is_object(body);
	json_free(body);
	return object || strncmp(q->content_type, "text/html", 9) != 0;
}

static bool fall_back(struct work *w, int err, const struct reg_error *error)
{
	struct reg_client *c = w->client;

	if (!c->source.may_fall_back || (err != -EPROTO && err != -ECONNREFUSED))
		return false;
	container_of(w, struct ping, work)->tls = *error;
	c->source.may_fall_back = false;
	c->source.https = false;
	set_base(c, false);
	logins_set_https(c->session.logins, false);
	send_ping(w);
	return true;
}

/*
 * Who has logins for name spaces alone may not be let in as a stranger, and yet be somebody whom the registry knows. A
 * login that is refused is told as it is: it is the one that most requests show. Where a stranger is not asked who he
 * is (403 without a challenge before it), no login would be shown.
 */
static bool try_next_login(struct ping *p, int err, struct reg_error *error)
{
	struct exchange *const x = &p->work.x;

	if (err != -EACCES || (p->login == 0 && !x->challenged && !x->used))
		return false;
	if (p->login == 0)
		p->refused = *error;
	x->auth = auth_has_login(logins_at(x->session->logins, 0)) ? NULL : logins_next(x->session->logins, &p->login);
	if (x->auth)
		send_ping(&p->work);
	else
		*error = p->refused;
	return x->auth;
}

/* Strangers are let in, and may see less: is the login that was asked with shown from now on? So are the others. */
static bool is_offered(const struct exchange *x)
{
	const bool own = auth_offered(x->auth, x->req.challenge);

	logins_offered(x->session->logins, x->req.challenge);
	return own;
}

static void on_ping(struct exchange *x)
{
	struct work *w = container_of(x, struct work, x);
	const struct reg_result result = {0};
	struct ping *const p = container_of(w, struct ping, work);
	const struct reg_error *const tls = &p->tls;
	struct reg_error error = x->error;

	if (x->err < 0 && x->req.status == 0 && fall_back(w, x->err, &error))
		return;
	if (try_next_login(p, x->err, &error))
		return;
	/* "It speaks https there" is known: what to mend is what TLS failed for, such as the certificate. */
	if (x->err == -EPROTO && x->req.status == 400 && tls->err == -EPROTO)
		error = *tls;
	if (x->err == -ENOENT || x->err == -EROFS || (x->err == 0 && !is_registry(&x->req))) {
		reg_fail(&error, -EPROTO, "%s answers, but not as a registry does", w->client->source.host);
		error.status = x->req.status;
		work_fail(w, -EPROTO, &error);
	} else if (x->err < 0) {
		work_fail(w, x->err, &error);
	} else if (is_offered(x)) {
		send_ping(w); /* so that a wrong password is noticed now */
	} else {
		work_finish(w, &result);
	}
}

static void ping_start(struct work *w)
{
	w->x.req.max_body = 1 << 20;
	send_ping(w);
}

uint64_t reg_ping(struct reg_client *c, const struct reg_call *call)
{
	static const struct work_class class = {.start = ping_start};
	const struct work_target target = {"ping", "", "", ""};
	struct work *w = work_new(c, &class, sizeof(struct ping), &target);

	return w ? work_submit(w, call) : 0;
}
