/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "util/cleanup.h"

struct op {
	struct loop_task task; /* first it travels to the network thread */
	struct list link; /* in work->ops */
	struct map_node node; /* in client->ops */
	uint64_t number;
	struct work *work;
	struct reg_call call;
};

void *work_new(struct reg_client *c, const struct work_class *class, size_t size,
	       const struct work_target *target)
{
	struct work *w = calloc(1, size);
	int r;

	if (!w)
		return NULL;
	w->client = c;
	list_init(&w->ops);
	r = asprintf(&w->key, "%s %s %s", target->kind, target->repository, target->detail);
	if (r < 0)
		w->key = NULL;
	w->group = strdup(target->repository);
	if (target->scope)
		w->scope = strdup(target->scope);
	else if (asprintf(&w->scope, "repository:%s:pull", target->repository) < 0)
		w->scope = NULL;
	if (!w->key || !w->group || !w->scope) {
		work_free(w);
		return NULL;
	}
	w->class = class; /* from now on there is something for its done() */
	w->x.group = w->group;
	w->x.scope = w->scope;
	w->x.timeout_ms = c->timeout_ms;
	return w;
}

void work_free(struct work *w)
{
	if (!w)
		return;
	if (w->class && w->class->done)
		w->class->done(w);
	exchange_done(&w->x);
	free(w->key);
	free(w->path);
	free(w->scope);
	free(w->group);
	free(w);
}

static struct work *find_work(struct reg_client *c, const char *key, uint64_t hash)
{
	map_for_each_match(&c->works, hash, node)
	{
		struct work *w = container_of(node, struct work, node);

		if (!w->alone && strcmp(w->key, key) == 0)
			return w;
	}
	return NULL;
}

static void urge(struct work *w)
{
	if (!w->ahead)
		return;
	w->ahead = false;
	exchange_urge(&w->x);
}

/* Makes a call, and its work if that is new, known. False: no memory, and neither is. */
static bool enter(struct reg_client *c, struct op *op, struct work *new, uint64_t hash)
{
	if (map_add(&c->ops, &op->node, map_hash(&op->number, sizeof(op->number))) < 0)
		return false;
	if (!new || map_add(&c->works, &new->node, hash) == 0)
		return true;
	map_remove(&c->ops, &op->node);
	return false;
}

static void on_submit(struct loop_task *task)
{
	struct op *op = container_of(task, struct op, task);
	struct work *w = op->work, *same;
	struct reg_client *c = w->client;
	const uint64_t hash = map_hash(w->key, strlen(w->key));
	struct reg_error error = {0};

	same = w->alone ? NULL : find_work(c, w->key, hash);
	if (same) {
		work_free(w);
		w = op->work = same;
		list_append(&w->ops, &op->link);
		if (!(op->call.flags & REG_AHEAD))
			urge(w);
	}
	if (!enter(c, op, same ? NULL : w, hash)) {
		/* No room to share or to cancel: the only caller is told so. */
		const struct reg_result result = {.err = reg_fail(&error, -ENOMEM, "out of memory"),
						  .error = &error};

		list_remove(&op->link);
		op->call.done(op->call.data, &result);
		free(op);
		if (!same)
			work_free(w);
		return;
	}
	if (same)
		return;
	w->ahead = op->call.flags & REG_AHEAD;
	list_append(&w->ops, &op->link);
	w->class->start(w);
}

uint64_t work_submit(struct work *w, const struct reg_call *call)
{
	struct reg_client *c = w->client;
	struct op *op = atomic_load(&c->ending) ? NULL : calloc(1, sizeof(*op));
	uint64_t number;

	if (!op) {
		work_free(w);
		return 0;
	}
	if (call->flags & REG_FRESH)
		w->alone = w->fresh = w->x.req.no_cache = true;
	number = atomic_fetch_add(&c->last_op, 1) + 1;
	op->number = number;
	op->work = w;
	op->call = *call;
	list_init(&op->link);
	op->task.run = on_submit;
	loop_post(c->loop, &op->task);
	return number;
}

int work_set_path(struct work *w, const char *format, ...)
{
	char *path = NULL;
	va_list args;
	int r;

	va_start(args, format);
	r = vasprintf(&path, format, args);
	va_end(args);
	if (r < 0)
		return -ENOMEM;
	free(w->path);
	w->path = path;
	w->x.path = path;
	return 0;
}

void work_send(struct work *w, void (*done)(struct exchange *x))
{
	w->x.req.ahead = w->ahead;
	w->x.done = done;
	exchange_start(&w->client->session, &w->x);
}

static void answer_op(struct op *op, const struct reg_result *result)
{
	struct reg_client *c = op->work->client;

	list_remove(&op->link);
	map_remove(&c->ops, &op->node);
	op->call.done(op->call.data, result);
	free(op);
}

void work_finish(struct work *w, const struct reg_result *result)
{
	/* Out of the map first: a callback that asks again starts anew. */
	map_remove(&w->client->works, &w->node);
	while (!list_empty(&w->ops))
		answer_op(container_of(w->ops.next, struct op, link), result);
	work_free(w);
}

void work_fail(struct work *w, int err, const struct reg_error *error)
{
	const struct reg_result result = {.err = err, .error = error};

	work_finish(w, &result);
}

static void cancel_op(struct op *op)
{
	struct work *w = op->work;
	struct reg_error error = {0};
	const struct reg_result result = {.err = reg_fail(&error, -ECANCELED, "cancelled"), .error = &error};

	answer_op(op, &result);
	if (!list_empty(&w->ops))
		return;
	exchange_cancel(&w->x);
	map_remove(&w->client->works, &w->node);
	work_free(w);
}

void client_cancel_all(struct reg_client *c)
{
	struct map_node *node;

	while ((node = map_any(&c->ops)))
		cancel_op(container_of(node, struct op, node));
	map_done(&c->ops);
	map_done(&c->works);
}

/* ---- messages about a call that was made before ---- */

struct note {
	struct loop_task task;
	struct reg_client *client;
	uint64_t number;
};

static struct op *find_op(struct reg_client *c, uint64_t number)
{
	const uint64_t hash = map_hash(&number, sizeof(number));

	map_for_each_match(&c->ops, hash, node)
	{
		struct op *op = container_of(node, struct op, node);

		if (op->number == number)
			return op;
	}
	return NULL;
}

static void on_cancel(struct loop_task *task)
{
	struct note *n = container_of(task, struct note, task);
	struct op *op = find_op(n->client, n->number);

	if (op)
		cancel_op(op);
	free(n);
}

static void on_urge(struct loop_task *task)
{
	struct note *n = container_of(task, struct note, task);
	struct op *op = find_op(n->client, n->number);

	if (op)
		urge(op->work);
	free(n);
}

static void post_note(struct reg_client *c, uint64_t number, void (*run)(struct loop_task *task))
{
	struct note *n = number && !atomic_load(&c->ending) ? calloc(1, sizeof(*n)) : NULL;

	/* Without memory nothing is lost: the call is answered later, or in its old turn. */
	if (!n)
		return;
	n->client = c;
	n->number = number;
	n->task.run = run;
	loop_post(c->loop, &n->task);
}

void reg_cancel(struct reg_client *c, uint64_t call)
{
	post_note(c, call, on_cancel);
}

void reg_urge(struct reg_client *c, uint64_t call)
{
	post_note(c, call, on_urge);
}

/* ---- a call that is refused before anything is sent ---- */

struct refusal {
	struct work work;
	struct reg_error error;
};

static void refusal_start(struct work *w)
{
	struct refusal *r = container_of(w, struct refusal, work);
	struct reg_error error = r->error;

	work_fail(w, error.err, &error);
}

uint64_t work_refuse(struct reg_client *c, const struct reg_call *call, const char *what, const char *name)
{
	static const struct work_class class = {.start = refusal_start};
	const struct work_target target = {"refuse", "", "", name};
	struct refusal *r = work_new(c, &class, sizeof(*r), &target);

	if (!r)
		return 0;
	reg_fail(&r->error, -EINVAL, "not a valid %s: %.100s", what, name);
	return work_submit(&r->work, call);
}
