/* SPDX-License-Identifier: MIT */
/* Waiting: what is being fetched, and the calls that are asked again when it is here. */
#include <errno.h>

#include "tree.h"
#include "util/cleanup.h"

/* For so long a failure that nobody waited for is told to who comes for it: a walker is not far behind. */
enum { STALE_MS = 2000 };

void fetch_init(struct fetch *f)
{
	*f = (struct fetch){0};
	list_init(&f->waits);
	list_init(&f->ahead);
}

void fetch_begin(struct tree *t, struct fetch *f, bool ahead)
{
	f->active = true;
	f->err = 0;
	f->op = 0;
	f->tree = t;
	f->began = tree_now();
	if (ahead)
		list_append(&t->ahead, &f->ahead);
}

void fetch_end(struct tree *t, struct fetch *f, int err)
{
	struct list waits, *node;

	f->active = false;
	f->op = 0;
	list_remove(&f->ahead);
	if (err < 0 && err != -ECANCELED && list_empty(&f->waits))
		f->err = err;
	f->failed = tree_now();
	list_init(&waits);
	list_splice(&waits, &f->waits);
	for (node = list_pop(&waits); node; node = list_pop(&waits)) {
		struct wait *w = container_of(node, struct wait, link);

		w->wake(t, w, err);
	}
}

uint64_t fetch_when(const struct tree *t, const struct fetch *f)
{
	return f->began < t->forgotten ? 0 : tree_now();
}

int fetch_take_error(struct fetch *f, bool ahead)
{
	const int err = f->err;

	if (!ahead || tree_now() - f->failed > STALE_MS)
		f->err = 0;
	return tree_now() - f->failed > STALE_MS ? 0 : err;
}

void fetch_urge(struct tree *t, struct fetch *f)
{
	if (list_empty(&f->ahead))
		return;
	list_remove(&f->ahead);
	if (f->op)
		reg_urge(t->client, f->op);
}

void fetch_wait(struct tree *t, struct fetch *f, struct wait *w, bool ahead)
{
	list_append(&f->waits, &w->link);
	if (!ahead)
		fetch_urge(t, f);
}

void fetch_cancel_ahead(struct tree *t)
{
	/* They stay in the list until the client has answered: whoever asks meanwhile is asked again then. */
	for (struct list *node = t->ahead.next; node != &t->ahead; node = node->next) {
		const struct fetch *f = container_of(node, struct fetch, ahead);

		reg_cancel(t->client, f->op);
	}
}

struct reg_call fetch_call(const struct fetch *f, reg_done_fn *done, void *data)
{
	return (struct reg_call){.done = done, .data = data, .flags = list_empty(&f->ahead) ? 0 : REG_AHEAD};
}

void fetch_sent(struct tree *t, struct fetch *f, uint64_t op)
{
	f->op = op;
	if (!op)
		fetch_end(t, f, -ENOMEM);
}

/* ---- calls ---- */

static void answer(struct tree *t, struct call *c, int err)
{
	if (c->over)
		return;
	c->over = true;
	c->err = err;
	list_append(&t->ready, &c->ready);
}

static void on_wake(struct tree *t, struct wait *w, int err)
{
	struct call *c = container_of(w, struct call, wait);
	/* What is absent has been noted where it is missing, and may be only a part of what was asked for. */
	const bool refused = err == -EACCES && c->passing;
	const bool again =
		err == 0 || err == -ECANCELED || refused || (err == -ENOENT && !c->fetch->final);

	c->fetch = NULL;
	c->refused |= refused;
	if (err == -ECANCELED && t->ending)
		answer(t, c, -EIO);
	else if (!again)
		answer(t, c, err);
	else
		list_append(&t->ready, &c->ready);
}

void call_settle(struct tree *t, struct call *c, int err, struct fetch *f)
{
	if (err <= 0) {
		answer(t, c, err);
	} else if (c->interrupted) {
		answer(t, c, -EINTR);
	} else if (t->ending) {
		answer(t, c, -EIO);
	} else {
		c->wait.wake = on_wake;
		c->fetch = f;
		fetch_wait(t, f, &c->wait, false);
		if (c->armed)
			c->armed(c);
		c->armed = NULL;
	}
}

void tree_start(struct tree *t, struct call *c)
{
	list_init(&c->wait.link);
	list_init(&c->ready);
	c->fetch = NULL;
	c->interrupted = c->over = c->passing = c->refused = false;
	c->began = tree_now();
	c->ask(t, c);
}

void tree_interrupt(struct tree *t, struct call *c)
{
	struct fetch *f;

	tree_lock(t);
	c->interrupted = true;
	f = c->fetch;
	if (f && !c->over) {
		list_remove(&c->wait.link);
		c->fetch = NULL;
		answer(t, c, -EINTR);
		/* Nobody wants it any more, nor what was fetched ahead for the walk that it was part of. */
		if (list_empty(&f->waits) && f->op)
			reg_cancel(t->client, f->op);
		fetch_cancel_ahead(t);
	}
	tree_unlock(t);
}

void tree_lock(struct tree *t)
{
	pthread_mutex_lock(&t->lock);
}

void tree_unlock(struct tree *t)
{
	struct list ready, *node;

	list_init(&ready);
	list_splice(&ready, &t->ready);
	pthread_mutex_unlock(&t->lock);
	for (node = list_pop(&ready); node; node = list_pop(&ready)) {
		struct call *c = container_of(node, struct call, ready);

		if (c->over)
			c->done(c, c->err);
		else
			c->ask(t, c);
	}
}
