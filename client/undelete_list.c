/* SPDX-License-Identifier: MIT */
#include "undelete_list.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal_line.h"
#include "util/cleanup.h"

enum { COLUMNS = 6 };

struct table {
	char *(*rows)[COLUMNS];
	size_t count, room;
};

static int add_row(struct table *t, const char *const cells[COLUMNS])
{
	const size_t room = t->room ? t->room * 2 : 64;
	bool whole = true;

	if (t->count == t->room) {
		char *(*rows)[COLUMNS] = reallocarray(t->rows, room, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		t->rows = rows;
		t->room = room;
	}
	for (int i = 0; i < COLUMNS; i++) {
		t->rows[t->count][i] = strdup(cells[i]);
		whole = whole && t->rows[t->count][i];
	}
	t->count++;
	return whole ? 0 : -ENOMEM;
}

static void print(const struct table *t)
{
	int width[COLUMNS] = {0};

	for (size_t i = 0; i < t->count; i++)
		for (int k = 0; k < COLUMNS; k++)
			if ((int)strlen(t->rows[i][k]) > width[k])
				width[k] = (int)strlen(t->rows[i][k]);
	for (size_t i = 0; i < t->count; i++) {
		for (int k = 0; k < COLUMNS - 1; k++)
			printf("%-*s  ", width[k], t->rows[i][k]);
		puts(t->rows[i][COLUMNS - 1]);
	}
}

static void done(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		for (int k = 0; k < COLUMNS; k++)
			free(t->rows[i][k]);
	free(t->rows);
}

/* "joe find(4711)", as far as it is known. */
static void who(const struct restore_entry *e, char *ret, size_t size)
{
	const struct passwd *user = e->uid >= 0 ? getpwuid((uid_t)e->uid) : NULL;
	char number[32] = "-", pid[32] = "";

	if (e->uid >= 0)
		snprintf(number, sizeof(number), "%" PRId64, e->uid);
	if (e->pid >= 0)
		snprintf(pid, sizeof(pid), "(%" PRId64 ")", e->pid);
	snprintf(ret, size, "%s%s%s%s", user ? user->pw_name : number, e->command || *pid ? " " : "",
		 e->command ? e->command : "", pid);
}

static int add_entry(struct table *t, const struct restore_entry *e)
{
	char date[32] = "-", digest[REG_DIGEST_MAX], name[512], user[256];
	const char *const cells[COLUMNS] = {
		date, e->registry, name, digest, e->outcome ? journal_outcome_name(e->outcome) : "cut-off",
		user};
	struct tm tm;
	int r = 0;

	if (gmtime_r(&e->time.tv_sec, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	who(e, user, sizeof(user));
	for (size_t i = 0; r == 0 && i < e->nitems; i++) {
		reg_digest_text(&e->items[i].digest, digest);
		for (size_t k = 0; r == 0 && k < e->items[i].ntags; k++) {
			snprintf(name, sizeof(name), "%s:%s", e->repository, e->items[i].tags[k]);
			r = add_row(t, cells);
		}
		if (r == 0 && i == 0 && !e->items[i].ntags) {
			snprintf(name, sizeof(name), "%s@%s", e->repository, digest);
			r = add_row(t, cells);
		}
	}
	return r;
}

int undelete_list(const struct restore_journal *j, const struct wanted_filter *f)
{
	static const char *const header[COLUMNS] = {"TIME", "REGISTRY", "NAME", "DIGEST", "OUTCOME", "WHO"};
	struct table t = {0};
	int r;

	r = add_row(&t, header);
	for (size_t i = 0; r == 0 && i < j->count; i++)
		if (wanted_passes(f, j->entries[i]) && wanted_concerns(f, j->entries[i]))
			r = add_entry(&t, j->entries[i]);
	if (r == 0)
		print(&t);
	done(&t);
	return r;
}
