/* SPDX-License-Identifier: MIT */
/* Files of a storage: no way leads through a symbolic link, nothing is replaced, nothing else is removed. */
#include "storage/files.h"

#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "tree.h"

struct scene {
	struct tree tree;
	int top;
};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	tree_make(&s->tree);
	tree_puts(&s->tree, "a/b/file", "content");
	tree_puts(&s->tree, "a/b/empty", "");
	tree_symlink(&s->tree, "a/link", "b");
	tree_symlink(&s->tree, "a/b/file-link", "file");
	tree_symlink(&s->tree, "out", "/etc");
	assert_int_equal(mkfifo(folder_path(&s->tree.folder, "a/pipe"), 0600), 0);
	s->top = open(s->tree.folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->top >= 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	close(s->top);
	tree_remove(&s->tree);
	free(s);
	return 0;
}

static void test_what_may_be_opened(void **state)
{
	static const struct {
		const char *path;
		int folder, file; /* errors, 0: opened */
	} cases[] = {
		{"a", 0, -EISDIR},
		{"a/b", 0, -EISDIR},
		{"a/b/file", -ENOTDIR, 0},
		{"a/link", -ELOOP, -ELOOP},
		{"a/link/file", -ELOOP, -ELOOP},
		{"a/b/file-link", -ELOOP, -ELOOP},
		{"out", -ELOOP, -ELOOP},
		{"out/passwd", -ELOOP, -ELOOP},
		{"a/pipe", -ENOTDIR, -EINVAL}, /* and opening it does not wait for its other end */
		{"none", -ENOENT, -ENOENT},
		{"a/none/file", -ENOENT, -ENOENT},
		{"a/b/file/x", -ENOTDIR, -ENOTDIR},
	};
	const struct scene *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int folder = files_open_folder(s->top, cases[i].path);
		int file = files_open(s->top, cases[i].path, NULL);

		check_int(folder < 0 ? folder : 0, cases[i].folder, cases[i].path);
		check_int(file < 0 ? file : 0, cases[i].file, cases[i].path);
		files_close(&folder);
		files_close(&file);
	}
}

/* From here on openat2() is as on a kernel without it. */
static bool forbid_openat2(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* The last test: a filter stays. */
static void test_the_same_on_an_old_kernel(void **state)
{
	if (!forbid_openat2())
		skip();
	assert_int_equal(syscall(SYS_openat2, -1, "x", NULL, 0), -1);
	assert_int_equal(errno, ENOSYS);
	test_what_may_be_opened(state);
}

static void test_stat(void **state)
{
	const struct scene *s = *state;
	struct stat st;

	assert_int_equal(files_stat(s->top, "a/b/file", &st), 0);
	assert_int_equal(st.st_size, 7);
	assert_int_equal(files_stat(s->top, "out", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(files_stat(s->top, "out/passwd", &st), -ELOOP);
	assert_int_equal(files_stat(s->top, "a/none", &st), -ENOENT);
}

static void test_a_listing_is_sorted_and_can_be_had_twice(void **state)
{
	static const struct {
		const char *name;
		unsigned char type;
	} want[] = {{"b", DT_DIR}, {"link", DT_LNK}, {"pipe", DT_FIFO}};
	const struct scene *s = *state;
	auto_close int fd = files_open_folder(s->top, "a");

	for (int twice = 0; twice < 2; twice++) {
		struct files_names n;

		assert_int_equal(files_list(fd, &n), 0);
		assert_int_equal(n.count, ARRAY_SIZE(want));
		for (size_t i = 0; i < n.count; i++) {
			assert_string_equal(n.items[i], want[i].name);
			assert_true(n.types[i] == want[i].type || n.types[i] == DT_UNKNOWN);
		}
		files_names_done(&n);
	}
}

static void test_an_empty_listing(void **state)
{
	const struct scene *s = *state;
	struct files_names n;

	tree_folder(&s->tree, "none");
	{
		auto_close int fd = files_open_folder(s->top, "none");

		assert_int_equal(files_list(fd, &n), 0);
	}
	assert_int_equal(n.count, 0);
	files_names_done(&n);
}

static void test_reading(void **state)
{
	const struct scene *s = *state;
	auto_free char *large = calloc(1, 50000);
	struct stat st;
	struct buf b;

	buf_init(&b, 40000);
	assert_int_equal(files_read(s->top, "a/b/file", &b, &st), 0);
	assert_int_equal(files_read(s->top, "a/b/empty", &b, NULL), 0);
	assert_int_equal(files_read(s->top, "a/b/file", &b, NULL), 0); /* to its end */
	assert_string_equal(b.data, "contentcontent");
	assert_int_equal(st.st_size, 7);
	assert_int_equal(files_read(s->top, "out/passwd", &b, NULL), -ELOOP);
	buf_clear(&b);
	tree_put(&s->tree, "large", large, 40000);
	assert_int_equal(files_read(s->top, "large", &b, NULL), 0);
	assert_int_equal(b.size, 40000);
	buf_clear(&b);
	tree_put(&s->tree, "large", large, 40001);
	assert_int_equal(files_read(s->top, "large", &b, NULL), -EFBIG);
	buf_done(&b);
}

static void test_folders_are_made(void **state)
{
	const struct scene *s = *state;

	assert_int_equal(files_make_folders(s->top, "a/b/c/d"), 0);
	assert_int_equal(files_make_folders(s->top, "a/b/c/d"), 0);
	assert_true(tree_has(&s->tree, "a/b/c/d"));
	assert_int_equal(files_make_folders(s->top, "a/link/c"), -ELOOP);
	assert_int_equal(files_make_folders(s->top, "out/c"), -ELOOP);
	assert_int_equal(files_make_folders(s->top, "a/b/file/c"), -ENOTDIR);
	assert_false(tree_has(&s->tree, "a/b/c/c"));
}

static void test_moving(void **state)
{
	const struct scene *s = *state;
	auto_close int into = -1;

	tree_folder(&s->tree, "q");
	into = files_open_folder(s->top, "q");
	assert_int_equal(files_move(s->top, "a/b/file", into, "x/y/file"), 0);
	assert_false(tree_has(&s->tree, "a/b/file"));
	assert_true(tree_has(&s->tree, "q/x/y/file"));
	assert_int_equal(files_move(s->top, "a/b/file", into, "x/y/other"), -ENOENT);
	tree_puts(&s->tree, "a/b/file", "again");
	assert_int_equal(files_move(s->top, "a/b/file", into, "x/y/file"), -EEXIST);
	assert_true(tree_has(&s->tree, "a/b/file"));
	assert_int_equal(files_move(s->top, "a/link/file", into, "x/y/z"), -ELOOP);
	assert_int_equal(files_move(s->top, "a/b/file", s->top, "out/file"), -ELOOP);
	assert_int_equal(files_move(into, "x/y/file", s->top, "back"), 0);
	assert_true(tree_has(&s->tree, "back"));
}

/* ---- a file system that cannot rename without replacing, and a registry that writes at this moment ---- */

static const struct scene *odd; /* NULL: all is as it is */

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
int __real_renameat(int from, const char *path, int to, const char *to_path);
int __wrap_renameat(int from, const char *path, int to, const char *to_path);
int __real_unlinkat(int above, const char *path, int flags);
int __wrap_unlinkat(int above, const char *path, int flags);

long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (!odd || number != SYS_renameat2)
		return __real_syscall(number, a, b, c, d, e, f);
	errno = EINVAL;
	return -1;
}

/* As the registry 3 writes: a file of its own, renamed over the other one. */
static void write_anew(void)
{
	const struct scene *s = odd;

	odd = NULL;
	tree_puts(&s->tree, "new", "new");
	assert_int_equal(__real_renameat(s->top, "new", s->top, "a/b/file"), 0);
}

int __wrap_renameat(int from, const char *path, int to, const char *to_path)
{
	if (odd)
		write_anew();
	return __real_renameat(from, path, to, to_path);
}

int __wrap_unlinkat(int above, const char *path, int flags)
{
	if (odd)
		write_anew();
	return __real_unlinkat(above, path, flags);
}

static void test_what_is_written_while_it_is_taken_is_not_lost(void **state)
{
	const struct scene *s = *state;
	auto_close int into = -1;
	struct stat here, there;

	tree_folder(&s->tree, "q");
	into = files_open_folder(s->top, "q");
	odd = s;
	assert_int_equal(files_take(s->top, "a/b/file", into, "x/file"), 0);
	odd = NULL;
	assert_int_equal(files_stat(into, "x/file", &there), 0);
	if (files_stat(s->top, "a/b/file", &here) < 0)
		here = there;
	assert_int_equal(here.st_size, strlen("new"));
	tree_puts(&s->tree, "a/b/file", "again");
	odd = s;
	assert_int_equal(files_take(s->top, "a/b/file", into, "x/file"), -EEXIST);
	odd = NULL;
	assert_true(tree_has(&s->tree, "a/b/file"));
}

static void test_pruning(void **state)
{
	const struct scene *s = *state;

	tree_folder(&s->tree, "e/f/g/h");
	files_prune(s->top, "e/f/g/h/gone"); /* the path of a file that was in it */
	assert_false(tree_has(&s->tree, "e"));
	tree_folder(&s->tree, "e/f/g");
	tree_puts(&s->tree, "e/stays", "");
	files_prune(s->top, "e/f/g");
	assert_false(tree_has(&s->tree, "e/f"));
	assert_true(tree_has(&s->tree, "e/stays"));
	files_prune(s->top, "e/stays");
	assert_true(tree_has(&s->tree, "e/stays"));
	tree_folder(&s->tree, "real/sub");
	tree_symlink(&s->tree, "way", "real");
	files_prune(s->top, "way/sub");
	assert_true(tree_has(&s->tree, "real/sub"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_may_be_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_listing_is_sorted_and_can_be_had_twice, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_an_empty_listing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders_are_made, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moving, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_written_while_it_is_taken_is_not_lost, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_pruning, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_same_on_an_old_kernel, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
