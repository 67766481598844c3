/* SPDX-License-Identifier: MIT */
/* One run at a time. */
#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "storage/layout.h"
#include "storage/lock.h"
#include "tree.h"

static struct lock lock = LOCK_NONE;

static int take(const struct tree *t, struct reg_error *error)
{
	struct storage storage;
	struct lock l;
	int r;

	r = storage_open(t->folder.path, NULL, &storage, error);
	if (r < 0)
		return r;
	r = lock_take(&storage, &l, error);
	storage_close(&storage);
	if (r == 0)
		lock = l;
	return r;
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

	(void)state;
	make(&t);
	assert_int_equal(take(&t, &error), 0);
	assert_int_equal(take(&t, &error), -EBUSY);
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	check(strstr(error.msg, pid), "it says which one");
	check(strstr(error.msg, " since 2"), "and since when");
	lock_drop(&lock);
	check_int(take(&t, &error), 0, "free again");
	lock_drop(&lock);
	tree_remove(&t);
}

/* The lock goes with its process, however that ends. */
static void killed(void **state)
{
	struct reg_error error = {0};
	struct tree t;
	int status, ready[2];
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
	check_int(take(&t, &error), 0, "nobody has it");
	lock_drop(&lock);
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

/* A version that knows the file alone, and another machine where the folder's lock is not seen. */
static void by_the_file_alone(void **state)
{
	struct reg_error error = {0};
	struct tree t;
	char path[128];
	int fd;

	(void)state;
	make(&t);
	tree_puts(&t, LAYOUT_OURS "/lock", "process 7 on another since 2026\n");
	snprintf(path, sizeof(path), "%s/" LAYOUT_OURS "/lock", t.folder.path);
	fd = open(path, O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	check_int(take(&t, &error), -EBUSY, "the file is locked");
	check(strstr(error.msg, "process 7 on another"), "it says by whom");
	close(fd);
	check_int(take(&t, &error), 0, "free again");
	lock_drop(&lock);
	tree_remove(&t);
}

/* Where no file can be made, as on a full disk, the folder's lock keeps two runs apart. */
static void without_a_file(void **state)
{
	struct reg_error error = {0};
	struct tree t;

	(void)state;
	make(&t);
	tree_unprivileged(true);
	if (getuid() != 0)
		assert_int_equal(chmod(t.folder.path, 0555), 0);
	check_int(take(&t, &error), 0, "nothing can be written, and it is locked");
	check(!tree_has(&t, LAYOUT_OURS), "nothing was written");
	tree_unprivileged(false);
	assert_int_equal(chmod(t.folder.path, 0755), 0);
	check_int(take(&t, &error), -EBUSY, "also for who can write");
	check(strstr(error.msg, "it has not said which"), "it could not say");
	check_int(lock.file, -1, "there is none");
	lock_drop(&lock);
	check_int(take(&t, &error), 0, "free again");
	lock_drop(&lock);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_at_a_time),  cmocka_unit_test(killed),
		cmocka_unit_test(refused),        cmocka_unit_test(by_the_file_alone),
		cmocka_unit_test(without_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
