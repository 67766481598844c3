/* SPDX-License-Identifier: MIT */
#include "scripted.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "error.h"
#include "unit.h"

enum { PATIENCE = 20 }; /* seconds: only a test that fails waits so long */

struct pending {
	struct list link;
	struct http_request *q;
	const struct script_row *row; /* NULL: nobody expected it */
};

struct script {
	struct transport transport;
	struct reg_client *client;
	const struct script_row *rows;
	size_t nrows;
	struct list pending; /* of the network thread */

	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t changed;
	unsigned *used;
	bool woken;
	unsigned released, sent, cancelled, urged, settled;
	void (*watch)(void *data, const char *request);
	void *watch_data;
	char failure[600]; /* the first one */
};

static void count(struct script *s, unsigned *number)
{
	pthread_mutex_lock(&s->lock);
	(*number)++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* ---- the transport ---- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static void describe(const struct script *s, const struct http_request *q, char *ret, size_t size)
{
	const char *const base = s->client->session.base;
	const size_t n = strlen(base);

	snprintf(ret, size, "%s %s", http_method_name(q->method),
		 strncmp(q->url, base, n) == 0 && q->url[n] == '/' ? q->url + n : q->url);
}

static unsigned wanted_times(const struct script_row *row)
{
	return row->times ? row->times : 1;
}

/* With the lock. Have all that must come before a row come? */
static bool is_due(const struct script *s, size_t row)
{
	for (size_t k = 0; s->rows[row].ordered && k < row; k++)
		if (s->rows[k].ordered && wanted_times(&s->rows[k]) != SCRIPT_ANY &&
		    s->used[k] < wanted_times(&s->rows[k]))
			return false;
	return true;
}

/* With the lock. */
static const struct script_row *find_row(struct script *s, const struct http_request *q)
{
	char request[4096], range[64], upload[4096];

	describe(s, q, request, sizeof(request));
	if (s->watch)
		s->watch(s->watch_data, request);
	snprintf(range, sizeof(range), "%llu+%zu", (unsigned long long)q->range_offset, q->range_length);
	snprintf(upload, sizeof(upload), "%s %.*s", q->upload_type ? q->upload_type : "", (int)q->upload_size,
		 q->upload ? (const char *)q->upload : "");
	for (size_t k = 0; k < s->nrows; k++) {
		const struct script_row *row = &s->rows[k];

		if (s->used[k] < wanted_times(row) && is_due(s, k) && strcmp(row->request, request) == 0 &&
		    same_text(row->authorization, q->authorization) &&
		    same_text(row->if_none_match, q->if_none_match) &&
		    same_text(row->range, q->ranged ? range : NULL) &&
		    same_text(row->upload, q->upload ? upload : NULL) && row->fresh == q->no_cache) {
			s->used[k]++;
			return row;
		}
	}
	if (getenv("REGFS_UNIT_LOG"))
		print_message("             not expected: %s %s\n", request,
			      q->if_none_match ? q->if_none_match : "");
	if (!s->failure[0])
		snprintf(s->failure, sizeof(s->failure),
			 "not expected: %.300s, Authorization %.100s, If-None-Match %.100s%s", request,
			 q->authorization ? q->authorization : "none",
			 q->if_none_match ? q->if_none_match : "none", q->no_cache ? ", fresh" : "");
	return NULL;
}

static void scripted_start(struct transport *t, struct http_request *q)
{
	struct script *s = container_of(t, struct script, transport);
	struct pending *p = calloc(1, sizeof(*p));

	if (!p) /* a test made it fail, but means those of the client */
		p = calloc(1, sizeof(*p));
	p->q = q;
	q->handle = p;
	q->err = 0;
	q->error = (struct reg_error){0};
	q->transient = false;
	q->status = 0;
	buf_clear(&q->body);
	q->body.max = (size_t)1 << 26;
	pthread_mutex_lock(&s->lock);
	p->row = find_row(s, q);
	s->sent++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	list_append(&s->pending, &p->link);
}

static void scripted_cancel(struct transport *t, struct http_request *q)
{
	struct script *s = container_of(t, struct script, transport);
	struct pending *p = q->handle;

	list_remove(&p->link);
	free(p);
	q->handle = NULL;
	count(s, &s->cancelled);
}

static void scripted_urge(struct transport *t, struct http_request *q)
{
	struct script *s = container_of(t, struct script, transport);

	q->ahead = false;
	count(s, &s->urged);
}

static void copy_header(const char *headers, const char *name, char *ret, size_t size)
{
	const size_t n = strlen(name);

	ret[0] = '\0';
	for (const char *line = headers; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncasecmp(line, name, n) == 0 && strncmp(line + n, ": ", 2) == 0)
			snprintf(ret, size, "%.*s", (int)strcspn(line + n + 2, "\n"), line + n + 2);
	}
}

static void fill(struct http_request *q, const struct script_row *row)
{
	char length[32];

	q->started = script_clock();
	script_advance(row ? row->takes : 0);
	if (!row || row->err) {
		q->err = reg_fail(&q->error, row ? row->err : -EIO, "the script says so");
		q->transient = row && row->transient;
		q->unsent = row && row->unsent;
		return;
	}
	q->status = row->status;
	copy_header(row->headers, "Content-Type", q->content_type, sizeof(q->content_type));
	copy_header(row->headers, "Docker-Content-Digest", q->digest, sizeof(q->digest));
	copy_header(row->headers, "Link", q->link, sizeof(q->link));
	copy_header(row->headers, "WWW-Authenticate", q->challenge, sizeof(q->challenge));
	copy_header(row->headers, "Location", q->location, sizeof(q->location));
	copy_header(row->headers, "Retry-After", q->retry_after, sizeof(q->retry_after));
	copy_header(row->headers, "Content-Range", q->content_range, sizeof(q->content_range));
	copy_header(row->headers, "Content-Length", length, sizeof(length));
	q->content_length = length[0] ? strtoull(length, NULL, 10) : UINT64_MAX;
	if (!row->body)
		return;
	if (strlen(row->body) > q->max_body)
		q->err = reg_fail(&q->error, -EFBIG, "the answer is larger than %zu bytes", q->max_body);
	else if (buf_puts(&q->body, row->body) < 0)
		q->err = reg_fail(&q->error, -ENOMEM, "out of memory");
}

static void script_step(void *data)
{
	struct script *s = data;
	unsigned released;

	pthread_mutex_lock(&s->lock);
	released = s->released;
	pthread_mutex_unlock(&s->lock);
	for (struct list *node = s->pending.next; node != &s->pending;) {
		struct pending *p = container_of(node, struct pending, link);
		struct http_request *q = p->q;

		node = node->next;
		if (p->row && p->row->held > released)
			continue;
		list_remove(&p->link);
		q->handle = NULL;
		fill(q, p->row);
		free(p);
		q->done(q);
		node = s->pending.next; /* the answer may have started or cancelled others */
	}
}

static void deadline(struct timespec *ret, long ms)
{
	clock_gettime(CLOCK_REALTIME, ret);
	ret->tv_sec += ms / 1000;
	ret->tv_nsec += ms % 1000 * 1000000;
	if (ret->tv_nsec >= 1000000000) {
		ret->tv_sec++;
		ret->tv_nsec -= 1000000000;
	}
}

static void script_poll(void *data, int timeout)
{
	struct script *s = data;
	struct timespec until;
	int r = 0;

	deadline(&until, timeout);
	pthread_mutex_lock(&s->lock);
	while (!s->woken && r == 0)
		r = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	s->woken = false;
	pthread_mutex_unlock(&s->lock);
}

static void script_wake(void *data)
{
	struct script *s = data;

	pthread_mutex_lock(&s->lock);
	s->woken = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

/* ---- the client ---- */

static void make_auth(struct reg_client *c, const char *user, const char *password)
{
	struct reg_credentials credentials = {0};
	const struct auth_options auth = {
		.https = true,
		.credentials = &credentials,
		.fetch = session_fetch_token,
		.fetch_data = &c->session,
		.log = &c->log,
	};
	struct auth *own;

	if (user) {
		credentials.user = strdup(user);
		credentials.password = strdup(password);
	}
	assert_int_equal(auth_new(&auth, &own), 0);
	assert_int_equal(logins_new_single(own, &c->session.logins), 0);
}

static struct reg_client *make_client(struct script *s, const char *user, const char *password)
{
	struct reg_client *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	assert_int_equal(reg_source_parse("https://reg.test", &c->source, NULL), 0);
	c->timeout_ms = 30000;
	c->list_timeout_ms = 300000;
	map_init(&c->works);
	map_init(&c->ops);
	assert_int_equal(loop_new(&c->loop), 0);
	assert_int_equal(cache_new(1 << 20, &c->cache), 0);
	make_auth(c, user, password);
	c->session.loop = c->loop;
	c->session.transport = &s->transport;
	c->session.token_timeout_ms = c->timeout_ms;
	list_init(&c->session.tokens);
	strcpy(c->session.base, "https://reg.test");
	return c;
}

struct script *script_start(const struct script_row *rows, size_t nrows, const char *user,
			    const char *password)
{
	struct script *s = calloc(1, sizeof(*s));
	struct loop_poller poller = {script_step, script_poll, script_wake, s};

	assert_non_null(s);
	s->transport = (struct transport){scripted_start, scripted_cancel, scripted_urge};
	s->rows = rows;
	s->nrows = nrows;
	s->used = calloc(nrows + 1, sizeof(*s->used));
	list_init(&s->pending);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	script_hold_timers(false);
	s->client = make_client(s, user, password);
	assert_int_equal(loop_start(s->client->loop, &poller), 0);
	return s;
}

struct reg_client *script_client(struct script *s)
{
	return s->client;
}

void script_end(struct script *s)
{
	reg_client_free(s->client);
	s->client = NULL;
}

void script_finish(struct script *s)
{
	char failure[600];

	script_end(s);
	for (size_t k = 0; k < s->nrows && !s->failure[0]; k++) {
		const unsigned want = wanted_times(&s->rows[k]);

		if (want != SCRIPT_ANY && s->used[k] != want)
			snprintf(s->failure, sizeof(s->failure), "row %zu, %.300s: came %u times, not %u", k,
				 s->rows[k].request, s->used[k], want);
	}
	memcpy(failure, s->failure, sizeof(failure));
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s->used);
	free(s);
	if (failure[0])
		fail_msg("%s", failure);
}

void script_watch(struct script *s, void (*watch)(void *data, const char *request), void *data)
{
	pthread_mutex_lock(&s->lock);
	s->watch = watch;
	s->watch_data = data;
	pthread_mutex_unlock(&s->lock);
}

void script_release(struct script *s)
{
	count(s, &s->released);
	script_wake(s);
}

/* With the lock: waits until a number gets where it should be. */
static void wait_for(struct script *s, const unsigned *number, unsigned want, const char *what)
{
	struct timespec until;
	unsigned have;
	int r = 0;

	deadline(&until, PATIENCE * 1000L);
	while (*number < want && r == 0)
		r = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	have = *number;
	pthread_mutex_unlock(&s->lock);
	if (have < want)
		fail_msg("%s: %u, still not %u; %s", what, have, want, s->failure);
}

void script_wait_sent(struct script *s, unsigned sent)
{
	pthread_mutex_lock(&s->lock);
	wait_for(s, &s->sent, sent, "requests sent");
}

static unsigned read_number(struct script *s, const unsigned *number)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = *number;
	pthread_mutex_unlock(&s->lock);
	return n;
}

struct settling {
	struct loop_task task;
	struct script *script;
};

static void on_settled(struct loop_task *task)
{
	struct script *s = container_of(task, struct settling, task)->script;

	count(s, &s->settled);
}

void script_settle(struct script *s)
{
	struct settling settling = {.task.run = on_settled, .script = s};
	const unsigned want = read_number(s, &s->settled) + 1;

	loop_post(s->client->loop, &settling.task);
	pthread_mutex_lock(&s->lock);
	wait_for(s, &s->settled, want, "rounds");
}

unsigned script_sent(struct script *s)
{
	return read_number(s, &s->sent);
}

unsigned script_cancelled(struct script *s)
{
	return read_number(s, &s->cancelled);
}

unsigned script_urged(struct script *s)
{
	return read_number(s, &s->urged);
}

/* ---- answers ---- */

static void keep_names(struct answer *a, const struct reg_names *names)
{
	size_t n = 0;

	a->count = names->count;
	a->dropped = names->dropped;
	for (size_t k = 0; k < names->count && n < sizeof(a->names); k++)
		n += (size_t)snprintf(a->names + n, sizeof(a->names) - n, "%s%s", k ? " " : "",
				      names->items[k]);
}

static void on_answer(void *data, const struct reg_result *result)
{
	struct answer *a = data;

	pthread_mutex_lock(&a->script->lock);
	a->times++;
	a->err = result->err;
	if (result->err < 0)
		a->error = *result->error;
	a->digest = result->digest;
	if (result->digest.algorithm)
		reg_digest_text(&result->digest, a->digest_text);
	if (result->media_type)
		snprintf(a->media_type, sizeof(a->media_type), "%s", result->media_type);
	a->size = result->size;
	a->has_bytes = result->bytes;
	if (result->bytes)
		snprintf(a->bytes, sizeof(a->bytes), "%s", (const char *)result->bytes->data);
	if (result->names)
		keep_names(a, result->names);
	if (result->next)
		snprintf(a->next, sizeof(a->next), "%s", result->next);
	a->not_modified = result->not_modified;
	pthread_cond_broadcast(&a->script->changed);
	pthread_mutex_unlock(&a->script->lock);
}

struct reg_call answer_call(struct answer *a, struct script *s, unsigned flags)
{
	*a = (struct answer){.script = s};
	return (struct reg_call){on_answer, a, flags};
}

void answer_wait(struct answer *a)
{
	pthread_mutex_lock(&a->script->lock);
	wait_for(a->script, &a->times, 1, "answers");
}

const char *digest_of(const char *text, char ret[static REG_DIGEST_MAX])
{
	struct reg_digest d;

	assert_int_equal(reg_digest_compute(REG_SHA256, text, strlen(text), &d), 0);
	return reg_digest_text(&d, ret);
}
