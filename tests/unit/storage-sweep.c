/* SPDX-License-Identifier: MIT */
/* The builtin engine: what it takes, what it leaves, and a run that is killed or fails at any of its steps.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "storage/layout.h"
#include "storage/sweep.h"
#include "swept.h"

/* ---- what a run does ---- */

struct expect {
	const char *why;
	bool delete_untagged, keep, keep_empty;
	time_t grace;
	uint64_t taken, deleted, revision_links, layer_links, tag_entries, repositories, uploads;
};

static void numbers(void **state)
{
	static const struct expect cases[] = {
		{"only what nobody links or names", .grace = 3600, .taken = 3, .deleted = 3, .layer_links = 1,
		 .repositories = 3, .uploads = 1},
		{"what is untagged as well", .delete_untagged = true, .grace = 3600, .taken = 18,
		 .deleted = 18, .revision_links = 6, .layer_links = 14, .tag_entries = 2, .repositories = 4,
		 .uploads = 1},
		{"a grace that covers all", .delete_untagged = true, .grace = 30 * DAY, .uploads = 1},
		{"a grace that covers all of time", .delete_untagged = true, .grace = INT64_MAX / 2,
		 .uploads = 1},
		{"empty repositories stay", .grace = 3600, .keep_empty = true, .taken = 3, .deleted = 3,
		 .layer_links = 1, .uploads = 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct expect *c = &cases[i];
		struct swept_scene scene;
		struct swept_end end;

		swept_make(&scene);
		swept_run(&scene,
			  &(struct sweep_options){.delete_untagged = c->delete_untagged,
						  .grace = c->grace,
						  .keep_empty = c->keep_empty},
			  &end);
		check_int(end.err, 0, c->why);
		check_int(end.result.taken.count, c->taken, c->why);
		check_int(end.result.deleted.count, c->deleted, c->why);
		check_int(end.result.put_back.count, 0, c->why);
		check_int(end.result.revision_links, c->revision_links, c->why);
		check_int(end.result.layer_links, c->layer_links, c->why);
		check_int(end.result.tag_entries, c->tag_entries, c->why);
		check_int(end.result.repositories, c->repositories, c->why);
		check_int(end.result.uploads.count, c->uploads, c->why);
		check_int(end.result.failed, 0, c->why);
		swept_remove(&scene);
	}
}

static void what_stays(void **state)
{
	struct swept_scene scene;
	const struct tree *t = &scene.tree;
	struct swept_end end;

	(void)state;
	swept_make(&scene);
	swept_run(&scene, &(struct sweep_options){.delete_untagged = true, .grace = 3600}, &end);
	check_int(end.err, 0, "it runs");
	check(tree_has(t, tree_blob_path(&scene.tagged.manifest)), "a tag holds it");
	check(tree_has(t, tree_blob_path(&scene.tagged.layers[1])), "a tag's manifest holds it");
	check(tree_has(t, tree_layer_path("a/app", &scene.tagged.layers[1])), "its link");
	check(tree_has(t, tree_revision_path("b", &scene.child.manifest)), "an index holds it");
	check(tree_has(t, tree_blob_path(&scene.child.layers[0])), "a child holds it");
	check(tree_has(t, tree_blob_path(&scene.signature.layers[0])), "its subject holds it");
	check(tree_has(t, tree_blob_path(&scene.young)), "it was pushed a minute ago");
	check(tree_has(t, tree_blob_path(&scene.unsure_layer)), "its repository has a bad tag");
	check(tree_has(t, tree_layer_path("unsure", &scene.unsure_layer)), "the link too");
	check(tree_has(t, "outside"), "a link in an upload led there");
	check(tree_has(t, tree_entry_path("a/app", "v1", &scene.tagged.manifest)), "the tag's present");
	check(!tree_has(t, tree_entry_path("a/app", "v1", &scene.untagged.manifest)), "its past");
	check(!tree_has(t, tree_revision_path("a/app", &scene.untagged.manifest)), "no tag holds it");
	check(!tree_has(t, tree_blob_path(&scene.untagged.layers[0])), "nothing holds it");
	check(!tree_has(t, tree_blob_path(&scene.lost_512)), "nothing links it");
	check(!tree_has(t, tree_blob_path(&scene.stray)), "nothing links it, whatever lies beside");
	check(tree_has(t, TREE_V2 "repositories/a/app/_uploads/live/data"), "somebody may go on with it");
	check(!tree_has(t, TREE_V2 "repositories/a/app/_uploads/dead"), "nobody will");
	check(!tree_has(t, TREE_V2 "repositories/x"), "its name spaces are empty too");
	check(!tree_has(t, TREE_V2 "repositories/skeleton"), "it was empty before");
	check(tree_has(t, TREE_V2 "repositories/odd/_layers/note"), "no registry made it");
	check(swept_problem(&end, PROBLEM_STRAY, "odd"), "and it is told");
	check(swept_problem(&end, PROBLEM_STRAY, NULL), "what lies beside a blob");
	swept_remove(&scene);
}

/* ---- a run that does not end as it should ---- */

enum fault { FAULT_KILL, FAULT_ERROR };

static long left = -1; /* calls until the fault; negative: none */
static enum fault fault;
static int fault_errno;

static bool fails(void)
{
	if (left < 0 || left-- != 0)
		return false;
	if (fault == FAULT_KILL)
		raise(SIGKILL);
	return true;
}

/* The linker sends the library's calls here (--wrap). */
int __real_files_move(int above, const char *path, int to_above, const char *to);
int __real_files_take(int above, const char *path, int to_above, const char *to);
/* The disk is not what is tested here, and slow. */
static bool synced;
int __wrap_syncfs(int fd);
int __wrap_fsync(int fd);

int __wrap_syncfs(int fd)
{
	(void)fd;
	synced = true;
	return 0;
}

int __wrap_fsync(int fd)
{
	(void)fd;
	return 0;
}

int __wrap_files_move(int above, const char *path, int to_above, const char *to);
int __wrap_files_take(int above, const char *path, int to_above, const char *to);
int __real_renameat(int from, const char *path, int to, const char *to_path);
int __wrap_renameat(int from, const char *path, int to, const char *to_path);
int __real_unlinkat(int above, const char *path, int flags);
int __wrap_unlinkat(int above, const char *path, int flags);

int __wrap_files_move(int above, const char *path, int to_above, const char *to)
{
	return fails() ? -fault_errno : __real_files_move(above, path, to_above, to);
}

int __wrap_files_take(int above, const char *path, int to_above, const char *to)
{
	return fails() ? -fault_errno : __real_files_take(above, path, to_above, to);
}

int __wrap_renameat(int from, const char *path, int to, const char *to_path)
{
	if (!fails())
		return __real_renameat(from, path, to, to_path);
	errno = fault_errno;
	return -1;
}

int __wrap_unlinkat(int above, const char *path, int flags)
{
	if (!fails())
		return __real_unlinkat(above, path, flags);
	errno = fault_errno;
	return -1;
}

/* A run in a process of its own that is killed before its k-th step. False: it had fewer, and ended. */
static bool run_killed(struct swept_scene *scene, const struct sweep_options *o, long k)
{
	const pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct swept_end end;

		fault = FAULT_KILL;
		left = k;
		swept_run(scene, o, &end);
		_exit(end.err == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		return true;
	assert_int_equal(status, 0);
	return false;
}

/* A tag for what was untagged, as a push with a cache that says its layers are there writes it. */
static int push_again(void *data)
{
	const struct swept_scene *scene = data;
	const struct tree *t = &scene->tree;
	const struct tree_image *image = &scene->untagged;

	tree_puts(t, tree_blob_path(&image->manifest), scene->untagged_json);
	tree_revision(t, "a/app", &image->manifest);
	tree_tag(t, "a/app", "again", &image->manifest);
	return 0;
}

static const struct {
	const char *why;
	struct sweep_options options;
	bool push;
	long step; /* every so many calls: each run is a whole one */
} scenarios[] = {
	{"all garbage goes", {.delete_untagged = true, .grace = 3600}, false, 1},
	{"without a grace", {.delete_untagged = true}, false, 13},
	{"untagged stays", {.grace = 3600}, false, 7},
	{"a push between the phases", {.delete_untagged = true, .grace = 3600}, true, 7},
};

/* What it is like after runs that nothing disturbs: without and with the push. */
static void references(const struct sweep_options *o, bool push, char *ret[2])
{
	for (int pushed = 0; pushed <= push; pushed++) {
		struct sweep_options with = *o;
		struct swept_scene scene;
		struct swept_end end;

		swept_make(&scene);
		with.restart = pushed ? push_again : NULL;
		with.restart_data = &scene;
		swept_run(&scene, &with, &end);
		assert_int_equal(end.err, 0);
		ret[pushed] = swept_picture(&scene);
		if (pushed)
			check(end.result.put_back.count >= 3, "its config and layers came back");
		swept_remove(&scene);
	}
}

static void killed_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		char *want[2] = {NULL, NULL};
		bool killed = true;
		long k = 0;

		synced = false;
		references(&scenarios[i].options, scenarios[i].push, want);
		check(synced, "what was renamed is on disk before anything is deleted");
		for (; killed; k += scenarios[i].step) {
			struct sweep_options o = scenarios[i].options;
			struct swept_scene scene;
			struct swept_end end;
			char *have;
			bool pushed;

			swept_make(&scene);
			o.restart = scenarios[i].push ? push_again : NULL;
			o.restart_data = &scene;
			killed = run_killed(&scene, &o, k);
			pushed = tree_has(&scene.tree, tree_tag_path("a/app", "again"));
			o.restart = NULL;
			swept_run(&scene, &o, &end);
			if (end.err || end.result.failed)
				fail_msg("%s: killed at step %ld: then %d, %s", scenarios[i].why, k, end.err,
					 end.error.msg);
			have = swept_picture(&scene);
			if (strcmp(have, want[pushed]) != 0)
				fail_msg("%s: killed at step %ld: then %s", scenarios[i].why, k,
					 swept_difference(have, want[pushed]));
			free(have);
			swept_remove(&scene);
		}
		check(k > 30, "there were steps to be killed at");
		free(want[0]);
		free(want[1]);
	}
}

static void failing_anywhere(void **state)
{
	static const struct {
		int err;
		long step;
	} errors[] = {{ENOSPC, 5}, {EACCES, 4}, {EXDEV, 11}};
	char *want[2] = {NULL, NULL};
	const struct sweep_options o = {.delete_untagged = true, .grace = 3600};

	(void)state;
	references(&o, false, want);
	for (size_t e = 0; e < ARRAY_SIZE(errors); e++) {
		for (long k = 0;; k += errors[e].step) {
			struct swept_scene scene;
			struct swept_end end;
			bool failed;
			char *have;

			swept_make(&scene);
			fault = FAULT_ERROR;
			fault_errno = errors[e].err;
			left = k;
			swept_run(&scene, &o, &end);
			failed = left < 0;
			left = -1;
			check(tree_has(&scene.tree, tree_blob_path(&scene.tagged.layers[1])),
			      "held is there");
			check(end.err == 0 || end.error.msg[0], "it says why");
			/* What a link in its place promises is in its place, too. */
			if (tree_has(&scene.tree, tree_revision_path("a/app", &scene.untagged.manifest)))
				check(tree_has(&scene.tree, tree_blob_path(&scene.untagged.layers[0])),
				      "a revision that stayed is whole");
			swept_run(&scene, &o, &end);
			check_int(end.err, 0, "the next run is good");
			have = swept_picture(&scene);
			if (strcmp(have, want[0]) != 0)
				fail_msg("%s at step %ld: then %s", strerror(errors[e].err), k,
					 swept_difference(have, want[0]));
			free(have);
			swept_remove(&scene);
			if (!failed)
				break;
		}
	}
	free(want[0]);
}

static int refuse(void *data)
{
	(void)data;
	return -ECANCELED;
}

static void all_goes_back(void **state)
{
	struct swept_scene scene;
	struct swept_end end;
	char *before, *after;

	(void)state;
	swept_make(&scene);
	before = swept_picture(&scene);
	swept_run(&scene, &(struct sweep_options){.delete_untagged = true, .grace = 3600, .restart = refuse},
		  &end);
	tree_drop(&scene.tree, LAYOUT_OURS "/leaving"); /* for the next run: folders look recent now */
	after = swept_picture(&scene);
	check_int(end.err, -ECANCELED, "the restart's own error");
	check_int(end.result.put_back.count, end.result.taken.count, "all of it");
	check(end.result.taken.count > 0, "there was something");
	check_text(after, before, "as if nothing had been");
	free(before);
	free(after);
	swept_remove(&scene);
}

/* ---- young, between, blind ---- */

static int link_a_layer(void *data)
{
	const struct swept_scene *scene = data;

	/* A push whose manifest is yet to come. */
	tree_layer(&scene->tree, "b", &scene->untagged.layers[0]);
	return 0;
}

static void young_in_between(void **state)
{
	struct swept_scene scene;
	struct swept_end end;

	(void)state;
	swept_make(&scene);
	swept_run(&scene,
		  &(struct sweep_options){
			  .delete_untagged = true, .restart = link_a_layer, .restart_data = &scene},
		  &end);
	check_int(end.err, 0, "it runs");
	check_int(end.result.put_back.count, 1, "the layer alone");
	check(tree_has(&scene.tree, tree_blob_path(&scene.untagged.layers[0])), "it is in its place");
	check(!tree_has(&scene.tree, tree_blob_path(&scene.untagged.layers[1])), "the other is gone");
	swept_remove(&scene);
}

/* Nothing is too young without a grace, also what was written in this very second. */
static void just_now(void **state)
{
	struct swept_scene scene;
	struct swept_end end;
	struct tree_blob b;

	(void)state;
	swept_make(&scene);
	b = tree_blob(&scene.tree, "written now, and linked nowhere");
	swept_run(&scene, &(struct sweep_options){0}, &end);
	check_int(end.err, 0, "it runs");
	check(!tree_has(&scene.tree, tree_blob_path(&b)), "it is gone");
	check_int(end.result.deleted.count, 5, "with the other four");
	swept_remove(&scene);
}

static void blind(void **state)
{
	struct swept_scene scene;
	struct swept_end end;
	char *before, *after;

	(void)state;
	swept_make(&scene);
	tree_symlink(&scene.tree, TREE_V2 "repositories/elsewhere", "/nowhere");
	/* It lies aside, from a run before. */
	tree_move(&scene.tree, tree_blob_path(&scene.lost_512), swept_aside(&scene.lost_512));
	tree_move(&scene.tree, tree_blob_path(&scene.tagged.layers[0]), swept_aside(&scene.tagged.layers[0]));
	before = swept_picture(&scene);
	swept_run(&scene, &(struct sweep_options){0}, &end);
	after = swept_picture(&scene);
	check_int(end.err, -EBUSY, "refused");
	check(end.error.msg[0], "with a reason");
	check_int(end.result.taken.count, 0, "nothing is garbage");
	check(tree_has(&scene.tree, tree_blob_path(&scene.tagged.layers[0])), "held, so it is back");
	check(tree_has(&scene.tree, tree_blob_path(&scene.lost_512)), "not known, so it is back");
	check(strcmp(before, after) != 0, "the picture can tell");
	free(before);
	free(after);
	swept_remove(&scene);
}

/* ---- both here and aside ---- */

static void twice(void **state)
{
	struct swept_scene scene;
	const struct tree *t = &scene.tree;
	struct swept_end end;

	(void)state;
	swept_make(&scene);
	tree_puts(t, swept_aside(&scene.tagged.layers[0]), "layer 0 of tagged");
	tree_puts(t, swept_aside(&scene.tagged.layers[1]), "lay");
	tree_puts(t, swept_aside(&scene.lost_512), "lost");
	swept_run(&scene, &(struct sweep_options){.grace = 3600}, &end);
	check_int(end.err, 0, "it runs");
	check(!tree_has(t, swept_aside(&scene.tagged.layers[0])), "the same: one is enough");
	check(tree_has(t, swept_aside(&scene.tagged.layers[1])),
	      "not the same: which one is right is not known");
	check(tree_has(t, tree_blob_path(&scene.tagged.layers[1])), "so both stay");
	check(swept_problem(&end, PROBLEM_ASIDE, NULL), "and it is told");
	check_int(end.result.failed, 1, "once");
	check(!tree_has(t, swept_aside(&scene.lost_512)), "garbage, whatever it is");
	swept_remove(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),         cmocka_unit_test(what_stays),
		cmocka_unit_test(killed_anywhere), cmocka_unit_test(failing_anywhere),
		cmocka_unit_test(all_goes_back),   cmocka_unit_test(young_in_between),
		cmocka_unit_test(just_now),        cmocka_unit_test(blind),
		cmocka_unit_test(twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
