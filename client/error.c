/* SPDX-License-Identifier: MIT */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "json.h"
#include "util/cleanup.h"
#include "util/utf8.h"

#define MAX_LINE 100 /* of a body that is no error JSON */
#define MAX_DETAIL 100 /* longer ones are for programs */

/*
 * The first row that fits counts; a code of NULL fits any, "" none at all. Statuses that are not here: -EIO.
 * Of refusals, -EBUSY passes once something else has gone, -EPERM does not: it is not done here at all.
 */
static const struct rule {
	int status;
	const char *code;
	int err;
} rules[] = {
	{400, "UNSUPPORTED", -EPERM}, /* deletes are off: 400 or 405, as the specification has it */
	{400, "NAME_INVALID", -EINVAL},
	{400, "TAG_INVALID", -EINVAL},
	{400, "NAME_UNKNOWN", -ENOENT}, /* zot */
	{400, "MANIFEST_BLOB_UNKNOWN", -ENOENT}, /* a PUT, of whose parts one is missing */
	{400, "GOOGLE_MANIFEST_DANGLING_TAG", -EBUSY},
	{400, "GOOGLE_MANIFEST_DANGLING_PARENT_IMAGE", -EBUSY},
	{401, NULL, -EACCES},
	{403, NULL, -EACCES},
	{404, NULL, -ENOENT},
	{405, "", -EROFS}, /* plain text: distribution, which then has no such method */
	{405, NULL, -EPERM}, /* UNSUPPORTED: deletes are off; DENIED: zot, for a child of an index */
	{408, NULL, -ETIMEDOUT},
	{409, NULL, -EBUSY}, /* zot: a digest with several tags; GitLab: a child of an index */
	{412, NULL, -EPERM}, /* Harbor: an immutable tag */
	{413, NULL, -EFBIG},
	{416, NULL, -EIO},
	{429, NULL, -EAGAIN},
	{503, NULL, -EAGAIN},
};

int reg_error_from_status(int status, const char *code)
{
	if (status < 400)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (rules[i].status != status)
			continue;
		if (!rules[i].code || strcmp(code ? code : "", rules[i].code) == 0)
			return rules[i].err;
	}
	return -EIO;
}

/* Fit for a log or a terminal, without spaces at its end. */
static void make_printable(char *text)
{
	size_t n;

	utf8_make_printable(text);
	n = strlen(text);
	while (n && text[n - 1] == ' ')
		text[--n] = '\0';
}

/* Cuts a character off that was cut in two. */
static void trim_utf8(char *text)
{
	size_t n = strlen(text), tail = 0;
	unsigned point;

	while (tail < 3 && tail < n && ((unsigned char)text[n - 1 - tail] & 0xc0) == 0x80)
		tail++;
	if (tail < n && (unsigned char)text[n - 1 - tail] >= 0xc0 &&
	    !utf8_decode(text + n - 1 - tail, &point))
		text[n - 1 - tail] = '\0';
}

int reg_fail(struct reg_error *error, int err, const char *format, ...)
{
	struct reg_error e = {.err = err}; /* apart: the arguments may point into *error */
	va_list args;
	int n;

	if (!error)
		return err;
	va_start(args, format);
	n = vsnprintf(e.msg, sizeof(e.msg), format, args);
	va_end(args);
	if (n < 0)
		e.msg[0] = '\0';
	if (n >= (int)sizeof(e.msg))
		trim_utf8(e.msg);
	make_printable(e.msg);
	*error = e;
	return err;
}

/* Codes are words like MANIFEST_UNKNOWN; what is none is not taken over. */
static void copy_code(const char *code, char *ret, size_t size)
{
	const size_t n =
		code ? strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.") : 0;

	if (n && n < size && !code[n])
		memcpy(ret, code, n + 1);
}

/* The specification's form, else what token servers and proxies send instead of it. */
static void from_json(const struct json *body, struct reg_error *ret)
{
	static const char *const others[] = {"message", "error_description", "details", "detail", "error"};
	const struct json *first = json_first(json_array(body, "errors"));
	const char *message = json_string(first, "message");
	const char *detail = json_string(first, "detail");

	copy_code(json_string(first, "code"), ret->code, sizeof(ret->code));
	for (size_t i = 0; !message && !first && i < ARRAY_SIZE(others); i++)
		message = json_string(body, others[i]);
	if (detail && (!*detail || strlen(detail) > MAX_DETAIL || (message && strcmp(detail, message) == 0)))
		detail = NULL;
	snprintf(ret->msg, sizeof(ret->msg), "%s%s%s", message ? message : "", message && detail ? ": " : "",
		 detail ? detail : "");
}

static bool begins_with(const char *text, size_t size, const char *word)
{
	return size >= strlen(word) && strncasecmp(text, word, strlen(word)) == 0;
}

/* The first line of a body that is no JSON; nothing of a binary one. */
static void from_text(const char *text, size_t size, struct reg_error *ret)
{
	size_t n = 0;

	while (size && strchr(" \t\r\n", *text) && *text) {
		text++;
		size--;
	}
	if (begins_with(text, size, "<!doctype html") || begins_with(text, size, "<html")) {
		snprintf(ret->msg, sizeof(ret->msg), "HTML page");
	} else if (begins_with(text, size, "<?xml")) {
		snprintf(ret->msg, sizeof(ret->msg), "XML document");
	} else {
		while (n < size && n < MAX_LINE && ((unsigned char)text[n] >= ' ' || text[n] == '\t'))
			n++;
		if (n < size && n < MAX_LINE && text[n] != '\n' && text[n] != '\r')
			return;
		memcpy(ret->msg, text, n);
		ret->msg[n] = '\0';
		trim_utf8(ret->msg);
	}
}

int reg_error_from_response(struct reg_error *error, int status, const void *body, size_t size)
{
	struct reg_error e = {.status = status};
	struct json *json = json_parse(body, size);

	if (json_is_object(json))
		from_json(json, &e);
	else if (body && !json_is_array(json))
		from_text(body, size, &e);
	json_free(json);
	e.err = reg_error_from_status(status, e.code);
	if (strlen(e.msg) == sizeof(e.msg) - 1)
		trim_utf8(e.msg);
	make_printable(e.msg);
	if (!e.msg[0] && e.code[0])
		snprintf(e.msg, sizeof(e.msg), "%s", e.code);
	else if (!e.msg[0])
		snprintf(e.msg, sizeof(e.msg), "HTTP status %d", status);
	if (error && e.err)
		*error = e;
	return e.err;
}
