/* SPDX-License-Identifier: MIT */
/* What years, crashes and people make of a storage: all of it is read, and what is not known is said. */
#include "scanned.h"

struct odd {
	struct tree tree;
	struct tree_image image; /* of a:v */
	struct tree_blob other; /* a blob that nobody links */
};

static void revision_empty(const struct odd *o)
{
	tree_puts(&o->tree, tree_revision_path("a", &o->image.manifest), "");
}

static void revision_newline(const struct odd *o)
{
	char text[REG_DIGEST_MAX + 2];

	snprintf(text, sizeof(text), "%s\n", o->image.manifest.text);
	tree_puts(&o->tree, tree_revision_path("a", &o->image.manifest), text);
}

static void revision_other(const struct odd *o)
{
	tree_puts(&o->tree, tree_revision_path("a", &o->image.manifest), o->other.text);
}

static void revision_long(const struct odd *o)
{
	char text[1000];

	memset(text, 'x', sizeof(text));
	tree_put(&o->tree, tree_revision_path("a", &o->image.manifest), text, sizeof(text));
}

static void revision_symlink(const struct odd *o)
{
	tree_drop(&o->tree, tree_revision_path("a", &o->image.manifest));
	tree_symlink(&o->tree, tree_revision_path("a", &o->image.manifest), "/etc/passwd");
}

static void revision_deleted(const struct odd *o)
{
	tree_drop(&o->tree, tree_revision_path("a", &o->image.manifest));
}

static void revision_sha384(const struct odd *o)
{
	tree_puts(&o->tree, REPOSITORIES "a/_manifests/revisions/sha384/abcd/link", "sha384:abcd");
}

static void layer_empty(const struct odd *o)
{
	tree_puts(&o->tree, tree_layer_path("a", &o->image.layers[0]), "");
}

static void layer_half(const struct odd *o)
{
	char path[600];

	tree_drop(&o->tree, tree_layer_path("a", &o->image.layers[0]));
	snprintf(path, sizeof(path), "%s.1234.tmp", tree_layer_path("a", &o->image.layers[0]));
	tree_puts(&o->tree, path, "sha256:");
}

static void layers_file(const struct odd *o)
{
	tree_drop(&o->tree, REPOSITORIES "a/_layers");
	tree_puts(&o->tree, REPOSITORIES "a/_layers", "");
}

static void tag_empty(const struct odd *o)
{
	tree_puts(&o->tree, tree_tag_path("a", "v"), "");
}

static void tag_missing(const struct odd *o)
{
	tree_drop(&o->tree, REPOSITORIES "a/_manifests/tags/v/current");
}

static void tag_text(const struct odd *o)
{
	tree_puts(&o->tree, tree_tag_path("a", "v"), "sha256:1234");
}

static void tag_name(const struct odd *o)
{
	tree_puts(&o->tree, REPOSITORIES "a/_manifests/tags/.bad name/current/link", o->image.manifest.text);
}

static void tag_symlink(const struct odd *o)
{
	tree_symlink(&o->tree, REPOSITORIES "a/_manifests/tags/w", "v");
}

static void tag_file(const struct odd *o)
{
	tree_puts(&o->tree, REPOSITORIES "a/_manifests/tags/.DS_Store", "x");
}

static void tags_symlink(const struct odd *o)
{
	tree_move(&o->tree, REPOSITORIES "a/_manifests/tags", "elsewhere");
	tree_symlink(&o->tree, REPOSITORIES "a/_manifests/tags", "/tmp");
}

static void revisions_symlink(const struct odd *o)
{
	tree_move(&o->tree, REPOSITORIES "a/_manifests/revisions", "elsewhere");
	tree_symlink(&o->tree, REPOSITORIES "a/_manifests/revisions", "../../../../../../elsewhere");
}

static void repository_symlink(const struct odd *o)
{
	tree_symlink(&o->tree, REPOSITORIES "b", "a");
}

static void repository_name(const struct odd *o)
{
	tree_move(&o->tree, REPOSITORIES "a", REPOSITORIES "Upper");
	tree_image(&o->tree, "a", "v", "seed");
}

static void repository_name_uploads(const struct odd *o)
{
	tree_folder(&o->tree, REPOSITORIES "Upper/_uploads");
}

static void repository_stray(const struct odd *o)
{
	tree_puts(&o->tree, REPOSITORIES "README", "x");
	tree_folder(&o->tree, REPOSITORIES "a/_other");
}

static void repository_deep(const struct odd *o)
{
	char path[700] = REPOSITORIES;

	for (size_t n = strlen(path); n < sizeof(path) - 60; n = strlen(path))
		strcat(path, "0123456789012345678901234567890123456789012345678/");
	tree_folder(&o->tree, path);
}

static void manifest_missing(const struct odd *o)
{
	tree_drop(&o->tree, tree_blob_path(&o->image.manifest));
}

static void manifest_empty(const struct odd *o)
{
	tree_puts(&o->tree, tree_blob_path(&o->image.manifest), "");
}

static void manifest_changed(const struct odd *o)
{
	tree_puts(&o->tree, tree_blob_path(&o->image.manifest), "{\"schemaVersion\":2}");
}

static void manifest_none(const struct odd *o)
{
	tree_revision(&o->tree, "a", &o->other);
}

static void manifest_large(const struct odd *o)
{
	assert_int_equal(truncate(folder_path(&o->tree.folder, tree_blob_path(&o->image.manifest)),
				  (off_t)REG_MAX_MANIFEST + 1),
			 0);
}

static void tag_dangling(const struct odd *o)
{
	const struct tree_blob gone = tree_blob_of("gone", 4);

	tree_tag(&o->tree, "a", "v", &gone);
}

static void child_unreadable(const struct odd *o)
{
	tree_index(&o->tree, "a", NULL, &o->other, 1);
}

static void child_missing(const struct odd *o)
{
	const struct tree_blob gone = tree_blob_of("gone", 4);

	tree_index(&o->tree, "a", NULL, &gone, 1);
}

static void blob_symlink(const struct odd *o)
{
	tree_drop(&o->tree, tree_blob_path(&o->image.layers[0]));
	tree_symlink(&o->tree, tree_blob_path(&o->image.layers[0]), "/etc/passwd");
}

static void blob_folder_symlink(const struct odd *o)
{
	char path[600];

	snprintf(path, sizeof(path), "%s", tree_blob_path(&o->image.layers[0]));
	path[strlen(path) - 5] = '\0';
	tree_move(&o->tree, path, "elsewhere");
	tree_symlink(&o->tree, path, folder_path(&o->tree.folder, "elsewhere"));
}

static void blob_no_file(const struct odd *o)
{
	tree_drop(&o->tree, tree_blob_path(&o->image.layers[0]));
	tree_folder(&o->tree, tree_blob_path(&o->image.layers[0]));
}

static void blob_gone(const struct odd *o)
{
	tree_drop(&o->tree, tree_blob_path(&o->image.layers[0]));
}

static void blobs_symlink(const struct odd *o)
{
	tree_move(&o->tree, TREE_V2 "blobs", "elsewhere");
	tree_symlink(&o->tree, TREE_V2 "blobs", "../../../elsewhere");
}

static void blobs_part_symlink(const struct odd *o)
{
	tree_symlink(&o->tree, BLOBS "sha256/zz", "..");
	tree_folder(&o->tree, "elsewhere");
	tree_drop(&o->tree, BLOBS "sha256");
	tree_symlink(&o->tree, BLOBS "sha256", "../../../../elsewhere");
}

static void stray_data(const struct odd *o)
{
	tree_puts(&o->tree, BLOBS "sha256/lost/and/data", "x");
	tree_puts(&o->tree, BLOBS "data", "x");
	tree_puts(&o->tree, BLOBS "sha256/00/short/data", "x");
	/* A digest in a place that is another's. */
	tree_puts(&o->tree,
		  BLOBS "sha256/00/ff55f97e8a5a5d1c2e5d8c0b9b8e3a1a9b3d5a1c3e5f7a9b1c3d5e7f9a1b3c5d/data",
		  "x");
}

static void stray_others(const struct odd *o)
{
	tree_folder(&o->tree, BLOBS "sha256/empty");
	tree_puts(&o->tree, BLOBS "sha384/ab/abcd/data", "x");
	tree_puts(&o->tree, BLOBS "notes", "x");
	tree_puts(&o->tree, TREE_V2 "notes", "x");
	tree_symlink(&o->tree, BLOBS "sha256/way", "/");
}

static void upload_bare(const struct odd *o)
{
	tree_upload(&o->tree, "a", "id", NULL, "data");
}

static void upload_bad(const struct odd *o)
{
	tree_upload(&o->tree, "a", "id", "yesterday", "data");
	tree_symlink(&o->tree, REPOSITORIES "a/_uploads/way", "/tmp");
	tree_puts(&o->tree, REPOSITORIES "a/_uploads/id/a/b/c/d/e/f/g", "deep");
}

static const struct odd_case {
	void (*make)(const struct odd *o);
	enum outcome outcome;
	enum problem_kind kind; /* 0 with n 0: nothing is said */
	size_t n, others; /* problems and notes of this kind, and of others */
	int link; /* flags of the revision of a:v; -1: it is not there */
} odd_cases[] = {
	{revision_empty, SURE, PROBLEM_LINK_BAD, 1, 0, LINK_BAD},
	{revision_newline, SURE, PROBLEM_LINK_BAD, 1, 0, LINK_BAD},
	{revision_other, UNSURE, PROBLEM_LINK_BAD, 1, 0, LINK_BAD},
	{revision_long, SURE, PROBLEM_LINK_BAD, 1, 0, LINK_BAD},
	{revision_symlink, SURE, PROBLEM_SYMLINK, 1, 0, LINK_BAD},
	{revision_deleted, SURE, 0, 0, 0, -1},
	{revision_sha384, UNSURE, PROBLEM_STRAY, 1, 0, 0},
	{layer_empty, SURE, PROBLEM_LINK_BAD, 1, 0, 0},
	{layer_half, SURE, PROBLEM_STRAY, 1, 0, 0},
	{layers_file, UNSURE, PROBLEM_ACCESS, 1, 0, 0},
	{tag_empty, UNSURE, PROBLEM_TAG_BAD, 1, 0, 0},
	{tag_missing, UNSURE, PROBLEM_TAG_BAD, 1, 0, 0},
	{tag_text, UNSURE, PROBLEM_TAG_BAD, 1, 0, 0},
	{tag_name, UNSURE, PROBLEM_STRAY, 1, 0, 0},
	{tag_symlink, UNSURE, PROBLEM_SYMLINK, 1, 0, 0},
	{tag_file, SURE, PROBLEM_STRAY, 1, 0, 0},
	{tags_symlink, UNSURE, PROBLEM_SYMLINK, 1, 0, 0},
	{revisions_symlink, BLIND, PROBLEM_SYMLINK, 1, 0, -1},
	{repository_symlink, BLIND, PROBLEM_SYMLINK, 1, 0, 0},
	{repository_name, BLIND, PROBLEM_STRAY, 2, 0, 0},
	{repository_name_uploads, SURE, PROBLEM_STRAY, 2, 0, 0},
	{repository_stray, SURE, PROBLEM_STRAY, 2, 0, 0},
	{repository_deep, BLIND, PROBLEM_STRAY, 1, 0, 0},
	{manifest_missing, UNSURE, PROBLEM_MANIFEST_MISSING, 1, 0, 0},
	{manifest_empty, UNSURE, PROBLEM_DIGEST, 1, 0, 0},
	{manifest_changed, UNSURE, PROBLEM_DIGEST, 1, 0, 0},
	{manifest_none, UNSURE, PROBLEM_MANIFEST_UNREADABLE, 1, 0, 0},
	{manifest_large, UNSURE, PROBLEM_MANIFEST_UNREADABLE, 1, 0, 0},
	{tag_dangling, UNSURE, 0, 0, 0, 0},
	{child_unreadable, SURE, PROBLEM_MANIFEST_UNREADABLE, 1, 0, 0},
	{child_missing, SURE, 0, 0, 0, 0},
	{blob_symlink, SURE, PROBLEM_SYMLINK, 1, 0, 0},
	{blob_folder_symlink, SURE, PROBLEM_SYMLINK, 1, 0, 0},
	{blob_no_file, SURE, PROBLEM_ACCESS, 1, 0, 0},
	{blob_gone, SURE, 0, 0, 0, 0},
	{blobs_symlink, BLIND, PROBLEM_SYMLINK, 1, 1, 0},
	{blobs_part_symlink, BLIND, PROBLEM_SYMLINK, 1, 1, 0},
	{stray_data, SURE, PROBLEM_STRAY_DATA, 4, 0, 0},
	{stray_others, SURE, PROBLEM_STRAY, 5, 0, 0},
	{upload_bare, SURE, PROBLEM_UPLOAD, 1, 0, 0},
	{upload_bad, SURE, PROBLEM_UPLOAD, 1, 1, 0},
};

static void check_odd(const struct odd *o, const struct odd_case *c, const char *why)
{
	const struct store_repository *r;
	const struct store_link *l;
	struct store s;

	read_tree(&o->tree, SCAN_HISTORY, &s);
	r = repository(&s, "a");
	check(r, why);
	check_int(s.blind != NULL, c->outcome == BLIND, why);
	if (c->outcome != BLIND)
		check_int(r->unsure != NULL, c->outcome == UNSURE, why);
	if (c->n)
		check_int(count(&s, c->kind), c->n, why);
	check_int(s.problems.count, c->n + c->others, why);
	l = find_link(&s, "a", &o->image.manifest, LINK_REVISION);
	check_int(l ? l->flags : -1, c->link, why);
	store_done(&s);
}

static void test_odd_storages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd_cases); i++) {
		struct odd o;
		char why[32];

		snprintf(why, sizeof(why), "case %zu", i);
		tree_make(&o.tree);
		o.image = tree_image(&o.tree, "a", "v", "seed");
		o.other = tree_blob(&o.tree, "a blob");
		odd_cases[i].make(&o);
		check_odd(&o, &odd_cases[i], why);
		tree_remove(&o.tree);
	}
}

/* What is known of a blob whose place is taken by something else, or that is gone. */
static void test_odd_blobs(void **state)
{
	static const struct {
		void (*make)(const struct odd *o);
		int layer, manifest; /* flags */
	} cases[] = {
		{blob_symlink, BLOB_ODD, BLOB_PRESENT | BLOB_NAMED},
		{blob_folder_symlink, BLOB_ODD, BLOB_PRESENT | BLOB_NAMED},
		{blob_no_file, BLOB_ODD, BLOB_PRESENT | BLOB_NAMED},
		{blob_gone, 0, BLOB_PRESENT | BLOB_NAMED},
		{manifest_missing, BLOB_PRESENT, BLOB_NAMED},
		{manifest_empty, BLOB_PRESENT, BLOB_PRESENT | BLOB_NAMED | BLOB_UNREADABLE | BLOB_BAD_BYTES},
		{manifest_large, BLOB_PRESENT, BLOB_PRESENT | BLOB_NAMED | BLOB_UNREADABLE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store s;
		struct odd o;

		tree_make(&o.tree);
		o.image = tree_image(&o.tree, "a", "v", "seed");
		cases[i].make(&o);
		read_tree(&o.tree, 0, &s);
		assert_int_equal(blob(&s, &o.image.layers[0])->flags, cases[i].layer);
		assert_int_equal(blob(&s, &o.image.manifest)->flags, cases[i].manifest);
		store_done(&s);
		tree_remove(&o.tree);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_odd_storages),
		cmocka_unit_test(test_odd_blobs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
