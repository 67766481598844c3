/* SPDX-License-Identifier: MIT */
/* A storage read, as registries write it; the quarantine; and what may not be read. */
#include <errno.h>
#include <signal.h>

#include "scanned.h"

/* ---- what registries write ---- */

static void test_images(void **state)
{
	const struct store_repository *r;
	const struct store_blob *b;
	struct tree_image one, two;
	struct tree_blob index;
	struct store s;
	struct tree t;

	(void)state;
	tree_make(&t);
	one = tree_image(&t, "library/nginx", "1.0", "one");
	two = tree_image(&t, "library/nginx", NULL, "two");
	index = tree_index(&t, "library/nginx", "all", (struct tree_blob[]){one.manifest, two.manifest}, 2);
	tree_image(&t, "library", "x", "one");
	tree_upload(&t, "library/nginx", "some-uuid", "2026-11-20T10:00:00Z", "half a layer");
	tree_age_all(&t, 1700000000);
	tree_age(&t, tree_tag_path("library/nginx", "1.0"), 1700000100);
	tree_age(&t, tree_revision_path("library/nginx", &two.manifest), 1700000200);
	tree_age(&t, tree_blob_path(&two.layers[1]), 1700000300);
	read_tree(&t, 0, &s);

	assert_int_equal(s.problems.count, 0);
	assert_null(s.blind);
	assert_int_equal(s.nblobs, 9);
	assert_int_equal(s.nrepositories, 2);
	assert_string_equal(s.repositories[0].name, "library");
	r = repository(&s, "library/nginx");
	assert_int_equal(r->nlinks, 3 + 6);
	assert_null(r->unsure);
	assert_true(r->has_manifests && r->has_tags && r->has_layers);
	assert_int_equal(r->changed, 1700000000);
	assert_int_equal(r->ntags, 2);
	assert_string_equal(r->tags[0].name, "1.0");
	assert_int_equal(r->tags[0].blob, blob(&s, &one.manifest)->number);
	assert_int_equal(r->tags[0].changed, 1700000100);
	assert_int_equal(r->tags[0].nentries, 0); /* nobody asked for them */
	assert_int_equal(r->nuploads, 1);
	assert_string_equal(r->uploads[0].id, "some-uuid");
	assert_int_equal(r->uploads[0].started, 1795168800);
	assert_int_equal(r->uploads[0].changed, 1700000000);
	assert_int_equal(r->uploads[0].size, 12 + 20);
	assert_int_equal(find_link(&s, "library/nginx", &two.manifest, LINK_REVISION)->changed, 1700000200);
	assert_null(find_link(&s, "library", &two.manifest, LINK_REVISION));
	assert_non_null(find_link(&s, "library", &one.config, LINK_LAYER));

	b = blob(&s, &two.layers[1]);
	assert_int_equal(b->flags, BLOB_PRESENT);
	assert_int_equal(b->size, (int64_t)two.layers[1].size);
	assert_int_equal(b->changed, 1700000300);
	assert_null(b->manifest);
	b = blob(&s, &one.manifest);
	assert_int_equal(b->flags, BLOB_PRESENT | BLOB_NAMED);
	assert_int_equal(b->manifest->nrefs, 3);
	assert_string_equal(b->manifest->type, "application/vnd.oci.image.config.v1+json");
	assert_string_equal(b->manifest->platform, "linux/amd64");
	assert_string_equal(blob(&s, &two.manifest)->manifest->platform, "linux/arm64/v8");
	assert_int_equal(blob(&s, &index)->manifest->kind, REG_KIND_INDEX);
	store_done(&s);
	tree_remove(&t);
}

static void test_history(void **state)
{
	const struct store_tag *tag;
	struct tree_blob one, two;
	struct store s;
	struct tree t;

	(void)state;
	tree_make(&t);
	one = tree_image(&t, "a", "v", "one").manifest;
	two = tree_image(&t, "a", "v", "two").manifest;
	tree_age(&t, tree_entry_path("a", "v", &one), 1700000000);
	tree_age(&t, tree_entry_path("a", "v", &two), 1700000001);
	read_tree(&t, SCAN_HISTORY, &s);
	tag = &repository(&s, "a")->tags[0];
	assert_int_equal(tag->blob, blob(&s, &two)->number);
	assert_int_equal(tag->nentries, 2);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(tag->entries[i].pushed,
				 1700000000 + (tag->entries[i].blob == blob(&s, &two)->number));
	store_done(&s);
	tree_remove(&t);
}

static void test_other_digests_and_nothing(void **state)
{
	struct tree_blob b;
	struct store s;
	struct tree t;

	(void)state;
	tree_make(&t);
	read_tree(&t, 0, &s);
	assert_int_equal(s.nblobs + s.nrepositories + s.problems.count, 0);
	store_done(&s);
	tree_folder(&t, TREE_V2);
	read_tree(&t, 0, &s); /* B8 */
	assert_int_equal(s.nblobs + s.nrepositories + s.problems.count, 0);
	store_done(&s);
	b = tree_blob_512(&t, "{\"schemaVersion\":2}");
	tree_revision(&t, "a", &b);
	tree_layer(&t, "a", &b);
	read_tree(&t, 0, &s);
	assert_int_equal(s.problems.count, 0);
	assert_non_null(blob(&s, &b)->manifest);
	assert_int_equal(repository(&s, "a")->nlinks, 2);
	store_done(&s);
	tree_remove(&t);
}

/* BuildKit keeps the layers of its cache in an index; and a type says nothing about what is really there. */
static void test_an_index_that_lists_layers(void **state)
{
	static const char entry[] =
		"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"%s\"}";
	char one[300], two[300], three[300], json[1200];
	struct tree_blob layer, fake, index, missing = tree_blob_of("gone", 4);
	const struct store_manifest *m;
	struct tree_image image;
	struct store s;
	struct tree t;

	(void)state;
	tree_make(&t);
	image = tree_image(&t, "b", NULL, "seed");
	layer = tree_blob(&t, "\x1f\x8b layer");
	fake = tree_blob(&t, "{\"no\":\"manifest\"}");
	tree_drop(&t, REPOSITORIES "b"); /* only the index names it */
	snprintf(one, sizeof(one), entry, layer.text);
	snprintf(two, sizeof(two), entry, image.manifest.text);
	snprintf(three, sizeof(three), entry, missing.text);
	snprintf(json, sizeof(json),
		 "{\"schemaVersion\":2,\"manifests\":[%s,%s,%s,{\"mediaType\":\"x/y\",\"digest\":\"%s\"}]}",
		 one, two, three, fake.text);
	index = tree_manifest(&t, "a", "cache", json);
	read_tree(&t, 0, &s);
	m = blob(&s, &index)->manifest;
	assert_int_equal(m->nrefs, 4);
	assert_int_equal(m->refs[0].role, ROLE_LAYER);
	assert_int_equal(m->refs[1].role, ROLE_CHILD);
	assert_int_equal(m->refs[2].role, ROLE_LAYER);
	assert_int_equal(m->refs[3].role, ROLE_LAYER);
	assert_int_equal(blob(&s, &image.manifest)->manifest->nrefs, 3);
	assert_int_equal(blob(&s, &layer)->flags, BLOB_PRESENT);
	assert_int_equal(s.problems.count, 0);
	assert_null(repository(&s, "a")->unsure);
	store_done(&s);
	tree_remove(&t);
}

/* ---- the quarantine ---- */

static void test_what_is_aside(void **state)
{
	struct tree_image one, two;
	char path[2048];
	struct store s;
	struct tree t;

	(void)state;
	tree_make(&t);
	one = tree_image(&t, "a", NULL, "one");
	two = tree_image(&t, "gone/b", NULL, "two");
	snprintf(path, sizeof(path), ".regfs-gc/quarantine/blobs/sha256/%.2s/%s", one.manifest.text + 7,
		 one.manifest.text + 7);
	tree_move(&t, tree_blob_path(&one.manifest), path);
	snprintf(path, sizeof(path), ".regfs-gc/quarantine/blobs/sha256/%.2s/%s", one.config.text + 7,
		 one.config.text + 7);
	tree_puts(&t, path, "whatever"); /* there as well: that one counts */
	snprintf(path, sizeof(path), ".regfs-gc/quarantine/repositories/a/_manifests/revisions/sha256/%s",
		 one.manifest.text + 7);
	tree_move(&t, tree_revision_path("a", &one.manifest), path);
	snprintf(path, sizeof(path), ".regfs-gc/quarantine/repositories/a/_layers/sha256/%s",
		 one.config.text + 7);
	tree_puts(&t, path, one.config.text);
	snprintf(path, sizeof(path),
		 ".regfs-gc/quarantine/repositories/gone/b/_manifests/revisions/sha256/%s",
		 two.manifest.text + 7);
	tree_move(&t, tree_revision_path("gone/b", &two.manifest), path);
	tree_drop(&t, REPOSITORIES "gone");
	tree_drop(&t, tree_blob_path(&two.manifest));
	read_tree(&t, 0, &s);

	assert_int_equal(s.problems.count, 0);
	assert_int_equal(blob(&s, &one.manifest)->flags, BLOB_ASIDE | BLOB_NAMED);
	assert_int_equal(blob(&s, &one.manifest)->size, (int64_t)one.manifest.size);
	assert_int_equal(blob(&s, &one.manifest)->manifest->nrefs, 3);
	assert_int_equal(blob(&s, &one.config)->flags, BLOB_ASIDE | BLOB_PRESENT);
	assert_int_equal(blob(&s, &one.config)->size, (int64_t)one.config.size);
	assert_int_equal(find_link(&s, "a", &one.manifest, LINK_REVISION)->flags, LINK_ASIDE);
	assert_int_equal(find_link(&s, "a", &one.config, LINK_LAYER)->flags, LINK_ASIDE_TOO);
	assert_int_equal(find_link(&s, "a", &one.layers[0], LINK_LAYER)->flags, 0);
	assert_int_equal(find_link(&s, "gone/b", &two.manifest, LINK_REVISION)->flags, LINK_ASIDE);
	assert_false(repository(&s, "gone/b")->has_manifests);
	assert_null(repository(&s, "gone/b")->unsure); /* a link that was taken away promises nothing */
	store_done(&s);
	tree_remove(&t);
}

static void test_another_quarantine(void **state)
{
	struct storage storage;
	struct tree_blob b;
	struct store s;
	char path[2048];
	struct tree t;

	(void)state;
	tree_make(&t);
	b = tree_image(&t, "a", NULL, "one").layers[0];
	snprintf(path, sizeof(path), ".kept/blobs/sha256/%.2s/%s", b.text + 7, b.text + 7);
	tree_move(&t, tree_blob_path(&b), path);
	tree_puts(&t, ".regfs-gc/id", "00112233445566778899aabbccddeeff\n");
	tree_puts(&t, ".kept/regfs-gc-quarantine", "00112233445566778899aabbccddeeff\n/where it was\n");
	tree_puts(&t, ".kept/blobs/sha256/zz/note", "");
	assert_int_equal(storage_open(t.folder.path, folder_path(&t.folder, ".kept"), &storage, NULL), 0);
	assert_int_equal(scan(&storage, 0, NULL, &s), 0);
	assert_int_equal(blob(&s, &b)->flags, BLOB_ASIDE);
	assert_int_equal(s.problems.count, 1);
	snprintf(path, sizeof(path), "%s/blobs/sha256/zz/note", folder_path(&t.folder, ".kept"));
	assert_string_equal(s.problems.items[0].path, path); /* by the name that was given */
	store_done(&s);
	storage_close(&storage);
	assert_int_equal(storage_open(t.folder.path, folder_path(&t.folder, "none"), &storage, NULL), 0);
	assert_int_equal(storage.aside, -1);
	storage_close(&storage);
	tree_remove(&t);
}

/* ---- what may not be read ---- */

static void test_no_permission(void **state)
{
	static const struct {
		const char *path;
		enum outcome outcome;
	} cases[] = {
		{TREE_V2 "blobs", BLIND},
		{BLOBS "sha256", BLIND},
		{TREE_V2 "repositories", BLIND},
		{REPOSITORIES "a", BLIND},
		{REPOSITORIES "a/_manifests", BLIND},
		{REPOSITORIES "a/_manifests/revisions", BLIND},
		{REPOSITORIES "a/_manifests/revisions/sha256", BLIND},
		{REPOSITORIES "a/_manifests/tags", UNSURE},
		{REPOSITORIES "a/_manifests/tags/v/current", UNSURE},
		{REPOSITORIES "a/_layers", UNSURE},
		{REPOSITORIES "a/_layers/sha256", UNSURE},
		{REPOSITORIES "a/_uploads", SURE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct store_repository *r;
		struct store s;
		struct tree t;

		tree_make(&t);
		tree_image(&t, "a", "v", "seed");
		tree_upload(&t, "a", "id", NULL, "");
		tree_forbid(&t, cases[i].path);
		tree_unprivileged(true);
		read_tree(&t, 0, &s);
		tree_unprivileged(false);
		check_int(s.blind != NULL, cases[i].outcome == BLIND, cases[i].path);
		check(count(&s, PROBLEM_ACCESS) > 0, cases[i].path);
		r = repository(&s, "a");
		if (cases[i].outcome != BLIND)
			check_int(r->unsure != NULL, cases[i].outcome == UNSURE, cases[i].path);
		store_done(&s);
		tree_allow(&t, cases[i].path);
		tree_remove(&t);
	}
}

/* A manifest that may not be read: its repository is not sure, and its text says why. */
static void test_a_manifest_without_permission(void **state)
{
	struct tree_blob b;
	struct store s;
	struct tree t;

	(void)state;
	tree_make(&t);
	b = tree_image(&t, "a", "v", "seed").manifest;
	tree_forbid(&t, tree_blob_path(&b));
	tree_unprivileged(true);
	read_tree(&t, 0, &s);
	tree_unprivileged(false);
	assert_int_equal(s.problems.count, 1);
	assert_int_equal(s.problems.items[0].kind, PROBLEM_MANIFEST_UNREADABLE);
	assert_string_equal(s.problems.items[0].repository, "a");
	assert_non_null(strstr(s.problems.items[0].text, strerror(EACCES)));
	assert_non_null(strstr(s.problems.items[0].text, "become root"));
	assert_non_null(strstr(repository(&s, "a")->unsure, b.text));
	store_done(&s);
	tree_remove(&t);
}

static void test_an_interrupt(void **state)
{
	struct progress *p = progress_new(-1, true);
	volatile sig_atomic_t flag = 0;
	struct storage storage;
	struct store s;
	struct tree t;

	(void)state;
	tree_make(&t);
	tree_image(&t, "a", "v", "seed");
	progress_interrupt(p, &flag);
	assert_int_equal(storage_open(t.folder.path, NULL, &storage, NULL), 0);
	assert_int_equal(scan(&storage, 0, p, &s), 0);
	store_done(&s);
	flag = 1;
	assert_int_equal(scan(&storage, 0, p, &s), -EINTR);
	store_done(&s);
	storage_close(&storage);
	progress_free(p);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_other_digests_and_nothing),
		cmocka_unit_test(test_an_index_that_lists_layers),
		cmocka_unit_test(test_what_is_aside),
		cmocka_unit_test(test_another_quarantine),
		cmocka_unit_test(test_no_permission),
		cmocka_unit_test(test_a_manifest_without_permission),
		cmocka_unit_test(test_an_interrupt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
