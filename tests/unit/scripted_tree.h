/* SPDX-License-Identifier: MIT */
/*
 * A tree over a scripted registry. Its clock (the linker wraps clock_gettime(), for CLOCK_MONOTONIC alone)
 * goes on by a millisecond whenever somebody looks, and by nothing else.
 */
#ifndef SCRIPTED_TREE_H
#define SCRIPTED_TREE_H

#include "repository.h"
#include "scripted.h"

struct scripted_tree {
	struct script *script;
	struct tree *tree;
	atomic_uint errors; /* lines of the log at that level */
	atomic_uint changed; /* nodes whose attributes the kernel was told to forget */
	size_t count; /* what the last tree_opendir() found; SIZE_MAX: not all, or it was something else */
	struct entry entry; /* what the last tree_lookup() or tree_getattr() was answered */
	pthread_mutex_t logging; /* guards the next */
	char log[8192]; /* its beginning */
	struct worker *disk; /* scripted_tree_journal() */
	struct journal *journal;
};

/* ttl: seconds. Fails the test if it cannot. */
void scripted_tree_start(struct scripted_tree *st, const struct script_row *rows, size_t nrows, unsigned ttl);
void scripted_tree_finish(struct scripted_tree *st); /* see script_finish() */

/* From now on it can remove: with a journal in dir, a thread for it, and tree->options.allow_delete. */
void scripted_tree_journal(struct scripted_tree *st, const char *dir);

void scripted_tree_advance(uint64_t ms);

/* Made if they are not there, without asking anybody. */
struct repository *scripted_repository(struct scripted_tree *st, const char *name);
struct tag *scripted_tag(struct scripted_tree *st, const char *repository, const char *name);

/* Asks what a call of a program would ask, and waits for the answer: 0 or a negative errno. */
int ask_list(struct scripted_tree *st, struct repository *r);
int ask_tag(struct scripted_tree *st, struct tag *tag);
int ask_date(struct scripted_tree *st, struct tag *tag);
/* Likewise any of tree_lookup() and its like; name may be NULL. What it was answered is released. */
int ask_tree(struct scripted_tree *st, void (*ask)(struct tree *t, struct call *c), uint64_t node,
	     const char *name);

/* The same for a process, and in two steps: ask_end() waits for the answer. */
struct question;
struct question *ask_begin(struct scripted_tree *st, void (*ask)(struct tree *t, struct call *c),
			   uint64_t node, const char *name, int pid);
void ask_interrupt(struct scripted_tree *st, struct question *q);
int ask_end(struct scripted_tree *st, struct question *q);

#endif
