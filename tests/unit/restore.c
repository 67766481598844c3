/* SPDX-License-Identifier: MIT */
/* Reading journals: whatever stands in one, what is sound is read, and the rest is named. */
#include "restore.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "folder.h"

#define H1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define H2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define ABC "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" /* of "abc" */

#define START "{\"version\":1,\"id\":1,\"time\":\"2026-11-21T08:15:02.5Z\""
#define NAMES                                                                                                \
	",\"registry\":\"https://reg.example\",\"repository\":\"a/b\",\"tag\":\"v1\",\"action\":\"delete\""
#define ITEM(digest, role, tags)                                                                             \
	"{\"digest\":\"" digest "\",\"mediaType\":\"application/x+json\",\"size\":3,\"role\":\"" role        \
	"\",\"tags\":" tags "}"
#define ITEMS ",\"digest\":\"" ABC "\",\"manifests\":[" ITEM(ABC, "image", "[\"v1\"]") "]"
#define BEFORE START NAMES ITEMS "}"
#define AFTER "{\"version\":1,\"id\":1,\"time\":\"2026-11-21T08:15:03Z\",\"outcome\":\"removed\",\"left\":[]}"
#define NUMBERED(id, time)                                                                                   \
	"{\"version\":1,\"id\":" id ",\"time\":\"2026-11-21T08:" time "Z\"" NAMES ITEMS "}\n"
#define ENDED(id, outcome) "{\"version\":1,\"id\":" id ",\"outcome\":\"" outcome "\"}\n"

static void lines(void **state)
{
	static const struct {
		const char *text, *message; /* NULL: it is sound */
		const char *why;
	} cases[] = {
		{BEFORE, NULL, "before"},
		{AFTER, NULL, "after"},
		{START ",\"new\":[1]" NAMES ITEMS ",\"uid\":0,\"pid\":1,\"command\":\"find\"}", NULL,
		 "a member of a later time"},
		{START NAMES ITEMS ",\"placeholder\":\"" H1 "\"}", NULL, "placeholder"},
		{START NAMES ITEMS ",\"uid\":\"x\",\"pid\":-3,\"command\":7}", NULL, "nonsense about who"},
		{"", "no JSON object", "empty"},
		{"[]", "no JSON object", "array"},
		{"{\"version\":1", "no JSON object", "torn"},
		{BEFORE "x", "no JSON object", "text behind"},
		{"{}", "of a version", "no version"},
		{"{\"version\":2,\"id\":1}", "of a version", "a later version"},
		{"{\"version\":\"1\",\"id\":1}", "of a version", "a version in words"},
		{"{\"version\":1}", "no number", "no number"},
		{"{\"version\":1,\"id\":0}", "no number", "zero"},
		{"{\"version\":1,\"id\":-1}", "no number", "negative"},
		{"{\"version\":1,\"id\":1}", "its time is none", "nothing else"},
		{"{\"version\":1,\"id\":1,\"outcome\":\"gone\"}", "outcome", "no such outcome"},
		{"{\"version\":1,\"id\":1,\"outcome\":1}", "outcome", "a number as outcome"},
		{"{\"version\":1,\"id\":1,\"time\":\"yesterday\"" NAMES ITEMS "}", "time", "no time"},
		{START ",\"registry\":\"https://u:p@h\",\"repository\":\"a\",\"action\":\"delete\"" ITEMS "}",
		 "its registry is none", "a registry with a password"},
		{START ",\"repository\":\"a\",\"action\":\"delete\"" ITEMS "}", "its registry is none",
		 "no registry"},
		{START ",\"registry\":\"h\",\"repository\":\"../a\",\"action\":\"delete\"" ITEMS "}",
		 "its repository is none", "a repository that leads out"},
		{START ",\"registry\":\"h\",\"repository\":\"a\",\"tag\":\"a/b\",\"action\":\"delete\"" ITEMS
		       "}",
		 "its tag is none", "a tag with a slash"},
		{START ",\"registry\":\"h\",\"repository\":\"a\",\"tag\":7,\"action\":\"delete\"" ITEMS "}",
		 "its tag is none", "a tag that is a number"},
		{START ",\"registry\":\"h\",\"repository\":\"a\",\"action\":\"destroy\"" ITEMS "}",
		 "its action is none", "no such action"},
		{START NAMES ITEMS ",\"placeholder\":\"x\"}", "placeholder",
		 "a placeholder that is no digest"},
		{START NAMES ",\"digest\":\"" ABC "\"}", "names no manifest", "no manifests"},
		{START NAMES ",\"digest\":\"" ABC "\",\"manifests\":[]}", "names no manifest",
		 "none of them"},
		{START NAMES ",\"digest\":\"" ABC "\",\"manifests\":{\"a\":" ITEM(ABC, "image", "[]") "}}",
		 "names no manifest", "an object of manifests"},
		{START NAMES ",\"digest\":\"" H1 "\",\"manifests\":[" ITEM(ABC, "image", "[]") "]}",
		 "not that of its first", "another digest"},
		{START NAMES ",\"manifests\":[" ITEM(ABC, "image", "[]") "]}", "not that of its first",
		 "no digest"},
		{START NAMES ",\"digest\":\"" ABC "\",\"manifests\":[" ITEM(ABC, "father", "[]") "]}", "role",
		 "no such role"},
		{START NAMES ",\"digest\":\"" ABC "\",\"manifests\":[" ITEM("sha256:12", "image", "[]") "]}",
		 "no valid digest", "a digest cut off"},
		{START NAMES ",\"digest\":\"" ABC
			     "\",\"manifests\":[" ITEM("../../../etc/passwd", "image", "[]") "]}",
		 "no valid digest", "a digest that leads out"},
		{START NAMES ",\"digest\":\"" ABC
			     "\",\"manifests\":[" ITEM(ABC, "image", "[\"v1\",\".\"]") "]}",
		 "no tag", "a tag that leads out"},
		{START NAMES ",\"digest\":\"" ABC "\",\"manifests\":[" ITEM(ABC, "image", "[7]") "]}",
		 "no tag", "a number among the tags"},
		{START NAMES ",\"digest\":\"" ABC "\",\"manifests\":[" ITEM(
			 ABC, "image", "[]") ",{\"digest\":\"" H1 "\",\"role\":\"child\",\"tags\":[],"
					     "\"mediaType\":\"a/b\\r\\nX: y\"}]}",
		 "media type", "a media type that is two headers"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct restore_line line = {0};
		struct reg_error error = {0};
		const int r = restore_line_parse(cases[i].text, strlen(cases[i].text), &line, &error);

		check_int(r, cases[i].message ? -EBADMSG : 0, cases[i].why);
		if (cases[i].message)
			check(strstr(error.msg, cases[i].message), error.msg);
		check(!line.entry || r == 0, cases[i].why);
		restore_entry_free(line.entry);
	}
}

static void what_a_line_says(void **state)
{
	static const char text[] = START NAMES
		",\"digest\":\"" ABC
		"\",\"manifests\":[" ITEM(ABC, "image", "[\"v2\"]") "," ITEM(H1, "child", "[]") "," ITEM(
			H2, "referrer", "[\"s\",\"t\"]") "],\"uid\":12,\"pid\":13,"
							 "\"command\":\"a\\u001b"
							 "[2J\\u202eb\"}";
	struct restore_line line;
	struct restore_entry *e;

	(void)state;
	assert_int_equal(restore_line_parse(text, strlen(text), &line, NULL), 0);
	e = line.entry;
	assert_int_equal(line.id, 1);
	assert_int_equal(e->time.tv_sec, 1795248902);
	assert_int_equal(e->time.tv_nsec, 500000000);
	assert_string_equal(e->registry, "https://reg.example");
	assert_string_equal(e->repository, "a/b");
	assert_int_equal(e->nitems, 3);
	/* The name that was asked for goes with the first manifest, even if its line forgot to say so. */
	assert_int_equal(e->items[0].ntags, 2);
	assert_string_equal(e->items[0].tags[0], "v2");
	assert_string_equal(e->items[0].tags[1], "v1");
	assert_int_equal(e->items[1].ntags, 0);
	assert_int_equal(e->items[2].ntags, 2);
	assert_int_equal(e->items[2].role, JOURNAL_REFERRER);
	assert_int_equal(e->uid, 12);
	assert_int_equal(e->pid, 13);
	assert_string_equal(e->command, "a [2J b");
	restore_entry_free(e);
}

/* What is told of a file, as text: severity, line and message. */
struct told {
	char text[4096];
	int notes, problems;
};

static void on_report(void *data, enum restore_severity severity, const char *file, size_t line,
		      const char *message)
{
	struct told *t = data;
	const size_t n = strlen(t->text);

	snprintf(t->text + n, sizeof(t->text) - n, "%s:%zu: %s\n", file, line, message);
	t->notes += severity == RESTORE_NOTE;
	t->problems += severity == RESTORE_PROBLEM;
}

#define RUN "20261121T081502Z-4711"
#define FILE_OF_RUN RUN "/removals.jsonl"

static void files(void **state)
{
	static const struct {
		const char *text;
		size_t entries, ended;
		int notes, problems;
		const char *told; /* or NULL */
		const char *why;
	} cases[] = {
		{"", 0, 0, 0, 0, NULL, "empty"},
		{BEFORE "\n" AFTER "\n", 1, 1, 0, 0, NULL, "one removal"},
		{BEFORE "\n", 1, 0, 0, 0, NULL, "cut off"},
		{BEFORE "\n" AFTER, 1, 0, 1, 0, ":2: the last line is torn", "no line feed at the end"},
		{BEFORE, 0, 0, 1, 0, ":1: the last line is torn", "not even one line"},
		{BEFORE "\n{\"version\":1,\"id\":2,\"ti", 1, 0, 1, 0, ":2: the last line is torn", "torn"},
		{AFTER "\n", 0, 0, 0, 1, ":1: it tells the end", "an end without a beginning"},
		{BEFORE "\n" AFTER "\n" AFTER "\n", 1, 1, 0, 1, ":3: it tells the end", "two ends"},
		{BEFORE "\n" BEFORE "\n", 1, 0, 0, 1, ":2: its number", "the same number twice"},
		{NUMBERED("2", "01:00") NUMBERED("1", "02:00"), 1, 0, 0, 1, ":2: its number", "backwards"},
		{"garbage\n" BEFORE "\n" AFTER "\n", 1, 1, 0, 1, ":1: no JSON object", "garbage before"},
		{BEFORE "\n\n" AFTER "\n", 1, 1, 0, 1, ":2: no JSON object", "an empty line"},
		{"{\"version\":2,\"id\":1,\"outcome\":\"kept\"}\n" BEFORE "\n", 1, 0, 0, 1,
		 ":1: of a version that this program does not know", "a later version"},
		{BEFORE "\n" ENDED("1", "vanished"), 1, 0, 0, 1, ":2: its outcome is none",
		 "no such outcome"},
		{NUMBERED("1", "01:00") NUMBERED("2", "02:00") NUMBERED("5", "03:00") NUMBERED("9", "04:00")
			 ENDED("9", "kept") ENDED("2", "partly") ENDED("1", "unknown") ENDED("5", "removed"),
		 4, 4, 0, 0, NULL, "ends in another order"},
		{NUMBERED("1", "01:00") ENDED("3", "kept"), 1, 0, 0, 1, ":2: it tells the end",
		 "no such number"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct told told = {0};
		struct restore_journal *j;
		struct folder f;
		size_t ended = 0;

		folder_make(&f);
		folder_write(&f, FILE_OF_RUN, cases[i].text, strlen(cases[i].text));
		check_int(restore_read(f.path, on_report, &told, &j, NULL), 0, cases[i].why);
		check_int(j->count, cases[i].entries, cases[i].why);
		for (size_t k = 0; k < j->count; k++) {
			ended += j->entries[k]->outcome != 0;
			check_text(j->entries[k]->run, RUN, cases[i].why);
		}
		check_int(ended, cases[i].ended, cases[i].why);
		check_int(told.notes, cases[i].notes, told.text);
		check_int(told.problems, cases[i].problems, told.text);
		if (cases[i].told)
			check(strstr(told.text, cases[i].told) && strstr(told.text, FILE_OF_RUN), told.text);
		restore_free(j);
		folder_remove(&f);
	}
}

/* Lines that end where a read ends, before it and behind it. */
static void many_lines(void **state)
{
	const size_t count = 2000;
	char *text = malloc(count * 800), *p = text;
	struct restore_journal *j;
	struct told told = {0};
	struct folder f;

	(void)state;
	assert_non_null(text);
	for (size_t i = 1; i <= count; i++)
		p += sprintf(p,
			     "{\"version\":1,\"id\":%zu,\"time\":\"2026-11-21T08:15:02Z\"" NAMES ITEMS
			     ",\"x\":\"%0*d\"}\n",
			     i, (int)(i % 300), 0);
	folder_make(&f);
	folder_write(&f, FILE_OF_RUN, text, (size_t)(p - text));
	assert_int_equal(restore_read(f.path, on_report, &told, &j, NULL), 0);
	check(!told.text[0], told.text);
	assert_int_equal(j->count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(j->entries[i]->id, i + 1);
		assert_int_equal(j->entries[i]->line, i + 1);
	}
	restore_free(j);
	folder_remove(&f);
	free(text);
}

static void too_long_and_too_bad(void **state)
{
	const size_t huge = ((size_t)64 << 20) + 10;
	char *text = malloc(huge + 10000);
	struct restore_journal *j;
	struct told told = {0};
	struct folder f;
	size_t n;

	(void)state;
	assert_non_null(text);
	memset(text, ' ', huge);
	n = huge + (size_t)sprintf(text + huge, "\n%s\n", BEFORE);
	folder_make(&f);
	folder_write(&f, FILE_OF_RUN, text, n);
	assert_int_equal(restore_read(f.path, on_report, &told, &j, NULL), 0);
	assert_int_equal(j->count, 1);
	assert_int_equal(j->entries[0]->line, 2);
	check(strstr(told.text, ":1: longer than a line"), told.text);
	restore_free(j);

	told = (struct told){0};
	memset(text, '\n', 5000);
	folder_write(&f, FILE_OF_RUN, text, 5000);
	assert_int_equal(restore_read(f.path, on_report, &told, &j, NULL), 0);
	assert_int_equal(told.problems, 1001);
	restore_free(j);
	folder_remove(&f);
	free(text);
}

static void runs_in_the_order_of_time(void **state)
{
	static const char first[] = NUMBERED("1", "10:00") NUMBERED("2", "12:00"),
			  second[] = NUMBERED("1", "11:00") NUMBERED("2", "13:00"),
			  third[] = NUMBERED("1", "09:00") NUMBERED("2", "13:00");
	static const char *const runs[] = {"20261121T080000Z-3", "20261121T080000Z-1-2",
					   "20261121T080000Z-2", "20261121T080000Z-1-2",
					   "20261121T080000Z-2", "20261121T080000Z-3"};
	struct restore_journal *j;
	struct told told = {0};
	struct folder f;

	(void)state;
	folder_make(&f);
	folder_write(&f, "20261121T080000Z-1-2/removals.jsonl", first, strlen(first));
	folder_write(&f, "20261121T080000Z-2/removals.jsonl", second, strlen(second));
	folder_write(&f, "20261121T080000Z-3/removals.jsonl", third, strlen(third));
	assert_int_equal(restore_read(f.path, on_report, &told, &j, NULL), 0);
	check(!told.text[0], told.text);
	assert_int_equal(j->count, ARRAY_SIZE(runs));
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		assert_string_equal(j->entries[i]->run, runs[i]);
	restore_free(j);
	folder_remove(&f);
}

static void foreign_things(void **state)
{
	static const char one[] = BEFORE "\n";
	struct restore_journal *j;
	struct told told = {0};
	struct folder f;

	(void)state;
	folder_make(&f);
	folder_write(&f, FILE_OF_RUN, one, strlen(one));
	folder_write(&f, "notes.txt", "x", 1);
	folder_write(&f, "2026/removals.jsonl", one, strlen(one));
	folder_write(&f, "20261121T081502Z-x/removals.jsonl", one, strlen(one));
	folder_write(&f, "20261121T081502Z-/removals.jsonl", one, strlen(one));
	folder_write(&f, ".hidden", "x", 1);
	folder_write(&f, "20261121T081502Z-1/sha256:x", "x", 1); /* a run that ended before its first line */
	folder_write(&f, "20261121T081502Z-2", one, strlen(one)); /* no folder */
	assert_int_equal(symlink(RUN, folder_path(&f, "20261121T081502Z-3")), 0);
	assert_int_equal(mkdir(folder_path(&f, "20261121T081502Z-4"), 0700), 0);
	assert_int_equal(mkfifo(folder_path(&f, "20261121T081502Z-4/removals.jsonl"), 0600), 0);
	assert_int_equal(mkdir(folder_path(&f, "20261121T081502Z-5"), 0700), 0);
	assert_int_equal(symlink("../" FILE_OF_RUN, folder_path(&f, "20261121T081502Z-5/removals.jsonl")), 0);
	assert_int_equal(mkdir(folder_path(&f, "20261121T081502Z-6"), 0700), 0);
	assert_int_equal(mkdir(folder_path(&f, "20261121T081502Z-6/removals.jsonl"), 0700), 0);
	assert_int_equal(restore_read(f.path, on_report, &told, &j, NULL), 0);
	assert_int_equal(j->count, 1);
	check_int(told.notes, 5, told.text);
	check_int(told.problems, 5, told.text);
	check(!strstr(told.text, "hidden"), told.text);
	restore_free(j);
	folder_remove(&f);
}

static void no_folder(void **state)
{
	struct reg_error error = {0};
	struct restore_journal *j = NULL;
	struct folder f;

	(void)state;
	folder_make(&f);
	assert_int_equal(restore_read(folder_path(&f, "none"), NULL, NULL, &j, &error), -ENOENT);
	check(strstr(error.msg, "none: No such file or directory"), error.msg);
	folder_write(&f, "file", "x", 1);
	assert_int_equal(restore_read(folder_path(&f, "file"), NULL, NULL, &j, &error), -ENOTDIR);
	assert_null(j);
	folder_remove(&f);
}

static void manifests(void **state)
{
	static const struct {
		const char *content; /* NULL: no file; "link": a link to one that would do; "pipe" */
		int err;
		const char *message, *why;
	} cases[] = {
		{"abc", 0, NULL, "as it was"},
		{"abd", -EBADMSG, "is damaged", "one letter is another"},
		{"", -EBADMSG, "is damaged", "empty"},
		{"abcd", -EBADMSG, "is damaged", "longer"},
		{NULL, -ENOENT, "cannot be read: No such file or directory", "missing"},
		{"link", -ELOOP, "cannot be read", "a link"},
		{"pipe", -EINVAL, "cannot be read", "a pipe"},
		{"large", -EBADMSG, "is damaged", "larger than a manifest can be"},
	};
	static const char one[] = BEFORE "\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *content = cases[i].content;
		struct reg_error error = {0};
		struct reg_bytes *bytes = NULL;
		struct restore_journal *j;
		struct folder f;
		int r;

		folder_make(&f);
		folder_write(&f, FILE_OF_RUN, one, strlen(one));
		folder_write(&f, "good", "abc", 3);
		if (content && !strcmp(content, "link"))
			assert_int_equal(symlink("../good", folder_path(&f, RUN "/" ABC)), 0);
		else if (content && !strcmp(content, "pipe"))
			assert_int_equal(mkfifo(folder_path(&f, RUN "/" ABC), 0600), 0);
		else if (content)
			folder_write(&f, RUN "/" ABC, content, strlen(content));
		if (content && !strcmp(content, "large"))
			assert_int_equal(truncate(folder_path(&f, RUN "/" ABC), (off_t)1 << 40), 0);
		assert_int_equal(restore_read(f.path, NULL, NULL, &j, NULL), 0);
		r = restore_bytes(j, j->entries[0], &j->entries[0]->items[0], &bytes, &error);
		check_int(r, cases[i].err, cases[i].why);
		if (r == 0) {
			assert_int_equal(bytes->size, 3);
			assert_memory_equal(bytes->data, "abc", 4);
		} else {
			assert_null(bytes);
			check(strstr(error.msg, cases[i].message) && strstr(error.msg, ABC) &&
				      strstr(error.msg, RUN ", line 1"),
			      error.msg);
		}
		reg_bytes_unref(bytes);
		restore_free(j);
		folder_remove(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(what_a_line_says),
		cmocka_unit_test(files),
		cmocka_unit_test(many_lines),
		cmocka_unit_test(too_long_and_too_bad),
		cmocka_unit_test(runs_in_the_order_of_time),
		cmocka_unit_test(foreign_things),
		cmocka_unit_test(no_folder),
		cmocka_unit_test(manifests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
