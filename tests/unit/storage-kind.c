/* SPDX-License-Identifier: MIT */
#include "storage/kind.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"
#include "unit.h"

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
	const char *why, *data;
	size_t length;
	enum kind want;
} cases[] = {
	{"nothing", BYTES(""), KIND_EMPTY},
	{"one byte", BYTES("x"), KIND_OTHER},
	{"gzip", BYTES("\x1f\x8b\x08"), KIND_GZIP},
	{"half of gzip's", BYTES("\x1f"), KIND_OTHER},
	{"zstd", BYTES("\x28\xb5\x2f\xfd rest"), KIND_ZSTD},
	{"zstd, a frame to be skipped", BYTES("\x50\x2a\x4d\x18\x04"), KIND_ZSTD},
	{"likewise, the last one", BYTES("\x5f\x2a\x4d\x18"), KIND_ZSTD},
	{"not one", BYTES("\x60\x2a\x4d\x18"), KIND_OTHER},
	{"xz", BYTES("\xfd\x37\x7a\x58\x5a\x00 rest"), KIND_XZ},
	{"bzip2", BYTES("BZh9"), KIND_BZIP2},
	{"an index", BYTES("{\"schemaVersion\":2,\"manifests\":[]}"), KIND_INDEX},
	{"an index after blanks", BYTES(" \r\n\t{\"manifests\":[{}]}\n"), KIND_INDEX},
	{"a manifest", BYTES("{\"schemaVersion\":2,\"config\":{},\"layers\":[]}"), KIND_MANIFEST},
	{"schema 1", BYTES("{\"schemaVersion\":1,\"architecture\":\"x\",\"fsLayers\":[]}"), KIND_MANIFEST},
	{"an artifact's", BYTES("{\"schemaVersion\":2,\"blobs\":[]}"), KIND_MANIFEST},
	{"a config", BYTES("{\"rootfs\":{}}"), KIND_CONFIG},
	{"a config without files", BYTES("{\"architecture\":\"arm\",\"os\":\"linux\"}"), KIND_CONFIG},
	{"half of that", BYTES("{\"architecture\":\"arm\"}"), KIND_JSON},
	{"a config that has a config", BYTES("{\"config\":{},\"rootfs\":{}}"), KIND_CONFIG},
	{"another case is another name", BYTES("{\"RootFS\":{}}"), KIND_JSON},
	{"other JSON", BYTES("{}"), KIND_JSON},
	{"no JSON after all", BYTES("{\"a\":"), KIND_OTHER},
	{"an array is nobody's", BYTES("[]"), KIND_OTHER},
	{"blanks", BYTES("   "), KIND_OTHER},
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* Exactly as long, so that reading past its end shows. */
		auto_free char *data = malloc(cases[i].length + !cases[i].length);

		assert_non_null(data);
		memcpy(data, cases[i].data, cases[i].length);
		check_int(kind_of(data, cases[i].length, cases[i].length), cases[i].want, cases[i].why);
	}
}

static void large(void **state)
{
	char head[KIND_HEAD];

	(void)state;
	memset(head, ' ', sizeof(head));
	head[5] = '{';
	check_int(kind_of(head, sizeof(head), REG_MAX_CONFIG + 1), KIND_OTHER, "too large for JSON");
	memcpy(head, "\x1f\x8b", 2);
	check_int(kind_of(head, sizeof(head), (uint64_t)1 << 40), KIND_GZIP, "a large layer");
}

static void tars(void **state)
{
	unsigned char head[1024] = "name";
	unsigned sum = 0;

	(void)state;
	for (size_t i = 0; i < KIND_HEAD; i++)
		sum += i >= 148 && i < 156 ? ' ' : head[i];
	snprintf((char *)head + 148, 8, "%06o", sum);
	check_int(kind_of(head, KIND_HEAD, 10240), KIND_TAR, "tar before ustar, by its sum");
	snprintf((char *)head + 148, 8, " %o ", sum);
	check_int(kind_of(head, KIND_HEAD, 10240), KIND_TAR, "blanks around it");
	check_int(kind_of(head, KIND_HEAD - 1, KIND_HEAD - 1), KIND_OTHER, "too short");
	head[0]++;
	check_int(kind_of(head, KIND_HEAD, 10240), KIND_OTHER, "another sum");
	memset(head + 148, ' ', 8);
	check_int(kind_of(head, KIND_HEAD, 10240), KIND_OTHER, "no sum");
	memcpy(head + 257, "ustar", 5);
	check_int(kind_of(head, KIND_HEAD, 10240), KIND_TAR, "ustar");
	memset(head, 0, sizeof(head));
	check_int(kind_of(head, KIND_HEAD, 1024), KIND_TAR, "a tar of nothing");
	check_int(kind_of(head, KIND_HEAD, 512), KIND_OTHER, "zeros, and no tar");
	check_int(kind_of(head, KIND_HEAD, 1025), KIND_OTHER, "nor this");
}

static struct store_blob blob_of(const struct tree_blob *b, uint8_t flags)
{
	return (struct store_blob){.digest = b->digest, .flags = flags, .size = (int64_t)b->size};
}

static void files(void **state)
{
	char text[4096] = "{\"pad\":\"", long_json[2048];
	struct storage s = {.aside = -1};
	struct tree_blob json, manifest, gone;
	struct store_manifest known = {.kind = REG_KIND_INDEX};
	struct store_blob b;
	struct tree t;

	(void)state;
	tree_make(&t);
	memset(long_json, 'x', sizeof(long_json) - 1);
	long_json[sizeof(long_json) - 1] = 0;
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\",\"rootfs\":{}}", long_json);
	json = tree_blob(&t, text);
	manifest = tree_blob(&t, "{\"schemaVersion\":2,\"layers\":[]}");
	gone = tree_blob_of("gone", 4);
	s.v2 = open(t.folder.path, O_RDONLY | O_DIRECTORY);
	assert_true(s.v2 >= 0);
	s.root = s.v2;
	s.v2 = openat(s.root, TREE_V2, O_RDONLY | O_DIRECTORY);
	assert_true(s.v2 >= 0);

	b = blob_of(&json, BLOB_PRESENT);
	check_int(kind_of_blob(&s, &b), KIND_CONFIG, "read to its end");
	b = blob_of(&manifest, BLOB_PRESENT);
	check_int(kind_of_blob(&s, &b), KIND_MANIFEST, "a manifest that nobody names");
	b = blob_of(&gone, BLOB_PRESENT);
	check_int(kind_of_blob(&s, &b), KIND_UNREADABLE, "gone meanwhile");
	b = blob_of(&gone, 0);
	check_int(kind_of_blob(&s, &b), KIND_UNREADABLE, "gone before");
	b = blob_of(&gone, BLOB_PRESENT);
	b.manifest = &known;
	check_int(kind_of_blob(&s, &b), KIND_INDEX, "one that was read");
	known.kind = REG_KIND_SCHEMA1;
	check_int(kind_of_blob(&s, &b), KIND_MANIFEST, "likewise");
	tree_drop(&t, tree_blob_path(&json));
	tree_symlink(&t, tree_blob_path(&json), "/etc/passwd");
	b = blob_of(&json, BLOB_PRESENT);
	check_int(kind_of_blob(&s, &b), KIND_UNREADABLE, "a symbolic link is not followed");
	close(s.v2);
	close(s.root);
	tree_remove(&t);
}

static void names(void **state)
{
	(void)state;
	for (int k = KIND_OTHER; k <= KIND_UNREADABLE; k++)
		assert_non_null(kind_name((enum kind)k));
	assert_string_equal(kind_name(KIND_GZIP), "gzip");
	assert_string_equal(kind_name(KIND_UNREADABLE), "unreadable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table), cmocka_unit_test(large), cmocka_unit_test(tars),
		cmocka_unit_test(files), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
