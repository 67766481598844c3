/* SPDX-License-Identifier: MIT */
#include "seen.h"

#include <stdlib.h>

#include "process.h"
#include "util/cleanup.h"

/* How long a program may hold on to what it saw: a walk that deletes lasts. */
enum { WATCH_MS = 3600 * 1000, MAX_LOOKERS = 8 };
/* The time at which a process started is rounded down to this. */
enum { TICK_MS = 10 };

struct seen {
	uint64_t moved; /* tree_now() */
	uint64_t shown; /* process_now() when somebody was first told since, 0: nobody was */
	unsigned nlookers; /* all that ever came; the last ones are kept */
	int lookers[MAX_LOOKERS];
};

void seen_moved(struct tag *tag)
{
	struct seen *s = tag->seen ? tag->seen : calloc(1, sizeof(*s));
	const struct tree *t = tag->repository->tree;

	if (s)
		*s = (struct seen){.moved = tree_now()};
	tag->seen = s;
	t->options.attr_changed(t->options.notify_data,
				node_make(NODE_TAG, tag->repository->directory->index, tag->index));
}

bool seen_watches(const struct tag *tag)
{
	return tag->seen && tree_now() - tag->seen->moved < WATCH_MS;
}

static bool has_looked(const struct seen *s, int pid)
{
	for (unsigned k = 0; k < s->nlookers && k < MAX_LOOKERS; k++)
		if (s->lookers[k] == pid)
			return true;
	return false;
}

void seen_shown(struct tag *tag, int pid)
{
	struct seen *s = tag->seen;

	if (!s || has_looked(s, pid))
		return;
	if (!s->shown)
		s->shown = process_now();
	s->lookers[s->nlookers++ % MAX_LOOKERS] = pid;
}

bool seen_allows(const struct tag *tag, int pid)
{
	const struct seen *s = tag->seen;

	if (!seen_watches(tag) || has_looked(s, pid))
		return true;
	return s->shown && process_started(pid) + TICK_MS > s->shown;
}

void seen_free(struct tag *tag)
{
	free(tag->seen);
	tag->seen = NULL;
}
