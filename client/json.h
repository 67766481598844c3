/* SPDX-License-Identifier: MIT */
/*
 * JSON from a registry, read with care: member names compare case-sensitively, types are checked, numbers are
 * whole and at most 2^53, nesting is bounded. Only json.c includes cJSON. And JSON of our own, written.
 */
#ifndef REG_JSON_H
#define REG_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json; /* a value; belongs to the document that it came from */

/*
 * NULL: not JSON, or anything but white space after it, or a NUL in a string, or nested more than 64 deep, or
 * more than 2 million values, or no memory.
 */
struct json *json_parse(const void *data, size_t size);
void json_free(struct json *document);
void json_wipe(struct json *document); /* overwrites every string, then frees: for documents with secrets */

/* Is there such a member, of any type but null? */
bool json_has(const struct json *value, const char *name);

/* The member of an object: NULL if value is NULL or no object, or has no such member, or it is of another
 * type. */
const struct json *json_object(const struct json *value, const char *name);
const struct json *json_array(const struct json *value, const char *name);
const char *json_string(const struct json *value, const char *name);
/* False, and *ret untouched, if it is not there, no number, not whole, negative, or above 2^53. */
bool json_size(const struct json *value, const char *name, int64_t *ret);

bool json_has_null(const struct json *value, const char *name); /* the member is there, and null */
bool json_is_object(const struct json *value);
bool json_is_array(const struct json *value);
const char *json_text(const struct json *value); /* a string's own text, or NULL if it is no string */
const char *json_name(
	const struct json *value); /* the name under which a member stands in its object, or NULL */

/* The elements of an array, the members of an object: first, then next; NULL at the end. */
const struct json *json_first(const struct json *value);
const struct json *json_next(const struct json *value);

/*
 * Writing, a value after the other, to the end of a buffer: on one line, and in ASCII whatever the text is,
 * so that a file can be shown on any terminal. Bytes that are no UTF-8 become U+FFFD. name: of a member; NULL
 * in an array and for the whole document. After a failure nothing more is written, and err tells it.
 */
struct buf;

struct json_writer {
	struct buf *out;
	int err; /* 0 or a negative errno */
	bool more; /* the next value is not the first of its object or array */
};

void json_write_object(struct json_writer *w, const char *name);
void json_write_object_end(struct json_writer *w);
void json_write_array(struct json_writer *w, const char *name);
void json_write_array_end(struct json_writer *w);
void json_write_text(struct json_writer *w, const char *name, const char *text); /* NULL text: no member */
void json_write_number(struct json_writer *w, const char *name, int64_t number);
void json_write_bool(struct json_writer *w, const char *name, bool value);

#endif
