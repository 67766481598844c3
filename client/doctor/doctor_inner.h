/* SPDX-License-Identifier: MIT */
/* Asking, as doctor_ask.c and doctor_ask_repository.c share it. */
#ifndef REG_DOCTOR_INNER_H
#define REG_DOCTOR_INNER_H

#include "doctor/doctor.h"
#include "together.h"

#define CATALOG_SCOPE "registry:catalog:*"
enum { REG_PATH_MAX = 1024, REG_NAME_ROOM = 300 };

struct asking {
	struct reg_client *client;
	const struct doctor_options *options;
	struct doctor *doctor;
	struct together together;
};

struct list_question {
	struct doctor_list *list;
	const char *path, *scope, *member; /* the member that holds the names */
};

/*
 * These wait for the answer. ability->err and its error are set, what it means is the caller's to say. 0 or
 * -ENOMEM; *answer is to be done with either way.
 */
int doctor_probe(struct asking *a, const struct reg_probe *p, struct reg_probe_answer *answer,
		 struct doctor_ability *ability);
int doctor_get(struct asking *a, const char *scope, struct reg_probe_answer *answer,
	       struct doctor_ability *ability, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Asks for a page of one name, and for the next if need be. *ret_first: a name, or empty. */
int doctor_list(struct asking *a, const struct list_question *q, char *ret_first, size_t size);

/* About doctor->repository, and doctor->tag in it if there is one. */
int doctor_ask_repository(struct asking *a);

#endif
