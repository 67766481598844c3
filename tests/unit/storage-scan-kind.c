/* SPDX-License-Identifier: MIT */
/* Storages in which what nothing links is no garbage, or what is missing no loss. */
#include <errno.h>

#include "scanned.h"

struct kind {
	const char *why;
	void (*make)(const struct tree *t);
	struct storage_known known;
	const char *blind; /* words of the reason, NULL: it is not */
	size_t told; /* that it is blind */
	bool cache, sparse;
};

#define LOCK "docker/registry/lockfiles/database-in-use"

static void image(const struct tree *t)
{
	tree_image(t, "a", "v", "seed");
}

static void database(const struct tree *t)
{
	image(t);
	tree_puts(t, LOCK, "");
}

static void no_database(const struct tree *t)
{
	image(t);
	tree_puts(t, "docker/registry/lockfiles/filesystem-in-use", "");
}

static void database_folder(const struct tree *t)
{
	image(t);
	tree_folder(t, LOCK);
}

static void locks_symlink(const struct tree *t)
{
	image(t);
	tree_symlink(t, "docker/registry/lockfiles", "/tmp");
}

static void no_folder(const struct tree *t)
{
	image(t);
	tree_drop(t, TREE_V2 "repositories");
}

static void empty_folder(const struct tree *t)
{
	no_folder(t);
	tree_folder(t, TREE_V2 "repositories");
}

static void empty_name(const struct tree *t)
{
	no_folder(t);
	tree_folder(t, REPOSITORIES "a");
}

static void emptied_repository(const struct tree *t)
{
	no_folder(t);
	tree_folder(t, REPOSITORIES "a/_manifests");
}

static void nothing(const struct tree *t)
{
	tree_folder(t, REPOSITORIES);
	tree_folder(t, BLOBS "sha256");
}

static void blobs_aside(const struct tree *t)
{
	nothing(t);
	tree_puts(t,
		  ".regfs-gc/quarantine/blobs/sha256/ab/"
		  "ab00000000000000000000000000000000000000000000000000000000000000",
		  "garbage");
}

static void scheduler(const struct tree *t)
{
	image(t);
	tree_puts(t, "scheduler-state.json", "{}");
}

static void scheduler_folder(const struct tree *t)
{
	image(t);
	tree_folder(t, "scheduler-state.json");
}

static const struct kind kinds[] = {
	{"a plain one", image, {0}, NULL, 0, 0, 0},
	{"GitLab's, with a database", database, {0}, LOCK ": GitLab", 1, 0, 0},
	{"likewise, and nobody means that", database, {.no_repositories = true}, LOCK, 1, 0, 0},
	{"whatever is there in its place", database_folder, {0}, LOCK, 1, 0, 0},
	{"and where nobody can say", locks_symlink, {0}, "symbolic link", 0, 0, 0},
	{"GitLab's, without", no_database, {0}, NULL, 0, 0, 0},
	{"by its configuration", image, {.database = true}, "database.enabled", 1, 0, 0},
	{"both are one", database, {.database = true}, LOCK, 1, 0, 0},
	{"a volume that is not mounted", no_folder, {0}, "not mounted", 1, 0, 0},
	{"an empty mount point", empty_folder, {0}, "not mounted", 1, 0, 0},
	{"folders are no repositories", empty_name, {0}, "not mounted", 1, 0, 0},
	{"that is meant", empty_folder, {.no_repositories = true}, NULL, 0, 0, 0},
	{"one that is left", emptied_repository, {0}, NULL, 0, 0, 0},
	{"nothing at all", nothing, {0}, NULL, 0, 0, 0},
	{"garbage alone is left, aside", blobs_aside, {0}, NULL, 0, 0, 0},
	{"a cache by its state", scheduler, {0}, NULL, 0, 1, 0},
	{"which is a file", scheduler_folder, {0}, NULL, 0, 0, 0},
	{"a cache by its configuration", image, {.cache = true}, NULL, 0, 1, 0},
	{"sparse indexes", image, {.sparse = true}, NULL, 0, 0, 1},
};

static void test_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct kind *k = &kinds[i];
		struct reg_error e = {0};
		struct storage storage;
		struct store s;
		struct tree t;

		tree_make(&t);
		k->make(&t);
		assert_int_equal(storage_open(t.folder.path, NULL, &storage, &e), 0);
		assert_false(storage.known.database || storage.known.cache || storage.known.sparse ||
			     storage.known.no_repositories);
		storage.known = k->known;
		assert_int_equal(scan(&storage, 0, NULL, &s), 0);
		check_int(!!s.blind, !!k->blind, k->why);
		if (s.blind && !strstr(s.blind, k->blind))
			fail_msg("%s: \"%s\" is not in \"%s\"", k->why, k->blind, s.blind);
		check_int((long)count(&s, PROBLEM_BLIND), (long)k->told, k->why);
		check_int(s.cache, k->cache, k->why);
		check_int(s.sparse, k->sparse, k->why);
		storage_close(&storage);
		store_done(&s);
		tree_remove(&t);
	}
}

/* What a cache has let go is a note; its repository keeps what it links all the same. */
static void test_a_cache_forgets(void **state)
{
	struct tree_image lost;
	struct store s;
	struct tree t;

	(void)state;
	for (int cache = 0; cache < 2; cache++) {
		tree_make(&t);
		lost = tree_image(&t, "a", "v", "seed");
		tree_drop(&t, tree_blob_path(&lost.manifest));
		if (cache)
			tree_puts(&t, "scheduler-state.json", "{}");
		read_tree(&t, 0, &s);
		assert_int_equal(count(&s, PROBLEM_MANIFEST_MISSING), !cache);
		assert_int_equal(count(&s, PROBLEM_NOT_CACHED), cache);
		assert_int_equal(s.problems.nproblems, !cache);
		assert_non_null(repository(&s, "a")->unsure);
		store_done(&s);
		tree_remove(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_a_cache_forgets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
