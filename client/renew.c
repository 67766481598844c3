/* SPDX-License-Identifier: MIT */
#include "renew.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/cleanup.h"

enum { PAUSE_MS = 10000 };

struct renew {
	struct loop *loop;
	renewed_fn *done;
	void *data;
	struct reg_log log;
	struct reg_source source;
	struct reg_lookup lookup; /* its strings are ours */
	int cancel; /* an eventfd while it searches, else -1: there may be thousands of these, and one search */

	/* Of the network thread. */
	bool running, once;
	uint64_t last; /* when the last search ended */
	struct loop_timer soon;
	pthread_t thread;

	/* The search's until its task runs. */
	struct loop_task task;
	struct reg_credentials found;
	struct reg_error error;
	int err;
};

static bool copy(const char *from, const char **ret)
{
	*ret = from ? strdup(from) : NULL;
	return !from || *ret;
}

static void drop(const char **text)
{
	char *own = (char *)(uintptr_t)*text;

	reg_wipe(own);
	free(own);
	*text = NULL;
}

void renew_free(struct renew *r)
{
	const uint64_t one = 1;

	if (!r)
		return;
	if (r->running) {
		if (write(r->cancel, &one, sizeof(one)) == sizeof(one))
			pthread_join(r->thread, NULL);
		close(r->cancel);
	}
	reg_credentials_done(&r->found);
	drop(&r->lookup.user);
	drop(&r->lookup.password);
	drop(&r->lookup.password_file);
	drop(&r->lookup.authfile);
	drop(&r->lookup.netrc);
	free(r);
}

static void answer(struct renew *r, int err)
{
	struct reg_credentials found = r->found;

	r->found = (struct reg_credentials){0};
	r->done(r->data, &found, err);
	reg_credentials_done(&found);
}

static void on_soon(struct loop_timer *timer)
{
	answer(container_of(timer, struct renew, soon), -EAGAIN);
}

int renew_new(const struct reg_lookup *lookup, struct loop *loop, const struct reg_log *log, renewed_fn *done,
	      void *data, struct renew **ret)
{
	struct renew *r = calloc(1, sizeof(*r));
	bool copied;

	if (!r)
		return -ENOMEM;
	r->loop = loop;
	r->done = done;
	r->data = data;
	r->log = *log;
	r->source = *lookup->source;
	r->lookup.helper_ms = lookup->helper_ms;
	r->lookup.no_helpers = lookup->no_helpers;
	r->lookup.source = &r->source;
	r->lookup.log = &r->log;
	r->lookup.cancel = &r->cancel;
	loop_timer_init(&r->soon, on_soon);
	r->cancel = -1;
	copied = copy(lookup->user, &r->lookup.user);
	copied = copy(lookup->password, &r->lookup.password) && copied;
	copied = copy(lookup->password_file, &r->lookup.password_file) && copied;
	copied = copy(lookup->authfile, &r->lookup.authfile) && copied;
	copied = copy(lookup->netrc, &r->lookup.netrc) && copied;
	if (!copied) {
		renew_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

static void on_found(struct loop_task *task)
{
	struct renew *r = container_of(task, struct renew, task);

	pthread_join(r->thread, NULL); /* posting this was the last that it did */
	r->running = false;
	close(r->cancel);
	r->cancel = -1;
	r->once = true;
	r->last = loop_now();
	if (r->err < 0)
		reg_log(&r->log, REG_LOG_WARN, "no new credentials: %s", r->error.msg);
	answer(r, r->err);
}

static void *search(void *data)
{
	struct renew *r = data;

	r->err = reg_credentials_find(&r->lookup, &r->found, &r->error);
	r->task.run = on_found;
	loop_post(r->loop, &r->task);
	return NULL;
}

static bool begin(struct renew *r)
{
	sigset_t all, old;
	int err;

	r->cancel = eventfd(0, EFD_CLOEXEC);
	if (r->cancel < 0)
		return false;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&r->thread, NULL, search, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err == 0)
		return true;
	close(r->cancel);
	r->cancel = -1;
	return false;
}

void renew_start(struct renew *r)
{
	const char *const space = r->source.prefix;

	if (r->once && loop_now() < r->last + PAUSE_MS) {
		loop_timer_set(r->loop, &r->soon, 0);
		return;
	}
	reg_log(&r->log, REG_LOG_INFO, "the registry refuses our login%s%s; looking for a new one",
		*space ? " for " : "", space);
	r->error = (struct reg_error){0};
	r->running = begin(r);
	if (!r->running)
		loop_timer_set(r->loop, &r->soon, 0);
}
