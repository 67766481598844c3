/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of a removal fails once, in the tree, the client and the journal: whoever asked is
 * answered once, nothing breaks or leaks (the sanitizers say), nothing is changed that is not in the journal,
 * and who asks again succeeds.
 */
#include <errno.h>

#include "failing.h"
#include "journals.h"
#include "scene.h"

enum { MANY = 5000 };

static const struct document documents[] = {
	{"m1", DATED("2015-01-01T00:00:00Z")},
	{"m2", DATED("2020-01-01T00:00:00Z")},
	{"c1", UNDATED("c1")},
	{"c2", UNDATED("c2")},
	{"i1", INDEX(ITEM("c1") "," ITEM("c2"), "i1")},
	{"s1", UNDATED("s1")},
	{"r1", SUBJECT("r1", "m1")},
};

#define PROBES(tags) "DELETE sha256:$ 404 any\nDELETE regfs-probe-$ " tags " any\n"
/* What could not be kept in memory is read again for the journal. */
#define READ_AGAIN                                                                                                     \
	"GET @m1 = m1 any\nGET @m2 = m2 any\nGET @c1 = c1 any\nGET @c2 = c2 any\nGET @i1 = i1 any\nGET @s1 = s1 any\n" \
	"GET @r1 = r1 any\n"
#define NOTHING_REFERS "REF m1 404 any\nREF m2 404 any\nREF i1 404 any\n"

static const struct removing {
	const char *why, *script;
	const char *name;
	unsigned keep;
} cases[] = {
	{"an index with all that hangs from it",
	 PROBES("404") "KNOW %i1.sig=s1 a=i1 v1=m1\nREF i1 = any\nREF c1 = any\nREF c2 = any\nREF s1 = any\nREF m1 = r1 any\n"
		       "REF r1 = any\nCHECK a = i1 any\nDELETE @i1 202 any\n"
		       "CHECK @i1 = i1 any\nDELETE @c1 202 any\nDELETE @c2 202 any\nDELETE @s1 202 any\n",
	 "a", 0},
	{"an old image",
	 PROBES("404") "KNOW v1=m1 v2=m2\n" NOTHING_REFERS
		       "CHECK v1 = m1 any\nCHECK @m1 = m1 any\nDELETE @m1 202 any\n",
	 "v1", 1},
	{"a name, by a placeholder",
	 PROBES("400:DIGEST_INVALID") "KNOW v1=m1 v2=m1\n" NOTHING_REFERS
				      "CHECK v1 = m1 any\nPUT v1 placeholder 201 any\n"
				      "DELETE @placeholder 202 any\n",
	 "v1", 0},
	{"a name, by DELETE",
	 PROBES("404") "KNOW v1=m1 v2=m1\n" NOTHING_REFERS
		       "CHECK v1 = m1 any\nDELETE v1 202 any\nCHECK @m1 = m1 any\n",
	 "v1", 0},
	{"a manifest",
	 PROBES("404") "KNOW v1=m1\n" NOTHING_REFERS
		       "REF m2 404 any\nCHECK @m2 = m2 any\nDELETE @m2 202 any\n",
	 "@m2", 0},
};

static atomic_uint changed; /* requests that may have changed something */

static void watch(void *data, const char *request)
{
	(void)data;
	if (strncmp(request, "GET ", 4) != 0 && !strstr(request, "eeeeeeee"))
		atomic_fetch_add(&changed, 1);
}

/* Returns true if no allocation is left that could fail. */
static bool attempt(const struct removing *c, unsigned n)
{
	struct restore_journal *j;
	char script[4096];
	const char *name;
	struct scene s;
	uint64_t node;
	bool last;
	int err = -1;

	snprintf(script, sizeof(script), "%s%s", READ_AGAIN, c->script);
	scene_start(&s, documents, ARRAY_SIZE(documents), script, 0);
	script_watch(s.st.script, watch, NULL);
	s.st.tree->options.keep = c->keep;
	name = scene_script_word(&s.script, c->name);
	node = scene_node(&s, c->name[0] == '@' ? NODE_MANIFESTS : NODE_TAGS, NULL);
	atomic_store(&changed, 0);
	atomic_store(&failing_left, (int)n);
	(void)ask_tree(&s.st, tree_unlink, node, name);
	script_settle(s.st.script);
	last = atomic_load(&failing_left) >= 0;
	atomic_store(&failing_left, -1);
	for (unsigned k = 0; k < 4 && err && err != -ENOENT; k++) {
		scripted_tree_advance(6000); /* so long a failed survey counts */
		err = ask_tree(&s.st, tree_unlink, node, name);
	}
	if (err && err != -ENOENT) {
		print_message("%s", s.st.log);
		fail_msg("%s, allocation %u: %d", c->why, n, err);
	}
	tree_end(s.st.tree);
	worker_free(s.st.disk);
	s.st.disk = NULL;
	j = read_back(&s.folder);
	check(j->count > 0 || !atomic_load(&changed), c->why);
	restore_free(j);
	scene_finish(&s, NULL, c->why);
	return last;
}

static void every_allocation(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		unsigned n = 0;

		while (!attempt(&cases[k], n))
			assert_true(++n < MANY);
		print_message("             %s: %u allocations\n", cases[k].why, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
