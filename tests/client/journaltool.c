/* SPDX-License-Identifier: MIT */
/*
 * journaltool: writes a journal as a mount would, for tests of what reads it.
 *
 *     journaltool DIR REGISTRY ENTRY [+ ENTRY]...
 *     ENTRY: delete|untag REPOSITORY TAG|- PLACEHOLDER|- removed|kept|partly|unknown|- ITEM...
 *     ITEM: image|child|referrer,FILE,MEDIATYPE[,TAG]...
 *
 * Without an outcome (-) the removal was cut off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bytes.h"
#include "journal_line.h"

enum { MAX_ITEMS = 64, MAX_TAGS = 64 };

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "journaltool: %s\n", what);
	exit(1);
}

static struct reg_bytes *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *data = malloc(REG_MAX_MANIFEST + 1);
	size_t n;

	must(f && data, path);
	n = fread(data, 1, REG_MAX_MANIFEST, f);
	data[n] = '\0';
	fclose(f);
	return reg_bytes_take(data, n);
}

/* Cuts the word up. */
static struct journal_item read_item(char *word)
{
	const char **tags = calloc(MAX_TAGS, sizeof(*tags));
	struct journal_item item = {.tags = tags};
	char *rest, *part = strtok_r(word, ",", &rest);

	item.role = journal_role_from(part);
	part = strtok_r(NULL, ",", &rest);
	must(tags && item.role && part, "ROLE,FILE,MEDIATYPE[,TAG]...");
	item.bytes = read_file(part);
	must(item.bytes &&
		     reg_digest_compute(REG_SHA256, item.bytes->data, item.bytes->size, &item.digest) == 0,
	     "out of memory");
	item.media_type = strtok_r(NULL, ",", &rest);
	while ((part = strtok_r(NULL, ",", &rest)))
		tags[item.ntags++] = part;
	return item;
}

static void write_entry(struct journal *j, char **words, int n)
{
	struct journal_item items[MAX_ITEMS];
	struct journal_entry entry = {.items = items, .uid = getuid(), .pid = getpid(), .command = "find"};
	enum journal_outcome outcome;
	struct reg_error error;
	uint64_t id;

	must(n >= 6 && n - 5 <= MAX_ITEMS, "ACTION REPOSITORY TAG PLACEHOLDER OUTCOME ITEM...");
	entry.action = journal_action_from(words[0]);
	entry.repository = words[1];
	entry.tag = strcmp(words[2], "-") != 0 ? words[2] : NULL;
	must(!strcmp(words[3], "-") || reg_digest_parse(words[3], &entry.placeholder), "the placeholder");
	outcome = journal_outcome_from(words[4]);
	must(outcome || !strcmp(words[4], "-"), "the outcome");
	for (int i = 5; i < n; i++)
		items[entry.nitems++] = read_item(words[i]);
	must(journal_begin(j, &entry, &id, &error) == 0, error.msg);
	must(!outcome || journal_end(j, id, outcome, NULL, 0, &error) == 0, error.msg);
	for (size_t i = 0; i < entry.nitems; i++) {
		reg_bytes_unref(items[i].bytes);
		free((void *)items[i].tags);
	}
}

int main(int argc, char **argv)
{
	struct reg_error error;
	struct journal *j = NULL;

	must(argc > 3, "DIR REGISTRY ENTRY [+ ENTRY]...");
	must(journal_new(argv[1], argv[2], &j, &error) == 0, error.msg);
	for (int i = 3, n; i < argc; i += n + 1) {
		for (n = 0; i + n < argc && strcmp(argv[i + n], "+") != 0; n++)
			;
		write_entry(j, argv + i, n);
	}
	journal_free(j);
	return 0;
}
