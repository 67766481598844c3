/* SPDX-License-Identifier: MIT */
#include "scripted_tree.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "listing.h"
#include "removal.h"
#include "unit.h"

static atomic_ullong clock_ms = 1000000;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __real_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	uint64_t now;

	if (clock != CLOCK_MONOTONIC)
		return __real_clock_gettime(clock, ret);
	now = atomic_fetch_add(&clock_ms, 1);
	*ret = (struct timespec){.tv_sec = (time_t)(now / 1000), .tv_nsec = (long)(now % 1000 * 1000000)};
	return 0;
}

void scripted_tree_advance(uint64_t ms)
{
	atomic_fetch_add(&clock_ms, ms);
}

static void on_log(void *data, enum reg_log_level level, const char *line)
{
	struct scripted_tree *st = data;

	size_t n;

	pthread_mutex_lock(&st->logging);
	n = strlen(st->log);
	snprintf(st->log + n, sizeof(st->log) - n, "%s\n", line);
	pthread_mutex_unlock(&st->logging);
	if (getenv("REGFS_UNIT_LOG")) /* to find out why a test fails */
		print_message("             log: %s\n", line);
	if (level == REG_LOG_ERROR)
		atomic_fetch_add(&st->errors, 1);
}

static void on_attr(void *data, uint64_t node)
{
	struct scripted_tree *st = data;

	(void)node;
	atomic_fetch_add(&st->changed, 1);
}

void scripted_tree_start(struct scripted_tree *st, const struct script_row *rows, size_t nrows, unsigned ttl)
{
	struct tree_options o = {
		.ttl = ttl,
		.connections = 16,
		.platform = {.os = "linux", .architecture = "amd64"},
		.file_mode = 0444,
		.dir_mode = 0555,
		.log = on_log,
		.log_data = st,
		.attr_changed = on_attr,
		.notify_data = st,
	};

	*st = (struct scripted_tree){.logging = PTHREAD_MUTEX_INITIALIZER};
	st->script = script_start(rows, nrows, NULL, NULL);
	assert_int_equal(tree_new(script_client(st->script), &o, &st->tree), 0);
}

void scripted_tree_finish(struct scripted_tree *st)
{
	tree_lock(st->tree);
	st->tree->ending = true;
	tree_unlock(st->tree);
	script_end(st->script);
	worker_free(st->disk);
	journal_free(st->journal);
	tree_free(st->tree);
	script_finish(st->script);
}

void scripted_tree_journal(struct scripted_tree *st, const char *dir)
{
	struct reg_error error = {0};

	check_int(journal_new(dir, "https://reg.test", &st->journal, &error), 0, error.msg);
	assert_int_equal(worker_new(&st->disk), 0);
	assert_int_equal(worker_start(st->disk), 0);
	tree_lock(st->tree);
	st->tree->journal = st->journal;
	st->tree->disk = st->disk;
	st->tree->options.allow_delete = true;
	tree_unlock(st->tree);
}

struct repository *scripted_repository(struct scripted_tree *st, const char *name)
{
	struct directory *d;
	struct repository *r = NULL;

	tree_lock(st->tree);
	d = directory_make(st->tree, name);
	if (d)
		r = repository_of(st->tree, d);
	tree_unlock(st->tree);
	assert_non_null(r);
	return r;
}

struct tag *scripted_tag(struct scripted_tree *st, const char *repository, const char *name)
{
	struct repository *r = scripted_repository(st, repository);
	struct tag *tag;

	tree_lock(st->tree);
	tag = repository_add_tag(r, name);
	tree_unlock(st->tree);
	assert_non_null(tag);
	return tag;
}

/* ---- calls ---- */

struct question {
	struct call call;
	enum { LIST, TAG, DATE } what;
	struct repository *repository;
	struct tag *tag;
	pthread_mutex_t lock; /* guards the rest */
	pthread_cond_t answered;
	unsigned answers;
	int err;
};

static void ask(struct tree *t, struct call *c)
{
	const struct question *q = container_of(c, struct question, call);
	struct fetch *f = NULL;
	int r;

	tree_lock(t);
	if (q->what == LIST)
		r = repository_list(q->repository, c, &f);
	else if (q->what == TAG)
		r = tag_resolve(q->tag, c, false, &f);
	else
		r = tag_date(q->tag, c, &f);
	call_settle(t, c, r, f);
	tree_unlock(t);
}

static void on_done(struct call *c, int err)
{
	struct question *q = container_of(c, struct question, call);

	pthread_mutex_lock(&q->lock);
	q->answers++;
	q->err = err;
	pthread_cond_signal(&q->answered);
	pthread_mutex_unlock(&q->lock);
}

static void begin(struct scripted_tree *st, struct question *q)
{
	if (!q->call.ask)
		q->call.ask = ask;
	q->call.done = on_done;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->answered, NULL);
	tree_start(st->tree, &q->call);
}

static int end(struct scripted_tree *st, struct question *q)
{
	struct timespec until;
	unsigned answers;
	int r = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20; /* only a test that fails waits so long */
	pthread_mutex_lock(&q->lock);
	while (!q->answers && r == 0)
		r = pthread_cond_timedwait(&q->answered, &q->lock, &until);
	answers = q->answers;
	pthread_mutex_unlock(&q->lock);
	assert_int_equal(answers, 1);
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->answered);
	st->count = q->call.listing && !q->call.listing->err ? q->call.listing->count : SIZE_MAX;
	st->entry = q->call.entry;
	reg_bytes_unref(q->call.bytes);
	reg_bytes_unref(q->call.manifest);
	reg_bytes_unref(q->call.config);
	listing_unref(q->call.listing);
	removal_unref(q->call.removal);
	return q->err;
}

static int run(struct scripted_tree *st, struct question *q)
{
	begin(st, q);
	return end(st, q);
}

int ask_list(struct scripted_tree *st, struct repository *r)
{
	struct question q = {.what = LIST, .repository = r};

	return run(st, &q);
}

int ask_tag(struct scripted_tree *st, struct tag *tag)
{
	struct question q = {.what = TAG, .tag = tag};

	return run(st, &q);
}

int ask_date(struct scripted_tree *st, struct tag *tag)
{
	struct question q = {.what = DATE, .tag = tag};

	return run(st, &q);
}

int ask_tree(struct scripted_tree *st, void (*call)(struct tree *t, struct call *c), uint64_t node,
	     const char *name)
{
	struct question q = {.call = {.ask = call, .node = node, .name = name, .pid = 1}};

	return run(st, &q);
}

struct question *ask_begin(struct scripted_tree *st, void (*call)(struct tree *t, struct call *c),
			   uint64_t node, const char *name, int pid)
{
	struct question *q = calloc(1, sizeof(*q));

	assert_non_null(q);
	q->call.ask = call;
	q->call.node = node;
	q->call.name = name;
	q->call.pid = pid;
	q->call.uid = 1000;
	begin(st, q);
	return q;
}

void ask_interrupt(struct scripted_tree *st, struct question *q)
{
	tree_interrupt(st->tree, &q->call);
}

int ask_end(struct scripted_tree *st, struct question *q)
{
	const int err = end(st, q);

	free(q);
	return err;
}
