/* SPDX-License-Identifier: MIT */
/*
 * The registry's collector: its lines as Debian's docker-registry 2.8.2 and distribution 3.1.1 print them,
 * and programs of a few lines in its place.
 */
#include "storage/collector.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "storage/collector_child.h"
#include "unit.h"

#define D "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define E "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void lines(void **state)
{
	static const struct {
		const char *before; /* the repository that it is at */
		const char *line;
		enum collector_event event;
		const char *repository, *digest;
		unsigned marked, blobs, manifests;
	} cases[] = {
		{"", "a/b", COLLECTOR_REPOSITORY, "a/b", "", 0, 0, 0},
		{"", "622b", COLLECTOR_REPOSITORY, "622b", "", 0, 0, 0},
		{"", "a/b: marking manifest " D " ", COLLECTOR_MARK, "a/b", D, 0, 0, 0},
		{"", "a/b: marking blob " D, COLLECTOR_MARK, "a/b", D, 0, 0, 0},
		{"", "a/b: marking blob ", COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"", "a/b: marking blob " D " x", COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"", "A: marking blob " D, COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"", "6 blobs marked, 1 blobs and 0 manifests eligible for deletion", COLLECTOR_SUMMARY, "",
		 "", 6, 1, 0},
		{"", "6 blobs marked, 1 blobs and 0 manifests eligible for deletion.", COLLECTOR_UNKNOWN, "",
		 "", 0, 0, 0},
		{"", "-6 blobs marked, 1 blobs and 0 manifests eligible for deletion", COLLECTOR_UNKNOWN, "",
		 "", 0, 0, 0},
		{"", "blob eligible for deletion: " D, COLLECTOR_BLOB, "", D, 0, 0, 0},
		{"", "blob eligible for deletion: " D "x", COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"", "blob eligible for deletion: ", COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"a/b", "manifest eligible for deletion: " D, COLLECTOR_MANIFEST, "a/b", D, 0, 0, 0},
		{"", "manifest eligible for deletion: " D, COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"x", "manifest eligible for deletion: {a/b " D " [v1 v2]}", COLLECTOR_MANIFEST, "a/b", D, 0,
		 0, 0},
		{"", "manifest eligible for deletion: {a/b " D " []}", COLLECTOR_MANIFEST, "a/b", D, 0, 0, 0},
		{"", "manifest eligible for deletion: {a/b " D " [v1 v2", COLLECTOR_MANIFEST, "a/b", D, 0, 0,
		 0}, /* cut off */
		{"", "manifest eligible for deletion: {a/b}", COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"", "manifest eligible for deletion: {A " D " []}", COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"", "a/b: layer link eligible for deletion: " D, COLLECTOR_LAYER_LINK, "a/b", D, 0, 0, 0},
		{"", "manifest tags path of repository a/b does not exist", COLLECTOR_UNKNOWN, "", "", 0, 0,
		 0},
		{"", "Bad_", COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"", "", COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
		{"", ": marking blob " D, COLLECTOR_UNKNOWN, "", "", 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct collector_parser p = {0};
		struct collector_line l;
		char digest[REG_DIGEST_MAX] = "";

		if (cases[i].before[0])
			collector_parse(&p, cases[i].before, &l);
		collector_parse(&p, cases[i].line, &l);
		check_int(l.event, cases[i].event, cases[i].line);
		check_text(l.repository, cases[i].repository, cases[i].line);
		if (l.digest.algorithm)
			reg_digest_text(&l.digest, digest);
		check_text(digest, cases[i].digest, cases[i].line);
		check_int(l.marked, cases[i].marked, cases[i].line);
		check_int(l.blobs, cases[i].blobs, cases[i].line);
		check_int(l.manifests, cases[i].manifests, cases[i].line);
		check(l.text == cases[i].line, "the line itself");
	}
}

static void long_names(void **state)
{
	char line[400];
	struct collector_parser p = {0};
	struct collector_line l;

	(void)state;
	memset(line, 'a', sizeof(line));
	line[255] = '\0';
	collector_parse(&p, line, &l);
	assert_int_equal(l.event, COLLECTOR_REPOSITORY);
	line[255] = 'a';
	line[256] = '\0';
	collector_parse(&p, line, &l);
	assert_int_equal(l.event, COLLECTOR_UNKNOWN);
	strcpy(line + 255, ": marking blob " D);
	collector_parse(&p, line, &l);
	assert_int_equal(l.event, COLLECTOR_MARK);
}

static void words(void **state)
{
	static const struct {
		const char *command;
		int err;
		const char *words[5];
	} cases[] = {
		{"registry", 0, {"registry"}},
		{"  docker exec\treg registry ", 0, {"docker", "exec", "reg", "registry"}},
		{"'/opt/my registry/bin' x", 0, {"/opt/my registry/bin", "x"}},
		{"a 'b c'\"d e\"f", 0, {"a", "b cd ef"}},
		{"a '' \"\"", 0, {"a", "", ""}},
		{"a \"b\\\"c\\\\\" 'd\\e' f\\g", 0, {"a", "b\"c\\", "d\\e", "f\\g"}},
		{"a;b $c `d` |", 0, {"a;b", "$c", "`d`", "|"}},
		{"", -EINVAL, {0}},
		{"   ", -EINVAL, {0}},
		{"''", -EINVAL, {0}},
		{"a 'b", -EINVAL, {0}},
		{"a \"b\\\"", -EINVAL, {0}},
		{"a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a "
		 "a a a a a a a a a a a a a a a",
		 -EINVAL,
		 {0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char **got = NULL;
		size_t n = 0, want = 0;

		check_int(collector_words(cases[i].command, 2, &got, &n), cases[i].err, cases[i].command);
		while (want < 5 && cases[i].words[want])
			want++;
		check_int(n, want, cases[i].command);
		for (size_t k = 0; k < n; k++)
			check_text(got[k], cases[i].words[k], cases[i].command);
		check(!got || (!got[n] && !got[n + 1] && !got[n + 2]), "room for more");
		free(got);
	}
}

/* ---- programs ---- */

static char folder[] = "/tmp/regfs-collector-XXXXXX";
static char program[100];

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(program, sizeof(program), "%s/my registry", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(program);
	return rmdir(folder);
}

static const char *write_program(const char *text)
{
	static char command[120];
	FILE *f = fopen(program, "w");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", text);
	fclose(f);
	assert_int_equal(chmod(program, 0755), 0);
	snprintf(command, sizeof(command), "'%s'", program);
	return command;
}

struct seen {
	size_t lines, longest;
	char text[4000];
	int answer; /* to the callback */
	bool alarm; /* a signal soon after the first line */
	pid_t pid; /* that the first line says */
};

static int see(void *data, const struct collector_line *line)
{
	struct seen *s = data;

	if (strlen(line->text) > s->longest)
		s->longest = strlen(line->text);
	if (strlen(s->text) + strlen(line->text) + 2 < sizeof(s->text)) {
		strcat(s->text, line->text);
		strcat(s->text, "|");
	}
	if (s->lines++ == 0)
		s->pid = (pid_t)strtol(line->text, NULL, 10);
	if (s->alarm) {
		const struct itimerval soon = {{0, 20000}, {0, 20000}};

		setitimer(ITIMER_REAL, &soon, NULL);
	}
	return s->answer;
}

static int run(const char *script, struct seen *s, struct collector_end *end, struct reg_error *error)
{
	const struct collector_options o = {.command = write_program(script),
					    .config = "/etc/a config.yml",
					    .dry_run = true,
					    .delete_untagged = true};

	return collector_run(&o, see, s, end, error);
}

static void running(void **state)
{
	static const struct {
		const char *script, *text;
		int status;
		const char *message;
	} cases[] = {
		{"for w; do echo \"$w\"; done",
		 "garbage-collect|--dry-run|--delete-untagged|/etc/a config.yml|", 0, ""},
		{"echo $OTEL_TRACES_EXPORTER; read x || echo no input", "none|no input|", 0, ""},
		{"printf 'a\\r\\n\\n\\nb'", "a|b|", 0, ""},
		{"printf 'a\\0b\\n'", "a?b|", 0, ""},
		{"echo out; echo level=info msg=x >&2; printf 'failed to garbage collect: failed to mark: x' >&2; "
		 "exit 1",
		 "out|", 1, "failed to garbage collect: failed to mark: x"},
		{"echo 'configuration error: x' >&2; echo Usage: >&2; echo '  flags' >&2; exit 1", "", 1,
		 "configuration error: x"},
		{"echo 'panic: x' >&2; echo 'goroutine 1' >&2; exit 2", "", 2, "panic: x"},
		{"printf 'one\\ntwo\\033[31m\\n' >&2; exit 3", "", 3, "one two [31m"},
		{"kill -9 $$", "", -1, ""},
		{"exec >&-; echo x >&2", "", 0, "x"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct collector_end end = {.status = 99};
		struct reg_error error = {.msg = "no error"};
		struct seen s = {0};

		if (run(cases[i].script, &s, &end, &error) != 0)
			fail_msg("%s: %s", cases[i].script, error.msg);
		check_text(s.text, cases[i].text, cases[i].script);
		check_int(end.status, cases[i].status, cases[i].script);
		check_text(end.message, cases[i].message, cases[i].script);
	}
}

static void much(void **state)
{
	struct collector_end end;
	struct seen s = {0};

	(void)state;
	/* More than a pipe holds, on both: neither waits for the other. */
	assert_int_equal(run("i=0; while [ $i -lt 3000 ]; do echo " E "; echo " D " >&2; i=$((i+1)); done; "
			     "head -c 200000 /dev/zero | tr '\\0' y; echo; echo last; echo end >&2",
			     &s, &end, NULL),
			 0);
	assert_int_equal(s.lines, 3002);
	assert_int_equal(s.longest, 64 << 10);
	assert_int_equal(end.status, 0);
	assert_int_equal(strlen(end.message), sizeof(end.message) - 1);
	check_text(end.message + strlen(end.message) - 4, " end", "the last words");
}

/* Until a process has ended, be it waited for or not. */
static void wait_gone(pid_t pid)
{
	char path[64], text[64] = "";

	assert_true(pid > 1);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	for (;;) {
		FILE *f = fopen(path, "r");
		bool zombie = false;

		while (f && fgets(text, sizeof(text), f))
			zombie |= strncmp(text, "State:\tZ", 8) == 0;
		if (f)
			fclose(f);
		if (!f || zombie)
			return;
		usleep(1000);
	}
}

static void ended(void **state)
{
	struct collector_end end;
	struct reg_error error;

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct seen s = {.answer = k ? -ENOMEM : 7};

		/* A child of its own goes with it; so does one that does not listen. */
		assert_int_equal(run(k ? "trap '' TERM; echo $$; while :; do sleep 1; done"
				       : "sleep 1000 & echo $!; wait",
				     &s, &end, &error),
				 s.answer);
		assert_int_equal(s.lines, 1);
		wait_gone(s.pid);
	}
}

static void on_alarm(int number)
{
	(void)number;
}

static void interrupted(void **state)
{
	const struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval none = {0};
	struct seen s = {.alarm = true};
	struct collector_end end;
	struct reg_error error;
	struct sigaction before;

	(void)state;
	sigaction(SIGALRM, &action, &before);
	assert_int_equal(run("sleep 1000 & echo $!; wait", &s, &end, &error), -EINTR);
	setitimer(ITIMER_REAL, &none, NULL);
	sigaction(SIGALRM, &before, NULL);
	wait_gone(s.pid);
}

static volatile sig_atomic_t came;

static void on_signal(int number)
{
	came = number;
}

/* The flag counts, whenever it was set: before the child begins, or after it has closed its output. */
static void interrupted_by_flag(void **state)
{
	const struct sigaction action = {.sa_handler = on_signal};
	struct sigaction before;
	struct collector_options o = {.signal = &came};
	struct collector_end end;
	struct reg_error error;
	char text[128];
	int major;

	(void)state;
	sigaction(SIGUSR1, &action, &before);
	for (int k = 0; k < 2; k++) {
		struct seen s = {0};

		o.command =
			write_program(k ? "trap '' TERM\necho $$; exec >&- 2>&-; kill -USR1 $PPID; sleep 1000"
					: "echo $$; sleep 1000");
		came = !k;
		assert_int_equal(collector_run(&o, see, &s, &end, &error), -EINTR);
		if (s.lines)
			wait_gone(s.pid);
	}
	came = 0;
	o.command = write_program("kill -USR1 $PPID; sleep 1000");
	assert_int_equal(collector_version(&o, &major, text), -EINTR);
	assert_int_equal(came, SIGUSR1);
	sigaction(SIGUSR1, &before, NULL);
}

static void missing(void **state)
{
	struct collector_options o = {.command = "/nonexistent/registry"};
	struct collector_end end;
	struct reg_error error;
	auto_free char *path = strdup(getenv("PATH"));
	struct seen s = {0};
	char text[128];
	int major;

	(void)state;
	assert_int_equal(collector_run(&o, see, &s, &end, &error), -ENOENT);
	assert_non_null(strstr(error.msg, "/nonexistent/registry"));
	o.command = "/";
	assert_int_equal(collector_run(&o, see, &s, &end, &error), -EACCES);
	o.command = "'";
	assert_int_equal(collector_run(&o, see, &s, &end, &error), -EINVAL);
	o.command = "/nonexistent/registry";
	assert_int_equal(collector_version(&o, &major, text), -ENOENT);
	o.command = NULL;
	setenv("PATH", folder, 1);
	assert_int_equal(collector_run(&o, see, &s, &end, &error), -ENOENT);
	assert_non_null(strstr(error.msg, "docker-registry"));
	setenv("PATH", path, 1);
}

/* Without a command: registry before docker-registry, by PATH. */
static void found(void **state)
{
	const struct collector_options o = {0};
	auto_free char *path = strdup(getenv("PATH"));
	struct collector_end end;
	struct reg_error error;
	char other[100];

	(void)state;
	snprintf(other, sizeof(other), "%s/docker-registry", folder);
	write_program("echo $0");
	assert_int_equal(rename(program, other), 0);
	setenv("PATH", folder, 1);
	for (int k = 0; k < 2; k++) {
		struct seen s = {0};
		char want[120];

		assert_int_equal(collector_run(&o, see, &s, &end, &error), 0);
		snprintf(want, sizeof(want), "%s/%sregistry|", folder, k ? "" : "docker-");
		check_text(s.text, want, "which program");
		if (k == 0) {
			char first[100];

			snprintf(first, sizeof(first), "%s/registry", folder);
			assert_int_equal(symlink(other, first), 0);
		} else {
			unlink(other);
			snprintf(other, sizeof(other), "%s/registry", folder);
			unlink(other);
		}
	}
	setenv("PATH", path, 1);
}

static void version(void **state)
{
	static const struct {
		const char *script;
		int major;
		const char *text;
	} cases[] = {
		{"echo registry github.com/docker/distribution v2.8.3", 2,
		 "registry github.com/docker/distribution v2.8.3"},
		{"echo /usr/bin/docker-registry github.com/docker/distribution 2.8.2+ds1", 2,
		 "/usr/bin/docker-registry github.com/docker/distribution 2.8.2+ds1"},
		{"echo registry github.com/distribution/distribution/v3 v3.1.1+unknown", 3,
		 "registry github.com/distribution/distribution/v3 v3.1.1+unknown"},
		{"echo registry github.com/distribution/distribution/v3 1a2b3c4", 3,
		 "registry github.com/distribution/distribution/v3 1a2b3c4"},
		{"echo registry github.com/docker/distribution 1a2b3c4.m", 2,
		 "registry github.com/docker/distribution 1a2b3c4.m"},
		{"echo registry github.com/distribution/distribution/v3 v3.0.0 >&2", 3,
		 "registry github.com/distribution/distribution/v3 v3.0.0"},
		{"case $2 in --help) echo ' -q, --quiet  x';; *) echo mine 7;; esac", 3, "mine 7"},
		{"case $2 in --help) echo ' -m, --delete-untagged  x';; *) echo mine 7;; esac", 2, "mine 7"},
		{"case $2 in --help) echo ' -m, --delete-untagged  x' >&2;; *) echo mine 7;; esac", 2,
		 "mine 7"},
		{"echo grep 3.8", 0, "grep 3.8"},
		{"exit 1", 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct collector_options o = {.command = write_program(cases[i].script)};
		char text[128] = "untouched";
		int major = 99;

		check_int(collector_version(&o, &major, text), 0, cases[i].script);
		check_int(major, cases[i].major, cases[i].script);
		check_text(text, cases[i].text, cases[i].script);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),       cmocka_unit_test(long_names),
		cmocka_unit_test(words),       cmocka_unit_test(running),
		cmocka_unit_test(much),        cmocka_unit_test(ended),
		cmocka_unit_test(interrupted), cmocka_unit_test(interrupted_by_flag),
		cmocka_unit_test(missing),     cmocka_unit_test(found),
		cmocka_unit_test(version),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
