/* SPDX-License-Identifier: MIT */
#include "swept.h"

#include <stdlib.h>

#include "storage/layout.h"

void swept_make(struct swept_scene *s)
{
	const time_t old = time(NULL) - 10 * DAY;
	struct tree *t = &s->tree;
	struct tree_image other;
	struct tree_blob index, b;

	*s = (struct swept_scene){0};
	tree_make_fast(t);
	s->tagged = tree_image(t, "a/app", "v1", "tagged");
	s->untagged = tree_image(t, "a/app", NULL, "untagged");
	s->untagged_json = tree_manifest_json(&s->untagged.config, s->untagged.layers, 2, NULL);
	tree_puts(t, tree_entry_path("a/app", "v1", &s->untagged.manifest), s->untagged.manifest.text);
	b = tree_blob_of("a manifest of long ago", 22);
	tree_puts(t, tree_entry_path("a/app", "v1", &b), b.text);

	s->child = tree_image(t, "b", NULL, "child");
	index = tree_index(t, "b", "latest", &s->child.manifest, 1);
	s->signature = tree_referrer(t, "b", NULL, "index", &index);
	/* An index that no tag names, with a child of its own, and a signature. */
	other = tree_image(t, "b", NULL, "another child");
	index = tree_index(t, "b", NULL, &other.manifest, 1);
	tree_referrer(t, "b", NULL, "another index", &index);

	/* Shares its config and a layer with what is tagged elsewhere. */
	tree_image(t, "x/y/gone", NULL, "untagged too");
	tree_image(t, "x/y/gone", NULL, "tagged");
	tree_folder(t, TREE_V2 "repositories/skeleton/_layers/sha256");
	tree_folder(t, TREE_V2 "repositories/skeleton/_manifests/tags");
	tree_folder(t, TREE_V2 "repositories/skeleton/_manifests/revisions/sha256/00");
	tree_folder(t, TREE_V2 "repositories/skeleton/_uploads");
	tree_folder(t, TREE_V2 "repositories/skeleton/in/skeleton/_layers");
	b = tree_blob(t, "of a push that was given up");
	tree_layer(t, "given-up", &b);
	tree_puts(t, TREE_V2 "repositories/odd/_layers/note", "mine");

	tree_upload(t, "a/app", "dead", "2020-01-01T00:00:00Z", "half a layer");
	tree_puts(t, TREE_V2 "repositories/a/app/_uploads/dead/hashstates/sha256/12", "state");
	tree_folder(t, TREE_V2 "repositories/a/app/_uploads/dead/a/b/c/d");
	tree_puts(t, "outside", "not part of it");
	tree_symlink(t, TREE_V2 "repositories/a/app/_uploads/dead/a/b/link", t->folder.path);
	tree_upload(t, "a/app", "live", "2020-01-01T00:00:00Z", "half a layer");

	s->lost_512 = tree_blob_512(t, "lost");
	s->stray = tree_blob(t, "lost, with something beside it");
	tree_puts(t, tree_blob_path(&s->stray), "lost, with something beside it");
	s->unsure_layer = tree_blob(t, "linked by what is not known");
	tree_layer(t, "unsure", &s->unsure_layer);
	tree_puts(t, tree_tag_path("unsure", "bad"), "");
	s->young = tree_blob(t, "pushed a minute ago");
	tree_layer(t, "b", &s->young);
	{
		char beside[512];

		snprintf(beside, sizeof(beside), "%s", tree_blob_path(&s->stray));
		strcpy(strrchr(beside, '/'), "/note");
		tree_puts(t, beside, "mine");
	}

	tree_age_all(t, old);
	tree_age(t, tree_blob_path(&s->young), time(NULL) - 60);
	tree_age(t, tree_layer_path("b", &s->young), time(NULL) - 60);
	tree_age(t, TREE_V2 "repositories/a/app/_uploads/live/data", time(NULL));
}

void swept_remove(struct swept_scene *s)
{
	free(s->untagged_json);
	tree_remove(&s->tree);
}

void swept_run(struct swept_scene *s, const struct sweep_options *o, struct swept_end *ret)
{
	struct storage storage;
	struct store store;

	*ret = (struct swept_end){0};
	assert_int_equal(storage_open(s->tree.folder.path, o->quarantine, &storage, &ret->error), 0);
	ret->err = sweep(&storage, o, &ret->result, &store, &ret->error);
	for (size_t i = 0; i < store.problems.count && i < ARRAY_SIZE(ret->problems); i++) {
		const struct problem *p = &store.problems.items[i];

		ret->problems[i].kind = p->kind;
		snprintf(ret->problems[i].repository, sizeof(ret->problems[i].repository), "%s",
			 p->repository ? p->repository : "");
		ret->nproblems = i + 1;
	}
	store_done(&store);
	storage_close(&storage);
}

bool swept_problem(const struct swept_end *e, enum problem_kind kind, const char *repository)
{
	for (size_t i = 0; i < e->nproblems; i++)
		if (e->problems[i].kind == kind &&
		    strcmp(e->problems[i].repository, repository ? repository : "") == 0)
			return true;
	return false;
}

const char *swept_aside(const struct tree_blob *b)
{
	static char paths[4][LAYOUT_MAX + 64];
	static unsigned turn;
	char *ret = paths[turn++ % ARRAY_SIZE(paths)], inner[LAYOUT_MAX];

	snprintf(ret, sizeof(paths[0]), LAYOUT_QUARANTINE "/%s", layout_blob_aside(inner, &b->digest));
	return ret;
}

/* ---- pictures: nftw() hands nothing on to its callback ---- */

static struct {
	char *lines[4096];
	size_t count, skip;
} picture;

static int picture_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *below = path + picture.skip;
	char line[1024];

	(void)type;
	(void)ftw;
	if (!*below || strcmp(below, "/" LAYOUT_OURS "/lock") == 0 || strcmp(below, "/" LAYOUT_OURS) == 0 ||
	    strcmp(below, "/" LAYOUT_OURS "/id") == 0 || strcmp(below, "/" LAYOUT_QUARANTINE) == 0)
		return 0;
	assert_true(picture.count < ARRAY_SIZE(picture.lines));
	snprintf(line, sizeof(line), "%s %s %lld\n", below,
		 S_ISDIR(st->st_mode)   ? "folder"
		 : S_ISREG(st->st_mode) ? "file"
					: "other",
		 S_ISREG(st->st_mode) ? (long long)st->st_size : 0);
	picture.lines[picture.count] = strdup(line);
	assert_non_null(picture.lines[picture.count++]);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *swept_picture(const struct swept_scene *s)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	picture.count = 0;
	picture.skip = strlen(s->tree.folder.path);
	assert_int_equal(nftw(s->tree.folder.path, picture_one, 8, FTW_PHYS), 0);
	qsort(picture.lines, picture.count, sizeof(picture.lines[0]), compare);
	for (size_t i = 0; i < picture.count; i++) {
		fputs(picture.lines[i], f);
		free(picture.lines[i]);
	}
	assert_int_equal(fclose(f), 0);
	return text;
}

/* Both are sorted. */
const char *swept_difference(const char *have, const char *want)
{
	static char line[1024];
	size_t a, b;

	for (;;) {
		a = strcspn(have, "\n");
		b = strcspn(want, "\n");
		if (a != b || memcmp(have, want, a) != 0)
			break;
		if (!have[a])
			return "";
		have += a + 1;
		want += b + 1;
	}
	if (*want && (!*have || strcmp(have, want) > 0))
		snprintf(line, sizeof(line), "-%.*s", (int)b, want);
	else
		snprintf(line, sizeof(line), "+%.*s", (int)a, have);
	return line;
}
