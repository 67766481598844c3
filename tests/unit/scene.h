/* SPDX-License-Identifier: MIT */
/*
 * Removals over a scripted registry (scene_script.h), with a journal on disk. Every change must be in the
 * journal before it is sent.
 *
 * The linker wraps random_hex(), which always says the same here, and what process.h says: see
 * scene_processes.
 */
#ifndef SCENE_H
#define SCENE_H

#include "folder.h"
#include "removal.h"
#include "scene_script.h"
#include "scripted_tree.h"

/* What has been found out before the first removal of a scene. */
enum scene_flags {
	ABLE = 1, /* manifests can be deleted */
	TAGS_GO = 2, /* so can tags */
	TAGS_STAY = 4, /* tags cannot */
	NO_REFERRERS = 8, /* there is no referrers API */
};

struct scene {
	struct scripted_tree st;
	struct folder folder;
	struct scene_script script;
	unsigned unjournalled; /* changes that came without an entry of the journal */
	char summary[4096];
};

void scene_start(struct scene *s, const struct document *documents, size_t ndocuments, const char *script,
		 unsigned flags);
/*
 * Fails the test unless every request has come, and the journal is as journal says (NULL: anything): "delete
 * v1: m1[v1,v2] +c1 ~s1[%m1.sig] partly !s1" is a removal of v1 with a child and a referrer, of which the
 * last was left; "; " is between two.
 */
void scene_finish(struct scene *s, const char *journal, const char *why);

struct repository *scene_repository(struct scene *s);
uint64_t scene_node(struct scene *s, enum node_kind kind,
		    const char *name); /* of a tag or a manifest; NULL: the view */
/* As words of the script: "v1", "%m1.sig"; "@m1" is removed from _manifests. */
int scene_rm(struct scene *s, const char *name);
int scene_rm_as(struct scene *s, int pid, const char *name);
struct question *scene_rm_begin(struct scene *s, int pid, const char *name);
int scene_stat(struct scene *s, int pid, const char *name);
int scene_ls(struct scene *s);
void scene_protect(struct scene *s, const char *pattern, const char *references); /* each may be NULL */
/* The tags that are listed, separated by spaces. */
const char *scene_shown(struct scene *s);

/* Processes, as long as a test needs them; pid 0 ends the list. Anybody else is unknown. */
struct fake_process {
	int pid, parent;
	uint64_t started;
};
extern const struct fake_process *scene_processes;
extern uint64_t scene_process_clock; /* what process_now() says */

#endif
