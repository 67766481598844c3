/* SPDX-License-Identifier: MIT */
/* Checks over files: what is read again there. */
#include "storage/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/scan.h"
#include "tree.h"
#include "unit.h"

struct checked {
	struct storage storage;
	struct store store;
	struct check_result result;
	int r;
};

static void read_store(const struct tree *t, struct checked *ret)
{
	memset(ret, 0, sizeof(*ret));
	assert_int_equal(storage_open(t->folder.path, NULL, &ret->storage, NULL), 0);
	assert_int_equal(scan(&ret->storage, 0, NULL, &ret->store), 0);
}

/* (check): unit.h has a macro of this name. */
static void check_store(struct checked *c, struct progress *progress)
{
	const struct check_options o = {.verify = true};
	const struct mark_options mo = {0};
	struct mark m;

	assert_int_equal(mark(&c->store, &mo, &m), 0);
	c->r = (check)(&c->storage, &c->store, &m, &o, progress, &c->result);
	mark_done(&m);
}

static void look(const struct tree *t, struct progress *progress, struct checked *ret)
{
	read_store(t, ret);
	check_store(ret, progress);
}

static void done(struct checked *c)
{
	store_done(&c->store);
	storage_close(&c->storage);
}

static void check_problem(const struct checked *c, size_t i, enum problem_kind kind, const char *repository,
			  const char *tag, const struct tree_blob *b)
{
	const struct problem *p = &c->store.problems.items[i];

	assert_true(i < c->store.problems.count);
	check_int(p->kind, kind, p->text);
	check_text(p->repository, repository, p->text);
	check_text(p->tag, tag, p->text);
	check(reg_digest_equal(&p->digest, &b->digest), p->text);
}

/* As many bytes, but others. */
static void spoil(const struct tree *t, const struct tree_blob *b)
{
	auto_free char *data = calloc(1, b->size + 1);

	assert_non_null(data);
	tree_put(t, tree_blob_path(b), data, b->size);
}

static void sound(void **state)
{
	struct tree_image images[3];
	struct checked c;
	struct tree t;

	(void)state;
	tree_make(&t);
	images[0] = tree_image(&t, "a", "t", "one");
	images[1] = tree_image(&t, "b/c", NULL, "two");
	images[2] = tree_image(&t, "b/c", "u", "one");
	tree_blob(&t, "nobody needs this");
	tree_index(&t, "b/c", "i", &images[1].manifest, 1);
	look(&t, NULL, &c);
	assert_int_equal(c.r, 0);
	assert_int_equal(c.store.problems.count, 0);
	assert_int_equal(c.result.tags, 3);
	assert_int_equal(c.result.manifests, 3);
	assert_int_equal(c.result.blobs, 9);
	assert_int_equal(c.result.verified, c.result.bytes);
	done(&c);
	tree_remove(&t);
}

static void spoiled(void **state)
{
	struct tree_image one, other;
	struct checked c;
	struct tree t;

	(void)state;
	tree_make(&t);
	one = tree_image(&t, "a", "t", "one");
	tree_image(&t, "b", "u", "one");
	other = tree_image(&t, "b", NULL, "two");
	spoil(&t, &one.layers[1]);
	spoil(&t, &other.config);
	look(&t, NULL, &c);
	assert_int_equal(c.r, 0);
	assert_int_equal(c.store.problems.count, 3);
	check_problem(&c, 0, PROBLEM_DIGEST, "a", "t", &one.layers[1]);
	check_problem(&c, 1, PROBLEM_DIGEST, "b", NULL, &other.config);
	check_problem(&c, 2, PROBLEM_DIGEST, "b", "u", &one.layers[1]);
	done(&c);
	tree_remove(&t);
}

/* The scan reads manifests, and knows nothing of tags. It is told once. */
static void spoiled_manifest(void **state)
{
	struct tree_image one;
	struct checked c;
	struct tree t;

	(void)state;
	tree_make(&t);
	one = tree_image(&t, "a", "t", "one");
	spoil(&t, &one.manifest);
	look(&t, NULL, &c);
	assert_int_equal(c.r, 0);
	assert_int_equal(c.store.problems.count, 1);
	check_problem(&c, 0, PROBLEM_DIGEST, "a", "t", &one.manifest);
	done(&c);
	tree_remove(&t);
}

static void sha512(void **state)
{
	struct tree_blob layer;
	struct tree_image one;
	auto_free char *json = NULL;
	struct checked c;
	struct tree t;

	(void)state;
	tree_make(&t);
	one = tree_image(&t, "a", "t", "one");
	layer = tree_blob_512(&t, "by another algorithm");
	tree_layer(&t, "a", &layer);
	json = tree_manifest_json(&one.config, &layer, 1, NULL);
	tree_manifest(&t, "a", "long", json);
	look(&t, NULL, &c);
	assert_int_equal(c.store.problems.count, 0);
	done(&c);
	spoil(&t, &layer);
	look(&t, NULL, &c);
	assert_int_equal(c.store.problems.count, 1);
	check_problem(&c, 0, PROBLEM_DIGEST, "a", "long", &layer);
	done(&c);
	tree_remove(&t);
}

/* As registries keep it: under its sha256, with a link from the one to the other. */
static void two_digests(void **state)
{
	static const char data[] = "pushed by its sha512";
	struct tree_blob named, kept;
	struct tree_image one;
	auto_free char *json = NULL;
	struct checked c;
	struct tree t;

	(void)state;
	tree_make(&t);
	one = tree_image(&t, "a", "t", "one");
	named = tree_blob_512(&t, data);
	tree_drop(&t, tree_blob_path(&named));
	kept = tree_blob(&t, data);
	tree_layer(&t, "a", &kept);
	tree_puts(&t, tree_layer_path("a", &named), kept.text);
	json = tree_manifest_json(&one.config, &named, 1, NULL);
	tree_manifest(&t, "a", "long", json);
	look(&t, NULL, &c);
	assert_int_equal(c.store.problems.count, 0);
	assert_int_equal(c.result.verified, c.result.bytes + kept.size); /* by each of its digests */
	done(&c);
	spoil(&t, &kept);
	look(&t, NULL, &c);
	assert_int_equal(c.store.problems.count, 2);
	for (size_t i = 0; i < 2; i++) {
		const bool first = reg_digest_equal(&c.store.problems.items[i].digest, &kept.digest);

		check_problem(&c, i, PROBLEM_DIGEST, "a", "long", first ? &kept : &named);
	}
	done(&c);
	tree_drop(&t, tree_blob_path(&kept));
	look(&t, NULL, &c);
	assert_int_equal(c.store.problems.nproblems, 1);
	check_problem(&c, 0, PROBLEM_LAYER_MISSING, "a", "long", &named);
	done(&c);
	tree_remove(&t);
}

/* Its own manifest cannot say what it was for any more; the index can. */
static void platform_of_a_missing_child(void **state)
{
	struct tree_blob children[2];
	struct checked c;
	struct tree t;

	(void)state;
	tree_make(&t);
	children[0] = tree_image(&t, "a", NULL, "one").manifest;
	children[1] = tree_image(&t, "a", NULL, "two").manifest;
	tree_index(&t, "a", "i", children, 2);
	tree_drop(&t, tree_blob_path(&children[1]));
	look(&t, NULL, &c);
	assert_int_equal(c.r, 0);
	assert_int_equal(c.store.problems.nproblems, 1);
	check_problem(&c, 0, PROBLEM_CHILD_MISSING, "a", "i", &children[1]);
	check(strstr(c.store.problems.items[0].text, ", linux/arm64/v8)"), c.store.problems.items[0].text);
	done(&c);
	tree_remove(&t);
}

static void interrupted(void **state)
{
	static volatile sig_atomic_t flag;
	struct progress *p = progress_new(-1, true);
	struct checked c;
	struct tree t;

	(void)state;
	assert_non_null(p);
	progress_interrupt(p, &flag);
	tree_make(&t);
	tree_image(&t, "a", "t", "one");
	look(&t, p, &c);
	assert_int_equal(c.r, 0);
	assert_true(c.result.verified > 0);
	done(&c);
	flag = 1;
	look(&t, p, &c);
	assert_int_equal(c.r, -EINTR);
	done(&c);
	tree_remove(&t);
	progress_free(p);
}

/* The index was seen, and what it names was linked behind the reader's back; or something else is there. */
static void linked_meanwhile(void **state)
{
	static const enum { ITS_OWN, ANOTHER, EMPTY } ways[] = {ITS_OWN, ANOTHER, EMPTY};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		struct tree_image one;
		struct checked c;
		struct tree t;

		tree_make(&t);
		one = tree_image(&t, "a", NULL, "one");
		tree_index(&t, "a", "i", &one.manifest, 1);
		tree_drop(&t, tree_revision_path("a", &one.manifest));
		tree_drop(&t, tree_layer_path("a", &one.layers[0]));
		read_store(&t, &c);
		tree_puts(&t, tree_revision_path("a", &one.manifest),
			  ways[i] == ITS_OWN   ? one.manifest.text
			  : ways[i] == ANOTHER ? one.config.text
					       : "");
		tree_puts(&t, tree_layer_path("a", &one.layers[0]), one.layers[0].text);
		check_store(&c, NULL);
		assert_int_equal(c.r, 0);
		check_int((int)c.store.problems.count, ways[i] != ITS_OWN, "problems");
		if (ways[i] != ITS_OWN)
			check_problem(&c, 0, PROBLEM_CHILD_MISSING, "a", "i", &one.manifest);
		done(&c);
		tree_remove(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound),
		cmocka_unit_test(spoiled),
		cmocka_unit_test(spoiled_manifest),
		cmocka_unit_test(sha512),
		cmocka_unit_test(two_digests),
		cmocka_unit_test(platform_of_a_missing_child),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(linked_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
