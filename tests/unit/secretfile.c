/* SPDX-License-Identifier: MIT */
#include "secretfile.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "folder.h"

static void files(void **state)
{
	struct folder f;
	char *data = NULL;

	(void)state;
	folder_make(&f);
	folder_write(&f, "empty", "", 0);
	folder_write(&f, "four", "a\0b\n", 4);
	assert_int_equal(secretfile_read(folder_path(&f, "empty"), 4, NULL, &data), 0);
	assert_string_equal(data, "");
	secretfile_free(data, 0);
	assert_int_equal(secretfile_read(folder_path(&f, "four"), 4, NULL, &data), 4);
	assert_memory_equal(data, "a\0b\n", 5);
	secretfile_free(data, 4);
	data = NULL;
	assert_int_equal(secretfile_read(folder_path(&f, "four"), 3, NULL, &data), -EFBIG);
	assert_int_equal(secretfile_read(folder_path(&f, "none"), 3, NULL, &data), -ENOENT);
	assert_int_equal(secretfile_read(f.path, 3, NULL, &data), -EISDIR);
	assert_int_equal(secretfile_read("/dev/zero", 1000, NULL, &data), -EFBIG);
	assert_null(data);
	folder_remove(&f);
}

struct writer {
	const char *path, *text;
};

static void *write_text(void *data)
{
	const struct writer *w = data;
	const int fd = open(w->path, O_WRONLY | O_CLOEXEC); /* once it is being read */

	assert_int_equal(write(fd, w->text, strlen(w->text)), strlen(w->text));
	close(fd);
	return NULL;
}

/* Who has opened it and gone has said all there is, be it nothing. */
static void pipes(void **state)
{
	static const char *const texts[] = {"secret", ""};
	struct folder f;

	(void)state;
	folder_make(&f);
	assert_int_equal(mkfifo(folder_path(&f, "pipe"), 0600), 0);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct writer w = {folder_path(&f, "pipe"), texts[i]};
		char *data = NULL;
		pthread_t thread;
		ssize_t n;

		assert_int_equal(pthread_create(&thread, NULL, write_text, &w), 0);
		n = secretfile_read(folder_path(&f, "pipe"), 100, NULL, &data);
		pthread_join(thread, NULL);
		check_int(n, (long long)strlen(texts[i]), texts[i]);
		check_text(data, texts[i], "what was written");
		secretfile_free(data, (size_t)n);
	}
	folder_remove(&f);
}

static void cancelled(void **state)
{
	const int cancel = eventfd(1, EFD_CLOEXEC);
	struct folder f;
	char *data = NULL;

	(void)state;
	folder_make(&f);
	assert_int_equal(mkfifo(folder_path(&f, "pipe"), 0600), 0);
	assert_int_equal(secretfile_read(folder_path(&f, "pipe"), 100, &cancel, &data), -ECANCELED);
	assert_null(data);
	close(cancel);
	folder_remove(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(files), cmocka_unit_test(pipes),
					   cmocka_unit_test(cancelled)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
