/* SPDX-License-Identifier: MIT */
/* A scan with each of its allocations failing in turn: it says so, and leaks nothing. */
#include <errno.h>

#include "failing.h"
#include "scanned.h"

void *__real_reallocarray(void *p, size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	if (atomic_load(&failing_left) >= 0 && atomic_fetch_sub(&failing_left, 1) == 0)
		return NULL;
	return __real_reallocarray(p, n, size);
}

static void make(const struct tree *t)
{
	const struct tree_image image = tree_image(t, "a", "v", "seed");
	const struct tree_blob other = tree_blob(t, "no manifest");
	char path[600];

	tree_index(t, "a", "all", &image.manifest, 1);
	tree_revision(t, "a", &other);
	tree_upload(t, "a", "id", NULL, "data");
	tree_puts(t, tree_layer_path("a", &image.layers[0]), "");
	tree_puts(t, REPOSITORIES "a/_manifests/tags/w/current/link", "");
	tree_puts(t, BLOBS "sha256/lost/data", "x");
	snprintf(path, sizeof(path), ".regfs-gc/quarantine/repositories/b/_layers/sha256/%s", other.text + 7);
	tree_puts(t, path, other.text);
}

/* Did one fail? */
static bool try_with(const struct tree *t, int failing)
{
	struct storage storage;
	struct store s;
	bool failed;
	int r;

	atomic_store(&failing_left, failing);
	r = storage_open(t->folder.path, NULL, &storage, NULL);
	if (r == 0) {
		r = scan(&storage, SCAN_HISTORY, NULL, &s);
		failed = atomic_exchange(&failing_left, -1) < 0;
		if (r == 0)
			assert_int_equal(s.problems.count, 5);
		store_done(&s);
		storage_close(&storage);
	} else {
		failed = atomic_exchange(&failing_left, -1) < 0;
	}
	assert_int_equal(r, failed ? -ENOMEM : 0);
	return failed;
}

static void test_each_allocation(void **state)
{
	struct tree t;
	int n = 0;

	(void)state;
	tree_make(&t);
	make(&t);
	while (try_with(&t, n))
		n++;
	assert_in_range(n, 100, 5000);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
