/* SPDX-License-Identifier: MIT */
/* What a push has half done is read once more, after one wait for all: here the wait is what ends the push.
 */
#include <errno.h>

#include "scanned.h"

struct push {
	struct tree tree;
	struct tree_image image; /* of a:v, with another one in a:w */
	struct tree_blob index;
};

static const struct push *under_way;
static void (*meanwhile)(const struct push *p);
static unsigned waits;

/* The linker sends the scan's wait here (--wrap). */
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);

int __wrap_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	assert_int_equal(time->tv_sec, 0);
	waits++;
	if (meanwhile)
		meanwhile(under_way);
	return 0;
}

/* ---- half, and whole again ---- */

static const char *tag(void)
{
	return tree_tag_path("a", "v");
}

static void tag_empty(const struct push *p)
{
	tree_puts(&p->tree, tag(), "");
}

static void tag_half(const struct push *p)
{
	tree_puts(&p->tree, tag(), "sha256:0123");
}

static void tag_no_link(const struct push *p)
{
	tree_drop(&p->tree, tag());
}

static void tag_written(const struct push *p)
{
	tree_tag(&p->tree, "a", "v", &p->image.manifest);
}

static void tag_other(const struct push *p)
{
	const struct tree_image other = tree_image(&p->tree, "a", "v", "other");

	(void)other;
}

static void tag_removed(const struct push *p)
{
	tree_drop(&p->tree, REPOSITORIES "a/_manifests/tags/v");
}

static void all_removed(const struct push *p)
{
	tree_drop(&p->tree, REPOSITORIES "a");
}

static void revision_empty(const struct push *p)
{
	tree_puts(&p->tree, tree_revision_path("a", &p->image.manifest), "");
}

static void revision_written(const struct push *p)
{
	tree_revision(&p->tree, "a", &p->image.manifest);
}

static void layer_empty(const struct push *p)
{
	tree_puts(&p->tree, tree_layer_path("a", &p->image.layers[0]), "");
}

static void layer_written(const struct push *p)
{
	tree_layer(&p->tree, "a", &p->image.layers[0]);
}

/* By another digest: its link leads to where it lies. */
static void layer_alias(const struct push *p)
{
	struct tree_blob by512 = tree_blob_512(&p->tree, "by another");
	const struct tree_blob by256 = tree_blob(&p->tree, "by another");

	tree_drop(&p->tree, tree_blob_path(&by512));
	tree_puts(&p->tree, tree_layer_path("a", &by512), by256.text);
}

static void alias_empty(const struct push *p)
{
	struct tree_blob by512 = tree_blob_512(&p->tree, "by another");

	tree_drop(&p->tree, tree_blob_path(&by512));
	tree_puts(&p->tree, tree_layer_path("a", &by512), "");
}

static void manifest_empty(const struct push *p)
{
	tree_puts(&p->tree, tree_blob_path(&p->image.manifest), "");
}

static char manifest_text[4096];

static void manifest_written(const struct push *p)
{
	tree_puts(&p->tree, tree_blob_path(&p->image.manifest), manifest_text);
}

static void several(const struct push *p)
{
	tag_empty(p);
	revision_empty(p);
	layer_empty(p);
	manifest_empty(p);
}

static void several_written(const struct push *p)
{
	tag_written(p);
	revision_written(p);
	layer_written(p);
	manifest_written(p);
}

static const struct {
	const char *why;
	void (*before)(const struct push *p), (*then)(const struct push *p);
	bool old; /* all of it is of yesterday */
	unsigned waits;
	size_t problems;
	bool unsure;
} cases[] = {
	{"nothing to wait for", NULL, NULL, false, 0, 0, false},
	{"a tag's link that is empty", tag_empty, tag_written, false, 1, 0, false},
	{"half of it", tag_half, tag_written, false, 1, 0, false},
	{"or not there yet", tag_no_link, tag_written, false, 1, 0, false},
	{"an image that came along", tag_empty, tag_other, false, 1, 0, false},
	{"it was about to go", tag_empty, tag_removed, false, 1, 0, false},
	{"with all around it", tag_empty, all_removed, false, 1, 0, false},
	{"it stays empty", tag_empty, NULL, false, 1, 1, true},
	{"and has been for long", tag_empty, tag_written, true, 0, 1, true},
	{"it is not there, and has not been for long", tag_no_link, tag_written, true, 0, 1, true},
	{"a revision's link", revision_empty, revision_written, false, 1, 0, false},
	{"that stays empty", revision_empty, NULL, false, 1, 1, false},
	{"a layer's link", layer_empty, layer_written, false, 1, 0, false},
	{"that stays empty", layer_empty, NULL, false, 1, 1, false},
	{"that is old", layer_empty, layer_written, true, 0, 1, false},
	{"that leads to another digest", alias_empty, layer_alias, false, 1, 0, false},
	{"a manifest that is written in place", manifest_empty, manifest_written, false, 1, 0, false},
	{"it stays empty", manifest_empty, NULL, false, 1, 1, true},
	{"it is old", manifest_empty, manifest_written, true, 0, 1, true},
	{"one wait for all", several, several_written, false, 1, 0, false},
	{"which may be in vain", several, NULL, false, 1, 4, true},
};

static void test_once_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *why = cases[i].why;
		const struct store_repository *r;
		struct push p;
		struct store s;

		tree_make(&p.tree);
		p.image = tree_image(&p.tree, "a", "v", "seed");
		tree_image(&p.tree, "a", "w", "beside");
		tree_image(&p.tree, "b", "v", "seed");
		{
			char *json = tree_manifest_json(&p.image.config, p.image.layers, 2, NULL);

			snprintf(manifest_text, sizeof(manifest_text), "%s", json);
			free(json);
		}
		if (cases[i].before)
			cases[i].before(&p);
		if (cases[i].old)
			tree_age_all(&p.tree, time(NULL) - 86400);
		waits = 0;
		under_way = &p;
		meanwhile = cases[i].then;
		read_tree(&p.tree, SCAN_HISTORY, &s);
		r = repository(&s, "a");
		check_int(waits, cases[i].waits, why);
		/* A manifest that is broken is told in both repositories. */
		check_int((long)(s.problems.nproblems - count(&s, PROBLEM_DIGEST) / 2),
			  (long)cases[i].problems, why);
		check_int(r && r->unsure, cases[i].unsure, why);
		if (!cases[i].problems && blob(&s, &p.image.manifest)->flags & BLOB_PRESENT)
			check_int(!!blob(&s, &p.image.manifest)->manifest, 1, why);
		for (uint32_t k = 0; k < s.nlinks && !cases[i].problems; k++)
			if (cases[i].then != all_removed)
				check_int(s.links[k].flags, 0, why);
		store_done(&s);
		tree_remove(&p.tree);
	}
}

/* ---- what came after blobs were read ---- */

static struct tree_image late;

static void late_image(const struct push *p)
{
	late = tree_image(&p->tree, "a", "v", "late");
}

static void test_what_comes_later(void **state)
{
	const struct store_blob *b;
	struct push p;
	struct store s;

	(void)state;
	tree_make(&p.tree);
	tree_image(&p.tree, "a", "w", "beside");
	tree_folder(&p.tree, REPOSITORIES "a/_manifests/tags/v");
	under_way = &p;
	meanwhile = late_image;
	read_tree(&p.tree, 0, &s);
	b = blob(&s, &late.manifest);
	assert_non_null(b);
	assert_true(b->flags & BLOB_PRESENT);
	assert_non_null(b->manifest);
	assert_int_equal(b->size, (int64_t)late.manifest.size);
	for (int i = 0; i < 2; i++) { /* which only the manifest names */
		assert_true(blob(&s, &late.layers[i])->flags & BLOB_PRESENT);
		assert_int_equal(blob(&s, &late.layers[i])->size, (int64_t)late.layers[i].size);
	}
	assert_null(repository(&s, "a")->unsure);
	assert_int_equal(s.problems.count, 0);
	store_done(&s);
	tree_remove(&p.tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once_more),
		cmocka_unit_test(test_what_comes_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
