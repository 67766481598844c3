// SPDX-License-Identifier: MIT
/* What only shows with many calls at once: threads, joined transfers, cancelling, the end of a client. */
#include "regtool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void gate_init(struct gate *g)
{
	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->changed, NULL);
	g->answers = 0;
}

void gate_answer(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->answers++;
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

void gate_wait(struct gate *g, int answers)
{
	pthread_mutex_lock(&g->lock);
	while (g->answers < answers)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

/* The answers to all calls of a command, summed up. Written by the network thread, read once all are there. */
struct tally {
	struct gate gate;
	int good, cancelled, failed;
	char text[64]; /* the name of the last error */
};

static void count(void *data, const struct reg_result *result)
{
	struct tally *const t = data;

	if (result->err == 0)
		t->good++;
	else if (result->err == -ECANCELED)
		t->cancelled++;
	else
		t->failed++;
	if (result->err)
		snprintf(t->text, sizeof(t->text), "%s", error_name(result->err));
	gate_answer(&t->gate);
}

static int64_t milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void print_tally(const struct tally *t, int64_t since)
{
	print_open();
	print_number("good", t->good);
	print_number("cancelled", t->cancelled);
	print_number("failed", t->failed);
	print_number("ms", milliseconds() - since);
	print_text("last", t->text);
	print_close();
}

struct worker {
	pthread_t thread;
	struct reg_client *client;
	struct tally *tally;
	const char *repository;
	int first, calls;
};

static void *work(void *data)
{
	const struct worker *const w = data;
	const struct reg_call call = {.done = count, .data = w->tally};
	char tag[32];

	for (int i = 0; i < w->calls; i++) {
		snprintf(tag, sizeof(tag), "t%05d", w->first + i);
		if (!reg_manifest(w->client, w->repository, tag, NULL, &call))
			abort();
	}
	return NULL;
}

/* many REPOSITORY THREADS CALLS: each thread asks for tags t00000, t00001, ... of its own */
int command_many(struct reg_client *c, char **args)
{
	enum { MOST = 64 };
	struct worker workers[MOST] = {0};
	struct tally tally = {0};
	const int threads = atoi(args[2]), calls = atoi(args[3]);
	const int64_t since = milliseconds();

	if (threads < 1 || threads > MOST)
		return 2;
	gate_init(&tally.gate);
	for (int i = 0; i < threads; i++) {
		workers[i] = (struct worker){.client = c, .tally = &tally, .repository = args[1],
					     .first = i * calls, .calls = calls};
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 2;
	}
	for (int i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	gate_wait(&tally.gate, threads * calls);
	print_tally(&tally, since);
	return 0;
}

/* cancel MILLISECONDS COMMAND...: one call, cancelled after a while */
int command_cancel(struct reg_client *c, char **args)
{
	struct tally tally = {0};
	const struct reg_call call = {.done = count, .data = &tally};
	const struct timespec pause = {.tv_sec = atoi(args[1]) / 1000, .tv_nsec = atoi(args[1]) % 1000 * 1000000L};
	uint64_t number;
	int64_t since;

	gate_init(&tally.gate);
	number = start_call(c, args + 2, &call);
	if (!number)
		return 2;
	nanosleep(&pause, NULL);
	since = milliseconds();
	reg_cancel(c, number);
	gate_wait(&tally.gate, 1);
	reg_cancel(c, number); /* a call that is answered: must do nothing */
	print_tally(&tally, since);
	return 0;
}

/*
 * joined CALLS CANCELLED COMMAND...: the same call many times at once, the first few cancelled at once. A line says
 * when that is done, so that whoever holds the answer back knows when to let it go.
 */
int command_joined(struct reg_client *c, char **args)
{
	enum { MOST = 1000 };
	static uint64_t numbers[MOST];
	struct tally tally = {0};
	const struct reg_call call = {.done = count, .data = &tally};
	const int calls = atoi(args[1]), cancelled = atoi(args[2]);
	const int64_t since = milliseconds();

	if (calls > MOST || cancelled > calls)
		return 2;
	gate_init(&tally.gate);
	for (int i = 0; i < calls; i++) {
		numbers[i] = start_call(c, args + 3, &call);
		if (!numbers[i])
			return 2;
	}
	for (int i = 0; i < cancelled; i++)
		reg_cancel(c, numbers[i]);
	print_open();
	print_close();
	gate_wait(&tally.gate, calls);
	print_tally(&tally, since);
	return 0;
}

/* free CALLS COMMAND...: calls that are under way when the client is freed */
int command_free(struct reg_client *c, char **args)
{
	struct tally tally = {0};
	const struct reg_call call = {.done = count, .data = &tally};
	const int calls = atoi(args[1]);
	const int64_t since = milliseconds();

	gate_init(&tally.gate);
	for (int i = 0; i < calls; i++)
		if (!start_call(c, args + 2, &call))
			return 2;
	reg_client_free(c);
	if (tally.gate.answers != calls) /* nobody is left who could answer */
		return 3;
	print_tally(&tally, since);
	return 0;
}
