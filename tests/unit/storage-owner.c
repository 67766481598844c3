/* SPDX-License-Identifier: MIT */
/* Whose quarantine a folder is. */
#include "storage/owner.h"

#include <errno.h>

#include "storage/layout.h"
#include "tree.h"

#define ID "00112233445566778899aabbccddeeff"

/* Two storages, and a folder that both could have. */
struct scene {
	struct tree a, b;
	struct folder aside;
};

static void make(struct scene *s)
{
	tree_make(&s->a);
	tree_folder(&s->a, TREE_V2 "repositories");
	tree_make(&s->b);
	tree_folder(&s->b, TREE_V2 "repositories");
	folder_make(&s->aside);
}

static void end(struct scene *s)
{
	tree_remove(&s->a);
	tree_remove(&s->b);
	folder_remove(&s->aside);
}

/* What storage_open() says of it, which all commands use. */
static int look(const struct tree *t, const char *path, struct reg_error *error)
{
	struct storage storage;
	const int r = storage_open(t->folder.path, path, &storage, error);

	if (r == 0)
		storage_close(&storage);
	return r;
}

static int mark(const struct tree *t, const char *path, struct reg_error *error)
{
	struct storage storage;
	int folder = open(path, O_RDONLY | O_DIRECTORY), ours, r;

	assert_true(folder >= 0);
	tree_folder(t, LAYOUT_OURS);
	assert_int_equal(storage_open(t->folder.path, NULL, &storage, error), 0);
	ours = openat(storage.root, LAYOUT_OURS, O_RDONLY | O_DIRECTORY);
	r = owner_mark(&storage, ours, folder, path, error);
	close(ours);
	close(folder);
	storage_close(&storage);
	return r;
}

static void one_storage_alone(void **state)
{
	struct reg_error error = {0};
	struct scene s;

	(void)state;
	make(&s);
	check_int(look(&s.a, s.aside.path, &error), 0, "it is empty");
	check_int(mark(&s.a, s.aside.path, &error), 0, "so it can be had");
	folder_write(&s.aside, "blobs/sha256/00/file", "", 0);
	check_int(look(&s.a, s.aside.path, &error), 0, "it is its own");
	check_int(mark(&s.a, s.aside.path, &error), 0, "and stays so");
	check_int(look(&s.b, s.aside.path, &error), -EINVAL, "of another storage");
	check(strstr(error.msg, s.a.folder.path), "it says of which");
	check(strstr(error.msg, s.b.folder.path), "and of which not");
	check_int(mark(&s.b, s.aside.path, &error), -EINVAL, "it cannot be had any more");
	check(!tree_has(&s.b, LAYOUT_OURS "/id"), "and nothing was written");
	end(&s);
}

/* An id is made once, so that another folder has the same. */
static void another_folder(void **state)
{
	struct reg_error error = {0};
	struct folder second;
	struct scene s;

	(void)state;
	make(&s);
	folder_make(&second);
	check_int(mark(&s.a, s.aside.path, &error), 0, "one");
	check_int(mark(&s.a, second.path, &error), 0, "and another");
	check_int(look(&s.a, s.aside.path, &error), 0, "the first is good as well");
	folder_remove(&second);
	end(&s);
}

static void what_is_there(void **state)
{
	static const struct {
		const char *why, *file, *text;
		int err;
	} cases[] = {
		{"a mark that was cut short", ".unfinished", "", 0},
		{"somebody's file", "file", "mine", -EINVAL},
		{"somebody's folders", ".git/refs/heads", "", -EINVAL},
		{"what looks like ours", "blobs/sha256/00/file", "", -EINVAL},
		{"an empty mark", OWNER_MARKER, "", -EINVAL},
		{"half a mark", OWNER_MARKER, ID "\n", -EINVAL},
		{"another mark", OWNER_MARKER, "no id\n/root\n", -EINVAL},
		{"a mark that is too long", OWNER_MARKER, ID "0\n/root\n", -EINVAL},
		{"a good one", OWNER_MARKER, ID "\n/root\n", 0},
		{"a folder of that name", OWNER_MARKER "/file", "", -EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error error = {0};
		struct scene s;

		make(&s);
		tree_puts(&s.a, LAYOUT_OURS "/id", ID "\n");
		folder_write(&s.aside, cases[i].file, cases[i].text, strlen(cases[i].text));
		check_int(look(&s.a, s.aside.path, &error), cases[i].err, cases[i].why);
		check(!cases[i].err || strstr(error.msg, "empty"), cases[i].why);
		end(&s);
	}
}

static void usual_ones(void **state)
{
	struct reg_error error = {0};
	char path[256];
	struct scene s;

	(void)state;
	make(&s);
	tree_puts(&s.a, LAYOUT_QUARANTINE "/blobs/sha256/00/file", "");
	snprintf(path, sizeof(path), "%s/" LAYOUT_QUARANTINE, s.a.folder.path);
	check_int(look(&s.a, path, &error), 0, "its own, by its name");
	check_int(look(&s.b, path, &error), -EINVAL, "another's");
	tree_drop(&s.a, LAYOUT_QUARANTINE "/blobs");
	check_int(look(&s.b, path, &error), -EINVAL, "another's, although it is empty");
	snprintf(path, sizeof(path), "%s/" LAYOUT_V2 "/repositories", s.a.folder.path);
	check_int(look(&s.a, path, &error), -EINVAL, "the registry's own");
	end(&s);
}

/* Copied as a whole, with its id: then two storages have the same. */
static void copied(void **state)
{
	struct reg_error error = {0};
	struct scene s;
	char path[128];

	(void)state;
	make(&s);
	tree_puts(&s.a, LAYOUT_OURS "/id", ID "\n");
	tree_puts(&s.b, LAYOUT_OURS "/id", ID "\n");
	check_int(mark(&s.a, s.aside.path, &error), 0, "of the first");
	check_int(look(&s.b, s.aside.path, &error), -EINVAL, "not of its copy");
	check(strstr(error.msg, "copy"), "it says so");
	/* Restored from a backup, or moved: there is but one. */
	snprintf(path, sizeof(path), "%s.moved", s.a.folder.path);
	assert_int_equal(rename(s.a.folder.path, path), 0);
	check_int(look(&s.b, s.aside.path, &error), 0, "the other is gone");
	assert_int_equal(rename(path, s.a.folder.path), 0);
	end(&s);
}

static void lost_id(void **state)
{
	struct reg_error error = {0};
	struct scene s;

	(void)state;
	make(&s);
	tree_puts(&s.a, LAYOUT_OURS "/id", ID "\n");
	check_int(mark(&s.a, s.aside.path, &error), 0, "marked");
	tree_drop(&s.a, LAYOUT_OURS "/id");
	check_int(look(&s.a, s.aside.path, &error), -EINVAL, "it cannot be told any more");
	check(strstr(error.msg, ID), "it says what to write");
	tree_puts(&s.a, LAYOUT_OURS "/id", ID "\n");
	check_int(look(&s.a, s.aside.path, &error), 0, "as it was");
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_storage_alone),
		cmocka_unit_test(another_folder),
		cmocka_unit_test(what_is_there),
		cmocka_unit_test(usual_ones),
		cmocka_unit_test(copied),
		cmocka_unit_test(lost_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
