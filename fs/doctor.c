/* SPDX-License-Identifier: MIT */
#include "doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor.h"

static void on_log(void *data, enum reg_log_level level, const char *line)
{
	(void)data, (void)level;
	fprintf(stderr, "regfs: %s\n", line);
}

static int complain(const char *text)
{
	fprintf(stderr, "regfs: %s\n", text);
	return EXIT_FAILURE;
}

int doctor(const struct options *o)
{
	const struct doctor_options asked = {.repository = o->repository, .only_read = o->only_read, .push = o->push};
	struct reg_options options;
	struct reg_client *client;
	struct reg_error error = {0};
	struct doctor *d;
	int r;

	options_client(o, &options);
	options.log = on_log;
	options.log_level = o->level == REG_LOG_DEBUG ? REG_LOG_DEBUG : REG_LOG_WARN;
	r = reg_client_new(&options, &client, &error);
	if (r < 0)
		return complain(error.msg);
	d = malloc(sizeof(*d));
	r = d ? doctor_ask(client, &asked, d) : -1;
	if (r == 0)
		r = o->json ? doctor_tell_json(stdout, d) : doctor_tell(stdout, d);
	if (r == 0)
		r = doctor_is_well(d) ? EXIT_SUCCESS : EXIT_FAILURE;
	else
		r = complain("out of memory");
	free(d);
	reg_client_free(client);
	return fflush(stdout) == 0 && !ferror(stdout) ? r : complain("the report cannot be written");
}
