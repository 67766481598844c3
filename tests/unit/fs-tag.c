/* SPDX-License-Identifier: MIT */
/* What tags point to, and who shares it, over a scripted registry. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scripted_tree.h"
#include "unit.h"

#define ZERO "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define MANIFEST(n) \
	"{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"layers\":[]," \
	"\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\"," \
	"\"digest\":\"sha256:" ZERO "\",\"size\":2},\"annotations\":{\"n\":\"" n "\"}}"
#define ONE MANIFEST("1")
#define TWO MANIFEST("2")
#define GET(tag, known, ...)                                                                                 \
	{                                                                                                    \
		.request = "GET /v2/a/manifests/" tag, .if_none_match = (known), __VA_ARGS__                 \
	}
#define IS(content) .status = 200, .body = (content)

static char etag1[REG_DIGEST_MAX + 2], etag2[REG_DIGEST_MAX + 2];

static int setup(void **state)
{
	char text[REG_DIGEST_MAX];

	(void)state;
	snprintf(etag1, sizeof(etag1), "\"%s\"", digest_of(ONE, text));
	snprintf(etag2, sizeof(etag2), "\"%s\"", digest_of(TWO, text));
	return 0;
}

/* The script's rows are looked at by the network thread: what a tag has is read with the lock. */
static struct holder holder_of(struct scripted_tree *st, const struct tag *tag)
{
	struct holder h = {0};

	tree_lock(st->tree);
	if (tag->holder)
		h = *tag->holder;
	tree_unlock(st->tree);
	return h;
}

static void hard_links(void **state)
{
	const struct script_row rows[] = {
		GET("v1", NULL, IS(ONE)),
		GET("v2", NULL, IS(ONE)),
		GET("v3", NULL, IS(TWO)),
	};
	struct scripted_tree st;
	struct tag *v1, *v2, *v3;

	(void)state;
	scripted_tree_start(&st, rows, ARRAY_SIZE(rows), 3600);
	v1 = scripted_tag(&st, "a", "v1");
	v2 = scripted_tag(&st, "a", "v2");
	v3 = scripted_tag(&st, "a", "v3");
	assert_int_equal(ask_tag(&st, v1), 0);
	assert_int_equal(holder_of(&st, v1).ntags, 1);
	tree_lock(st.tree);
	tag_told(v1);
	tree_unlock(st.tree);
	assert_int_equal(atomic_load(&st.changed), 0);
	assert_int_equal(ask_tag(&st, v2), 0);
	assert_int_equal(ask_tag(&st, v3), 0);
	assert_int_equal(holder_of(&st, v1).ntags, 2);
	assert_int_equal(holder_of(&st, v1).ino, holder_of(&st, v2).ino);
	assert_int_not_equal(holder_of(&st, v1).ino, holder_of(&st, v3).ino);
	assert_int_equal(holder_of(&st, v3).ntags, 1);
	assert_int_equal(atomic_load(&st.changed), 1); /* v1 has another name now */
	assert_int_equal(ask_tag(&st, v1), 0); /* known: the script has no more */
	scripted_tree_finish(&st);
}

/* The same digest in another repository is another file: it can be removed by itself. */
static void other_repository(void **state)
{
	const struct script_row rows[] = {
		GET("v1", NULL, IS(ONE)),
		{.request = "GET /v2/b/manifests/v1", IS(ONE)},
	};
	struct scripted_tree st;
	struct tag *a, *b;

	(void)state;
	scripted_tree_start(&st, rows, ARRAY_SIZE(rows), 3600);
	a = scripted_tag(&st, "a", "v1");
	b = scripted_tag(&st, "b", "v1");
	assert_int_equal(ask_tag(&st, a), 0);
	assert_int_equal(ask_tag(&st, b), 0);
	assert_int_equal(holder_of(&st, a).ntags, 1);
	assert_int_not_equal(holder_of(&st, a).ino, holder_of(&st, b).ino);
	assert_ptr_equal(a->image, b->image);
	scripted_tree_finish(&st);
}

/* A tag that moves leaves its number to those who stay, and takes another one. */
static void moves(void **state)
{
	const struct script_row rows[] = {
		GET("v1", NULL, IS(ONE)),        GET("v2", NULL, IS(ONE)),  GET("v1", etag1, IS(TWO)),
		GET("v2", etag1, .status = 304), GET("v1", etag2, IS(ONE)), GET("v2", etag1, IS(TWO)),
	};
	struct scripted_tree st;
	struct tag *v1, *v2;
	uint64_t first, second;

	(void)state;
	scripted_tree_start(&st, rows, ARRAY_SIZE(rows), 0);
	v1 = scripted_tag(&st, "a", "v1");
	v2 = scripted_tag(&st, "a", "v2");
	assert_int_equal(ask_tag(&st, v1), 0);
	assert_int_equal(ask_tag(&st, v2), 0);
	first = holder_of(&st, v1).ino;
	assert_int_equal(ask_tag(&st, v1), 0);
	assert_int_equal(ask_tag(&st, v2), 0);
	second = holder_of(&st, v1).ino;
	assert_int_not_equal(first, second);
	assert_int_equal(holder_of(&st, v2).ino, first);
	assert_int_equal(holder_of(&st, v1).ntags, 1);
	assert_int_equal(holder_of(&st, v2).ntags, 1);
	assert_int_equal(ask_tag(&st, v1), 0); /* back again */
	assert_int_equal(holder_of(&st, v1).ino, first);
	assert_int_equal(holder_of(&st, v1).ntags, 2);
	assert_int_equal(ask_tag(&st, v2), 0);
	assert_int_not_equal(holder_of(&st, v2).ino, first);
	assert_int_equal(holder_of(&st, v1).ntags, 1);
	scripted_tree_finish(&st);
}

/* A tag that is gone is no name of its file any more; what could not be asked changes nothing. */
static void goes(void **state)
{
	const struct script_row rows[] = {
		GET("v1", NULL, IS(ONE)),        GET("v2", NULL, IS(ONE)), GET("v1", etag1, .status = 501),
		GET("v1", etag1, .status = 404), GET("v1", NULL, IS(ONE)),
	};
	struct scripted_tree st;
	struct tag *v1, *v2;

	(void)state;
	scripted_tree_start(&st, rows, ARRAY_SIZE(rows), 0);
	v1 = scripted_tag(&st, "a", "v1");
	v2 = scripted_tag(&st, "a", "v2");
	assert_int_equal(ask_tag(&st, v1), 0);
	assert_int_equal(ask_tag(&st, v2), 0);
	assert_int_equal(ask_tag(&st, v1), -EIO);
	assert_int_equal(holder_of(&st, v2).ntags, 2);
	assert_int_equal(ask_tag(&st, v1), -ENOENT);
	assert_int_equal(holder_of(&st, v2).ntags, 1);
	assert_int_equal(holder_of(&st, v1).ntags, 0);
	assert_int_equal(ask_tag(&st, v1), 0); /* pushed again: not by what was known before */
	assert_int_equal(holder_of(&st, v2).ntags, 2);
	scripted_tree_finish(&st);
}

/* Numbers of files that exist at the same time are never the same, however tags move about. */
static void numbers(void **state)
{
	enum { TAGS = 6, ROUNDS = 40, DIGESTS = 4 };
	static char bodies[DIGESTS][400], requests[TAGS][64], etags[TAGS][REG_DIGEST_MAX + 2];
	struct script_row rows[TAGS] = {0};
	char text[REG_DIGEST_MAX];
	struct tag *tags[TAGS];
	struct scripted_tree st;
	unsigned noise = 12345;

	(void)state;
	for (unsigned k = 0; k < DIGESTS; k++)
		snprintf(bodies[k], sizeof(bodies[k]), MANIFEST("%u"), k);
	for (unsigned k = 0; k < TAGS; k++) {
		snprintf(requests[k], sizeof(requests[k]), "GET /v2/a/manifests/t%u", k);
		rows[k] = (struct script_row){.request = requests[k], .times = SCRIPT_ANY, IS(bodies[0])};
	}
	scripted_tree_start(&st, rows, TAGS, 0);
	for (unsigned k = 0; k < TAGS; k++)
		tags[k] = scripted_tag(&st, "a", requests[k] + strlen("GET /v2/a/manifests/"));
	for (unsigned round = 0; round < ROUNDS; round++) {
		const unsigned k = (noise >> 16) % TAGS, digest = (noise >> 20) % DIGESTS;

		noise = noise * 1103515245 + 12345;
		rows[k].body = bodies[digest]; /* nothing is under way */
		assert_int_equal(ask_tag(&st, tags[k]), 0);
		snprintf(etags[k], sizeof(etags[k]), "\"%s\"", digest_of(bodies[digest], text));
		rows[k].if_none_match = etags[k];
		for (unsigned i = 0; i < TAGS; i++) {
			for (unsigned j = 0; j < i; j++) {
				const struct holder a = holder_of(&st, tags[i]), b = holder_of(&st, tags[j]);

				if (a.ino && b.ino)
					assert_int_equal(a.ino == b.ino,
							 reg_digest_equal(&a.digest, &b.digest));
			}
		}
	}
	scripted_tree_finish(&st);
}

/* What was on its way when all was to be forgotten is as old as that: it is asked for anew. */
static void forgotten(void **state)
{
	const struct script_row rows[] = {
		{.request = "GET /v2/a/tags/list?n=1000", IS("{\"tags\":[\"v1\"]}"), .held = 1},
		{.request = "GET /v2/a/tags/list?n=1000", IS("{\"tags\":[\"v1\",\"v2\"]}")},
		GET("v1", NULL, IS(ONE), .held = 2),
		GET("v1", etag1, IS(TWO)),
		{.request = "GET /v2/_catalog?n=1000", IS("{\"repositories\":[\"a\"]}"), .held = 3},
		{.request = "GET /v2/_catalog?n=1000", IS("{\"repositories\":[\"a\",\"b\"]}")},
	};
	struct scripted_tree st;
	struct question *q;
	struct tag *v1;

	(void)state;
	scripted_tree_start(&st, rows, ARRAY_SIZE(rows), 3600);
	v1 = scripted_tag(&st, "a", "v1");
	q = ask_begin(&st, tree_opendir, node_make(NODE_TAGS, v1->repository->directory->index, 0), NULL, 1);
	script_wait_sent(st.script, 1);
	tree_forget(st.tree);
	script_release(st.script);
	assert_int_equal(ask_end(&st, q), 0);
	assert_int_equal(st.count, 2);

	q = ask_begin(&st, tree_getattr, node_make(NODE_TAG, v1->repository->directory->index, v1->index),
		      NULL, 1);
	script_wait_sent(st.script, 3);
	tree_forget(st.tree);
	script_release(st.script);
	assert_int_equal(ask_end(&st, q), 0);
	assert_int_equal(st.entry.attr.size, sizeof(TWO) - 1);

	q = ask_begin(&st, tree_opendir, NODE_ROOT, NULL, 1);
	script_wait_sent(st.script, 5);
	tree_forget(st.tree);
	script_release(st.script);
	assert_int_equal(ask_end(&st, q), 0);
	assert_int_equal(st.count, 2);
	scripted_tree_finish(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hard_links), cmocka_unit_test(other_repository), cmocka_unit_test(moves),
		cmocka_unit_test(goes),       cmocka_unit_test(numbers),          cmocka_unit_test(forgotten),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
