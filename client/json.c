/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "util/buf.h"
#include "util/cleanup.h"
#include "util/utf8.h"

#define MAX_DEPTH 64
#define MAX_VALUES ((size_t)2 << 20) /* cJSON needs some 100 bytes for each, whatever it is: "[[],[],..." */
#define MAX_NUMBER 9007199254740992.0 /* 2^53 */

static cJSON *inner(const struct json *value)
{
	return (cJSON *)value;
}

static const struct json *outer(const cJSON *item)
{
	return (const struct json *)item;
}

/* Behind the string whose opening quote is at p; NULL: it has no end, or holds what would cut it short. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && (unsigned char)*p >= ' '; p++) {
		if (*p == '"')
			return p + 1;
		if (*p != '\\')
			continue;
		if (end - p > 5 && memcmp(p, "\\u0000", 6) == 0)
			return NULL;
		if (++p == end) /* whatever is escaped, a quote or a backslash, is no end */
			return NULL;
	}
	return NULL;
}

/* What cJSON is too generous with is refused before it allocates anything. */
static bool acceptable(const char *p, const char *end)
{
	size_t depth = 0, values = 1;

	while (p < end) {
		switch (*p) {
		case '"':
			p = string_end(p, end);
			if (!p)
				return false;
			continue;
		case '[':
		case '{':
			if (++depth > MAX_DEPTH)
				return false;
			values++;
			break;
		case ']':
		case '}':
			if (depth-- == 0)
				return false;
			break;
		case ',':
			values++;
			break;
		case '\t':
		case '\n':
		case '\r':
			break;
		default:
			if ((unsigned char)*p < ' ')
				return false;
			break;
		}
		p++;
	}
	return depth == 0 && values <= MAX_VALUES;
}

struct json *json_parse(const void *data, size_t size)
{
	const char *text = data, *end = NULL;
	cJSON *document;

	if (!data || !size || !acceptable(text, text + size))
		return NULL;
	document = cJSON_ParseWithLengthOpts(text, size, &end, false);
	if (!document)
		return NULL;
	while (end < text + size && strchr(" \t\n\r", *end)) /* no NUL can be there any more */
		end++;
	if (end == text + size)
		return (struct json *)document;
	cJSON_Delete(document);
	return NULL;
}

void json_free(struct json *document)
{
	cJSON_Delete(inner(document));
}

static void wipe(cJSON *item)
{
	for (; item; item = item->next) {
		if (item->valuestring)
			explicit_bzero(item->valuestring, strlen(item->valuestring));
		wipe(item->child);
	}
}

void json_wipe(struct json *document)
{
	wipe(inner(document));
	json_free(document);
}

static const cJSON *member(const struct json *value, const char *name)
{
	return cJSON_IsObject(inner(value)) ? cJSON_GetObjectItemCaseSensitive(inner(value), name) : NULL;
}

bool json_has(const struct json *value, const char *name)
{
	const cJSON *item = member(value, name);

	return item && !cJSON_IsNull(item);
}

bool json_has_null(const struct json *value, const char *name)
{
	return cJSON_IsNull(member(value, name));
}

const struct json *json_object(const struct json *value, const char *name)
{
	const cJSON *item = member(value, name);

	return cJSON_IsObject(item) ? outer(item) : NULL;
}

const struct json *json_array(const struct json *value, const char *name)
{
	const cJSON *item = member(value, name);

	return cJSON_IsArray(item) ? outer(item) : NULL;
}

const char *json_string(const struct json *value, const char *name)
{
	return json_text(outer(member(value, name)));
}

bool json_size(const struct json *value, const char *name, int64_t *ret)
{
	const cJSON *item = member(value, name);
	const double number = cJSON_IsNumber(item) ? item->valuedouble : -1;

	/* Not a number compares false with everything. */
	if (!(number >= 0 && number <= MAX_NUMBER) || number != (double)(int64_t)number)
		return false;
	*ret = (int64_t)number;
	return true;
}

bool json_is_object(const struct json *value)
{
	return cJSON_IsObject(inner(value));
}

bool json_is_array(const struct json *value)
{
	return cJSON_IsArray(inner(value));
}

const char *json_text(const struct json *value)
{
	return cJSON_IsString(inner(value)) ? inner(value)->valuestring : NULL;
}

const char *json_name(const struct json *value)
{
	return value ? inner(value)->string : NULL;
}

const struct json *json_first(const struct json *value)
{
	return value ? outer(inner(value)->child) : NULL;
}

const struct json *json_next(const struct json *value)
{
	return value ? outer(inner(value)->next) : NULL;
}

/* ---- writing ---- */

static void put(struct json_writer *w, const char *text)
{
	if (w->err == 0)
		w->err = buf_puts(w->out, text);
}

static void put_escaped(struct json_writer *w, unsigned point)
{
	char text[16];

	if (point < ' ' || point >= 0x7f)
		snprintf(text, sizeof(text), "\\u%04x", point);
	else
		snprintf(text, sizeof(text), "\\%c", (int)point); /* '"' or '\\' */
	if (point >= 0x10000)
		snprintf(text, sizeof(text), "\\u%04x\\u%04x", 0xd7c0 + (point >> 10),
			 0xdc00 + (point & 0x3ff));
	put(w, text);
}

static size_t plain_span(const char *text)
{
	size_t n = 0;

	while (text[n] >= ' ' && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

static void put_string(struct json_writer *w, const char *text)
{
	put(w, "\"");
	while (*text && w->err == 0) {
		const size_t plain = plain_span(text);
		unsigned point = 0xfffd;
		size_t n;

		if (plain) {
			w->err = buf_add(w->out, text, plain);
			text += plain;
			continue;
		}
		n = utf8_decode(text, &point);
		put_escaped(w, point);
		text += n ? n : 1;
	}
	put(w, "\"");
}

/* What stands before a value. */
static void begin(struct json_writer *w, const char *name)
{
	if (w->more)
		put(w, ",");
	w->more = true;
	if (name) {
		put_string(w, name);
		put(w, ":");
	}
}

static void open_value(struct json_writer *w, const char *name, const char *bracket)
{
	begin(w, name);
	put(w, bracket);
	w->more = false;
}

static void close_value(struct json_writer *w, const char *bracket)
{
	put(w, bracket);
	w->more = true;
}

void json_write_object(struct json_writer *w, const char *name)
{
	open_value(w, name, "{");
}

void json_write_object_end(struct json_writer *w)
{
	close_value(w, "}");
}

void json_write_array(struct json_writer *w, const char *name)
{
	open_value(w, name, "[");
}

void json_write_array_end(struct json_writer *w)
{
	close_value(w, "]");
}

void json_write_text(struct json_writer *w, const char *name, const char *text)
{
	if (!text)
		return;
	begin(w, name);
	put_string(w, text);
}

void json_write_number(struct json_writer *w, const char *name, int64_t number)
{
	char text[32];

	begin(w, name);
	snprintf(text, sizeof(text), "%" PRId64, number);
	put(w, text);
}

void json_write_bool(struct json_writer *w, const char *name, bool value)
{
	begin(w, name);
	put(w, value ? "true" : "false");
}
