/* SPDX-License-Identifier: MIT */
/* One run at a time. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "storage/layout.h"
#include "storage/lock.h"
#include "tree.h"

static int take(const struct tree *t, struct reg_error *error)
{
	struct storage storage;
	int fd = -1, r;

	r = storage_open(t->folder.path, NULL, &storage, error);
	if (r < 0)
		return r;
	r = lock_take(&storage, &fd, error);
	storage_close(&storage);
	return r < 0 ? r : fd;
}

static void make(struct tree *t)
{
	tree_make(t);
	tree_folder(t, TREE_V2 "repositories");
}

static void one_at_a_time(void **state)
{
	struct reg_error error = {0};
	struct tree t;
	char pid[32];
	int fd;

	(void)state;
	make(&t);
	fd = take(&t, &error);
	assert_true(fd >= 0);
	assert_int_equal(take(&t, &error), -EBUSY);
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	check(strstr(error.msg, pid), "it says which one");
	check(strstr(error.msg, " since 2"), "and since when");
	close(fd);
	fd = take(&t, &error);
	check(fd >= 0, "free again");
	close(fd);
	tree_remove(&t);
}

/* The lock goes with its process, however that ends. */
static void killed(void **state)
{
	struct reg_error error = {0};
	struct tree t;
	int status, ready[2], fd;
	char byte;
	pid_t pid;

	(void)state;
	make(&t);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (take(&t, &error) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(take(&t, &error), -EBUSY);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	fd = take(&t, &error);
	check(fd >= 0, "nobody has it");
	close(fd);
	close(ready[0]);
	close(ready[1]);
	tree_remove(&t);
}

/* What lies where the lock should be, and what comes of it. */
static void refused(void **state)
{
	static const struct {
		const char *why, *path, *target;
		int err;
	} cases[] = {
		{"a link elsewhere", LAYOUT_OURS "/lock", "../there", -ELOOP},
		{"our folder is a link", LAYOUT_OURS, "there", -EINVAL},
		{"a folder", LAYOUT_OURS "/lock", NULL, -EISDIR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error error = {0};
		struct tree t;

		make(&t);
		if (cases[i].target)
			tree_symlink(&t, cases[i].path, cases[i].target);
		else
			tree_folder(&t, cases[i].path);
		check_int(take(&t, &error), cases[i].err, cases[i].why);
		check(error.msg[0], cases[i].why);
		check(!tree_has(&t, "there"), cases[i].why);
		tree_remove(&t);
	}
}

static void not_allowed(void **state)
{
	struct reg_error error = {0};
	struct tree t;
	int r;

	(void)state;
	make(&t);
	tree_unprivileged(true);
	if (getuid() != 0)
		assert_int_equal(chmod(t.folder.path, 0555), 0);
	r = take(&t, &error);
	tree_unprivileged(false);
	assert_int_equal(chmod(t.folder.path, 0755), 0);
	check_int(r, -EACCES, "it is not ours");
	check(strstr(error.msg, LAYOUT_OURS), "it says what cannot be made");
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(killed),
		cmocka_unit_test(refused),
		cmocka_unit_test(not_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
