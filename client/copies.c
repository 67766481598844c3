/* SPDX-License-Identifier: MIT */
#include "copies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

struct copy {
	struct reg_digest digest;
	const struct restore_entry *entry;
	const struct restore_item *item;
};

struct copies {
	const struct restore_journal *journal;
	size_t count;
	struct copy items[]; /* by digest */
};

static int compare(const void *a, const void *b)
{
	const struct copy *x = a, *y = b;

	return memcmp(&x->digest, &y->digest, sizeof(x->digest));
}

int copies_new(const struct restore_journal *j, struct copies **ret)
{
	struct copies *c;
	size_t n = 0;

	for (size_t i = 0; i < j->count; i++)
		n += j->entries[i]->nitems;
	c = calloc(1, sizeof(*c) + n * sizeof(*c->items));
	if (!c)
		return -ENOMEM;
	c->journal = j;
	for (size_t i = 0; i < j->count; i++) {
		const struct restore_entry *e = j->entries[i];

		for (size_t k = 0; k < e->nitems; k++)
			c->items[c->count++] = (struct copy){e->items[k].digest, e, &e->items[k]};
	}
	qsort(c->items, c->count, sizeof(*c->items), compare);
	*ret = c;
	return 0;
}

void copies_free(struct copies *c)
{
	free(c);
}

/* The first with this digest, or where it would be. */
static size_t find(const struct copies *c, const struct copy *key)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare(&c->items[middle], key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int copies_get(const struct copies *c, const struct reg_digest *digest, struct reg_bytes **ret,
	       const char **ret_media_type, struct reg_error *error)
{
	const struct copy key = {.digest = *digest};
	struct reg_bytes *bytes = NULL;
	const char *media_type = NULL;
	int first = 0;
	size_t i = find(c, &key);

	for (; i < c->count && compare(&c->items[i], &key) == 0; i++) {
		const struct copy *copy = &c->items[i];
		int r = 0;

		if (!media_type)
			media_type = copy->item->media_type;
		if (!bytes)
			r = restore_bytes(c->journal, copy->entry, copy->item, &bytes, first ? NULL : error);
		if (first == 0)
			first = r;
		if (bytes && media_type)
			break;
	}
	if (!bytes)
		return first ? first : reg_fail(error, -ENOENT, "the journal does not have it");
	*ret = bytes;
	*ret_media_type = media_type;
	return 0;
}
