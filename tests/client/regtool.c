// SPDX-License-Identifier: MIT
#include "regtool.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Counts a command's words; the rest of args are NULL, so that an optional one can simply be read. */
static int words(char **args)
{
	int n = 0;

	while (args[n])
		n++;
	return n;
}

static const struct reg_page *page_from(char **args, struct reg_page *page)
{
	if (!args[0])
		return NULL;
	page->n = (unsigned)atoi(args[0]);
	page->last = args[1];
	return page;
}

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *const f = fopen(path, "rb");
	char *data = malloc(REG_MAX_CONFIG);

	if (!f || !data)
		exit(2);
	*ret_size = fread(data, 1, REG_MAX_CONFIG, f);
	fclose(f);
	return data;
}

/* put REPOSITORY REFERENCE MEDIA-TYPE FILE */
static uint64_t start_put(struct reg_client *c, char **args, const struct reg_call *call)
{
	size_t size = 0;
	char *const data = read_file(args[4], &size);
	struct reg_bytes *bytes = reg_bytes_copy(data, size);
	uint64_t number;

	free(data);
	if (!bytes)
		return 0;
	number = reg_manifest_put(c, args[1], args[2], args[3], bytes, call);
	reg_bytes_unref(bytes);
	return number;
}

static uint64_t start_change(struct reg_client *c, char **args, const struct reg_call *call)
{
	const int n = words(args);

	if (!strcmp(args[0], "put") && n == 5)
		return start_put(c, args, call);
	if (!strcmp(args[0], "delete") && n == 3)
		return reg_manifest_delete(c, args[1], args[2], call);
	return 0;
}

static uint64_t start_read(struct reg_client *c, char **args, const struct reg_call *call)
{
	const int n = words(args);
	struct reg_page page = {0};
	struct reg_digest digest = {0};

	if (!strcmp(args[0], "ping"))
		return reg_ping(c, call);
	if (!strcmp(args[0], "catalog"))
		return reg_catalog(c, page_from(args + 1, &page), call);
	if (!strcmp(args[0], "tags") && n >= 2)
		return reg_tags(c, args[1], page_from(args + 2, &page), call);
	if (!strcmp(args[0], "manifest") && n >= 3) {
		const bool known = n > 3 && reg_digest_parse(args[3], &digest);

		return reg_manifest(c, args[1], args[2], known ? &digest : NULL, call);
	}
	if (!strcmp(args[0], "head") && n == 3)
		return reg_manifest_head(c, args[1], args[2], call);
	if (n < 3 || !reg_digest_parse(args[2], &digest))
		return 0;
	if (!strcmp(args[0], "blobhead"))
		return reg_blob_head(c, args[1], &digest, call);
	if (!strcmp(args[0], "blob"))
		return reg_blob(c, args[1], &digest, args[3] ? strtoul(args[3], NULL, 10) : REG_MAX_CONFIG, call);
	if (!strcmp(args[0], "range") && n == 6)
		return reg_blob_range(c, args[1], &digest, strtoull(args[3], NULL, 10), strtoull(args[4], NULL, 10),
				      strtoul(args[5], NULL, 10), call);
	if (!strcmp(args[0], "referrers"))
		return reg_referrers(c, args[1], &digest, call);
	return 0;
}

/* A command may begin with --fresh. */
uint64_t start_call(struct reg_client *c, char **args, const struct reg_call *call)
{
	struct reg_call fresh = *call;

	if (strcmp(args[0], "--fresh") != 0)
		return !strcmp(args[0], "put") || !strcmp(args[0], "delete") ? start_change(c, args, call)
									     : start_read(c, args, call);
	fresh.flags |= REG_FRESH;
	return args[1] ? start_call(c, args + 1, &fresh) : 0;
}

static void print_and_answer(void *data, const struct reg_result *result)
{
	print_result(result);
	gate_answer(data);
}

/* Any other command: commands joined by "," on the command line are made one after the other by one client. */
static int command_calls(struct reg_client *c, char **args)
{
	struct gate gate;
	const struct reg_call call = {.done = print_and_answer, .data = &gate};
	int made = 0;

	gate_init(&gate);
	while (*args) {
		char **end = args;
		bool more;

		while (*end && strcmp(*end, ",") != 0)
			end++;
		more = *end != NULL;
		*end = NULL;
		if (!start_call(c, args, &call))
			return 2;
		gate_wait(&gate, ++made);
		args = more ? end + 1 : end;
	}
	return 0;
}

/* describe FILE [MEDIA-TYPE [PLATFORM]] */
static int describe(char **args)
{
	struct reg_document document;
	struct reg_platform want;
	struct reg_error error = {0};
	size_t size = 0;
	char *const data = read_file(args[1], &size);
	char *const media_type = args[2];
	const int r = reg_document_parse(data, size, media_type, &document, &error);

	print_open();
	print_error(r, &error);
	if (r == 0) {
		print_document(&document);
		if (media_type && args[3] && reg_platform_parse(args[3], &want) == 0)
			print_number("selected", reg_platform_select(&document, &want));
		reg_document_done(&document);
	}
	print_close();
	free(data);
	return 0;
}

/* config FILE */
static int describe_config(char **args)
{
	struct reg_config config;
	struct reg_error error = {0};
	size_t size = 0;
	char *const data = read_file(args[1], &size);
	const int r = reg_config_parse(data, size, &config, &error);

	print_open();
	print_error(r, &error);
	if (r == 0) {
		print_date("created", config.has_created, &config.created);
		print_date("history", config.has_history, &config.history);
		print_platform(&config.platform);
		print_pairs("labels", &config.labels);
		reg_config_done(&config);
	}
	print_close();
	free(data);
	return 0;
}

static void log_line(void *data, enum reg_log_level level, const char *line)
{
	(void)data;
	fprintf(stderr, "%d %s\n", (int)level, line);
}

static const struct command {
	const char *name;
	int words;
	int (*run)(struct reg_client *c, char **args);
} commands[] = {
	{"many", 4, command_many},
	{"cancel", 3, command_cancel},
	{"joined", 4, command_joined},
	{"free", 3, command_free},
};

static int run(struct reg_options *options, char **args)
{
	struct reg_client *client = NULL;
	struct reg_error error = {0};
	int r;

	options->log = log_line;
	options->source = args[0];
	r = reg_client_new(options, &client, &error);
	if (r < 0) {
		print_open();
		print_error(r, &error);
		print_close();
		return 0;
	}
	args++;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(args[0], commands[i].name) != 0)
			continue;
		r = words(args) < commands[i].words ? 2 : commands[i].run(client, args);
		if (commands[i].run != command_free) /* it has done so itself */
			reg_client_free(client);
		return r;
	}
	r = command_calls(client, args);
	reg_client_free(client);
	return r;
}

int main(int argc, char **argv)
{
	struct reg_options options;
	int o;

	reg_options_init(&options);
	while ((o = getopt(argc, argv, "+u:p:c:t:l:A:k")) != -1) {
		switch (o) {
		case 'u': options.user = optarg; break;
		case 'p': options.password = optarg; break;
		case 'c': options.connections = (unsigned)atoi(optarg); break;
		case 't': options.timeout = (unsigned)atoi(optarg); break;
		case 'l': options.list_timeout = (unsigned)atoi(optarg); break;
		case 'A': options.cacert = optarg; break;
		case 'k': options.insecure = true; break;
		default: return 2;
		}
	}
	argv += optind;
	if (words(argv) < 2)
		return 2;
	if (!strcmp(argv[0], "describe"))
		return describe(argv);
	if (!strcmp(argv[0], "config"))
		return describe_config(argv);
	return run(&options, argv);
}
