/* SPDX-License-Identifier: MIT */
/* Writing a journal: what is in it, and where it is. */
#include "journal.h"

#include <errno.h>
#include <stdlib.h>

#include "journals.h"

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);

static bool somebody; /* no root */

/* The linker sends the library's calls here (--wrap). */
uid_t __wrap_geteuid(void)
{
	return somebody ? 1000 : __real_geteuid();
}

static void round_trip(void **state)
{
	static const char *const tags[] = {"v1", "latest"}, *const more[] = {"sha256-abc.sig"};
	const struct journal_item items[] = {
		item_of("index", JOURNAL_IMAGE, tags, 2),
		item_of("child", JOURNAL_CHILD, NULL, 0),
		item_of("signature", JOURNAL_REFERRER, more, 1),
	};
	struct journal_entry entry = {.action = JOURNAL_DELETE,
				      .repository = "team/app",
				      .tag = "v1",
				      .items = items,
				      .nitems = 3,
				      .uid = 0,
				      .pid = 9,
				      .command = "rm"};
	struct reg_error error = {0};
	struct restore_journal *back;
	struct reg_bytes *bytes;
	struct folder f;
	struct journal *j;
	uint64_t first = 0, second = 0, third = 0, fourth = 0;

	(void)state;
	folder_make(&f);
	j = journal_in(&f);
	check_int(journal_begin(j, &entry, &first, &error), 0, error.msg);
	check_int(journal_end(j, first, JOURNAL_PARTLY, &items[1].digest, 1, &error), 0, error.msg);
	entry = (struct journal_entry){.action = JOURNAL_UNTAG,
				       .repository = "team/app",
				       .tag = "v1",
				       .items = items,
				       .nitems = 1,
				       .placeholder = items[1].digest,
				       .uid = -1,
				       .pid = -1};
	check_int(journal_begin(j, &entry, &second, &error), 0, error.msg);
	entry.tag = NULL;
	entry.placeholder = (struct reg_digest){0};
	entry.items = &items[1];
	entry.action = JOURNAL_DELETE;
	check_int(journal_begin(j, &entry, &third, &error), 0, error.msg);
	check_int(journal_begin(j, &entry, &fourth, &error), 0, error.msg);
	/* The ends come in another order than the beginnings. */
	check_int(journal_end(j, fourth, JOURNAL_KEPT, NULL, 0, &error), 0, error.msg);
	check_int(journal_end(j, second, JOURNAL_UNKNOWN, NULL, 0, &error), 0, error.msg);
	assert_true(first < second && second < third && third < fourth);

	back = read_back(&f);
	assert_int_equal(back->count, 4);
	assert_string_equal(back->entries[0]->registry, SOURCE);
	assert_string_equal(back->entries[0]->repository, "team/app");
	assert_string_equal(back->entries[0]->tag, "v1");
	assert_string_equal(back->entries[0]->command, "rm");
	assert_int_equal(back->entries[0]->uid, 0);
	assert_int_equal(back->entries[0]->pid, 9);
	assert_int_equal(back->entries[0]->action, JOURNAL_DELETE);
	assert_int_equal(back->entries[0]->outcome, JOURNAL_PARTLY);
	assert_int_equal(back->entries[0]->placeholder.algorithm, 0);
	assert_int_equal(back->entries[0]->nitems, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct restore_item *item = &back->entries[0]->items[i];

		assert_true(reg_digest_equal(&item->digest, &items[i].digest));
		assert_int_equal(item->role, items[i].role);
		assert_string_equal(item->media_type, items[i].media_type);
		assert_int_equal(item->ntags, items[i].ntags);
		for (size_t k = 0; k < item->ntags; k++)
			assert_string_equal(item->tags[k], items[i].tags[k]);
		assert_int_equal(restore_bytes(back, back->entries[0], item, &bytes, NULL), 0);
		assert_int_equal(bytes->size, items[i].bytes->size);
		assert_memory_equal(bytes->data, items[i].bytes->data, bytes->size);
		reg_bytes_unref(bytes);
	}
	assert_int_equal(back->entries[1]->action, JOURNAL_UNTAG);
	assert_int_equal(back->entries[1]->outcome, JOURNAL_UNKNOWN);
	assert_true(reg_digest_equal(&back->entries[1]->placeholder, &items[1].digest));
	assert_int_equal(back->entries[1]->uid, -1);
	assert_int_equal(back->entries[1]->pid, -1);
	assert_null(back->entries[1]->command);
	assert_null(back->entries[2]->tag);
	assert_int_equal(back->entries[2]->outcome, 0);
	assert_int_equal(back->entries[3]->outcome, JOURNAL_KEPT);
	restore_free(back);

	assert_int_equal(mode_of(&f, "journal"), 0700);
	assert_int_equal(mode_of(&f, "journal/*"), 0700);
	assert_int_equal(mode_of(&f, "journal/*/removals.jsonl"), 0600);
	assert_int_equal(mode_of(&f, "journal/*/sha256:*"), 0600);
	assert_int_equal(files(&f, "journal/*/sha256:*"), 3);
	journal_free(j);
	for (size_t i = 0; i < 3; i++)
		reg_bytes_unref(items[i].bytes);
	folder_remove(&f);
}

/* A program may call itself anything. */
static void any_command(void **state)
{
	char name[3] = "";
	struct restore_journal *back;
	struct folder f;
	struct journal *j;
	uint64_t id;

	(void)state;
	folder_make(&f);
	j = journal_in(&f);
	for (int first = 1; first < 256; first += 3) {
		for (int second = 1; second < 256; second += 85) {
			const struct journal_item item = item_of("m", JOURNAL_IMAGE, NULL, 0);
			const struct journal_entry entry = {.action = JOURNAL_DELETE,
							    .repository = "a",
							    .items = &item,
							    .nitems = 1,
							    .uid = -1,
							    .pid = -1,
							    .command = name};

			name[0] = (char)first;
			name[1] = (char)second;
			assert_int_equal(journal_begin(j, &entry, &id, NULL), 0);
			reg_bytes_unref(item.bytes);
		}
	}
	back = read_back(&f);
	assert_int_equal(back->count, 85 * 3);
	for (size_t i = 0; i < back->count; i++)
		for (const char *p = back->entries[i]->command; *p; p++)
			assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	restore_free(back);
	journal_free(j);
	folder_remove(&f);
}

static void unsound_entries(void **state)
{
	static const char *const good[] = {"v1"}, *const bad[] = {"v1", "a/b"};
	const struct journal_item item = item_of("m", JOURNAL_IMAGE, good, 1);
	struct journal_item items[7];
	const struct {
		struct journal_entry entry;
		const char *why;
	} cases[] = {
		{{.repository = "a", .items = &item, .nitems = 1}, "no action"},
		{{.action = 3, .repository = "a", .items = &item, .nitems = 1}, "no such action"},
		{{.action = 1, .repository = "A", .items = &item, .nitems = 1}, "bad repository"},
		{{.action = 1, .repository = "a", .tag = "-", .items = &item, .nitems = 1}, "bad tag"},
		{{.action = 1, .repository = "a"}, "no manifest"},
		{{.action = 1, .repository = "a", .items = &items[0], .nitems = 1}, "other digest"},
		{{.action = 1, .repository = "a", .items = &items[1], .nitems = 1}, "no digest"},
		{{.action = 1, .repository = "a", .items = &items[2], .nitems = 1}, "no bytes"},
		{{.action = 1, .repository = "a", .items = &items[3], .nitems = 1}, "no role"},
		{{.action = 1, .repository = "a", .items = &items[4], .nitems = 1}, "bad tag of a manifest"},
		{{.action = 1, .repository = "a", .items = &items[5], .nitems = 2}, "bad second manifest"},
	};
	struct reg_error error = {0};
	struct folder f;
	struct journal *j;
	uint64_t id = 77;

	(void)state;
	folder_make(&f);
	j = journal_in(&f);
	for (size_t i = 0; i < ARRAY_SIZE(items); i++)
		items[i] = item;
	items[0].digest.hash[0] ^= 1;
	items[1].digest = (struct reg_digest){0};
	items[2].bytes = NULL;
	items[3].role = 0;
	items[4].tags = bad;
	items[4].ntags = 2;
	items[6].bytes = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_int(journal_begin(j, &cases[i].entry, &id, &error), -EINVAL, cases[i].why);
	assert_int_equal(id, 77);
	assert_int_equal(files(&f, "journal/2*"), 0); /* the folder comes with the first entry */
	journal_free(j);
	reg_bytes_unref(item.bytes);
	folder_remove(&f);
}

/* Containers have the same pid often: a folder is one journal's alone. */
static void two_at_once(void **state)
{
	struct restore_journal *back;
	struct journal *j[8];
	struct folder f;
	uint64_t id;

	(void)state;
	folder_make(&f);
	for (size_t i = 0; i < ARRAY_SIZE(j); i++)
		j[i] = journal_in(&f);
	for (int turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < ARRAY_SIZE(j); i++)
			assert_int_equal(begin_one(j[i], "it", &id, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(j); i++)
		assert_int_equal(journal_end(j[i], id, JOURNAL_REMOVED, NULL, 0, NULL), 0);
	assert_int_equal(files(&f, "journal/2*"), ARRAY_SIZE(j));
	back = read_back(&f);
	assert_int_equal(back->count, 2 * ARRAY_SIZE(j));
	/* In the order of time, whatever folder they are from. */
	for (size_t i = 0; i < back->count; i++)
		assert_int_equal(back->entries[i]->id, 1 + i / ARRAY_SIZE(j));
	restore_free(back);
	for (size_t i = 0; i < ARRAY_SIZE(j); i++)
		journal_free(j[i]);
	folder_remove(&f);
}

static void removed_while_in_use(void **state)
{
	struct restore_journal *back;
	struct reg_error error = {0};
	struct folder f;
	struct journal *j;
	uint64_t first, second;

	(void)state;
	folder_make(&f);
	j = journal_in(&f);
	assert_int_equal(begin_one(j, "it", &first, NULL), 0);
	folder_remove(&f);
	assert_int_equal(mkdir(f.path, 0700), 0);
	assert_int_equal(journal_end(j, first, JOURNAL_REMOVED, NULL, 0, &error), -ENOENT);
	assert_int_equal(begin_one(j, "it", &second, NULL), 0);
	assert_int_equal(journal_end(j, first, JOURNAL_REMOVED, NULL, 0, &error), -ENOENT);
	assert_int_equal(journal_end(j, second, JOURNAL_REMOVED, NULL, 0, NULL), 0);
	back = read_back(&f);
	assert_int_equal(back->count, 1);
	assert_int_equal(back->entries[0]->outcome, JOURNAL_REMOVED);
	restore_free(back);
	journal_free(j);
	folder_remove(&f);
}

static void folders_that_do_not_work(void **state)
{
	static const struct {
		const char *dir, *registry;
		int err;
		const char *message;
	} cases[] = {
		{"%s/file", SOURCE, -ENOTDIR, "Not a directory; choose a folder where you may write"},
		{"%s/file/below", SOURCE, -ENOTDIR, "Not a directory"},
		{"%s/dangling/below", SOURCE, -ENOENT, "No such file or directory"},
		{"/proc/regfs%.0s", SOURCE, -ENOENT, "/proc/regfs"},
		{"/proc/self/fd%.0s", SOURCE, 0, "the journal cannot be written"},
		{"", SOURCE, -ENOENT, "No such file or directory"},
		{"%s/journal", "https://user:secret@reg.example", -EINVAL, "must not hold a user name"},
		{"%s/journal", "", -EINVAL, "no registry is named"},
	};
	struct folder f;

	(void)state;
	folder_make(&f);
	folder_write(&f, "file", "x", 1);
	assert_int_equal(symlink("/nowhere/at/all", folder_path(&f, "dangling")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error error = {0};
		struct journal *j = NULL;
		char dir[256];
		int r;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(dir, sizeof(dir), cases[i].dir, f.path);
#pragma GCC diagnostic pop
		r = journal_new(dir, cases[i].registry, &j, &error);
		check(r < 0 && !j, cases[i].dir);
		if (cases[i].err)
			check_int(r, cases[i].err, cases[i].dir);
		check(strstr(error.msg, cases[i].message), error.msg);
		check(!strstr(error.msg, "secret"), error.msg);
	}
	folder_remove(&f);
}

static void folder_of_another(void **state)
{
	const uid_t user = __real_geteuid();
	struct reg_error error = {0};
	struct journal *j = NULL;
	struct folder f;
	int r;

	(void)state;
	folder_make(&f);
	assert_int_equal(mkdir(folder_path(&f, "journal"), 0500), 0);
	assert_int_equal(chmod(f.path, 0755), 0);
	if (user == 0) /* root may write everywhere */
		assert_int_equal(seteuid(65534), 0);
	r = journal_new(folder_path(&f, "journal"), SOURCE, &j, &error);
	if (user == 0)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(r, -EACCES);
	check(strstr(error.msg, "Permission denied; choose a folder where you may write (journal=DIR)"),
	      error.msg);
	check(strstr(error.msg, f.path), error.msg);
	folder_remove(&f);
}

static void default_folders(void **state)
{
	static const struct {
		const char *state, *home, *want;
	} cases[] = {
		{NULL, "/home/joe", "/home/joe/.local/state/regfs"},
		{"", "/home/joe", "/home/joe/.local/state/regfs"},
		{"relative", "/home/joe", "/home/joe/.local/state/regfs"},
		{"/state", "/home/joe", "/state/regfs"},
		{"/state", NULL, "/state/regfs"},
		{NULL, NULL, NULL},
		{NULL, "", NULL},
	};

	(void)state;
	somebody = true;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *dir;

		unsetenv("XDG_STATE_HOME");
		unsetenv("HOME");
		if (cases[i].state)
			setenv("XDG_STATE_HOME", cases[i].state, 1);
		if (cases[i].home)
			setenv("HOME", cases[i].home, 1);
		dir = journal_default_dir();
		check_text(dir, cases[i].want, cases[i].want ? cases[i].want : "no home");
		free(dir);
	}
	somebody = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),           cmocka_unit_test(any_command),
		cmocka_unit_test(unsound_entries),      cmocka_unit_test(two_at_once),
		cmocka_unit_test(removed_while_in_use), cmocka_unit_test(folders_that_do_not_work),
		cmocka_unit_test(folder_of_another),    cmocka_unit_test(default_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
