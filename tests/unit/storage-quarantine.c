/* SPDX-License-Identifier: MIT */
/* What is kept aside and restored, and a quarantine that holds more than we put there. */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "storage/quarantine.h"
#include "swept.h"

static int restore(const struct swept_scene *s, const char *quarantine, struct sweep_result *ret,
		   struct reg_error *error)
{
	const struct sweep_options o = {.quarantine = quarantine};
	struct storage storage;
	int r;

	assert_int_equal(storage_open(s->tree.folder.path, quarantine, &storage, error), 0);
	r = sweep_restore(&storage, &o, ret, error);
	storage_close(&storage);
	return r;
}

/* With the folders above it. */
static void make_empty(const struct folder *f, const char *name)
{
	char inner[256];

	snprintf(inner, sizeof(inner), "%s/x", name);
	folder_write(f, inner, "", 0);
	assert_int_equal(unlink(folder_path(f, inner)), 0);
}

static void kept_and_restored(void **state)
{
	struct sweep_result restored;
	struct reg_error error = {0};
	struct swept_scene scene;
	const struct tree *t = &scene.tree;
	struct swept_end end;
	struct sweep_options o = {.delete_untagged = true, .grace = 3600, .keep = true};
	struct folder beside;
	char *once, *twice;

	(void)state;
	folder_make_fast(&beside);
	swept_make(&scene);
	o.quarantine = beside.path;
	swept_run(&scene, &o, &end);
	check_int(end.err, 0, "it runs");
	check_int(end.result.taken.count, 18, "all of it");
	check_int(end.result.deleted.count, 0, "nothing is deleted");
	check_int(end.result.revision_links, 6, "kept aside");
	check_int(end.result.layer_links, 14, "kept aside");
	check_int(end.result.tag_entries, 1, "of the one that is linked nowhere, not even aside");
	check(!tree_has(t, tree_blob_path(&scene.lost_512)), "it is away");
	once = swept_picture(&scene);

	/* Whatever comes into it later is nobody's, to us. */
	folder_write(&beside, "mine", "mine", 4);
	make_empty(&beside, "git/.git/refs");
	make_empty(&beside, "repositories/git/.git/refs");
	make_empty(&beside, "repositories/Own");
	make_empty(&beside, "repositories/app/_uploads");
	make_empty(&beside, "blobs/sha256/new");
	make_empty(&beside, "blobs/md5");
	swept_run(&scene, &o, &end);
	check_int(end.err, 0, "it runs again");
	check_int(end.result.taken.count + end.result.revision_links + end.result.layer_links, 0,
		  "nothing new");
	twice = swept_picture(&scene);
	check_text(twice, once, "and changes nothing");
	free(once);
	free(twice);

	/* One is there again meanwhile. */
	tree_puts(t, tree_blob_path(&scene.lost_512), "lost");
	check_int(restore(&scene, beside.path, &restored, &error), 0, "it is restored");
	check_int(restored.put_back.count, 17, "but for the one that is there");
	check_int(restored.revision_links, 6, "with the links");
	check_int(restored.layer_links, 14, "with the links");
	check_int(restored.failed, 0, "all of it");
	check(tree_has(t, tree_blob_path(&scene.untagged.layers[0])), "it is back");
	check(tree_has(t, tree_revision_path("a/app", &scene.untagged.manifest)), "it is back");
	check(tree_has(t, tree_layer_path("x/y/gone", &scene.tagged.config)),
	      "in a repository that was gone");
	check_int(access(folder_path(&beside, "repositories/x"), F_OK), -1, "nothing is left of it");
	check_int(access(folder_path(&beside, "blobs/sha256/00"), F_OK), -1, "nothing is left of it");
	check_int(access(folder_path(&beside, "mine"), F_OK), 0, "but what is not ours");
	check_int(access(folder_path(&beside, "git/.git/refs"), F_OK), 0, "also where it is empty");
	check_int(access(folder_path(&beside, "repositories/git/.git/refs"), F_OK), 0, "no name of a repository");
	check_int(access(folder_path(&beside, "repositories/Own"), F_OK), 0, "no name of a repository");
	check_int(access(folder_path(&beside, "repositories/app/_uploads"), F_OK), 0, "nothing that we take");
	check_int(access(folder_path(&beside, "blobs/sha256/new"), F_OK), 0, "no place of blobs");
	check_int(access(folder_path(&beside, "blobs/md5"), F_OK), 0, "no place of blobs");

	/* All is judged again as it was. */
	o.keep = false;
	swept_run(&scene, &o, &end);
	check_int(end.result.deleted.count, 17, "the one that came back is young");
	folder_remove(&beside);
	swept_remove(&scene);
}

static int stop(void *data)
{
	(void)data;
	_exit(7);
}

/* A run that was killed had the usual one, and the next has its own. */
static void another_one_next_time(void **state)
{
	struct sweep_options o = {.delete_untagged = true, .grace = 3600, .restart = stop};
	struct swept_scene scene;
	struct swept_end end;
	struct folder beside;
	pid_t pid;
	int status;

	(void)state;
	folder_make_fast(&beside);
	swept_make(&scene);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		swept_run(&scene, &o, &end);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	check(tree_has(&scene.tree, swept_aside(&scene.lost_512)), "it lies aside");
	o.restart = NULL;
	o.keep = true;
	o.quarantine = beside.path;
	swept_run(&scene, &o, &end);
	check_int(end.err, 0, "it runs");
	check(!tree_has(&scene.tree, swept_aside(&scene.lost_512)), "no more");
	check_int(end.result.taken.count, 18, "it is in the other");
	folder_remove(&beside);
	swept_remove(&scene);
}

static void bad_places(void **state)
{
	static const struct {
		const char *why, *below;
		int err;
	} cases[] = {
		{"the registry's own files", "/" LAYOUT_V2, -EINVAL},
		{"in them", "/" LAYOUT_V2 "/repositories/a", -EINVAL},
		{"no folder", "/outside", -ENOTDIR},
		{"nor above", "/not/there", -ENOENT},
	};
	struct swept_scene scene;
	char *before, *after;

	(void)state;
	swept_make(&scene);
	before = swept_picture(&scene);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct storage storage;
		struct reg_error error = {0};
		char path[256];
		int fd;

		assert_int_equal(storage_open(scene.tree.folder.path, NULL, &storage, &error), 0);
		snprintf(path, sizeof(path), "%s%s", scene.tree.folder.path, cases[i].below);
		fd = quarantine_open(&storage, path, &error);
		check_int(fd, cases[i].err, cases[i].why);
		check(error.msg[0], cases[i].why);
		storage_close(&storage);
	}
	after = swept_picture(&scene);
	check_text(after, before, "nothing was touched");
	free(before);
	free(after);
	swept_remove(&scene);
}

/* Only what has the name that it would get from us is ours. */
static void listed(void **state)
{
	static const char hex[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
	static const struct {
		const char *why, *folder;
		bool ours;
	} cases[] = {
		{"a blob", "blobs/sha256/e3", true},
		{"in another's place", "blobs/sha256/e4", false},
		{"too deep", "blobs/sha256/e3/e3", false},
		{"not deep enough", "blobs/sha256", false},
		{"no algorithm of ours", "blobs/md5/e3", false},
		{"a revision", "repositories/a/b/_manifests/revisions/sha256", true},
		{"a layer", "repositories/a/b/_layers/sha256", true},
		{"of a name that is none", "repositories/A/_layers/sha256", false},
		{"of no name", "repositories/_layers/sha256", false},
		{"with a name in between", "repositories/a/_layers/b/sha256", false},
		{"a tag", "repositories/a/_manifests/tags/sha256", false},
		{"elsewhere", "other/sha256/e3", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct things things = {0};
		struct folder f;
		char path[256];
		int fd;

		folder_make(&f);
		snprintf(path, sizeof(path), "%s/%s", cases[i].folder, hex);
		folder_write(&f, path, "", 0);
		fd = open(f.path, O_RDONLY | O_DIRECTORY);
		assert_true(fd >= 0);
		assert_int_equal(quarantine_list(fd, &things), 0);
		check_int(things.count, cases[i].ours, cases[i].why);
		assert_int_equal(quarantine_tidy(fd), 0);
		check_int(access(folder_path(&f, path), F_OK), 0, "what is in use stays");
		things_done(&things);
		close(fd);
		folder_remove(&f);
	}
}

/* However deep: it is a registry's user who names folders in an upload. */
static void trash(void **state)
{
	struct folder f, outside;
	int fd, deep;

	(void)state;
	folder_make(&f);
	folder_make(&outside);
	folder_write(&outside, "file", "", 0);
	folder_write(&f, "up/load/file", "", 0);
	assert_int_equal(symlink(outside.path, folder_path(&f, "up/link")), 0);
	fd = open(f.path, O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	deep = openat(fd, "up", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 3000; i++) {
		int next;

		assert_int_equal(mkdirat(deep, "folder", 0755), 0);
		next = openat(deep, "folder", O_RDONLY | O_DIRECTORY);
		assert_true(next >= 0);
		close(deep);
		deep = next;
	}
	close(deep);
	assert_int_equal(trash_take(fd, "up", fd), 0);
	check_int(access(folder_path(&f, "up"), F_OK), -1, "it is away at once");
	assert_int_equal(trash_wipe(fd), 0);
	assert_int_equal(trash_wipe(fd), 0);
	assert_int_equal(unlinkat(AT_FDCWD, f.path, AT_REMOVEDIR), 0); /* nothing is left */
	check_int(access(folder_path(&outside, "file"), F_OK), 0, "a link is not followed");
	close(fd);
	folder_remove(&outside);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_and_restored),
		cmocka_unit_test(another_one_next_time),
		cmocka_unit_test(bad_places),
		cmocka_unit_test(listed),
		cmocka_unit_test(trash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
