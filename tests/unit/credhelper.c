/* SPDX-License-Identifier: MIT */
/* Helpers that are scripts in a folder of the test's own, which is all of PATH but the shell's. */
#include "credhelper.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "authfile.h"
#include "folder.h"

#define ANSWER "{\"ServerURL\":\"h\",\"Username\":\"u\",\"Secret\":\"p\"}"
#define NOTHING "credentials not found in native keychain"

static struct folder folder;

/* What it does is said in sh. */
static void script(const char *name, const char *body)
{
	char path[100], text[600];

	snprintf(path, sizeof(path), "docker-credential-%s", name);
	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", body);
	folder_write(&folder, path, text, strlen(text));
	chmod(folder_path(&folder, path), 0755);
}

static const struct {
	const char *why, *body, *user, *identity;
	int r;
	const char *words; /* of the error */
} cases[] = {
	{"an answer", "echo '" ANSWER "'", "u", NULL, 1, ""},
	{"small letters", "echo '{\"username\":\"u\",\"secret\":\"p\"}'", "u", NULL, 1, ""},
	{"a token", "echo '{\"Username\":\"<token>\",\"Secret\":\"T\"}'", NULL, "T", 1, ""},
	{"it is asked for the server", "[ \"$(cat)\" = reg.test ] && [ \"$*\" = get ] && echo '" ANSWER "'",
	 "u", NULL, 1, ""},
	{"by /dev/stdin", "[ \"$(cat /dev/stdin)\" = reg.test ] && echo '" ANSWER "'", "u", NULL, 1, ""},
	{"one that does not listen", "exec <&-; echo '" ANSWER "'", "u", NULL, 1, ""},
	{"with words on stderr", "echo 'note: old version' >&2; echo '" ANSWER "'", "u", NULL, 1, ""},
	{"with much on stderr", "head -c 300000 /dev/zero >&2; echo '" ANSWER "'", "u", NULL, 1, ""},
	{"one that leaves something behind", "sleep 30 & echo '" ANSWER "'", "u", NULL, 1, ""},
	{"the environment", "[ \"$HELPER_TEST\" = yes ] && echo '" ANSWER "'", "u", NULL, 1, ""},
	{"signals as usual",
	 "trap 'echo \""
	 "\"' PIPE; kill -PIPE $$; echo '" ANSWER "'",
	 "u", NULL, 1, ""},
	{"no open file of ours", "[ ! -e /proc/self/fd/77 ] && echo '" ANSWER "'", "u", NULL, 1, ""},
	{"nothing", "echo '" NOTHING "'; exit 1", NULL, NULL, 0, ""},
	{"nothing, on stderr", "echo '" NOTHING "' >&2; exit 1", NULL, NULL, 0, ""},
	{"nobody", "echo '{\"Username\":\"\",\"Secret\":\"\"}'", NULL, NULL, 0, ""},
	{"it fails by stdout", "echo 'no access to the keychain'; exit 1", NULL, NULL, -EIO,
	 "docker-credential-test fails (exit status 1): no access to the keychain"},
	{"it fails by stderr", "echo 'no network' >&2; exit 3", NULL, NULL, -EIO,
	 "(exit status 3): no network"},
	{"it fails in silence", "exit 3", NULL, NULL, -EIO, "docker-credential-test fails (exit status 3)"},
	{"it fails with an answer", "echo '{\"Username\":\"u\",\"Secret\":\"hidden\"}'; exit 1", NULL, NULL,
	 -EIO, "docker-credential-test fails (exit status 1)"},
	{"it fails with a secret", "echo hidden; exit 1", NULL, NULL, -EIO,
	 "docker-credential-test fails (exit status 1)"},
	{"it fails with an answer on stderr", "echo '{\"Secret\": \"hidden\"}' >&2; exit 1", NULL, NULL, -EIO,
	 "docker-credential-test fails (exit status 1)"},
	{"it dies", "kill -SEGV $$", NULL, NULL, -EIO, "signal 11"},
	{"no JSON", "echo hidden", NULL, NULL, -EBADMSG, "without a Username and a Secret"},
	{"no object", "echo '[\"hidden\"]'", NULL, NULL, -EBADMSG, "without a Username and a Secret"},
	{"no secret", "echo '{\"Username\":\"hidden\"}'", NULL, NULL, -EBADMSG, "without a Username"},
	{"no user", "echo '{\"Secret\":\"hidden\"}'", NULL, NULL, -EBADMSG, "without a Username"},
	{"silence", "exit 0", NULL, NULL, -EBADMSG, "without a Username"},
	{"too much", "head -c 70000 /dev/zero | tr '\\0' x", NULL, NULL, -EFBIG, "64 KiB"},
	{"without end", "exec cat /dev/zero", NULL, NULL, -EFBIG, "64 KiB"},
};

static void no_children(const char *why)
{
	check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, why);
}

static void each(void **state)
{
	const struct credhelper helper = {"test", "reg.test"};

	(void)state;
	setenv("HELPER_TEST", "yes", 1);
	assert_int_equal(dup2(STDERR_FILENO, 77), 77); /* as a library leaves them: not closed by exec */
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = cases[i].why;
		struct reg_credentials c = {0};
		struct reg_error e = {0};

		script("test", cases[i].body);
		check_int(credhelper_get(&helper, 0, NULL, &c, &e), cases[i].r, why);
		check_text(c.user, cases[i].user, why);
		check_text(c.identity_token, cases[i].identity, why);
		check(strstr(e.msg, cases[i].words), e.msg);
		check(!strstr(e.msg, "hidden"), e.msg);
		reg_credentials_done(&c);
		no_children(why);
	}
	close(77);
}

static void one_that_hangs(void **state)
{
	const struct credhelper helper = {"test", "reg.test"};
	struct reg_credentials c = {0};
	struct reg_error e = {0};
	const int cancel = eventfd(1, EFD_CLOEXEC);

	(void)state;
	/* What it started goes with it: nobody holds the pipe open that this one waits at. */
	script("test", "trap '' TERM; exec 3>$FIFO; sleep 1000; sleep 1000");
	assert_int_equal(mkfifo(folder_path(&folder, "fifo"), 0600), 0);
	setenv("FIFO", folder_path(&folder, "fifo"), 1);
	for (int i = 0; i < 2; i++) {
		const int fifo = open(folder_path(&folder, "fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		char byte;

		assert_true(fifo >= 0);
		if (i == 0) {
			assert_int_equal(credhelper_get(&helper, 300, NULL, &c, &e), -ETIMEDOUT);
			assert_non_null(strstr(e.msg, "docker-credential-test does not end"));
		} else {
			assert_int_equal(credhelper_get(&helper, 0, &cancel, &c, &e), -ECANCELED);
		}
		no_children("it is killed and waited for");
		assert_int_equal(fcntl(fifo, F_SETFL, 0), 0);
		assert_int_equal(read(fifo, &byte, 1), 0); /* hangs if somebody still has it */
		close(fifo);
	}
	close(cancel);
}

static void not_there(void **state)
{
	const struct credhelper helper = {"other", "reg.test"};
	struct reg_credentials c = {0};
	struct reg_error e = {0};

	(void)state;
	assert_int_equal(credhelper_get(&helper, 0, NULL, &c, &e), -ENOENT);
	assert_non_null(strstr(e.msg, "docker-credential-other is not in PATH"));
}

static void names(void **state)
{
	(void)state;
	assert_true(credhelper_name_is_valid("ecr-login"));
	assert_true(credhelper_name_is_valid("Secret_service.2"));
	assert_false(credhelper_name_is_valid(""));
	assert_false(credhelper_name_is_valid("a/b"));
	assert_false(credhelper_name_is_valid("a b"));
	assert_false(credhelper_name_is_valid("a\n"));
	assert_false(credhelper_name_is_valid("a$b"));
	assert_false(
		credhelper_name_is_valid("0123456789012345678901234567890123456789012345678901234567890123"));
}

/* Somebody who ignores SIGCHLD before he runs us: the status is lost, the answer is not. */
static void children_ignored(void **state)
{
	const struct credhelper helper = {"test", "reg.test"};
	struct reg_credentials c = {0};
	struct reg_error e = {0};

	(void)state;
	script("test", "echo '" ANSWER "'");
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(credhelper_get(&helper, 0, NULL, &c, &e), 1);
	signal(SIGCHLD, SIG_DFL);
	check_text(c.password, "p", e.msg);
	reg_credentials_done(&c);
}

static void count(void *data, enum reg_log_level level, const char *line)
{
	(void)line;
	*(unsigned *)data += level == REG_LOG_WARN;
}

/* What a helper does not have, the file may have; one that fails is told of, and no reason to give up. */
static void in_a_file(void **state)
{
	static const struct {
		const char *own, *store, *user;
		unsigned warnings;
	} files[] = {
		{"echo '{\"Username\":\"own\",\"Secret\":\"p\"}'", "echo '" ANSWER "'", "own", 0},
		{"echo '" NOTHING "'; exit 1", "echo '" ANSWER "'", "u", 0},
		{"echo '" NOTHING "'; exit 1", "echo '" NOTHING "'; exit 1", "m", 0},
		{"exit 1", "echo '" ANSWER "'", "u", 1},
		{"exit 1", "echo hidden", "m", 2},
	};
	static const char file[] = "{\"auths\":{\"h\":{\"auth\":\"bTpw\"}},"
				   "\"credHelpers\":{\"h\":\"own\"},\"credsStore\":\"store\"}";
	const struct reg_source s = {.host = "h"};

	(void)state;
	folder_write(&folder, "config.json", file, strlen(file));
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		unsigned warnings = 0;
		const struct reg_log log = {count, &warnings, REG_LOG_WARN};
		const struct reg_lookup l = {.source = &s, .log = &log};
		struct reg_credentials c = {0};
		struct reg_error e = {0};

		script("own", files[i].own);
		script("store", files[i].store);
		check_int(reg_authfile_find(folder_path(&folder, "config.json"), NULL, &l, &c, &e), 1, e.msg);
		check_text(c.user, files[i].user, files[i].own);
		check_int(warnings, files[i].warnings, files[i].own);
		reg_credentials_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each),  cmocka_unit_test(one_that_hangs),   cmocka_unit_test(not_there),
		cmocka_unit_test(names), cmocka_unit_test(children_ignored), cmocka_unit_test(in_a_file),
	};
	char path[200];
	int r;

	folder_make(&folder);
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", folder.path);
	setenv("PATH", path, 1);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	folder_remove(&folder);
	return r;
}
