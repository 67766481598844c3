/* SPDX-License-Identifier: MIT */
/* One line of a journal, from text to what it says. Pure. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "journal_line.h"
#include "json.h"
#include "parts.h"
#include "restore.h"
#include "source.h"
#include "util/cleanup.h"
#include "util/utf8.h"

void restore_entry_free(struct restore_entry *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->nitems; i++) {
		for (size_t k = 0; k < e->items[i].ntags; k++)
			free(e->items[i].tags[k]);
		free(e->items[i].tags);
		free(e->items[i].media_type);
	}
	free(e->items);
	free(e->run);
	free(e->registry);
	free(e->host);
	free(e->repository);
	free(e->tag);
	free(e->command);
	free(e);
}

/* A port after the address, which may be an IPv6 one in brackets. */
static bool has_port(const char *host)
{
	const char *end = strchr(host, ']');

	return strchr(end ? end : host, ':') != NULL;
}

char *restore_host(const struct reg_source *source)
{
	char *host = NULL;
	const char *port = has_port(source->host) ? "" : source->https ? ":443" : ":80";

	return asprintf(&host, "%s%s", source->host, port) < 0 ? NULL : host;
}

static int bad(struct reg_error *error, const char *what)
{
	return reg_fail(error, -EBADMSG, "%s", what);
}

static int no_memory(struct reg_error *error)
{
	return reg_fail(error, -ENOMEM, "out of memory");
}

static size_t count(const struct json *array)
{
	size_t n = 0;

	for (const struct json *i = json_first(array); i; i = json_next(i))
		n++;
	return n;
}

/* It becomes a header of a request. */
static bool is_media_type(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				      "!#$&^_.+-";
	const size_t type = strspn(text, letters), whole = strlen(text);

	return type && whole <= 255 && text[type] == '/' && text[type + 1] &&
	       strspn(text + type + 1, letters) == whole - type - 1;
}

static int add_tag(struct restore_item *item, const char *tag, struct reg_error *error)
{
	if (!reg_name_is_tag(tag))
		return bad(error, "one of the tags is no tag");
	item->tags[item->ntags] = strdup(tag);
	if (!item->tags[item->ntags])
		return no_memory(error);
	item->ntags++;
	return 0;
}

/* extra: the name that was asked for, if it is to be among the tags. */
static int read_tags(const struct json *array, const char *extra, struct restore_item *item,
		     struct reg_error *error)
{
	int r = 0;

	item->tags = calloc(count(array) + 1, sizeof(*item->tags));
	if (!item->tags)
		return no_memory(error);
	for (const struct json *i = json_first(array); r == 0 && i; i = json_next(i)) {
		r = add_tag(item, json_text(i), error);
		if (r == 0 && extra && strcmp(extra, json_text(i)) == 0)
			extra = NULL;
	}
	return r == 0 && extra ? add_tag(item, extra, error) : r;
}

static int read_item(const struct json *from, const char *extra, struct restore_item *item,
		     struct reg_error *error)
{
	const char *media_type = json_string(from, "mediaType");

	if (!reg_digest_parse(json_string(from, "digest"), &item->digest))
		return bad(error, "a manifest has no valid digest");
	item->role = journal_role_from(json_string(from, "role"));
	if (!item->role)
		return bad(error, "a manifest's role is none that is known");
	if (media_type && !is_media_type(media_type))
		return bad(error, "a manifest's media type is none");
	if (!reg_copy(media_type, &item->media_type))
		return no_memory(error);
	return read_tags(json_array(from, "tags"), extra, item, error);
}

static int read_items(const struct json *root, struct restore_entry *e, struct reg_error *error)
{
	const struct json *array = json_array(root, "manifests");
	const size_t n = count(array);
	struct reg_digest digest;
	int r = 0;

	if (!n)
		return bad(error, "it names no manifest");
	e->items = calloc(n, sizeof(*e->items));
	if (!e->items)
		return no_memory(error);
	for (const struct json *i = json_first(array); r == 0 && i; i = json_next(i), e->nitems++)
		r = read_item(i, e->nitems ? NULL : e->tag, &e->items[e->nitems], error);
	if (r < 0)
		return r;
	if (!reg_digest_parse(json_string(root, "digest"), &digest) ||
	    !reg_digest_equal(&digest, &e->items[0].digest))
		return bad(error, "its digest is not that of its first manifest");
	return 0;
}

static int read_names(const struct json *root, struct restore_entry *e, struct reg_error *error)
{
	const char *registry = json_string(root, "registry"), *repository = json_string(root, "repository"),
		   *tag = json_string(root, "tag");
	struct reg_source source;

	if (reg_source_parse(registry, &source, NULL) < 0)
		return bad(error, "its registry is none");
	if (!reg_name_is_repository(repository))
		return bad(error, "its repository is none");
	if (json_has(root, "tag") && !reg_name_is_tag(tag))
		return bad(error, "its tag is none");
	if (!reg_copy(registry, &e->registry) || !reg_copy(repository, &e->repository) ||
	    !reg_copy(tag, &e->tag))
		return no_memory(error);
	e->host = restore_host(&source);
	return e->host ? 0 : no_memory(error);
}

/* Who asked: for people to read, so nothing here is a reason to refuse the line. */
static int read_who(const struct json *root, struct restore_entry *e, struct reg_error *error)
{
	if (!json_size(root, "uid", &e->uid))
		e->uid = -1;
	if (!json_size(root, "pid", &e->pid))
		e->pid = -1;
	if (!reg_copy(json_string(root, "command"), &e->command))
		return no_memory(error);
	if (e->command)
		utf8_make_printable(e->command);
	return 0;
}

static int read_entry(const struct json *root, struct restore_entry *e, struct reg_error *error)
{
	int r;

	if (!reg_date_parse(json_string(root, "time"), &e->time))
		return bad(error, "its time is none");
	e->action = journal_action_from(json_string(root, "action"));
	if (!e->action)
		return bad(error, "its action is none that is known");
	if (json_has(root, "placeholder") &&
	    !reg_digest_parse(json_string(root, "placeholder"), &e->placeholder))
		return bad(error, "its placeholder is no digest");
	r = read_names(root, e, error);
	if (r == 0)
		r = read_items(root, e, error);
	return r == 0 ? read_who(root, e, error) : r;
}

static int read_line(const struct json *root, struct restore_line *line, struct reg_error *error)
{
	int64_t version = 0, id = 0;

	if (!json_is_object(root))
		return bad(error, "no JSON object");
	if (!json_size(root, "version", &version) || version != JOURNAL_VERSION)
		return bad(error, "of a version that this program does not know");
	if (!json_size(root, "id", &id) || !id)
		return bad(error, "it has no number");
	line->id = (uint64_t)id;
	if (json_has(root, "outcome")) {
		line->outcome = journal_outcome_from(json_string(root, "outcome"));
		return line->outcome ? 0 : bad(error, "its outcome is none that is known");
	}
	line->entry = calloc(1, sizeof(*line->entry));
	if (!line->entry)
		return no_memory(error);
	line->entry->id = line->id;
	return read_entry(root, line->entry, error);
}

int restore_line_parse(const char *text, size_t size, struct restore_line *ret, struct reg_error *error)
{
	struct json *root = json_parse(text, size);
	struct restore_line line = {0};
	const int r = read_line(root, &line, error);

	json_free(root);
	if (r < 0)
		restore_entry_free(line.entry);
	else
		*ret = line;
	return r;
}
