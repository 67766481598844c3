/* SPDX-License-Identifier: MIT */
#include "storage/collector.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "storage/collector_child.h"
#include "util/cleanup.h"
#include "util/utf8.h"

/* As a distribution calls it, then as Debian does. */
static const char *const programs[] = {"registry", "docker-registry"};

/* ---- running it ---- */

struct run {
	struct collector_parser parser;
	collector_fn *fn;
	void *data;
};

static int on_line(void *data, const char *text)
{
	struct run *run = data;
	struct collector_line line;

	if (!*text)
		return 0;
	collector_parse(&run->parser, text, &line);
	return run->fn(run->data, &line);
}

/* The command, or the first program that is there, with arguments behind it. -ENOENT: none. */
static int run_with(const struct collector_options *o, const char *const *arguments, child_line_fn *line,
		    void *data, struct collector_end *ret)
{
	const char *const *const commands = o->command ? &o->command : programs;
	const size_t ncommands = o->command ? 1 : ARRAY_SIZE(programs);
	size_t nargs = 0;
	int r = -ENOENT;

	while (arguments[nargs])
		nargs++;
	for (size_t i = 0; i < ncommands && r == -ENOENT; i++) {
		auto_free char **words = NULL;
		size_t n;

		r = collector_words(commands[i], nargs, &words, &n);
		if (r < 0)
			return r;
		for (size_t k = 0; k < nargs; k++)
			words[n + k] = (char *)arguments[k];
		r = child_run(words, o->signal, line, data, ret);
	}
	return r;
}

static int fail(const char *command, int r, struct reg_error *error)
{
	if (r == -ENOENT && !command)
		return reg_fail(error, r,
				"there is no program registry, nor docker-registry: name it by --registry");
	if (r == -ENOENT)
		return reg_fail(error, r, "there is no such program: %s", command);
	if (r == -EINVAL)
		return reg_fail(error, r, "--registry=%s is no command: it must be words, with their quotes",
				command);
	if (r == -EINTR)
		return reg_fail(error, r, "interrupted");
	return reg_fail(error, r, "%s cannot be run: %s", command ? command : "the registry's program",
			strerror(-r));
}

int collector_run(const struct collector_options *o, collector_fn *fn, void *data, struct collector_end *ret,
		  struct reg_error *error)
{
	const char *arguments[5] = {"garbage-collect"};
	struct run run = {.fn = fn, .data = data};
	size_t n = 1;
	int r;

	if (o->dry_run)
		arguments[n++] = "--dry-run";
	if (o->delete_untagged)
		arguments[n++] = "--delete-untagged";
	if (o->config)
		arguments[n++] = o->config;
	r = run_with(o, arguments, on_line, &run, ret);
	return r < 0 ? fail(o->command, r, error) : r;
}

/* ---- its version ---- */

struct version {
	char text[128]; /* the first line that says something */
	bool quiet, untagged; /* options that --help names */
};

static int on_version(void *data, const char *line)
{
	struct version *v = data;

	if (!v->text[0])
		snprintf(v->text, sizeof(v->text), "%s", line);
	return 0;
}

static int on_help(void *data, const char *line)
{
	struct version *v = data;

	v->quiet |= strstr(line, "--quiet") != NULL;
	v->untagged |= strstr(line, "--delete-untagged") != NULL;
	return 0;
}

/*
 * "registry github.com/docker/distribution v2.8.2", "docker-registry
 * github.com/docker/distribution 2.8.2+ds1", "registry github.com/distribution/distribution/v3
 * v3.1.1+unknown"; a build of a branch has a commit's name in the version's place, but the module's path all
 * the same. 0: it is none of these.
 */
static int major_of(const char *text)
{
	const char *version = strrchr(text, ' ');
	char *end;
	long n;

	if (!version || !strstr(text, "distribution"))
		return 0;
	version++;
	version += *version == 'v';
	n = strtol(version, &end, 10);
	if (isdigit((unsigned char)*version) && *end == '.' && (n == 2 || n == 3))
		return (int)n;
	if (strstr(text, "distribution/v3 "))
		return 3;
	return strstr(text, "docker/distribution ") ? 2 : 0;
}

int collector_version(const struct collector_options *o, int *ret_major, char text[128])
{
	static const char *const version[] = {"--version", NULL};
	static const char *const help[] = {"garbage-collect", "--help", NULL};
	struct version v = {0};
	struct collector_end end;
	int major, r;

	r = run_with(o, version, on_version, &v, &end);
	if (r < 0)
		return r;
	if (!v.text[0])
		snprintf(v.text, sizeof(v.text), "%.127s", end.message);
	utf8_make_printable(v.text);
	major = major_of(v.text);
	if (!major) {
		r = run_with(o, help, on_help, &v, &end);
		if (r < 0)
			return r;
		on_help(&v, end.message);
		major = v.quiet ? 3 : v.untagged ? 2 : 0;
	}
	*ret_major = major;
	snprintf(text, 128, "%s", v.text);
	return 0;
}
