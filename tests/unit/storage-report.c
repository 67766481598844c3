/* SPDX-License-Identifier: MIT */
/* What regfs-gc tells, as text and as JSON, of stores in memory. */
#include "storage/report.h"
#include "storage/report_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawn.h"
#include "unit.h"

/* ---- words ---- */

static void sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 B"},
		{1, "1 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{1024 * 1024 - 1, "1.0 MiB"},
		{1024 * 1023, "1023.0 KiB"},
		{1024 * 1024, "1.0 MiB"},
		{UINT64_C(2254857830), "2.1 GiB"},
		{UINT64_C(1) << 40, "1.0 TiB"},
		{UINT64_MAX, "16.0 EiB"},
	};
	char text[REPORT_SIZE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_text(report_size(text, cases[i].bytes), cases[i].text, cases[i].text);
}

static void dates(void **state)
{
	char text[REPORT_DATE_MAX];

	(void)state;
	check_text(report_date(text, 1795248902), "2026-11-21T08:15:02Z", "in Greenwich");
	check_text(report_date(text, 0), "", "none");
	check_text(report_date(text, -1), "", "none");
}

/* ---- what is written to a stream ---- */

struct out {
	FILE *file;
	char *text;
	size_t size;
};

static void begin(struct out *o)
{
	*o = (struct out){0};
	o->file = open_memstream(&o->text, &o->size);
	assert_non_null(o->file);
}

static void expect(struct out *o, const char *want, const char *why)
{
	assert_int_equal(fclose(o->file), 0);
	check_text(o->text, want, why);
	free(o->text);
}

static void tables(void **state)
{
	struct table t;
	struct out o;

	(void)state;
	table_init(&t, 3, "lrl");
	table_row(&t, (const char *[]){"NAME", "SIZE", "WHY"});
	table_row(&t, (const char *[]){"a/long/name", "1 B", NULL});
	table_row(&t, (const char *[]){"b", "100.0 KiB", "a\033[31m b"});
	begin(&o);
	check_int(table_print(&t, o.file, "  "), 0, "there is memory");
	expect(&o,
	       "  NAME              SIZE  WHY\n"
	       "  a/long/name        1 B  -\n"
	       "  b            100.0 KiB  a [31m b\n",
	       "as wide as what stands in it, and no escape");
	table_done(&t);
}

static void long_tables(void **state)
{
	struct table t;
	struct out o;
	size_t lines = 0;

	(void)state;
	table_init(&t, 2, "ll");
	for (int i = 0; i < 1000; i++)
		table_row(&t, (const char *[]){"x", "y"});
	begin(&o);
	check_int(table_print(&t, o.file, ""), 0, "there is memory");
	fclose(o.file);
	for (const char *p = o.text; *p; p++)
		lines += *p == '\n';
	check_int(lines, 1000, "every row is there");
	free(o.text);
	table_done(&t);
}

/* ---- problems ---- */

static void add(struct problems *p, enum problem_kind kind, const char *repository, const char *tag,
		const char *path, const char *text)
{
	char r[32] = "", t[32] = "", f[64] = "";
	struct problem one = {.kind = kind};

	snprintf(r, sizeof(r), "%s", repository ? repository : "");
	snprintf(t, sizeof(t), "%s", tag ? tag : "");
	snprintf(f, sizeof(f), "%s", path ? path : "");
	one.repository = repository ? r : NULL;
	one.tag = tag ? t : NULL;
	one.path = path ? f : NULL;
	assert_int_equal(problems_add(p, &one, "%s", text), 0);
}

static void problems_by_repository(void **state)
{
	struct problems p = {0};
	struct out o;

	(void)state;
	add(&p, PROBLEM_ACCESS, NULL, NULL, "blobs/sha256/ab", "it cannot be read");
	add(&p, PROBLEM_LAYER_MISSING, "b", "1.0", NULL, "a layer is missing");
	add(&p, PROBLEM_LINK_BAD, "b", NULL, "repositories/b/x", "repositories/b/x is empty");
	add(&p, PROBLEM_TAG_BAD, "a", "t", "repositories/a/t", "it is empty");
	add(&p, PROBLEM_STRAY, NULL, NULL, "blobs/x", "no registry makes it");
	problems_sort(&p);
	begin(&o);
	report_problems(o.file, &p, NULL);
	expect(&o,
	       "a\n"
	       "  t: it is empty\n"
	       "b\n"
	       "  repositories/b/x is empty\n"
	       "  1.0: a layer is missing\n"
	       "(storage)\n"
	       "  blobs/sha256/ab: it cannot be read\n"
	       "notes:\n"
	       "  blobs/x: no registry makes it\n",
	       "by repository, the storage's own at the end");
	problems_done(&p);
}

static void many_notes(void **state)
{
	struct problems p = {0};
	char path[32];
	struct out o;
	size_t lines = 0;

	(void)state;
	for (int i = 0; i < 30; i++) {
		snprintf(path, sizeof(path), "x%02d", i);
		add(&p, PROBLEM_STRAY, NULL, NULL, path, "stray");
	}
	add(&p, PROBLEM_UPLOAD, "a", NULL, "uploads/u", "half an upload");
	begin(&o);
	report_problems(o.file, &p, NULL);
	fclose(o.file);
	for (const char *c = o.text; *c; c++)
		lines += *c == '\n';
	check_int(lines, 1 + 20 + 1 + 1, "twenty of a kind");
	check(strstr(o.text, "  and 10 more: stray\n"), o.text);
	check(strstr(o.text, "  uploads/u: half an upload\n"), o.text);
	free(o.text);
	problems_done(&p);
}

static void new_problems(void **state)
{
	struct problems before = {0}, after = {0};
	struct report_known known;
	struct out o;

	(void)state;
	add(&before, PROBLEM_SIZE, "a", "t", NULL, "3 bytes are missing");
	add(&before, PROBLEM_SIZE, "a", "u", NULL, "3 bytes are missing");
	add(&after, PROBLEM_SIZE, "a", "t", NULL, "4 bytes are missing");
	add(&after, PROBLEM_SIZE, "a", "v", NULL, "4 bytes are missing");
	add(&after, PROBLEM_LAYER_MISSING, "a", "t", NULL, "a layer is missing");
	add(&after, PROBLEM_STRAY, NULL, NULL, "x", "a note is never new");
	assert_int_equal(report_known_init(&known, &before), 0);
	begin(&o);
	report_problems(o.file, &after, &known);
	expect(&o,
	       "a\n"
	       "  t: 4 bytes are missing\n"
	       "  new: v: 4 bytes are missing\n"
	       "  new: t: a layer is missing\n"
	       "notes:\n"
	       "  x: a note is never new\n",
	       "whatever the words are");
	report_known_done(&known);
	problems_done(&before);
	problems_done(&after);
}

static void problems_as_json(void **state)
{
	struct problems before = {0}, p = {0};
	struct report_known known;
	struct report_json j;
	struct out o;

	(void)state;
	add(&p, PROBLEM_LAYER_MISSING, "a", "t", NULL, "a \"layer\"");
	add(&p, PROBLEM_STRAY, NULL, NULL, "x\xff", "stray");
	assert_int_equal(report_known_init(&known, &before), 0);
	begin(&o);
	report_json_begin(&j, o.file, "check", NULL);
	report_json_problems(&j, &p, &known);
	check_int(report_json_end(&j), 0, "there is memory");
	expect(&o,
	       "{\"command\":\"check\",\"problems\":[{\"kind\":\"layer-missing\",\"repository\":\"a\",\"tag\":\"t\","
	       "\"text\":\"a \\\"layer\\\"\",\"new\":true}],"
	       "\"notes\":[{\"kind\":\"stray\",\"path\":\"x?\",\"text\":\"stray\"}]}\n",
	       "members that do not apply are left out");
	report_known_done(&known);
	problems_done(&p);
}

/* ---- plans ---- */

static void tell_plan(const char *drawing, bool delete_untagged, bool json, struct out *o)
{
	const struct mark_options options = {.delete_untagged = delete_untagged},
				  untagged = {.delete_untagged = true};
	struct report_plan report = {.root = "/srv", .delete_untagged = delete_untagged, .now = 10000000};
	struct mark m, tagged;
	struct drawn d;
	struct plan p;

	drawn_init(&d, drawing);
	assert_int_equal(mark(&d.store, &options, &m), 0);
	assert_int_equal(mark(&d.store, &untagged, &tagged), 0);
	assert_int_equal(plan(&d.store, &m, &tagged, report.now, &p), 0);
	report.store = &d.store;
	report.mark = &m;
	report.plan = &p;
	begin(o);
	assert_int_equal(json ? report_json_plan(o->file, &report) : report_plan(o->file, &report), 0);
	plan_done(&p);
	mark_done(&m);
	mark_done(&tagged);
	drawn_done(&d);
}

/* Sizes are 1, 2, 4, .. in the order of the names. */
#define DRAWING "X=c,l Y=d,l g [a t@X,Y +X +Y .c .d .l up:5000 [b u@X +X .c .l [e"

static void plan_text(void **state)
{
	struct out o;

	(void)state;
	tell_plan(DRAWING, true, false, &o);
	expect(&o,
	       "REPOSITORY       TAGS  MANIFESTS  ALONE  SHARED  GARBAGE\n"
	       "a                   1          2    0 B     7 B     24 B\n"
	       "b                   1          1    0 B     7 B      0 B\n"
	       "e                   0          0    0 B     0 B      0 B\n"
	       "(no repository)     0          0    0 B     0 B     32 B\n"
	       "total               2          3    0 B     7 B     56 B\n"
	       "\n"
	       "untagged manifests\n"
	       "  MANIFEST        KIND      PLATFORM  PUSHED                WAS  BYTES  STATE\n"
	       "  a@18f5384d58bc  manifest  -         1970-01-01T00:16:40Z  t     28 B  garbage\n"
	       "\n"
	       "uploads\n"
	       "  REPOSITORY  ID       STARTED               BYTES  STATE\n"
	       "  a           up:5000  1970-01-01T01:23:20Z    7 B  dead\n"
	       "\n"
	       "empty repositories\n"
	       "  e\n"
	       "\n"
	       "1 revision link that nothing needs\n"
	       "1 layer link that nothing needs\n"
	       "3 of 6 blobs are garbage: 56 B of 63 B\n",
	       "a plan");
}

static void plan_kept(void **state)
{
	struct out o;

	(void)state;
	tell_plan("X=c Y=d [a t@X +X +Y .c .d unsure", false, false, &o);
	expect(&o,
	       "REPOSITORY  TAGS  MANIFESTS  ALONE  SHARED  GARBAGE\n"
	       "a              1          2   15 B     0 B      0 B\n"
	       "total          1          2   15 B     0 B      0 B\n"
	       "\n"
	       "untagged manifests\n"
	       "  MANIFEST        KIND      PLATFORM  PUSHED                WAS  BYTES  STATE\n"
	       "  a@18f5384d58bc  manifest  -         1970-01-01T00:16:40Z  -     12 B  kept\n"
	       "\n"
	       "not sure, so that all that they link is kept\n"
	       "  a: drawn so\n"
	       "\n"
	       "0 of 4 blobs are garbage: 0 B of 15 B\n",
	       "what is untagged is kept unless it is to go");
}

static void plan_odd(void **state)
{
	const struct plan_sum none = {0}, some = {.count = 2, .bytes = 2048};
	struct out o;

	(void)state;
	begin(&o);
	report_future(o.file, "/srv", &none);
	report_future(o.file, "/srv", &some);
	expect(&o,
	       "2 blobs (2.0 KiB) that nobody holds, but dated in the future, so never older than --grace: "
	       "see to the clock, then find /srv/docker/registry/v2 -newermt '1 hour' -exec touch {} +\n",
	       "dates of the future, if any");
}

static void plan_json(void **state)
{
	struct json *document;
	struct out o;
	int64_t n;

	(void)state;
	tell_plan(DRAWING, true, true, &o);
	fclose(o.file);
	document = json_parse(o.text, o.size);
	assert_non_null(document);
	check_text(json_string(document, "root"), "/srv", "root");
	check(json_size(json_object(document, "garbage"), "bytes", &n) && n == 56, o.text);
	check(strstr(o.text,
		     "\"garbage_links\":[{\"repository\":\"a\",\"type\":\"revision\",\"digest\":\"sha256:18f5"),
	      o.text);
	check(strstr(o.text, "\"was\":[\"t\"],\"by_subject\":false,\"bytes\":28,\"garbage\":true}"), o.text);
	check(strstr(o.text, "\"uploads\":[{\"repository\":\"a\",\"id\":\"up:5000\",\"bytes\":7,"
			     "\"started\":\"1970-01-01T01:23:20Z\",\"dead\":true}]"),
	      o.text);
	check(strstr(o.text, "\"empty_repositories\":[\"e\"],\"problems\":[],\"notes\":[]}"), o.text);
	check(!strstr(o.text, "blind"), "what does not apply is left out");
	json_free(document);
	free(o.text);
}

/* More than the writer keeps in memory at a time. */
static void large_json(void **state)
{
	struct report_json j;
	struct json *document;
	size_t most = 0, n = 0;
	struct out o;

	(void)state;
	begin(&o);
	report_json_begin(&j, o.file, "check", NULL);
	json_write_array(&j.w, "all");
	for (int i = 0; i < 50000; i++) {
		json_write_number(&j.w, NULL, i);
		report_json_flush(&j);
		if (j.buf.room > most)
			most = j.buf.room;
	}
	json_write_array_end(&j.w);
	check_int(report_json_end(&j), 0, "there is memory");
	fclose(o.file);
	check(most < 200000 && most < o.size, "it is not kept");
	document = json_parse(o.text, o.size);
	assert_non_null(document);
	for (const struct json *v = json_first(json_array(document, "all")); v; v = json_next(v))
		n++;
	check_int(n, 50000, "and all is there");
	json_free(document);
	free(o.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(dates),
		cmocka_unit_test(tables),
		cmocka_unit_test(long_tables),
		cmocka_unit_test(problems_by_repository),
		cmocka_unit_test(many_notes),
		cmocka_unit_test(new_problems),
		cmocka_unit_test(problems_as_json),
		cmocka_unit_test(plan_text),
		cmocka_unit_test(plan_kept),
		cmocka_unit_test(plan_odd),
		cmocka_unit_test(plan_json),
		cmocka_unit_test(large_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
