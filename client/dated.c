/* SPDX-License-Identifier: MIT */
#include "dated.h"

#include <errno.h>
#include <stdlib.h>

#define LAST_MS INT64_C(253402300799999) /* of the year 9999 */

static bool read_date(const char *text, struct timespec *ret)
{
	long long ms;
	char *end;

	if (!text || text[0] < '1' || text[0] > '9')
		return false;
	ms = strtoll(text, &end, 10);
	if (*end || ms > LAST_MS)
		return false;
	*ret = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	return true;
}

static int add(struct dated *d, const struct reg_dated *item)
{
	if (d->count == d->room) {
		const size_t room = d->room ? 2 * d->room : 64;
		struct reg_dated *items = realloc(d->items, room * sizeof(*items));

		if (!items)
			return -ENOMEM;
		d->items = items;
		d->room = room;
	}
	d->items[d->count++] = *item;
	return 0;
}

int dated_read(struct dated *d, const struct json *page)
{
	int r = 0;

	for (const struct json *m = json_first(json_object(page, "manifest")); m && r == 0;
	     m = json_next(m)) {
		struct reg_dated item = {0};

		if (reg_digest_parse(json_name(m), &item.digest) &&
		    read_date(json_string(m, "timeCreatedMs"), &item.created))
			r = add(d, &item);
	}
	return r;
}

void dated_done(struct dated *d)
{
	free(d->items);
	*d = (struct dated){0};
}
