/* SPDX-License-Identifier: MIT */
#include "probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "error.h"
#include "parts.h"
#include "util/cleanup.h"

struct probe_work {
	struct work work;
	char *path, *accept;
	enum http_method method;
	bool bare, first_byte;
	size_t max_body;
	struct reg_probe_answer *answer;
};

static void probe_done(struct work *w)
{
	struct probe_work *p = container_of(w, struct probe_work, work);

	free(p->path);
	free(p->accept);
}

static void take(struct probe_work *p, struct http_request *q)
{
	struct reg_probe_answer *a = p->answer;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	a->received_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	a->ms = q->started ? loop_now() - q->started : 0;
	a->status = q->status;
	a->content_length = q->content_length;
	strcpy(a->content_type, q->content_type);
	strcpy(a->digest, q->digest);
	strcpy(a->link, q->link);
	strcpy(a->challenge, q->challenge);
	strcpy(a->content_range, q->content_range);
	a->body = q->body;
	q->body = (struct buf){0};
}

static void on_answer(struct exchange *x)
{
	struct probe_work *p = container_of(x, struct probe_work, work.x);
	const struct reg_result result = {0};
	struct reg_error error = x->error;
	const int err = x->err;

	take(p, &x->req);
	if (err < 0)
		work_fail(&p->work, err, &error);
	else
		work_finish(&p->work, &result);
}

static void probe_start(struct work *w)
{
	struct probe_work *p = container_of(w, struct probe_work, work);
	struct reg_error error = {0};

	w->x.single = true;
	w->x.bare = p->bare;
	w->x.req.method = p->method;
	w->x.req.accept = p->accept;
	w->x.req.max_body = p->max_body;
	w->x.req.ranged = p->first_byte;
	w->x.req.range_length = p->first_byte;
	w->x.req.facts = &p->answer->facts;
	if (work_set_path(w, "%s", p->path) < 0)
		work_fail(w, reg_fail(&error, -ENOMEM, "out of memory"), &error);
	else
		work_send(w, on_answer);
}

uint64_t reg_probe(struct reg_client *c, const struct reg_probe *p, struct reg_probe_answer *answer,
		   const struct reg_call *call)
{
	static const struct work_class class = {.start = probe_start, .done = probe_done};
	const struct work_target target = {"probe", "", p->scope ? p->scope : "", ""};
	struct probe_work *work = work_new(c, &class, sizeof(*work), &target);

	*answer = (struct reg_probe_answer){.content_length = UINT64_MAX};
	if (!work)
		return 0;
	work->work.alone = true;
	work->bare = !p->scope;
	work->method = p->method;
	work->first_byte = p->first_byte;
	work->max_body = p->max_body;
	work->answer = answer;
	if (!reg_copy(p->path, &work->path) || !reg_copy(p->accept, &work->accept)) {
		work_free(&work->work);
		return 0;
	}
	return work_submit(&work->work, call);
}

void reg_probe_answer_done(struct reg_probe_answer *a)
{
	buf_done(&a->body);
}
