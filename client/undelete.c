/* SPDX-License-Identifier: MIT */
/* regfs-undelete: puts back into a registry what regfs removed from it. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dumps.h"
#include "error.h"
#include "pieces.h"
#include "putback.h"
#include "source.h"
#include "together.h"
#include "undelete_list.h"
#include "util/cleanup.h"
#include "when.h"

enum { EXIT_NOT_ALL = 1, EXIT_USAGE = 2 };

struct program {
	/* The command line. */
	bool list, dry_run, insecure;
	char *dir;
	const char *registry, *cacert;
	struct reg_source source; /* of registry */
	struct wanted_filter filter;
	char *host; /* of the filter */

	struct restore_journal *journal;
	struct wanted_list wanted;
	struct reg_client *client;
	size_t done, there, failed; /* what became of it */
	bool problems; /* a part of the journal cannot be read */
};

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("regfs-undelete: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static int out_of_memory(void)
{
	complain("out of memory");
	return EXIT_NOT_ALL;
}

/* ---- the command line ---- */

static void help(void)
{
	fputs("usage: regfs-undelete [options] [REPOSITORY[:TAG] | REPOSITORY@DIGEST]...\n\n"
	      "Puts back what regfs removed from a registry, as long as the registry still\n"
	      "has its layers: the tags and manifests that are named, those of the\n"
	      "repositories that are named, or everything that the journal holds.\n\n"
	      "    --list             show what the journal holds\n"
	      "    --dry-run          check all, say what would be done, change nothing\n"
	      "    --since WHEN       only what was removed since then: 2026-11-20,\n"
	      "                       2026-11-20T08:00:00Z, or 30m, 2h, 7d ago\n"
	      "    --registry URL     which registry, where the journal holds several\n"
	      "    --journal DIR      the journal's folder (/var/lib/regfs for root, else\n"
	      "                       ~/.local/state/regfs)\n"
	      "    --cacert FILE      trust these certificates (PEM)\n"
	      "    --insecure         do not verify certificates\n"
	      "    -h, --help         this text\n"
	      "    -V, --version      the version\n\n"
	      "Credentials: REGFS_USER and REGFS_PASSWORD, or what docker, podman or skopeo\n"
	      "login left in their files. Exit status: 0 all is there, 1 something could not\n"
	      "be put back, 2 the command line is wrong.\n",
	      stdout);
}

static int usage(const struct reg_error *error)
{
	complain("%s", error->msg);
	return EXIT_USAGE;
}

static int set_since(struct program *p, const char *text)
{
	if (when_parse(text, time(NULL), &p->filter.since))
		return 0;
	complain("'%s' is no date, and no time ago: 2026-11-20, 2026-11-20T08:00:00Z, 30m, 2h and 7d are",
		 text);
	return EXIT_USAGE;
}

static int set_registry(struct program *p, const char *text)
{
	struct reg_error error = {0};

	if (reg_source_parse(text, &p->source, &error) < 0)
		return usage(&error);
	free(p->host);
	p->host = restore_host(&p->source);
	p->registry = text;
	p->filter.host = p->host;
	p->filter.prefix = p->source.prefix;
	return p->host ? 0 : out_of_memory();
}

static int set_dir(struct program *p, const char *text)
{
	free(p->dir);
	p->dir = strdup(text);
	return p->dir ? 0 : out_of_memory();
}

static int set_names(struct program *p, char **args, int n)
{
	struct reg_error error = {0};

	p->filter.names = calloc((size_t)n + 1, sizeof(*p->filter.names));
	if (!p->filter.names)
		return out_of_memory();
	for (int i = 0; i < n; i++) {
		if (wanted_name_parse(args[i], &p->filter.names[i], &error) < 0)
			return usage(&error);
		p->filter.nnames++;
	}
	return 0;
}

/* -1: go on; else the exit status. */
static int parse(struct program *p, int argc, char **argv)
{
	static const struct option options[] = {
		{"list", no_argument, NULL, 'l'},          {"dry-run", no_argument, NULL, 'n'},
		{"since", required_argument, NULL, 's'},   {"registry", required_argument, NULL, 'r'},
		{"journal", required_argument, NULL, 'j'}, {"cacert", required_argument, NULL, 'c'},
		{"insecure", no_argument, NULL, 'k'},      {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},       {0},
	};
	int o, r = 0;

	while (r == 0 && (o = getopt_long(argc, argv, "hV", options, NULL)) != -1) {
		switch (o) {
		case 'l':
			p->list = true;
			break;
		case 'n':
			p->dry_run = true;
			break;
		case 's':
			r = set_since(p, optarg);
			break;
		case 'r':
			r = set_registry(p, optarg);
			break;
		case 'j':
			r = set_dir(p, optarg);
			break;
		case 'c':
			p->cacert = optarg;
			break;
		case 'k':
			p->insecure = true;
			break;
		case 'h':
			help();
			return 0;
		case 'V':
			puts("regfs-undelete " REGFS_VERSION);
			return 0;
		default:
			fputs("usage: regfs-undelete [options] [REPOSITORY[:TAG] | REPOSITORY@DIGEST]...\n",
			      stderr);
			return EXIT_USAGE;
		}
	}
	if (r == 0)
		r = set_names(p, argv + optind, argc - optind);
	return r ? r : -1;
}

/* ---- the journal ---- */

static void on_journal(void *data, enum restore_severity severity, const char *file, size_t line,
		       const char *message)
{
	struct program *p = data;

	p->problems = p->problems || severity == RESTORE_PROBLEM;
	if (line)
		complain("%s:%zu: %s", file, line, message);
	else
		complain("%s: %s", file, message);
}

static int read_journal(struct program *p)
{
	struct reg_error error = {0};
	int r;

	if (!p->dir)
		p->dir = journal_default_dir();
	if (!p->dir) {
		complain("there is no home folder; name the journal's with --journal");
		return EXIT_USAGE;
	}
	r = restore_read(p->dir, on_journal, p, &p->journal, &error);
	if (r == 0)
		return 0;
	complain("%s%s", error.msg,
		 r == -ENOENT ? " (nothing was removed by this user, or with another journal: see --journal)"
			      : "");
	return EXIT_NOT_ALL;
}

/* One registry alone can be put back to. What is wanted comes sorted by them. */
static int check_registry(const struct program *p)
{
	const struct wanted *w = p->wanted.items;
	const size_t n = p->wanted.count;
	bool several = false;

	for (size_t i = 1; i < n; i++)
		several = several || strcmp(w[i].entry->host, w[0].entry->host) != 0;
	if (!several)
		return 0;
	complain("the journal holds removals from several registries; choose one:");
	for (size_t i = 0; i < n && !w[i].along; i++)
		if (i == 0 || strcmp(w[i].entry->host, w[i - 1].entry->host) != 0)
			fprintf(stderr, "    --registry %s\n", w[i].entry->registry);
	return EXIT_USAGE;
}

/* A registry that was misspelt must not look like one from which nothing was removed. */
static int check_choice(const struct program *p)
{
	const struct wanted_filter any_time = {.host = p->filter.host, .prefix = p->filter.prefix};

	for (size_t i = 0; i < p->journal->count; i++)
		if (wanted_passes(&any_time, p->journal->entries[i]))
			return 0;
	if (!p->registry)
		return 0;
	complain("the journal holds nothing of %s (--list shows what it holds)", p->registry);
	return EXIT_NOT_ALL;
}

static void tell_what_is_not_there(struct program *p)
{
	char digest[REG_DIGEST_MAX];

	for (size_t i = 0; i < p->filter.nnames; i++) {
		const struct wanted_name *name = &p->filter.names[i];

		if (name->found)
			continue;
		reg_digest_text(&name->digest, digest);
		printf("%s%s%s: not put back: the journal%s does not have it\n", name->repository,
		       name->tag ? ":"
		       : *digest ? "@"
				 : "",
		       name->tag ? name->tag : digest, p->filter.since.tv_sec ? " since then" : "");
		p->failed++;
	}
}

/* ---- the registry ---- */

/*
 * As the journal has it, with its prefix, since credentials can be a prefix's own; without, if removals
 * differ in it.
 */
static char *source_of(const struct program *p)
{
	const struct wanted *w = p->wanted.items;
	struct reg_source s;
	char *text = NULL;
	bool same = true;

	if (p->registry)
		return strdup(p->registry);
	for (size_t i = 1; i < p->wanted.count; i++)
		same = same && strcmp(w[i].entry->registry, w[0].entry->registry) == 0;
	if (same)
		return strdup(w[0].entry->registry);
	if (reg_source_parse(w[0].entry->registry, &s, NULL) < 0)
		return NULL;
	if (asprintf(&text, "%s%s", s.bare ? "" : s.https ? "https://" : "http://", s.host) < 0)
		return NULL;
	return text;
}

static int greet(struct program *p)
{
	struct together together;
	struct answer answer;
	struct reg_call call;
	char text[320];

	together_init(&together);
	call = together_call(&together, &answer, 0);
	together_made(&answer, reg_ping(p->client, &call));
	together_wait(&together);
	together_done(&together);
	if (answer.err == 0)
		return 0;
	complain("%s: %s", reg_client_host(p->client), pieces_error_text(&answer.error, text, sizeof(text)));
	return EXIT_NOT_ALL;
}

static int connect_registry(struct program *p)
{
	auto_free char *source = source_of(p);
	struct reg_options options;
	struct reg_error error = {0};

	if (!source)
		return out_of_memory();
	reg_options_init(&options);
	options.source = source;
	options.cacert = p->cacert;
	options.insecure = p->insecure;
	if (reg_client_new(&options, &p->client, &error) < 0) {
		complain("%s", error.msg);
		return EXIT_NOT_ALL;
	}
	return greet(p);
}

/* ---- putting back ---- */

static void on_result(void *data, const struct wanted *w, enum putback_outcome outcome, const char *why)
{
	struct program *p = data;
	char digest[REG_DIGEST_MAX];

	if (w->along && !w->tag && outcome != PUTBACK_NOT) /* goes without saying */
		return;
	p->done += outcome == PUTBACK_DONE || outcome == PUTBACK_WOULD;
	p->there += outcome == PUTBACK_THERE;
	p->failed += outcome == PUTBACK_NOT;
	reg_digest_text(&w->item->digest, digest);
	printf("%s%s%s: ", w->entry->repository, w->tag ? ":" : "@", w->tag ? w->tag : digest);
	if (outcome == PUTBACK_THERE)
		puts("is there");
	else if (outcome == PUTBACK_NOT)
		printf("%s put back: %s\n", p->dry_run ? "cannot be" : "not", why);
	else
		printf("%sput back%s%s\n", p->dry_run ? "would be " : "", w->tag ? ", " : "",
		       w->tag ? digest : "");
}

static int put_back(struct program *p)
{
	struct putback_options o = {
		.journal = p->journal,
		.wanted = &p->wanted,
		.dry_run = p->dry_run,
		.report = on_result,
		.data = p,
	};
	int r;

	if (p->wanted.count) {
		r = connect_registry(p);
		if (r)
			return r;
		o.client = p->client;
		if (putback_run(&o) < 0)
			return out_of_memory();
	}
	printf("%s: %zu; there already: %zu; %s: %zu\n", p->dry_run ? "would be put back" : "put back",
	       p->done, p->there, p->dry_run ? "cannot be" : "not put back", p->failed);
	return p->failed || p->problems ? EXIT_NOT_ALL : 0;
}

static int run(struct program *p)
{
	int r;

	r = read_journal(p);
	if (r)
		return r;
	r = check_choice(p);
	if (r)
		return r;
	if (p->list) {
		if (undelete_list(p->journal, &p->filter) < 0)
			return out_of_memory();
		return p->problems ? EXIT_NOT_ALL : 0;
	}
	if (wanted_new(p->journal, &p->filter, &p->wanted) < 0)
		return out_of_memory();
	r = check_registry(p);
	if (r)
		return r;
	tell_what_is_not_there(p);
	return put_back(p);
}

int main(int argc, char **argv)
{
	struct program p = {0};
	int r;

	dumps_off();
	setvbuf(stdout, NULL, _IOLBF, 0);
	r = parse(&p, argc, argv);
	if (r < 0)
		r = run(&p);
	reg_client_free(p.client);
	wanted_done(&p.wanted);
	restore_free(p.journal);
	for (size_t i = 0; i < p.filter.nnames; i++)
		wanted_name_done(&p.filter.names[i]);
	free(p.filter.names);
	free(p.host);
	free(p.dir);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		complain("standard output: %s", strerror(errno));
		return r ? r : EXIT_NOT_ALL;
	}
	return r;
}
