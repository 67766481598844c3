/* SPDX-License-Identifier: MIT */
#include "gc_options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "unit.h"

enum { MAX_ARGS = 10 };

static int parse(const char *const *args, struct gc_options *ret, struct reg_error *error)
{
	char name[] = "regfs-gc";
	char *argv[MAX_ARGS + 2] = {name};
	int argc = 1, r;

	for (; argc <= MAX_ARGS && args[argc - 1]; argc++)
		argv[argc] = strdup(args[argc - 1]);
	r = gc_options_parse(argc, argv, ret, error);
	/* ret's texts were among them: the tables ask for none. */
	for (int i = 1; i <= MAX_ARGS; i++)
		if (argv[i])
			free(argv[i]);
	return r;
}

static void good(void **state)
{
	static const struct {
		const char *why;
		const char *args[MAX_ARGS];
		enum gc_command command;
		enum gc_engine engine;
		int64_t grace, settle;
		bool untagged, verify, force, keep_empty, dry_run, json, quiet, verbose;
	} cases[] = {
		{"a command alone", {"check"}, GC_CHECK, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0},
		{"options first", {"--json", "-q", "check"}, GC_CHECK, 0, 0, 10, 0, 0, 0, 0, 0, 1, 1, 0},
		{"options last",
		 {"check", "--verify", "--quiet"},
		 GC_CHECK,
		 0,
		 0,
		 10,
		 0,
		 1,
		 0,
		 0,
		 0,
		 0,
		 1,
		 0},
		{"a plan has no grace", {"plan", "-m"}, GC_PLAN, 0, 0, 10, 1, 0, 0, 0, 0, 0, 0, 0},
		{"unless it is given",
		 {"plan", "--grace", "2h"},
		 GC_PLAN,
		 0,
		 7200,
		 10,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0},
		{"blobs", {"blobs", "-r", "/srv"}, GC_BLOBS, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0},
		{"the registry's collector has no grace",
		 {"run"},
		 GC_RUN,
		 GC_ENGINE_REGISTRY,
		 0,
		 10,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0},
		{"by name",
		 {"run", "--engine", "registry", "--force", "--verbose"},
		 GC_RUN,
		 GC_ENGINE_REGISTRY,
		 0,
		 10,
		 0,
		 0,
		 1,
		 0,
		 0,
		 0,
		 0,
		 1},
		{"ours has a day",
		 {"run", "--engine=builtin"},
		 GC_RUN,
		 GC_ENGINE_BUILTIN,
		 86400,
		 10,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0},
		{"or none",
		 {"run", "--engine=builtin", "--grace=0", "--settle=0", "--keep-empty", "--dry-run",
		  "--delete-untagged"},
		 GC_RUN,
		 GC_ENGINE_BUILTIN,
		 0,
		 0,
		 1,
		 0,
		 0,
		 1,
		 1,
		 0,
		 0,
		 0},
		{"before its engine is known",
		 {"run", "--settle", "1m", "--engine", "builtin"},
		 GC_RUN,
		 GC_ENGINE_BUILTIN,
		 86400,
		 60,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0},
		{"a quarantine is looked at",
		 {"plan", "--quarantine", "/q"},
		 GC_PLAN,
		 0,
		 0,
		 10,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0},
		{"restore",
		 {"restore", "--quarantine=/q", "-v"},
		 GC_RESTORE,
		 0,
		 0,
		 10,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 0,
		 1},
		{"help, whatever else", {"--help"}, GC_HELP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{"help of a command", {"run", "-h"}, GC_HELP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{"the version", {"-V"}, GC_VERSION, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gc_options o = {0};
		struct reg_error error = {0};

		check_int(parse(cases[i].args, &o, &error), 0, cases[i].why);
		check_int(o.command, cases[i].command, cases[i].why);
		check_int(o.engine, cases[i].engine, cases[i].why);
		check_int(o.grace, cases[i].grace, cases[i].why);
		check_int(o.settle, cases[i].settle, cases[i].why);
		check_int(o.delete_untagged, cases[i].untagged, cases[i].why);
		check_int(o.verify, cases[i].verify, cases[i].why);
		check_int(o.force, cases[i].force, cases[i].why);
		check_int(o.keep_empty, cases[i].keep_empty, cases[i].why);
		check_int(o.dry_run, cases[i].dry_run, cases[i].why);
		check_int(o.json, cases[i].json, cases[i].why);
		check_int(o.quiet, cases[i].quiet, cases[i].why);
		check_int(o.verbose, cases[i].verbose, cases[i].why);
		check_text(error.msg, "", cases[i].why);
	}
}

/* For both engines. */
static void stopped(void **state)
{
	static const char *const args[][MAX_ARGS] = {
		{"run", "--stopped"}, {"run", "--engine=builtin", "--stopped"}, {"run", "--force"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(args); i++) {
		struct gc_options o = {0};

		check_int(parse(args[i], &o, NULL), 0, args[i][1]);
		check_int(o.stopped, i < 2, args[i][1]);
		check_int(o.force, i == 2, args[i][1]);
	}
}

static void texts(void **state)
{
	char name[] = "regfs-gc", command[] = "run",
	     args[][40] = {"-c/etc/c.yml",
			   "--root=/srv",
			   "--registry=docker exec reg registry",
			   "--registry-config=/etc/in.yml",
			   "--url=http://reg:5000",
			   "--cacert=/ca.pem",
			   "--restart-command=kill 1"};
	char *argv[9] = {name, command};
	struct gc_options o = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		argv[i + 2] = args[i];
	check_int(gc_options_parse(9, argv, &o, NULL), 0, "all are taken");
	check_text(o.config, "/etc/c.yml", "a letter's value");
	check_text(o.root, "/srv", "a word's value");
	check_text(o.registry, "docker exec reg registry", "with blanks");
	check_text(o.registry_config, "/etc/in.yml", "not that of --registry");
	check_text(o.url, "http://reg:5000", "a URL");
	check_text(o.cacert, "/ca.pem", "a file");
	check_text(o.restart_command, "kill 1", "a command");
}

/* The words are in the error, which names what was wrong. */
static void bad(void **state)
{
	static const struct {
		const char *words;
		const char *args[MAX_ARGS];
	} cases[] = {
		{"what is to be done", {NULL}},
		{"what is to be done", {"--root", "/srv"}},
		{"sweep: no command", {"sweep"}},
		{"/srv: one word too many", {"check", "/srv"}},
		{"--nonsense: no such option", {"check", "--nonsense"}},
		{"-x: no such option", {"check", "-x"}},
		{"--root needs a value", {"check", "--root"}},
		{"--root is empty", {"check", "--root="}},
		{"--verify=yes: no such option", {"check", "--verify=yes"}},
		{"--verify is nothing for plan", {"plan", "--verify"}},
		{"--delete-untagged is nothing for check", {"check", "-m"}},
		{"--grace is nothing for blobs", {"blobs", "--grace", "1h"}},
		{"--stopped is nothing for plan", {"plan", "--stopped"}},
		{"--force is nothing for restore", {"restore", "--force"}},
		{"--dry-run is nothing for plan", {"plan", "--dry-run"}},
		{"--grace: the registry's collector has none", {"run", "--grace", "1h"}},
		{"--grace: the registry's collector has none", {"run", "--grace", "0", "--engine=registry"}},
		{"--quarantine needs --engine=builtin", {"run", "--quarantine", "/q"}},
		{"--settle needs --engine=builtin", {"run", "--settle", "1"}},
		{"--registry needs --engine=registry", {"run", "--engine=builtin", "--registry", "r"}},
		{"--engine zot: registry and builtin", {"run", "--engine", "zot"}},
		{"--grace tomorrow: no time", {"plan", "--grace", "tomorrow"}},
		{"--url: the source's scheme must be", {"run", "--url", "ftp://reg"}},
		{"--url: ", {"run", "--url", "http://me:secret@reg"}},
		{"--url: no registry is named", {"run", "--url="}},
		{"--settle -1: no time", {"run", "--engine=builtin", "--settle", "-1"}},
		{"--settle 25h: at most 24h", {"run", "--engine=builtin", "--settle", "25h"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gc_options o = {.settle = 77};
		struct reg_error error = {0};

		check_int(parse(cases[i].args, &o, &error), -EINVAL, cases[i].words);
		check(strstr(error.msg, cases[i].words), error.msg);
		check(!strstr(error.msg, "secret"), "a password is not repeated");
		check_int(o.settle, 77, "written on success alone");
	}
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* -1: none */
	} cases[] = {
		{"0", 0},           {"90", 90},     {"90s", 90},     {"30m", 1800},
		{"24h", 86400},     {"7d", 604800}, {"2w", 1209600}, {"999999999w", 999999999LL * 604800},
		{"", -1},           {"h", -1},      {"-1", -1},      {"1 h", -1},
		{"1H", -1},         {"1.5h", -1},   {"1hm", -1},     {"0x10", -1},
		{"1000000000", -1}, {" 1", -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t seconds = -1;

		check_int(gc_time_parse(cases[i].text, &seconds), cases[i].seconds != -1, cases[i].text);
		check_int(seconds, cases[i].seconds, cases[i].text);
	}
}

/* What --help shows is taken, and what is taken is shown. */
static void help(void **state)
{
	static const char *const options[] = {
		"--config FILE",
		"--root DIR",
		"--delete-untagged",
		"--grace TIME",
		"--verify",
		"--quarantine DIR",
		"--json",
		"--quiet",
		"--help",
		"--version",
		"--engine NAME",
		"--dry-run",
		"--force",
		"--stopped",
		"--url URL",
		"--cacert FILE",
		"--insecure",
		"--restart-command CMD",
		"--verbose",
		"--registry COMMAND",
		"--registry-config FILE",
		"--settle TIME",
		"--keep-empty",
	};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	gc_options_help(out);
	fclose(out);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		check(strstr(text, options[i]), options[i]);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		check(strlen(line) <= 80, line);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	 cmocka_unit_test(stopped), cmocka_unit_test(texts),
		cmocka_unit_test(bad),	 cmocka_unit_test(times),   cmocka_unit_test(help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
