/* SPDX-License-Identifier: MIT */
/* A line of a journal, which becomes file names, URLs and headers of requests that change a registry. */
#include "restore.h"

#include <string.h>

#include "fuzz.h"

static void check_item(const struct restore_item *item)
{
	must(item->digest.algorithm && item->role >= JOURNAL_IMAGE && item->role <= JOURNAL_REFERRER);
	for (size_t i = 0; i < item->ntags; i++)
		must(reg_name_is_tag(item->tags[i]));
	if (item->media_type)
		must(strchr(item->media_type, '/') && !strpbrk(item->media_type, " \t\r\n;,:") &&
		     strlen(item->media_type) <= 255);
}

static void check_entry(const struct restore_entry *e)
{
	bool asked_for = !e->tag;

	must(reg_name_is_repository(e->repository) && e->registry && !strchr(e->registry, '@'));
	must(e->host && strchr(e->host, ':') && !strpbrk(e->host, "/ \r\n"));
	must(e->action && !e->outcome && e->nitems);
	for (size_t i = 0; i < e->nitems; i++)
		check_item(&e->items[i]);
	for (size_t i = 0; e->tag && i < e->items[0].ntags; i++)
		asked_for = asked_for || strcmp(e->items[0].tags[i], e->tag) == 0;
	must(asked_for);
	for (const char *p = e->command; p && *p; p++)
		must((unsigned char)*p >= ' ' && *p != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct restore_line line;
	struct reg_error error;
	const int r = restore_line_parse((const char *)data, size, &line, &error);

	must(r == 0 || (r == error.err && error.msg[0]));
	if (r < 0)
		return 0;
	must(line.id && !line.entry == !!line.outcome);
	if (line.entry)
		check_entry(line.entry);
	restore_entry_free(line.entry);
	return 0;
}
