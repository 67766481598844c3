/* SPDX-License-Identifier: MIT */
/* Which folder a storage is in: what people name when they mean it, and what is none. */
#include <errno.h>

#include "scanned.h"

static void image(const struct tree *t)
{
	tree_image(t, "a", "v", "seed");
}

static void nothing(const struct tree *t)
{
	(void)t;
}

static void only_ours(const struct tree *t)
{
	tree_folder(t, ".regfs-gc/quarantine");
	tree_folder(t, "lost+found");
}

static void half(const struct tree *t)
{
	tree_folder(t, "docker/registry");
}

static void photographs(const struct tree *t)
{
	tree_puts(t, "holidays/beach.jpg", "x");
}

static void other_docker(const struct tree *t)
{
	tree_puts(t, "docker/overlay2/x", "x");
}

static void linked(const struct tree *t)
{
	image(t);
	tree_move(t, "docker", "elsewhere");
	tree_symlink(t, "docker", "elsewhere");
}

static void linked_v2(const struct tree *t)
{
	image(t);
	tree_move(t, "docker/registry/v2", "elsewhere");
	tree_symlink(t, "docker/registry/v2", "../../elsewhere");
}

static void way_to_it(const struct tree *t)
{
	tree_folder(t, "data");
	tree_image(t, "a", "v", "seed");
	tree_move(t, "docker", "data/docker");
	tree_symlink(t, "way", "data");
}

static void nested(const struct tree *t)
{
	image(t);
	tree_move(t, "docker", "store/docker/registry/v2/docker");
}

static void quarantine_linked(const struct tree *t)
{
	image(t);
	tree_folder(t, "elsewhere/quarantine");
	tree_symlink(t, ".regfs-gc", "elsewhere");
}

static void test_where_it_is(void **state)
{
	static const struct {
		void (*make)(const struct tree *t);
		const char *path;
		int err;
		bool empty;
		const char *part; /* of the message */
	} cases[] = {
		{image, "", 0, false, NULL},
		{image, "docker/registry/v2", 0, false, NULL},
		{image, "docker/registry/v2/", 0, false, NULL},
		{image, "docker/registry", -EINVAL, false, "rootdirectory"},
		{image, "docker/registry/v2/blobs", -EINVAL, false, "rootdirectory"},
		{nothing, "", 0, true, NULL},
		{only_ours, "", 0, true, NULL},
		{half, "", 0, true, NULL},
		{photographs, "", -EINVAL, false, "rootdirectory"},
		{photographs, "holidays/beach.jpg", -ENOTDIR, false, "beach.jpg"},
		{other_docker, "", -EINVAL, false, "docker/registry"},
		{nothing, "none", -ENOENT, false, "none"},
		{linked, "", -EINVAL, false, "symbolic link"},
		{linked_v2, "", -EINVAL, false, "symbolic link"},
		{way_to_it, "way", 0, false, NULL}, /* the user named the link */
		{way_to_it, "way/docker/registry/v2", 0, false, NULL},
		{nested, "store/docker/registry/v2", 0, false, NULL}, /* a root of such a name */
		{quarantine_linked, "", -EINVAL, false, "symbolic link"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = cases[i].part ? cases[i].part : "good";
		struct reg_error e = {0};
		struct storage s;
		struct store store;
		struct tree t;

		tree_make(&t);
		cases[i].make(&t);
		check_int(storage_open(folder_path(&t.folder, cases[i].path), NULL, &s, &e), cases[i].err,
			  why);
		if (cases[i].err) {
			if (!strstr(e.msg, cases[i].part))
				fail_msg("'%s' does not say '%s'", e.msg, cases[i].part);
		} else {
			check_int(s.v2 < 0, cases[i].empty, why);
			assert_int_equal(scan(&s, 0, NULL, &store), 0);
			check_int(store.nblobs, cases[i].empty ? 0 : 4, why);
			store_done(&store);
			storage_close(&s);
		}
		tree_remove(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_where_it_is)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
