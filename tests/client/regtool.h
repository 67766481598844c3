/* SPDX-License-Identifier: MIT */
/* regtool: the client library from a command line, for tests. Every answer is one line of JSON. */
#ifndef REGTOOL_H
#define REGTOOL_H

#include <pthread.h>

#include "registry.h"

/* print.c; a line is begun and ended by the caller: print_open(), fields, print_close() */
void print_open(void);
void print_close(void);
void print_number(const char *key, long long value);
void print_text(const char *key, const char *value);                    /* NULL: left out */
void print_bytes(const char *key, const void *data, size_t size);       /* as a string, one character a byte */
void print_digest(const char *key, const struct reg_digest *digest);    /* left out if there is none */
void print_date(const char *key, bool there, const struct timespec *date); /* nanoseconds since 1970 */
void print_pairs(const char *key, const struct reg_pairs *pairs);
void print_platform(const struct reg_platform *platform);
const char *error_name(int err); /* of a negative errno: "ENOENT" */
void print_error(int err, const struct reg_error *error);               /* err as its name: "ENOENT" */
void print_result(const struct reg_result *result);
void print_document(const struct reg_document *document);

/* concurrent.c; each returns the exit status */
int command_many(struct reg_client *c, char **args);
int command_cancel(struct reg_client *c, char **args);
int command_joined(struct reg_client *c, char **args);
int command_free(struct reg_client *c, char **args);

/* Starts the call that argv-like args name; done gets the answer. 0: memory ran out or no such command. */
uint64_t start_call(struct reg_client *c, char **args, const struct reg_call *call);

/* Counts answers, so that a thread can wait for them. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int answers;
};

void gate_init(struct gate *g);
void gate_answer(struct gate *g);
void gate_wait(struct gate *g, int answers);

#endif
