/* SPDX-License-Identifier: MIT */
/* The five rules of the created date. Each request counts: what nobody needs must not be asked for. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "scripted_tree.h"
#include "unit.h"

enum { MAX_DOCUMENTS = 14, MAX_TEXT = 4096 };

/* A document; in its text, @NAME@ is the digest of the one of that name, which comes before it. */
struct document {
	const char *name;
	/* TAG: its name is the tag's, and may hold @NAME@ too (':' becomes '-'). */
	enum { TAG = 1, MANIFEST, CONFIG } what;
	const char *text;
	int status;       /* 0: 200 */
	bool unasked;     /* nobody may ask for it */
	const char *sent; /* other bytes than it should have */
};

struct scene {
	const char *why;
	int err;
	const char *from, *date; /* date NULL: undated */
	unsigned lines;          /* in the log, of errors */
	struct document documents[MAX_DOCUMENTS];
};

/* What a registry says itself; a page without it proves nothing. */
#define UNKNOWN "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}"
#define OCI "application/vnd.oci.image."
#define CONFIG_OF(type, name, size) "{\"mediaType\":\"" type "\",\"digest\":\"@" name "@\",\"size\":" size "}"
#define IMAGE(name) CONFIG_OF(OCI "config.v1+json", name, "2")
#define OTHER(name) CONFIG_OF("application/vnd.cncf.helm.config.v1+json", name, "2")
#define EMPTY \
	"{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"sha256:" ZERO "\",\"size\":2}"
#define ZERO "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define MAN(config, more) \
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"config\":" config \
	",\"layers\":[]" more "}"
#define INDEX(items, more) \
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[" items "]" more "}"
#define ENTRY(type, name, os, arch) \
	"{\"mediaType\":\"" OCI type ".v1+json\",\"digest\":\"@" name "@\",\"size\":9," \
	"\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}}"
#define AMD(name) ENTRY("manifest", name, "linux", "amd64")
#define ARM(name) ENTRY("manifest", name, "linux", "arm64")
#define ATTESTATION(name) ENTRY("manifest", name, "unknown", "unknown")
#define NESTED(name) ENTRY("index", name, "linux", "amd64")
#define NOTE(date) ",\"annotations\":{\"org.opencontainers.image.created\":\"" date "\"}"
#define SUBJECT(name) \
	",\"subject\":{\"mediaType\":\"" OCI "manifest.v1+json\",\"digest\":\"@" name "@\",\"size\":9}"
#define CREATED(date) "{\"created\":\"" date "\"}"
#define OLD "2015-06-07T08:09:10Z"
#define NEW "2020-02-03T04:05:06.789Z"
#define NEWEST "2021-12-31T23:59:59+02:00"

#define DOC(document, kind, content, ...) {.name = (document), .what = (kind), .text = content, __VA_ARGS__}

static const struct scene scenes[] = {
	/* 1 */
	{"the config says", 0, "config", OLD, 0,
	 {DOC("c", CONFIG, CREATED(OLD)), DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	{"the config before the annotation", 0, "config", OLD, 0,
	 {DOC("c", CONFIG, CREATED(OLD)), DOC("v1", TAG, MAN(IMAGE("c"), NOTE(NEW)))}},
	{"docker's config", 0, "config", NEWEST, 0,
	 {DOC("c", CONFIG, CREATED(NEWEST)),
	  DOC("v1", TAG, MAN(CONFIG_OF("application/vnd.docker.container.image.v1+json", "c", "2"), ""))}},
	{"the first day of all images", 0, "config", "2013-03-20T00:00:00Z", 0,
	 {DOC("c", CONFIG, CREATED("2013-03-20T00:00:00Z")), DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	/* 2 */
	{"an index says, and nobody else is asked", 0, "annotation", OLD, 0,
	 {DOC("m", MANIFEST, "{}", .unasked = true), DOC("v1", TAG, INDEX(AMD("m"), NOTE(OLD)))}},
	{"the newest platform", 0, "platform", NEW, 0,
	 {DOC("c1", CONFIG, CREATED(OLD)), DOC("m1", MANIFEST, MAN(IMAGE("c1"), "")),
	  DOC("c2", CONFIG, CREATED(NEW)), DOC("m2", MANIFEST, MAN(IMAGE("c2"), "")),
	  DOC("v1", TAG, INDEX(AMD("m1") "," ARM("m2"), ""))}},
	{"attestations are no platforms", 0, "platform", OLD, 0,
	 {DOC("c1", CONFIG, CREATED(OLD)), DOC("m1", MANIFEST, MAN(IMAGE("c1"), "")),
	  DOC("m2", MANIFEST, MAN("{}", NOTE(NEW)), .unasked = true),
	  DOC("v1", TAG, INDEX(AMD("m1") "," ATTESTATION("m2"), ""))}},
	{"nothing but attestations", 0, "undated", NULL, 0,
	 {DOC("m", MANIFEST, "{}", .unasked = true), DOC("v1", TAG, INDEX(ATTESTATION("m"), ""))}},
	{"an empty index", 0, "undated", NULL, 0, {DOC("v1", TAG, INDEX("", ""))}},
	{"an undated platform beside a dated one", 0, "platform", OLD, 0,
	 {DOC("c1", CONFIG, CREATED("1970-01-01T00:00:00Z")), DOC("m1", MANIFEST, MAN(IMAGE("c1"), "")),
	  DOC("c2", CONFIG, CREATED(OLD)), DOC("m2", MANIFEST, MAN(IMAGE("c2"), "")),
	  DOC("v1", TAG, INDEX(AMD("m1") "," ARM("m2"), ""))}},
	{"the same platform twice is asked once", 0, "platform", OLD, 0,
	 {DOC("c", CONFIG, CREATED(OLD)), DOC("m", MANIFEST, MAN(IMAGE("c"), "")),
	  DOC("v1", TAG, INDEX(AMD("m") "," ARM("m"), ""))}},
	{"undated platforms", 0, "undated", NULL, 0,
	 {DOC("c", CONFIG, "{}"), DOC("m", MANIFEST, MAN(IMAGE("c"), "")),
	  DOC("v1", TAG, INDEX(AMD("m"), ""))}},
	{"an index in an index", 0, "platform", NEW, 0,
	 {DOC("c", CONFIG, CREATED(NEW)), DOC("m", MANIFEST, MAN(IMAGE("c"), "")),
	  DOC("i", MANIFEST, INDEX(AMD("m"), "")),
	  DOC("v1", TAG, INDEX(NESTED("i"), ""))}},
	{"a platform that was never pushed", 0, "platform", OLD, 0,
	 {DOC("c1", CONFIG, CREATED(OLD)), DOC("m1", MANIFEST, MAN(IMAGE("c1"), "")),
	  DOC("m2", MANIFEST, "{}", .status = 404),
	  DOC("v1", TAG, INDEX(ARM("m2") "," AMD("m1"), ""))}},
	{"no platform was ever pushed", 0, "undated", NULL, 0,
	 {DOC("m", MANIFEST, "{}", .status = 404), DOC("v1", TAG, INDEX(AMD("m"), ""))}},
	/* 3 */
	{"an artifact's annotation", 0, "annotation", NEW, 0, {DOC("v1", TAG, MAN(EMPTY, NOTE(NEW)))}},
	{"an artifact that says nothing", 0, "undated", NULL, 0, {DOC("v1", TAG, MAN(EMPTY, ""))}},
	{"a chart's config does not say: the annotation", 0, "annotation", OLD, 0,
	 {DOC("c", CONFIG, "{\"name\":\"chart\"}"), DOC("v1", TAG, MAN(OTHER("c"), NOTE(OLD)))}},
	{"a chart's config says", 0, "config", OLD, 0,
	 {DOC("c", CONFIG, CREATED(OLD)), DOC("v1", TAG, MAN(OTHER("c"), NOTE(NEW)))}},
	{"another config may be anything", 0, "annotation", OLD, 0,
	 {DOC("c", CONFIG, "no JSON"), DOC("v1", TAG, MAN(OTHER("c"), NOTE(OLD)))}},
	{"and may be huge: not asked for", 0, "annotation", OLD, 0,
	 {DOC("c", CONFIG, "{}", .unasked = true),
	  DOC("v1", TAG, MAN(CONFIG_OF("application/x+json", "c", "17000000"), NOTE(OLD)))}},
	{"and may be no JSON at all: not asked for", 0, "annotation", OLD, 0,
	 {DOC("c", CONFIG, "{}", .unasked = true),
	  DOC("v1", TAG, MAN(CONFIG_OF("application/octet-stream", "c", "2"), NOTE(OLD)))}},
	{"an image config without a date: the annotation", 0, "annotation", OLD, 0,
	 {DOC("c", CONFIG, "{\"created\":\"yesterday\",\"history\":[{\"created\":\"" NEW "\"}]}"),
	  DOC("v1", TAG, MAN(IMAGE("c"), NOTE(OLD)))}},
	{"without an annotation: the newest of its history", 0, "history", NEW, 0,
	 {DOC("c", CONFIG,
	  "{\"history\":[{\"created\":\"" OLD "\"},{\"created\":\"" NEW "\"},{\"created\":\"0\"},{}]}"),
	  DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	{"an annotation that is no date", 0, "history", NEW, 0,
	 {DOC("c", CONFIG, "{\"history\":[{\"created\":\"" NEW "\"}]}"),
	  DOC("v1", TAG, MAN(IMAGE("c"), NOTE("now")))}},
	{"schema 1", 0, "history", OLD, 0,
	 {DOC("v1", TAG,
	  "{\"schemaVersion\":1,\"history\":"
	  "[{\"v1Compatibility\":\"{\\\"created\\\":\\\"" OLD "\\\"}\"}]}")}},
	/* 4 */
	{"a referrer is as old as its subject", 0, "subject", OLD, 0,
	 {DOC("c", CONFIG, CREATED(OLD)), DOC("m", MANIFEST, MAN(IMAGE("c"), "")),
	  DOC("v1", TAG, MAN(EMPTY, NOTE(NEW) SUBJECT("m")))}},
	{"an index with a subject", 0, "subject", OLD, 0,
	 {DOC("m", MANIFEST, MAN(EMPTY, NOTE(OLD))), DOC("n", MANIFEST, "{}", .unasked = true),
	  DOC("v1", TAG, INDEX(AMD("n"), NOTE(NEW) SUBJECT("m")))}},
	{"a signature by its tag", 0, "subject", OLD, 0,
	 {DOC("m", MANIFEST, MAN(EMPTY, NOTE(OLD))), DOC("@m@.sig", TAG, MAN(EMPTY, NOTE(NEW)))}},
	{"referrers by their tag", 0, "subject", OLD, 0,
	 {DOC("m", MANIFEST, MAN(EMPTY, NOTE(OLD))), DOC("@m@", TAG, INDEX("", NOTE(NEW)))}},
	{"a signature of a signature", 0, "subject", OLD, 0,
	 {DOC("m", MANIFEST, MAN(EMPTY, NOTE(OLD))), DOC("s", MANIFEST, MAN(EMPTY, NOTE(NEW) SUBJECT("m"))),
	  DOC("v1", TAG, MAN(EMPTY, NOTE(NEWEST) SUBJECT("s")))}},
	{"its subject is undated", 0, "undated", NULL, 0,
	 {DOC("m", MANIFEST, MAN(EMPTY, "")), DOC("v1", TAG, MAN(EMPTY, NOTE(NEW) SUBJECT("m")))}},
	{"its subject is gone: it stands for itself", 0, "annotation", NEW, 0,
	 {DOC("m", MANIFEST, "{}", .status = 404), DOC("v1", TAG, MAN(EMPTY, NOTE(NEW) SUBJECT("m")))}},
	{"likewise, named by the tag", 0, "annotation", NEW, 0,
	 {DOC("m", MANIFEST, "{}", .status = 404), DOC("@m@.att", TAG, MAN(EMPTY, NOTE(NEW)))}},
	{"likewise, an index", 0, "platform", OLD, 0,
	 {DOC("m", MANIFEST, "{}", .status = 404), DOC("n", MANIFEST, MAN(EMPTY, NOTE(OLD))),
	  DOC("v1", TAG, INDEX(AMD("n"), SUBJECT("m")))}},
	/* 5 */
	{"1970 is no date, and nothing takes its place", 0, "undated", NULL, 0,
	 {DOC("c", CONFIG, CREATED("1970-01-01T00:00:00Z")), DOC("v1", TAG, MAN(IMAGE("c"), NOTE(OLD)))}},
	{"0001", 0, "undated", NULL, 0,
	 {DOC("c", CONFIG, CREATED("0001-01-01T00:00:00Z")), DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	{"1980", 0, "undated", NULL, 0,
	 {DOC("c", CONFIG, CREATED("1980-01-01T00:00:01Z")), DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	{"the day before the first image", 0, "undated", NULL, 0,
	 {DOC("c", CONFIG, CREATED("2013-03-19T23:59:59Z")), DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	{"the future", 0, "undated", NULL, 0,
	 {DOC("c", CONFIG, CREATED("2999-01-01T00:00:00Z")), DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	{"an index from the future", 0, "undated", NULL, 0,
	 {DOC("v1", TAG, INDEX("", NOTE("2999-01-01T00:00:00Z")))}},
	{"a config that says nothing", 0, "undated", NULL, 0,
	 {DOC("c", CONFIG, "{}"), DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	/* What cannot be fetched is an error, told once. */
	{"no such tag", -ENOENT, NULL, NULL, 0, {DOC("v1", TAG, "{}", .status = 404)}},
	{"the tag fails", -EIO, NULL, NULL, 1, {DOC("v1", TAG, "{}", .status = 501)}},
	{"the tag is forbidden", -EACCES, NULL, NULL, 1, {DOC("v1", TAG, "{}", .status = 403)}},
	{"the tag is no manifest", -EBADMSG, NULL, NULL, 1, {DOC("v1", TAG, "<html>")}},
	{"the config is missing", -EIO, NULL, NULL, 1,
	 {DOC("c", CONFIG, "{}", .status = 404), DOC("v1", TAG, MAN(IMAGE("c"), NOTE(OLD)))}},
	{"the config is forbidden", -EACCES, NULL, NULL, 1,
	 {DOC("c", CONFIG, "{}", .status = 403), DOC("v1", TAG, MAN(IMAGE("c"), NOTE(OLD)))}},
	{"the config is damaged", -EBADMSG, NULL, NULL, 1,
	 {DOC("c", CONFIG, CREATED(OLD), .sent = CREATED(NEW)), DOC("v1", TAG, MAN(IMAGE("c"), ""))}},
	{"another config is damaged", -EBADMSG, NULL, NULL, 1,
	 {DOC("c", CONFIG, "{}", .sent = "[]"), DOC("v1", TAG, MAN(OTHER("c"), NOTE(OLD)))}},
	{"an image config is no JSON", -EBADMSG, NULL, NULL, 1,
	 {DOC("c", CONFIG, "<html>"), DOC("v1", TAG, MAN(IMAGE("c"), NOTE(OLD)))}},
	{"a platform fails", -EIO, NULL, NULL, 1,
	 {DOC("c", CONFIG, CREATED(OLD)), DOC("m1", MANIFEST, MAN(IMAGE("c"), "")),
	  DOC("m2", MANIFEST, "{}", .status = 501),
	  DOC("v1", TAG, INDEX(AMD("m1") "," ARM("m2"), ""))}},
	{"a platform is damaged", -EBADMSG, NULL, NULL, 1,
	 {DOC("m", MANIFEST, MAN(EMPTY, ""), .sent = "{}"), DOC("v1", TAG, INDEX(AMD("m"), ""))}},
	{"a platform's config is missing", -EIO, NULL, NULL, 1,
	 {DOC("c", CONFIG, "{}", .status = 404), DOC("m", MANIFEST, MAN(IMAGE("c"), "")),
	  DOC("v1", TAG, INDEX(AMD("m"), ""))}},
	{"the subject fails", -EIO, NULL, NULL, 1,
	 {DOC("m", MANIFEST, "{}", .status = 501), DOC("v1", TAG, MAN(EMPTY, NOTE(OLD) SUBJECT("m")))}},
	{"the subject is forbidden, named by the tag", -EACCES, NULL, NULL, 1,
	 {DOC("m", MANIFEST, "{}", .status = 403), DOC("@m@.sig", TAG, MAN(EMPTY, NOTE(OLD)))}},
};

struct expanded {
	char text[MAX_TEXT], digest[REG_DIGEST_MAX], request[300];
};

/* Puts digests for names. */
static void expand(const struct scene *scene, const struct expanded *known, const char *text, char *ret)
{
	size_t n = 0;

	while (*text) {
		const char *end = *text == '@' ? strchr(text + 1, '@') : NULL;

		assert_true(n + REG_DIGEST_MAX < MAX_TEXT);
		if (!end) {
			ret[n++] = *text++;
			continue;
		}
		for (size_t k = 0; k < MAX_DOCUMENTS; k++) {
			const char *name = scene->documents[k].name;

			if (name && strlen(name) == (size_t)(end - text - 1) &&
			    strncmp(name, text + 1, strlen(name)) == 0)
				n += (size_t)snprintf(ret + n, MAX_TEXT - n, "%s", known[k].digest);
		}
		text = end + 1;
	}
	ret[n] = '\0';
}

/* Makes the rows of a scene's script; returns how many, and the tag's name. */
static size_t prepare(const struct scene *scene, struct expanded *e, struct script_row *rows,
		      char tag[static MAX_TEXT])
{
	size_t nrows = 0;

	for (size_t k = 0; k < MAX_DOCUMENTS && scene->documents[k].name; k++) {
		const struct document *d = &scene->documents[k];

		expand(scene, e, d->text, e[k].text);
		digest_of(e[k].text, e[k].digest);
		if (d->what == TAG) {
			expand(scene, e, d->name, tag);
			if (strchr(tag, ':'))
				*strchr(tag, ':') = '-';
		}
		snprintf(e[k].request, sizeof(e[k].request), "GET /v2/a/%s/%.200s",
			d->what == CONFIG ? "blobs" : "manifests",
			 d->what == TAG ? tag : e[k].digest);
		if (!d->unasked)
			rows[nrows++] = (struct script_row){
				.request = e[k].request,
				.status = d->status ? d->status : 200,
				.body = d->status == 404 ? UNKNOWN : d->status ? NULL : d->sent ? d->sent : e[k].text,
			};
	}
	return nrows;
}

static void check_date(const struct scene *scene, struct scripted_tree *st, const struct tag *tag)
{
	enum created_from from;
	struct timespec have, want;

	tree_lock(st->tree);
	have = tag_mtime(tag, &from);
	want = st->tree->mounted;
	tree_unlock(st->tree);
	check_text(created_from_text(from), scene->from, scene->why);
	check(!scene->date || reg_date_parse(scene->date, &want), scene->why);
	check_int(have.tv_sec, want.tv_sec, scene->why);
	check_int(have.tv_nsec, want.tv_nsec, scene->why);
	check(tag_is_dated(tag), scene->why);
}

static void run(const struct scene *scene)
{
	struct expanded *e = calloc(MAX_DOCUMENTS, sizeof(*e));
	struct script_row rows[MAX_DOCUMENTS];
	char name[MAX_TEXT];
	struct scripted_tree st;
	struct tag *tag;
	size_t nrows;

	assert_non_null(e);
	print_message("             %s\n", scene->why);
	nrows = prepare(scene, e, rows, name);
	scripted_tree_start(&st, rows, nrows, 3600);
	tag = scripted_tag(&st, "a", name);
	check_int(ask_date(&st, tag), scene->err, scene->why);
	check_int(st.errors, scene->lines, scene->why);
	if (scene->err == 0) {
		check_date(scene, &st, tag);
		check_int(ask_date(&st, tag), 0, scene->why); /* known now: the script has no more */
		check_date(scene, &st, tag);
	}
	scripted_tree_finish(&st);
	free(e);
}

static void rules(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(scenes); k++)
		run(&scenes[k]);
}

/* A failure is not for ever: whoever asks next asks the registry again. */
static void recovers(void **state)
{
	static char digest[REG_DIGEST_MAX], request[200], manifest[1000];
	const struct script_row rows[] = {
		{.request = "GET /v2/a/manifests/v1", .status = 200, .body = manifest},
		{.request = request, .status = 403},
		{.request = request, .status = 200, .body = CREATED(OLD)},
	};
	struct scripted_tree st;
	struct tag *tag;

	(void)state;
	digest_of(CREATED(OLD), digest);
	snprintf(request, sizeof(request), "GET /v2/a/blobs/%s", digest);
	snprintf(manifest, sizeof(manifest),
		 "{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"layers\":[],"
		 "\"config\":{\"mediaType\":\"" OCI "config.v1+json\",\"digest\":\"%s\",\"size\":1}}",
		 digest);
	scripted_tree_start(&st, rows, ARRAY_SIZE(rows), 3600);
	tag = scripted_tag(&st, "a", "v1");
	assert_int_equal(ask_date(&st, tag), -EACCES);
	assert_false(tag_is_dated(tag));
	assert_int_equal(ask_date(&st, tag), 0);
	assert_true(tag_is_dated(tag));
	scripted_tree_finish(&st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(rules), cmocka_unit_test(recovers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
