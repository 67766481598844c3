/* SPDX-License-Identifier: MIT */
#include "gc_options.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "error.h"
#include "source.h"
#include "util/cleanup.h"

#define ALL (GC_CHECK | GC_PLAN | GC_BLOBS | GC_RUN | GC_RESTORE)
#define DEFAULT_GRACE (24 * 3600)
#define DEFAULT_SETTLE 10

enum { ANY_ENGINE = -1 };

enum {
	OPTION_GRACE = 256,
	OPTION_ENGINE,
	OPTION_VERIFY,
	OPTION_REGISTRY,
	OPTION_REGISTRY_CONFIG,
	OPTION_URL,
	OPTION_CACERT,
	OPTION_INSECURE,
	OPTION_FORCE,
	OPTION_STOPPED,
	OPTION_QUARANTINE,
	OPTION_SETTLE,
	OPTION_KEEP_EMPTY,
	OPTION_RESTART_COMMAND,
	OPTION_DRY_RUN,
	OPTION_JSON,
};

/*
 * An option where it would do nothing is refused: who gives --quarantine means to be able to go back, who
 * gives --grace does not want what is new to go.
 */
static const struct {
	const char *name;
	int letter;
	int has_argument;
	unsigned commands; /* enum gc_command */
	int engine; /* of `run` */
} known[] = {
	{"config", 'c', required_argument, ALL, ANY_ENGINE},
	{"root", 'r', required_argument, ALL, ANY_ENGINE},
	{"delete-untagged", 'm', no_argument, GC_PLAN | GC_RUN, ANY_ENGINE},
	{"grace", OPTION_GRACE, required_argument, GC_PLAN | GC_RUN, GC_ENGINE_BUILTIN},
	{"engine", OPTION_ENGINE, required_argument, GC_RUN, ANY_ENGINE},
	{"verify", OPTION_VERIFY, no_argument, GC_CHECK | GC_RUN, ANY_ENGINE},
	{"registry", OPTION_REGISTRY, required_argument, GC_RUN, GC_ENGINE_REGISTRY},
	{"registry-config", OPTION_REGISTRY_CONFIG, required_argument, GC_RUN, GC_ENGINE_REGISTRY},
	{"url", OPTION_URL, required_argument, GC_RUN, ANY_ENGINE},
	{"cacert", OPTION_CACERT, required_argument, GC_RUN, ANY_ENGINE},
	{"insecure", OPTION_INSECURE, no_argument, GC_RUN, ANY_ENGINE},
	{"force", OPTION_FORCE, no_argument, GC_RUN, ANY_ENGINE},
	{"stopped", OPTION_STOPPED, no_argument, GC_RUN, ANY_ENGINE},
	{"quarantine", OPTION_QUARANTINE, required_argument, ALL, GC_ENGINE_BUILTIN},
	{"settle", OPTION_SETTLE, required_argument, GC_RUN, GC_ENGINE_BUILTIN},
	{"keep-empty", OPTION_KEEP_EMPTY, no_argument, GC_RUN, GC_ENGINE_BUILTIN},
	{"restart-command", OPTION_RESTART_COMMAND, required_argument, GC_RUN, ANY_ENGINE},
	{"dry-run", OPTION_DRY_RUN, no_argument, GC_RUN, ANY_ENGINE},
	{"json", OPTION_JSON, no_argument, ALL, ANY_ENGINE},
	{"quiet", 'q', no_argument, ALL, ANY_ENGINE},
	{"verbose", 'v', no_argument, GC_RUN | GC_RESTORE, ANY_ENGINE},
};

static const struct {
	const char *name;
	enum gc_command command;
} commands[] = {
	{"check", GC_CHECK}, {"plan", GC_PLAN}, {"blobs", GC_BLOBS}, {"run", GC_RUN}, {"restore", GC_RESTORE},
};

void gc_options_help(FILE *out)
{
	fputs("usage: regfs-gc check   [where] [--verify]\n"
	      "       regfs-gc plan    [where] [--delete-untagged] [--grace TIME]\n"
	      "       regfs-gc blobs   [where]\n"
	      "       regfs-gc run     [where] [--engine registry|builtin] [options]\n"
	      "       regfs-gc restore [where] [--quarantine DIR]\n"
	      "where: --config FILE or --root DIR\n\n"
	      "Checks a registry's storage, says what in it is garbage, and collects it.\n\n"
	      "    -c, --config FILE        the registry's own configuration\n"
	      "    -r, --root DIR           the storage's root folder\n"
	      "    -m, --delete-untagged    what no tag, index or subject holds is garbage\n"
	      "    --grace TIME             what is younger stays: 90s, 30m, 24h, 7d, seconds\n"
	      "                             (plan: 0, run --engine=builtin: 24h)\n"
	      "    --verify                 read every blob, compare it with its digest\n"
	      "    --quarantine DIR         what was taken away is here; run: keep it here\n"
	      "    --json                   one JSON document\n"
	      "    -q, --quiet              no progress bar, no notes\n"
	      "    -h, --help               this text\n"
	      "    -V, --version            the version\n\n"
	      "run:\n"
	      "    --engine NAME            registry: its own collector, watched (default);\n"
	      "                             builtin: our own, also while the registry works\n"
	      "    --dry-run                everything up to the first change\n"
	      "    --force                  in spite of a refusal\n"
	      "    --stopped                you have stopped the registry, which cannot be seen\n"
	      "    --url URL                where the registry answers: is it read-only?\n"
	      "    --cacert FILE            trust these certificates (PEM)\n"
	      "    --insecure               do not verify certificates\n"
	      "    --restart-command CMD    by sh -c: empties the registry's cache\n"
	      "    -v, --verbose            each thing that goes or comes back, a line\n"
	      "  with --engine=registry:\n"
	      "    --registry COMMAND       its program (registry, then docker-registry)\n"
	      "    --registry-config FILE   the configuration's path as that program sees it\n"
	      "  with --engine=builtin:\n"
	      "    --settle TIME            between the two phases (10s)\n"
	      "    --keep-empty             repositories that become empty stay\n\n"
	      "Credentials for --url: REGFS_USER and REGFS_PASSWORD, or what docker, podman\n"
	      "or skopeo login left in their files. Exit status: 0 clean or done, 1 problems,\n"
	      "2 the command line or configuration is wrong, 3 refused.\n",
	      out);
}

bool gc_time_parse(const char *text, int64_t *ret)
{
	static const struct {
		const char *unit;
		int64_t seconds;
	} units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
	const size_t n = strspn(text, "0123456789");
	int64_t number = 0;

	if (!n || n > 9)
		return false;
	for (size_t i = 0; i < n; i++)
		number = number * 10 + (text[i] - '0');
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + n, units[i].unit) != 0)
			continue;
		*ret = number * units[i].seconds;
		return true;
	}
	return false;
}

/* ---- parsing ---- */

struct parser {
	struct gc_options o;
	bool given[ARRAY_SIZE(known)];
	struct reg_error *error;
};

static int set_time(struct parser *p, const char *name, const char *text, int64_t *ret)
{
	if (gc_time_parse(text, ret))
		return 0;
	return reg_fail(p->error, -EINVAL, "--%s %s: no time such as 90s, 30m, 24h, 7d, or seconds", name,
			text);
}

/* The things that it took away lie aside for so long: more than a day is a slip of the pen. */
static int set_settle(struct parser *p, const char *text)
{
	int r = set_time(p, "settle", text, &p->o.settle);

	if (r == 0 && p->o.settle > DEFAULT_GRACE)
		r = reg_fail(p->error, -EINVAL, "--settle %s: at most 24h", text);
	return r;
}

static int set_engine(struct parser *p, const char *text)
{
	if (strcmp(text, "registry") == 0)
		p->o.engine = GC_ENGINE_REGISTRY;
	else if (strcmp(text, "builtin") == 0)
		p->o.engine = GC_ENGINE_BUILTIN;
	else
		return reg_fail(p->error, -EINVAL, "--engine %s: registry and builtin are known", text);
	return 0;
}

static int set_text(struct parser *p, const char *name, const char *text, const char **ret)
{
	if (!*text)
		return reg_fail(p->error, -EINVAL, "--%s is empty", name);
	*ret = text;
	return 0;
}

/* Not repeated: there may be a password in it. */
static int set_url(struct parser *p, const char *name, const char *text)
{
	struct reg_error error = {0};
	struct reg_source source;

	if (reg_source_parse(text, &source, &error) < 0)
		return reg_fail(p->error, -EINVAL, "--%s: %s", name, error.msg);
	p->o.url = text;
	return 0;
}

static int set_flag(struct gc_options *o, int letter)
{
	switch (letter) {
	case 'm':
		o->delete_untagged = true;
		break;
	case OPTION_VERIFY:
		o->verify = true;
		break;
	case OPTION_INSECURE:
		o->insecure = true;
		break;
	case OPTION_FORCE:
		o->force = true;
		break;
	case OPTION_STOPPED:
		o->stopped = true;
		break;
	case OPTION_KEEP_EMPTY:
		o->keep_empty = true;
		break;
	case OPTION_DRY_RUN:
		o->dry_run = true;
		break;
	case OPTION_JSON:
		o->json = true;
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	}
	return 0;
}

static int set(struct parser *p, size_t number, const char *text)
{
	const char *const name = known[number].name;
	struct gc_options *const o = &p->o;

	p->given[number] = true;
	switch (known[number].letter) {
	case 'c':
		return set_text(p, name, text, &o->config);
	case 'r':
		return set_text(p, name, text, &o->root);
	case OPTION_GRACE:
		return set_time(p, name, text, &o->grace);
	case OPTION_SETTLE:
		return set_settle(p, text);
	case OPTION_ENGINE:
		return set_engine(p, text);
	case OPTION_REGISTRY:
		return set_text(p, name, text, &o->registry);
	case OPTION_REGISTRY_CONFIG:
		return set_text(p, name, text, &o->registry_config);
	case OPTION_URL:
		return set_url(p, name, text);
	case OPTION_CACERT:
		return set_text(p, name, text, &o->cacert);
	case OPTION_QUARANTINE:
		return set_text(p, name, text, &o->quarantine);
	case OPTION_RESTART_COMMAND:
		return set_text(p, name, text, &o->restart_command);
	}
	return set_flag(o, known[number].letter);
}

static int set_command(struct parser *p, char **words, int n)
{
	if (n == 0)
		return reg_fail(p->error, -EINVAL, "what is to be done? check, plan, blobs, run or restore");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(words[0], commands[i].name) == 0)
			p->o.command = commands[i].command;
	if (!p->o.command)
		return reg_fail(p->error, -EINVAL, "%s: no command: check, plan, blobs, run and restore are",
				words[0]);
	if (n > 1)
		return reg_fail(p->error, -EINVAL,
				"%s: one word too many; the storage is named by --root or --config",
				words[1]);
	return 0;
}

static const char *command_name(enum gc_command command)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (commands[i].command == command)
			return commands[i].name;
	return "";
}

static int check_together(struct parser *p)
{
	const struct gc_options *const o = &p->o;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!p->given[i])
			continue;
		if (!(known[i].commands & o->command))
			return reg_fail(p->error, -EINVAL, "--%s is nothing for %s", known[i].name,
					command_name(o->command));
		if (o->command != GC_RUN || known[i].engine == ANY_ENGINE ||
		    known[i].engine == (int)o->engine)
			continue;
		if (known[i].letter == OPTION_GRACE)
			return reg_fail(p->error, -EINVAL,
					"--grace: the registry's collector has none; use --engine=builtin");
		return reg_fail(p->error, -EINVAL, "--%s needs --engine=%s", known[i].name,
				known[i].engine == GC_ENGINE_BUILTIN ? "builtin" : "registry");
	}
	return 0;
}

static void fill_in(struct gc_options *o)
{
	if (o->grace < 0)
		o->grace = o->command == GC_RUN && o->engine == GC_ENGINE_BUILTIN ? DEFAULT_GRACE : 0;
	if (o->settle < 0)
		o->settle = DEFAULT_SETTLE;
}

int gc_options_parse(int argc, char **argv, struct gc_options *ret, struct reg_error *error)
{
	struct parser p = {.o = {.grace = -1, .settle = -1}, .error = error};
	struct option options[ARRAY_SIZE(known) + 3] = {{0}};
	int o, which = -1, r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		options[i] = (struct option){known[i].name, known[i].has_argument, NULL, known[i].letter};
	options[ARRAY_SIZE(known)] = (struct option){"help", no_argument, NULL, 'h'};
	options[ARRAY_SIZE(known) + 1] = (struct option){"version", no_argument, NULL, 'V'};
	optind = 0; /* from the start, whatever was parsed before */
	opterr = 0;
	while (r == 0 && (o = getopt_long(argc, argv, ":c:r:mqvhV", options, &which)) != -1) {
		if (o == 'h' || o == 'V') {
			ret->command = o == 'h' ? GC_HELP : GC_VERSION;
			return 0;
		}
		if (o == ':' || o == '?')
			return reg_fail(error, -EINVAL,
					o == ':' ? "%s needs a value"
						 : "%s: no such option, or not like this",
					argv[optind - 1]);
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (known[i].letter == o)
				r = set(&p, i, optarg);
	}
	if (r == 0)
		r = set_command(&p, argv + optind, argc - optind);
	if (r == 0)
		r = check_together(&p);
	if (r < 0)
		return r;
	fill_in(&p.o);
	*ret = p.o;
	return 0;
}
