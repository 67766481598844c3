/* SPDX-License-Identifier: MIT */
#include "storage/settings_yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "error.h"
#include "util/cleanup.h"

enum { MAX_DEPTH = 32, MAX_VALUES = 50000, MAX_ANCHORS = 200 };

struct anchor {
	char *name;
	struct config_value *value;
};

struct reader {
	struct config_document *document;
	struct reg_error *error;
	/* The mappings and sequences that are open, and the key that waits for its value in each. */
	struct config_value *open[MAX_DEPTH];
	char *key[MAX_DEPTH];
	bool has_key[MAX_DEPTH];
	unsigned depth;
	struct anchor anchors[MAX_ANCHORS];
	size_t nanchors;
	struct config_value *root;
};

int config_fail(const struct config_value *where, struct reg_error *error, const char *text)
{
	if (!where->line)
		return reg_fail(error, -EBADMSG, "%s", text);
	return reg_fail(error, -EBADMSG, "line %zu, column %zu: %s", where->line, where->column, text);
}

struct config_value *config_value_new(struct config_document *d, enum config_kind kind)
{
	struct config_value *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->kind = kind;
	v->older = d->newest;
	d->newest = v;
	d->count++;
	return v;
}

void config_document_done(struct config_document *d)
{
	while (d->newest) {
		struct config_value *v = d->newest;

		d->newest = v->older;
		for (size_t i = 0; i < v->npairs; i++)
			free(v->pairs[i].name);
		free(v->pairs);
		free(v->text);
		free(v);
	}
	d->count = 0;
}

/* Takes the name over, on success. */
static int append(struct config_value *mapping, char *name, struct config_value *value)
{
	struct config_pair *more;

	if (mapping->npairs == mapping->room) {
		mapping->room = mapping->room ? 2 * mapping->room : 4;
		more = reallocarray(mapping->pairs, mapping->room, sizeof(*more));
		if (!more) {
			mapping->room = mapping->npairs;
			return -ENOMEM;
		}
		mapping->pairs = more;
	}
	mapping->pairs[mapping->npairs++] = (struct config_pair){name, value};
	return 0;
}

int config_value_set(struct config_value *mapping, const char *name, struct config_value *value)
{
	auto_free char *copy = NULL;
	int r;

	for (size_t i = 0; i < mapping->npairs; i++)
		if (mapping->pairs[i].name && strcmp(mapping->pairs[i].name, name) == 0) {
			mapping->pairs[i].value = value;
			return 0;
		}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	r = append(mapping, copy, value);
	if (r == 0)
		(void)steal(&copy);
	return r;
}

int config_merged(const struct config_value *mapping, const struct config_value **ret,
		  struct reg_error *error)
{
	const struct config_value *found = NULL;

	for (size_t i = 0; i < mapping->npairs; i++) {
		const struct config_pair *p = &mapping->pairs[i];

		if (!p->name || strcmp(p->name, "<<") != 0)
			continue;
		if (found || p->value->kind != CONFIG_MAPPING)
			return config_fail(p->value, error,
					   "a merge key (<<) of more than one mapping: please write it out");
		found = p->value;
	}
	*ret = found;
	return 0;
}

static int own_member(const struct config_value *mapping, const char *name, struct config_value **ret,
		      struct reg_error *error)
{
	struct config_value *found = NULL;

	for (size_t i = 0; i < mapping->npairs; i++) {
		const struct config_pair *p = &mapping->pairs[i];

		if (!p->name || strcmp(p->name, name) != 0)
			continue;
		if (found)
			return config_fail(p->value, error, "the same key twice");
		found = p->value;
	}
	*ret = found;
	return 0;
}

int config_member(const struct config_value *value, const char *name, struct config_value **ret,
		  struct reg_error *error)
{
	struct config_value *found = NULL;
	int r = 0;

	if (value && value->kind != CONFIG_MAPPING)
		value = NULL;
	/* It ends: no anchor holds itself. */
	while (value && r == 0 && !found) {
		r = own_member(value, name, &found, error);
		if (r == 0)
			r = config_merged(value, &value, error);
	}
	if (r < 0)
		return r;
	*ret = found;
	return 0;
}

/* ---- reading ---- */

static int fail_at(struct reader *r, const yaml_mark_t *mark, const char *text)
{
	return reg_fail(r->error, -EBADMSG, "line %zu, column %zu: %s", mark->line + 1, mark->column + 1,
			text);
}

static bool is_null(const char *text)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static int remember(struct reader *r, const yaml_mark_t *mark, const yaml_char_t *name,
		    struct config_value *value)
{
	char *copy;

	if (!name)
		return 0;
	if (r->nanchors == MAX_ANCHORS)
		return fail_at(r, mark, "too many anchors");
	copy = strdup((const char *)name);
	if (!copy)
		return -ENOMEM;
	value->shared = true;
	r->anchors[r->nanchors++] = (struct anchor){copy, value};
	return 0;
}

/* Puts a finished or just opened value where it belongs. A key that is no scalar has no name. */
static int place(struct reader *r, struct config_value *value)
{
	const unsigned top = r->depth - 1;
	struct config_value *above;
	int e;

	if (!r->depth) {
		r->root = value;
		return 0;
	}
	above = r->open[top];
	if (above->kind == CONFIG_SEQUENCE)
		return 0; /* nothing that is read here is in a list: its values are only checked */
	if (!r->has_key[top]) {
		if (value->text) {
			r->key[top] = strdup(value->text);
			if (!r->key[top])
				return -ENOMEM;
		}
		r->has_key[top] = true;
		return 0;
	}
	e = append(above, r->key[top], value);
	if (e < 0)
		return e;
	r->key[top] = NULL;
	r->has_key[top] = false;
	return 0;
}

static struct config_value *new_at(struct reader *r, const yaml_mark_t *mark, enum config_kind kind)
{
	struct config_value *v = config_value_new(r->document, kind);

	if (v) {
		v->line = mark->line + 1;
		v->column = mark->column + 1;
	}
	return v;
}

static int on_scalar(struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	const char *tag = (const char *)event->data.scalar.tag;
	struct config_value *v;
	int e;

	if (strlen(text) != event->data.scalar.length)
		return fail_at(r, &event->start_mark, "a NUL in a text");
	v = new_at(r, &event->start_mark, CONFIG_SCALAR);
	if (!v)
		return -ENOMEM;
	v->text = strdup(text);
	if (!v->text)
		return -ENOMEM;
	v->quoted = tag ? strcmp(tag, YAML_STR_TAG) == 0 || strcmp(tag, "!") == 0
			: event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (!v->quoted && is_null(text))
		v->kind = CONFIG_NULL;
	e = remember(r, &event->start_mark, event->data.scalar.anchor, v);
	return e < 0 ? e : place(r, v);
}

static int on_open(struct reader *r, const yaml_event_t *event, enum config_kind kind,
		   const yaml_char_t *anchor)
{
	struct config_value *v;
	int e;

	if (r->depth == MAX_DEPTH)
		return fail_at(r, &event->start_mark, "nested too deep");
	v = new_at(r, &event->start_mark, kind);
	if (!v)
		return -ENOMEM;
	e = remember(r, &event->start_mark, anchor, v);
	if (e == 0)
		e = place(r, v);
	if (e < 0)
		return e;
	r->open[r->depth] = v;
	r->has_key[r->depth] = false;
	r->key[r->depth++] = NULL;
	return 0;
}

/* The last one of this name counts. It may not hold itself. */
static int on_alias(struct reader *r, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct config_value *v = NULL;

	for (size_t i = 0; i < r->nanchors; i++)
		if (strcmp(r->anchors[i].name, name) == 0)
			v = r->anchors[i].value;
	if (!v)
		return fail_at(r, &event->start_mark, "an alias without an anchor");
	for (unsigned i = 0; i < r->depth; i++)
		if (r->open[i] == v)
			return fail_at(r, &event->start_mark, "an anchor that holds itself");
	return place(r, v);
}

/* 1: the document ends. */
static int on_event(struct reader *r, const yaml_event_t *event)
{
	if (r->document->count > MAX_VALUES)
		return fail_at(r, &event->start_mark, "too many values");
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return on_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return on_open(r, event, CONFIG_SEQUENCE, event->data.sequence_start.anchor);
	case YAML_MAPPING_START_EVENT:
		return on_open(r, event, CONFIG_MAPPING, event->data.mapping_start.anchor);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	case YAML_ALIAS_EVENT:
		return on_alias(r, event);
	case YAML_DOCUMENT_END_EVENT:
	case YAML_STREAM_END_EVENT:
		return 1;
	default:
		return 0;
	}
}

static int read_events(struct reader *r, yaml_parser_t *parser)
{
	yaml_event_t event;
	int e;

	do {
		if (!yaml_parser_parse(parser, &event)) {
			if (parser->error == YAML_MEMORY_ERROR)
				return -ENOMEM;
			return fail_at(r, &parser->problem_mark,
				       parser->problem ? parser->problem : "no YAML");
		}
		e = on_event(r, &event);
		yaml_event_delete(&event);
	} while (e == 0);
	return e < 0 ? e : 0;
}

int config_document_add(struct config_document *d, const char *yaml, size_t size, struct config_value **ret,
			struct reg_error *error)
{
	struct reader r = {.document = d, .error = error};
	yaml_parser_t parser;
	int e;

	if (size > CONFIG_MAX)
		return reg_fail(error, -EFBIG, "larger than %zu bytes", CONFIG_MAX);
	if (!yaml_parser_initialize(&parser))
		return reg_fail(error, -ENOMEM, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, size);
	e = read_events(&r, &parser);
	yaml_parser_delete(&parser);
	while (r.depth)
		free(r.key[--r.depth]);
	while (r.nanchors)
		free(r.anchors[--r.nanchors].name);
	if (e == 0 && !r.root) {
		r.root = config_value_new(d, CONFIG_NULL);
		e = r.root ? 0 : -ENOMEM;
	}
	if (e == -ENOMEM)
		return reg_fail(error, e, "out of memory");
	if (e < 0)
		return e;
	*ret = r.root;
	return 0;
}
