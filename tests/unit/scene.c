/* SPDX-License-Identifier: MIT */
#include "scene.h"

#include <errno.h>
#include <stdlib.h>

#include "journals.h"
#include "protect.h"
#include "util/random.h"

/* ---- what the linker wraps ---- */

void __wrap_random_hex(char ret[static RANDOM_HEX + 1]);
uint64_t __wrap_process_started(int pid);
uint64_t __wrap_process_now(void);
int __wrap_process_parent(int pid);
bool __wrap_process_name(int pid, char *ret, size_t size);

const struct fake_process *scene_processes;
uint64_t scene_process_clock;

void __wrap_random_hex(char ret[static RANDOM_HEX + 1])
{
	memset(ret, 'e', RANDOM_HEX);
	ret[RANDOM_HEX] = '\0';
}

static const struct fake_process *find_process(int pid)
{
	const struct fake_process *p = scene_processes;

	while (p && p->pid && p->pid != pid)
		p++;
	return p && p->pid ? p : NULL;
}

uint64_t __wrap_process_started(int pid)
{
	const struct fake_process *p = find_process(pid);

	return p ? p->started : 0;
}

uint64_t __wrap_process_now(void)
{
	return scene_process_clock;
}

int __wrap_process_parent(int pid)
{
	const struct fake_process *p = find_process(pid);

	return p ? p->parent : 0;
}

bool __wrap_process_name(int pid, char *ret, size_t size)
{
	snprintf(ret, size, "%s", find_process(pid) ? "find" : "");
	return ret[0];
}

/* ---- the journal ---- */

static void report(void *data, enum restore_severity severity, const char *file, size_t line,
		   const char *message)
{
	(void)data;
	(void)severity;
	print_message("%s:%zu: %s\n", file, line, message);
}

static struct restore_journal *read_journal(const struct scene *s)
{
	struct restore_journal *j = NULL;
	struct reg_error error = {0};

	return restore_read(folder_path(&s->folder, "journal"), report, NULL, &j, &error) == 0 ? j : NULL;
}

/* Does an entry that has no end yet hold the manifest or the name that a request changes? */
static bool is_journalled(const struct scene *s, const char *reference)
{
	struct restore_journal *j = read_journal(s);
	const struct restore_entry *e = j && j->count ? j->entries[j->count - 1] : NULL;
	struct reg_digest digest = {0};
	bool found = false;

	(void)reg_digest_parse(reference, &digest);
	if (e && !e->outcome) {
		found = digest.algorithm && reg_digest_equal(&digest, &e->placeholder);
		for (size_t k = 0; k < e->nitems; k++) {
			found |= digest.algorithm && reg_digest_equal(&digest, &e->items[k].digest);
			for (size_t i = 0; i < e->items[k].ntags; i++)
				found |= strcmp(e->items[k].tags[i], reference) == 0;
			/* What was taken from others is given back to them. */
			found |= e->action == JOURNAL_UNTAG && !digest.algorithm;
		}
	}
	restore_free(j);
	return found;
}

/* Nothing is changed that is not in the journal. On the network thread. */
static void watch(void *data, const char *request)
{
	struct scene *s = data;
	const char *reference = strstr(request, "/manifests/");

	if (strncmp(request, "GET ", 4) == 0 || !reference || strstr(request, "eeeeeeee"))
		return;
	s->unjournalled += !is_journalled(s, reference + strlen("/manifests/"));
}

static void print(struct scene *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void print(struct scene *s, const char *format, ...)
{
	const size_t n = strlen(s->summary);
	va_list args;

	va_start(args, format);
	vsnprintf(s->summary + n, sizeof(s->summary) - n, format, args);
	va_end(args);
}

static void print_tag(struct scene *s, const char *tag, const char *before)
{
	char digest[80];

	if (strncmp(tag, "sha256-", 7) == 0 && strlen(tag) >= 71) {
		snprintf(digest, sizeof(digest), "%.71s", tag);
		print(s, "%s%%%s%s", before, scene_script_name(digest), tag + 71);
	} else {
		print(s, "%s%s", before, tag);
	}
}

/* restore.h does not say what was left. */
static void print_left(struct scene *s, const struct restore_entry *e)
{
	char path[300], line[8192], want[40], digest[80];
	FILE *f;

	snprintf(path, sizeof(path), "%s/journal/%s/removals.jsonl", s->folder.path, e->run);
	f = fopen(path, "r");
	assert_non_null(f);
	snprintf(want, sizeof(want), "\"id\":%llu,", (unsigned long long)e->id);
	while (fgets(line, sizeof(line), f)) {
		const char *left = strstr(line, "\"left\":[");

		if (!left || !strstr(line, want))
			continue;
		for (left = strstr(left, "\"sha256:"); left; left = strstr(left + 1, "\"sha256:")) {
			snprintf(digest, sizeof(digest), "%.71s", left + 1);
			print(s, " !%s", scene_script_name(digest));
		}
	}
	fclose(f);
}

static void print_entry(struct scene *s, const struct restore_entry *e)
{
	static const char *const outcomes[] = {
		[0] = "unended",
		[JOURNAL_REMOVED] = "removed",
		[JOURNAL_KEPT] = "kept",
		[JOURNAL_PARTLY] = "partly",
		[JOURNAL_UNKNOWN] = "unknown",
	};
	static const char *const roles[] = {
		[JOURNAL_IMAGE] = "", [JOURNAL_CHILD] = "+", [JOURNAL_REFERRER] = "~"};
	char text[REG_DIGEST_MAX];

	print(s, "%s%s", s->summary[0] ? "; " : "", e->action == JOURNAL_UNTAG ? "untag" : "delete");
	if (e->tag)
		print_tag(s, e->tag, " ");
	print(s, ":");
	for (size_t k = 0; k < e->nitems; k++) {
		print(s, " %s%s", roles[e->items[k].role],
		      scene_script_name(reg_digest_text(&e->items[k].digest, text)));
		for (size_t i = 0; i < e->items[k].ntags; i++)
			print_tag(s, e->items[k].tags[i], i ? "," : "[");
		print(s, "%s", e->items[k].ntags ? "]" : "");
	}
	print(s, " %s", outcomes[e->outcome]);
	print_left(s, e);
}

static void check_journal(struct scene *s, const char *want, const char *why)
{
	struct restore_journal *j = read_journal(s);

	check(j, why);
	s->summary[0] = '\0';
	for (size_t k = 0; k < j->count; k++)
		print_entry(s, j->entries[k]);
	restore_free(j);
	if (want && strcmp(want, s->summary) != 0)
		print_message("%s", s->st.log);
	check_text(s->summary, want ? want : s->summary, why);
}

/* ---- the scene ---- */

void scene_start(struct scene *s, const struct document *documents, size_t ndocuments, const char *script,
		 unsigned flags)
{
	struct repository *r;

	*s = (struct scene){0};
	scene_script_read(&s->script, documents, ndocuments, script);
	folder_make(&s->folder);
	scripted_tree_start(&s->st, s->script.rows, s->script.nrows, 3600);
	scripted_tree_journal(&s->st, folder_path(&s->folder, "journal"));
	script_watch(s->st.script, watch, s);
	r = scene_repository(s);
	tree_lock(s->st.tree);
	s->st.tree->options.write_mode = 0200;
	if (flags & NO_REFERRERS)
		s->st.tree->referrers = REFERRERS_NONE;
	if (flags & ABLE)
		r->abilities.deletes = DELETES_PROVEN;
	if (flags & (TAGS_GO | TAGS_STAY))
		r->abilities.tags = flags & TAGS_GO ? TAGS_YES : TAGS_NO;
	tree_unlock(s->st.tree);
}

void scene_finish(struct scene *s, const char *journal, const char *why)
{
	scripted_tree_finish(&s->st);
	check_journal(s, journal, why);
	check_int(s->unjournalled, 0, why);
	scene_script_done(&s->script);
	folder_remove(&s->folder);
}

struct repository *scene_repository(struct scene *s)
{
	return scripted_repository(&s->st, "a");
}

uint64_t scene_node(struct scene *s, enum node_kind kind, const char *name)
{
	struct repository *r = scene_repository(s);
	struct reg_digest digest;
	uint32_t entry = 0;

	if (name && kind == NODE_MANIFEST) {
		assert_true(reg_digest_parse(scene_script_word(&s->script, name), &digest));
		tree_lock(s->st.tree);
		entry = repository_manifest(r, &digest)->index;
		tree_unlock(s->st.tree);
	} else if (name) {
		entry = scripted_tag(&s->st, "a", scene_script_word(&s->script, name))->index;
	}
	return node_make(kind, r->directory->index, entry);
}

struct question *scene_rm_begin(struct scene *s, int pid, const char *name)
{
	return ask_begin(&s->st, tree_unlink,
			 scene_node(s, name[0] == '@' ? NODE_MANIFESTS : NODE_TAGS, NULL),
			 scene_script_word(&s->script, name), pid);
}

int scene_rm_as(struct scene *s, int pid, const char *name)
{
	return ask_end(&s->st, scene_rm_begin(s, pid, name));
}

int scene_rm(struct scene *s, const char *name)
{
	return scene_rm_as(s, 100, name);
}

int scene_stat(struct scene *s, int pid, const char *name)
{
	const enum node_kind kind = name[0] == '@' ? NODE_MANIFEST : NODE_TAG;

	return ask_end(&s->st, ask_begin(&s->st, tree_getattr, scene_node(s, kind, name), NULL, pid));
}

int scene_ls(struct scene *s)
{
	return ask_end(&s->st, ask_begin(&s->st, tree_opendir, scene_node(s, NODE_TAGS, NULL), NULL, 100));
}

void scene_protect(struct scene *s, const char *pattern, const char *references)
{
	struct protect *p = NULL;
	struct reg_error error = {0};

	check_int(protect_new(&pattern, pattern ? 1 : 0, NULL, &p, &error), 0, error.msg);
	if (references) {
		const char *text = scene_script_word(&s->script, references);

		check_int(protect_add_text(p, text, strlen(text), "references", &error), 0, error.msg);
	}
	tree_protect(s->st.tree, p);
}

const char *scene_shown(struct scene *s)
{
	const struct repository *r = scene_repository(s);

	s->summary[0] = '\0';
	tree_lock(s->st.tree);
	for (size_t k = 0; k < r->ntags; k++)
		if (r->tags[k]->listed)
			print_tag(s, r->tags[k]->name, s->summary[0] ? " " : "");
	tree_unlock(s->st.tree);
	return s->summary;
}
