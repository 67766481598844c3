/* SPDX-License-Identifier: MIT */
#include "along.h"

#include <stdlib.h>

#include "kind.h"
#include "process.h"

enum { ALONG_MS = 600 * 1000 };

struct along {
	uint64_t when; /* tree_now() */
	int pid, parent; /* who removed it, and who ran that program */
	bool parent_told;
	uint64_t size;
	struct timespec mtime;
};

void along_note(struct tag *tag, int pid)
{
	struct along *a = tag->along ? tag->along : calloc(1, sizeof(*a));
	enum created_from from;

	tag->along = a;
	if (!a)
		return;
	*a = (struct along){.when = tree_now(), .pid = pid, .parent = process_parent(pid)};
	a->mtime = tree_mounted(tag->repository->tree);
	if (tag->image)
		a->size = tag->image->size;
	if (tag_is_dated(tag))
		a->mtime = tag_mtime(tag, &from);
}

bool along_has(const struct tag *tag)
{
	return tag->along && tree_now() - tag->along->when < ALONG_MS;
}

/*
 * find -exec rm looks at every name that it has listed before it runs rm; so its own look counts, once: a
 * shell is the parent of what it runs as well.
 */
static bool may_look(struct along *a, int pid)
{
	if (pid == a->pid)
		return true;
	if (pid != a->parent || a->parent_told)
		return false;
	a->parent_told = true;
	return true;
}

bool along_shows(struct tag *tag, int pid, struct attributes *ret)
{
	const uint64_t node = node_make(NODE_TAG, tag->repository->directory->index, tag->index);

	if (!along_has(tag) || !may_look(tag->along, pid))
		return false;
	attr_file(tag->repository->tree, node, ret);
	ret->size = tag->along->size;
	ret->mtime = tag->along->mtime;
	return true;
}

bool along_take(struct tag *tag)
{
	const bool has = along_has(tag);

	along_forget(tag);
	return has;
}

void along_forget(struct tag *tag)
{
	free(tag->along);
	tag->along = NULL;
}
