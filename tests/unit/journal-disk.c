/* SPDX-License-Identifier: MIT */
/* Writing a journal: what is on disk when, and what a disk that fails leaves behind. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "journals.h"

/* The linker sends the library's calls here (--wrap). */
ssize_t __real_write(int fd, const void *data, size_t size);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
ssize_t __wrap_write(int fd, const void *data, size_t size);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);

enum fault { FAULT_NONE, FAULT_ERROR, FAULT_SHORT, FAULT_INTERRUPT };

static int left = -1; /* calls until one fails; negative: none does */
static enum fault fault;
static int writes, syncs;

static bool fails(void)
{
	return left >= 0 && left-- == 0;
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
	writes++;
	if (!fails())
		return __real_write(fd, data, size);
	if (fault == FAULT_SHORT && size > 1)
		return __real_write(fd, data, size / 2);
	errno = fault == FAULT_INTERRUPT ? EINTR : ENOSPC;
	return -1;
}

int __wrap_fsync(int fd)
{
	syncs++;
	if (!fails())
		return __real_fsync(fd);
	errno = EIO;
	return -1;
}

int __wrap_fdatasync(int fd)
{
	syncs++;
	if (!fails())
		return __real_fdatasync(fd);
	errno = EIO;
	return -1;
}

static void few_syncs(void **state)
{
	struct folder f;
	struct journal *j;
	uint64_t id;

	(void)state;
	folder_make(&f);
	j = journal_in(&f);
	assert_int_equal(begin_one(j, "first", &id, NULL), 0);
	syncs = writes = 0;
	assert_int_equal(begin_one(j, "second", &id, NULL), 0);
	assert_int_equal(syncs, 3); /* the manifest, its name, the line */
	assert_int_equal(writes, 2);
	syncs = writes = 0;
	assert_int_equal(begin_one(j, "second", &id, NULL), 0);
	assert_int_equal(syncs, 1); /* the manifest is there */
	assert_int_equal(writes, 1);
	syncs = 0;
	assert_int_equal(journal_end(j, id, JOURNAL_REMOVED, NULL, 0, NULL), 0);
	assert_int_equal(syncs, 0);
	journal_free(j);
	folder_remove(&f);
}

/*
 * Each write and each sync of a removal fails once: then it is refused, nothing half-written is left, and the
 * next one goes well.
 */
static void each_call_fails_once(void **state)
{
	static const struct {
		enum fault fault;
		const char *why;
	} cases[] = {{FAULT_ERROR, "error"}, {FAULT_SHORT, "short write"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		for (int first = 0; first < 2; first++) { /* the first removal of a run or a later one */
			const int calls = first ? 6 : 5; /* writes and syncs */
			int n = 0, refused = 0, r;

			do {
				struct reg_error error = {0};
				struct restore_journal *back;
				struct folder f;
				struct journal *j;
				uint64_t id = 0;

				folder_make(&f);
				j = journal_in(&f);
				if (!first)
					assert_int_equal(begin_one(j, "before", &id, NULL), 0);
				fault = cases[i].fault;
				left = n++;
				r = begin_one(j, "it", &id, &error);
				left = -1;
				/* A short write of a manifest is simply gone on with. */
				check(r == 0 || r == -EIO || r == -ENOSPC, cases[i].why);
				refused += r != 0;
				check(r == 0 || strstr(error.msg, "journal="), error.msg);
				back = read_back(&f);
				check_int(back->count, !first + (r == 0), cases[i].why);
				restore_free(back);
				check_int(files(&f, "journal/*/.unfinished"), 0, cases[i].why);
				check_int(begin_one(j, "it", &id, NULL), 0, cases[i].why);
				check_int(journal_end(j, id, JOURNAL_REMOVED, NULL, 0, NULL), 0,
					  cases[i].why);
				back = read_back(&f);
				check_int(back->count, !first + (r == 0) + 1, cases[i].why);
				check_int(back->entries[back->count - 1]->outcome, JOURNAL_REMOVED,
					  cases[i].why);
				restore_free(back);
				journal_free(j);
				folder_remove(&f);
			} while (n <= calls);
			check_int(refused, calls - (cases[i].fault == FAULT_SHORT), "calls that failed");
			assert_int_equal(r, 0);
		}
	}
}

static void interrupted_writes(void **state)
{
	(void)state;
	for (int n = 0; n < 3; n++) {
		struct folder f;
		struct journal *j;
		uint64_t id;

		folder_make(&f);
		j = journal_in(&f);
		assert_int_equal(begin_one(j, "before", &id, NULL), 0);
		fault = FAULT_INTERRUPT;
		left = n == 1 ? 0 : n == 2 ? 3 : -1; /* the manifest, the line */
		assert_int_equal(begin_one(j, "it", &id, NULL), 0);
		left = -1;
		restore_free(read_back(&f));
		journal_free(j);
		folder_remove(&f);
	}
}

/* The line after a removal cannot be written: what was written of it is taken back. */
static void end_fails(void **state)
{
	struct reg_error error = {0};
	struct restore_journal *back;
	struct folder f;
	struct journal *j;
	uint64_t id;

	(void)state;
	folder_make(&f);
	j = journal_in(&f);
	assert_int_equal(begin_one(j, "it", &id, NULL), 0);
	fault = FAULT_SHORT;
	left = 0;
	assert_int_equal(journal_end(j, id, JOURNAL_REMOVED, NULL, 0, &error), -ENOSPC);
	left = -1;
	assert_non_null(strstr(error.msg, "No space left on device"));
	back = read_back(&f);
	assert_int_equal(back->count, 1);
	assert_int_equal(back->entries[0]->outcome, 0);
	restore_free(back);
	assert_int_equal(journal_end(j, id + 1, JOURNAL_REMOVED, NULL, 0, &error), -ENOENT);
	assert_int_equal(journal_end(j, id, 0, NULL, 0, &error), -EINVAL);
	assert_int_equal(journal_end(j, id, JOURNAL_REMOVED, NULL, 0, &error), 0);
	journal_free(j);
	folder_remove(&f);
}

/* The real thing: files cannot grow past a limit. */
static void full_disk(void **state)
{
	static char large[3000];
	struct rlimit before, limit;
	struct reg_error error = {0};
	struct restore_journal *back;
	struct folder f;
	struct journal *j;
	uint64_t id;
	int n = 0, r;

	(void)state;
	folder_make(&f);
	j = journal_in(&f);
	memset(large, 'x', sizeof(large) - 1);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 2000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	do
		r = begin_one(j, "it", &id, &error); /* until its line finds no room */
	while (r == 0 && ++n < 100);
	check_int(begin_one(j, large, &id, NULL), -EFBIG, "a manifest finds no room");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_in_range(n, 2, 20);
	check(r == -ENOSPC || r == -EFBIG, error.msg);
	back = read_back(&f);
	assert_int_equal(back->count, n);
	restore_free(back);
	assert_int_equal(begin_one(j, large, &id, NULL), 0);
	journal_free(j);
	folder_remove(&f);
}

/* Somebody cuts the file that is being written, as logrotate does: what follows goes into another run. */
static void cut_file(void **state)
{
	struct reg_error error = {0};
	struct restore_journal *back;
	struct folder f;
	struct journal *j;
	glob_t found = {0};
	uint64_t id;

	(void)state;
	folder_make(&f);
	j = journal_in(&f);
	assert_int_equal(begin_one(j, "first", &id, NULL), 0);
	assert_int_equal(glob(folder_path(&f, "journal/*/removals.jsonl"), 0, NULL, &found), 0);
	assert_int_equal(truncate(found.gl_pathv[0], 0), 0);
	globfree(&found);
	assert_int_equal(journal_end(j, id, JOURNAL_REMOVED, NULL, 0, &error), -ENOENT);
	assert_int_equal(begin_one(j, "second", &id, NULL), 0);
	assert_int_equal(files(&f, "journal/*/removals.jsonl"), 2);
	back = read_back(&f);
	assert_int_equal(back->count, 1);
	restore_free(back);
	journal_free(j);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_syncs),          cmocka_unit_test(each_call_fails_once),
		cmocka_unit_test(interrupted_writes), cmocka_unit_test(end_fails),
		cmocka_unit_test(full_disk),          cmocka_unit_test(cut_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
