/* SPDX-License-Identifier: MIT */
#include "scene_script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "placeholder.h"
#include "util/random.h"
#include "unit.h"

enum { MAX_ROWS = 96, MAX_DOCUMENTS = 40, MAX_TEXT = 4096 };

/* ---- documents and words ---- */

struct known {
	char name[16], text[MAX_TEXT];
	char digest[REG_DIGEST_MAX];
};

/* Those of the scene that is played: one at a time. */
static struct known known[MAX_DOCUMENTS];
static size_t nknown;

static const struct known *find_known(const char *name, size_t n)
{
	for (size_t k = 0; k < nknown; k++)
		if (strlen(known[k].name) == n && strncmp(known[k].name, name, n) == 0)
			return &known[k];
	fail_msg("no document %.*s", (int)n, name);
	return NULL;
}

static void expand(const char *from, char *ret, size_t size)
{
	char unique[RANDOM_HEX + 1];
	size_t n = 0;

	random_hex(unique);
	for (const char *p = from; *p && n + REG_DIGEST_MAX < size;) {
		const size_t length = strspn(p + 1, "abcdefghijklmnopqrstuvwxyz0123456789");

		if ((*p == '@' || *p == '%') && length) {
			const size_t at = n;

			n += (size_t)snprintf(ret + n, size - n, "%s", find_known(p + 1, length)->digest);
			if (*p == '%')
				ret[at + strlen("sha256")] = '-';
			p += 1 + length;
		} else if (*p == '$') {
			n += (size_t)snprintf(ret + n, size - n, "%s", unique);
			p++;
		} else {
			ret[n++] = *p++;
		}
	}
	ret[n] = '\0';
}

static void add_document(const char *name, const char *text)
{
	struct known *k = &known[nknown];

	assert_true(nknown < MAX_DOCUMENTS && strlen(name) < sizeof(k->name));
	for (size_t i = 0; i < nknown; i++)
		assert_string_not_equal(known[i].name, name);
	expand(text, k->text, sizeof(k->text));
	strcpy(k->name, name);
	(void)digest_of(k->text, k->digest);
	nknown++;
}

static void add_placeholder(const char *name, const char *media_type)
{
	struct reg_bytes *bytes;
	struct reg_digest digest;

	assert_int_equal(placeholder_make(media_type, &bytes, &digest), 0);
	add_document(name, (const char *)bytes->data);
	reg_bytes_unref(bytes);
}

struct word {
	struct list link;
	char *text;
};

static const char *keep(struct scene_script *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Lives as long as the scene. */
static const char *keep(struct scene_script *s, const char *format, ...)
{
	struct word *w = malloc(sizeof(*w));
	va_list args;

	assert_non_null(w);
	va_start(args, format);
	assert_true(vasprintf(&w->text, format, args) >= 0);
	va_end(args);
	list_init(&w->link);
	list_append(&s->words, &w->link);
	return w->text;
}

const char *scene_script_word(struct scene_script *s, const char *word)
{
	char text[MAX_TEXT];

	expand(word, text, sizeof(text));
	return keep(s, "%s", text);
}

/* ---- the script ---- */

static void say(struct scene_script *s, struct script_row *row, const char *answer, char **rest)
{
	const char *colon = strchr(answer, ':'), *code = colon ? colon + 1 : NULL;

	if (strcmp(answer, "=") == 0) {
		const char *name = strtok_r(NULL, " ", rest);

		row->status = 200;
		row->body = find_known(name, strlen(name))->text;
	} else if (strcmp(answer, "cut") == 0) {
		row->err = -EIO;
		row->transient = true;
	} else if (strcmp(answer, "timeout") == 0) {
		row->err = -ETIMEDOUT;
	} else if (strcmp(answer, "refused") == 0) {
		row->err = -ECONNREFUSED;
		row->unsent = true;
	} else if (strcmp(answer, "busy") == 0) {
		row->status = 429;
		row->headers = "Retry-After: 31\n"; /* longer than a call waits */
	} else if (strcmp(answer, "lied") == 0) {
		row->status = 201;
		row->headers = "Docker-Content-Digest: sha256:" ZERO "\n";
	} else if (strcmp(answer, "held") == 0) {
		row->held = 1;
		say(s, row, strtok_r(NULL, " ", rest), rest);
	} else {
		row->status = atoi(answer);
		assert_true(row->status >= 200);
		if (row->status == 404 && !code)
			code = "MANIFEST_UNKNOWN";
		if (code && strcmp(code, "-") != 0)
			row->body = keep(s, "{\"errors\":[{\"code\":\"%s\",\"message\":\"m\"}]}", code);
	}
}

/* What is behind an answer. */
static void say_times(struct script_row *row, const char *word)
{
	if (!word)
		return;
	row->times = strcmp(word, "any") == 0 ? SCRIPT_ANY : (unsigned)atoi(word + 1);
	assert_true(row->times > 0);
}

/* A list of tags, or of referrers, unless it is a status. */
static void say_names(struct scene_script *s, struct script_row *row, bool tags, char **rest)
{
	const char *word = strtok_r(NULL, " ", rest), *list = "";
	char name[MAX_TEXT];

	if (word && word[0] >= '3' && word[0] <= '5' && atoi(word) >= 300) {
		say(s, row, word, rest);
		say_times(row, strtok_r(NULL, " ", rest));
		return;
	}
	for (; word; word = strtok_r(NULL, " ", rest)) {
		if (strcmp(word, "=") == 0)
			continue;
		if (strcmp(word, "any") == 0) {
			row->times = SCRIPT_ANY;
			continue;
		}
		expand(tags ? word : keep(s, "@%s", word), name, sizeof(name));
		list = tags ? keep(s, "%s%s\"%s\"", list, *list ? "," : "", name)
			    : keep(s, "%s%s{\"digest\":\"%s\"}", list, *list ? "," : "", name);
	}
	row->status = 200;
	row->body = tags ? keep(s, "{\"name\":\"a\",\"tags\":[%s]}", list)
			 : keep(s, "{\"manifests\":[%s]}", list);
}

static const char *digest_by_name(const char *name)
{
	return find_known(name, strlen(name))->digest;
}

static void read_manifest(struct scene_script *s, struct script_row *row, const char *verb, char *reference,
			  char **rest)
{
	char *tilde = strchr(reference, '~');

	if (tilde) {
		*tilde = '\0';
		row->if_none_match = keep(s, "\"%s\"", digest_by_name(tilde + 1));
	}
	row->fresh = row->ordered = strcmp(verb, "CHECK") == 0;
	row->request = keep(s, "GET /v2/a/manifests/%s", scene_script_word(s, reference));
	say(s, row, strtok_r(NULL, " ", rest), rest);
	say_times(row, strtok_r(NULL, " ", rest));
}

static void change_manifest(struct scene_script *s, struct script_row *row, const char *verb,
			    const char *reference, char **rest)
{
	static const char key[] = "\"mediaType\":\"";

	if (strcmp(verb, "PUT") == 0) {
		const char *name = strtok_r(NULL, " ", rest);
		const char *text = find_known(name, strlen(name))->text;
		const char *type = strstr(text, key) + strlen(key);

		row->upload = keep(s, "%.*s %s", (int)strcspn(type, "\""), type, text);
	}
	row->ordered = true;
	row->request = keep(s, "%s /v2/a/manifests/%s", verb, scene_script_word(s, reference));
	say(s, row, strtok_r(NULL, " ", rest), rest);
	say_times(row, strtok_r(NULL, " ", rest));
}

static void read_line(struct scene_script *s, struct script_row *row, char *line)
{
	char *rest = NULL;
	const char *verb = strtok_r(line, " ", &rest);

	if (strcmp(verb, "LIST") == 0) {
		row->request = "GET /v2/a/tags/list?n=1000";
		row->ordered = true;
		say_names(s, row, true, &rest);
	} else if (strcmp(verb, "REF") == 0) {
		row->request = keep(s, "GET /v2/a/referrers/%s", digest_by_name(strtok_r(NULL, " ", &rest)));
		say_names(s, row, false, &rest);
	} else if (strcmp(verb, "CONFIG") == 0) {
		row->request = keep(s, "GET /v2/a/blobs/%s", digest_by_name(strtok_r(NULL, " ", &rest)));
		say(s, row, strtok_r(NULL, " ", &rest), &rest);
		say_times(row, strtok_r(NULL, " ", &rest));
	} else if (strcmp(verb, "PUT") == 0 || strcmp(verb, "DELETE") == 0) {
		change_manifest(s, row, verb, strtok_r(NULL, " ", &rest), &rest);
	} else {
		assert_true(strcmp(verb, "GET") == 0 || strcmp(verb, "CHECK") == 0);
		read_manifest(s, row, verb, strtok_r(NULL, " ", &rest), &rest);
	}
}

/* Tags that are asked about as often as it comes. */
static void read_tags(struct scene_script *s, const char *line)
{
	const char *all = "";
	char *copy = strdup(line), *rest = NULL;

	assert_non_null(copy);
	for (char *tag = strtok_r(copy, " ", &rest); tag; tag = strtok_r(NULL, " ", &rest)) {
		char *name = strchr(tag, '=');

		*name++ = '\0';
		all = keep(s, "%s %s", all, tag);
		assert_true(s->nrows + 3 < MAX_ROWS);
		read_line(s, &s->rows[s->nrows++], (char *)keep(s, "GET %s = %s any", tag, name));
		read_line(s, &s->rows[s->nrows++], (char *)keep(s, "GET %s~%s 304 any", tag, name));
	}
	read_line(s, &s->rows[s->nrows++], (char *)keep(s, "LIST%s any", all));
	free(copy);
}

void scene_script_read(struct scene_script *s, const struct document *documents, size_t ndocuments,
		       const char *script)
{
	char *copy = strdup(script), *rest = NULL;

	*s = (struct scene_script){.rows = calloc(MAX_ROWS, sizeof(*s->rows))};
	assert_non_null(copy);
	assert_non_null(s->rows);
	list_init(&s->words);
	nknown = 0;
	add_placeholder("placeholder", "application/vnd.oci.image.manifest.v1+json");
	add_placeholder("list", "application/vnd.docker.distribution.manifest.v2+json");
	for (size_t k = 0; k < ndocuments; k++)
		add_document(documents[k].name, documents[k].text);
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		assert_true(s->nrows < MAX_ROWS);
		if (strncmp(line, "KNOW ", 5) == 0)
			read_tags(s, line + 5);
		else
			read_line(s, &s->rows[s->nrows++], line);
	}
	free(copy);
}

void scene_script_done(struct scene_script *s)
{
	struct list *node;

	for (node = list_pop(&s->words); node; node = list_pop(&s->words)) {
		struct word *w = container_of(node, struct word, link);

		free(w->text);
		free(w);
	}
	free(s->rows);
}

const char *scene_script_name(const char *digest)
{
	for (size_t k = 0; k < nknown; k++)
		if (strcmp(known[k].digest + strlen("sha256:"), digest + strlen("sha256:")) == 0)
			return known[k].name;
	return digest;
}
