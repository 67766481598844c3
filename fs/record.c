/* SPDX-License-Identifier: MIT */
#include "record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"
#include "util/cleanup.h"

static size_t count_names(const struct plan *p)
{
	size_t n = 0;

	for (size_t k = 0; k < p->nitems; k++)
		for (struct tag **tag = p->items[k].tags; *tag; tag++)
			n++;
	return n;
}

static void fill_items(const struct removal *m, struct journal_item *items, const char **names)
{
	for (size_t k = 0; k < m->plan.nitems; k++) {
		const struct plan_item *from = &m->plan.items[k];
		const struct image *i = from->image;

		items[k] = (struct journal_item){
			.digest = from->manifest->digest,
			.role = from->role,
			.media_type = i->media_type,
			.bytes = removal_get_bytes(m, &from->manifest->digest),
			.tags = names,
		};
		for (struct tag **tag = from->tags; *tag; tag++, items[k].ntags++)
			*names++ = (*tag)->name;
	}
}

/* Without the lock: nothing of the removal changes before it has been written down. */
static int write_entry(struct removal *m, struct reg_error *error)
{
	auto_free struct journal_item *items = calloc(m->plan.nitems + 1, sizeof(*items));
	auto_free const char **names = calloc(count_names(&m->plan) + 1, sizeof(*names));
	char command[64];
	const struct journal_entry entry = {
		.action = m->action,
		.repository = m->repository->name,
		.tag = m->tag ? m->tag->name : NULL,
		.items = items,
		.nitems = m->plan.nitems,
		.placeholder = m->placeholder_digest,
		.uid = m->uid,
		.pid = m->pid ? m->pid : -1,
		.command = process_name(m->pid, command, sizeof(command)) ? command : NULL,
	};

	if (!items || !names) {
		error->err = -ENOMEM;
		snprintf(error->msg, sizeof(error->msg), "out of memory");
		return -ENOMEM;
	}
	fill_items(m, items, names);
	return journal_begin(m->repository->tree->journal, &entry, &m->journal_id, error);
}

static void run_begin(struct worker_task *task)
{
	struct removal *m = container_of(task, struct removal, task);
	struct tree *t = m->repository->tree;
	struct reg_error error = {0};
	const int err = write_entry(m, &error);

	tree_lock(t);
	if (err < 0)
		tree_log(t, REG_LOG_ERROR, "%s: nothing is removed that is not in the journal: %s",
			 m->repository->name, error.msg);
	m->recorded(m, err);
	tree_unlock(t);
}

void record_begin(struct removal *m, void (*recorded)(struct removal *m, int err))
{
	m->task.run = run_begin;
	m->recorded = recorded;
	worker_post(m->repository->tree->disk, &m->task);
}

static void run_end(struct worker_task *task)
{
	struct removal *m = container_of(task, struct removal, task);
	struct tree *t = m->repository->tree;
	struct reg_error error = {0};

	if (journal_end(t->journal, m->journal_id, m->outcome, m->left, m->nleft, &error) < 0)
		tree_log(t, REG_LOG_ERROR, "%s: the end of a removal is not in the journal: %s",
			 m->repository->name, error.msg);
	removal_unref(m);
}

void record_end(struct removal *m)
{
	m->task.run = run_end;
	removal_ref(m);
	worker_post(m->repository->tree->disk, &m->task);
}

/* "team/app:v1", or "team/app@sha256:..." */
static void name_of(const struct removal *m, char *ret, size_t size)
{
	char text[REG_DIGEST_MAX];

	if (m->tag)
		snprintf(ret, size, "%s:%s", m->repository->name, m->tag->name);
	else
		snprintf(ret, size, "%s@%s", m->repository->name,
			 reg_digest_text(&m->manifest->digest, text));
}

static const char *what_happened(const struct removal *m)
{
	if (m->outcome == JOURNAL_UNKNOWN)
		return "may be removed or not (regfs-undelete puts it back)";
	if (m->action == JOURNAL_UNTAG)
		return m->repository->tree->options.dry_run ? "would be untagged" : "untagged";
	return m->repository->tree->options.dry_run ? "would be removed" : "removed";
}

void record_say(const struct removal *m)
{
	const struct tree *t = m->repository->tree;
	char name[512], text[REG_DIGEST_MAX], more[64] = "", left[96] = "";

	if (m->outcome == JOURNAL_KEPT) /* the failure has had its line */
		return;
	name_of(m, name, sizeof(name));
	if (m->action == JOURNAL_DELETE && m->plan.nitems > 1 && m->outcome != JOURNAL_UNKNOWN)
		snprintf(more, sizeof(more), ", and %zu that hung from it", m->plan.nitems - 1 - m->nleft);
	if (m->nleft)
		snprintf(left, sizeof(left), "; %zu are left, and hang from nothing now", m->nleft);
	tree_log(t, m->outcome == JOURNAL_REMOVED ? REG_LOG_INFO : REG_LOG_WARN, "%s: %s (%s%s%s)", name,
		 what_happened(m), reg_digest_text(&m->manifest->digest, text), more, left);
}
