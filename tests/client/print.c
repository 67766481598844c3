// SPDX-License-Identifier: MIT
#include "regtool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void escape(const void *data, size_t size)
{
	const unsigned char *const p = data;

	putchar('"');
	for (size_t i = 0; i < size; i++) {
		if (p[i] < 0x20 || p[i] >= 0x7f || p[i] == '"' || p[i] == '\\')
			printf("\\u%04x", p[i]);
		else
			putchar(p[i]);
	}
	putchar('"');
}

static void name(const char *key)
{
	printf(",\"%s\":", key);
}

void print_open(void)
{
	printf("{\"v\":1"); /* so that every other field can begin with a comma */
}

void print_close(void)
{
	puts("}");
	fflush(stdout);
}

void print_number(const char *key, long long value)
{
	name(key);
	printf("%lld", value);
}

void print_bytes(const char *key, const void *data, size_t size)
{
	name(key);
	escape(data, size);
}

void print_text(const char *key, const char *value)
{
	if (value)
		print_bytes(key, value, strlen(value));
}

void print_digest(const char *key, const struct reg_digest *digest)
{
	char text[REG_DIGEST_MAX];

	if (digest->algorithm)
		print_text(key, reg_digest_text(digest, text));
}

void print_date(const char *key, bool there, const struct timespec *date)
{
	if (there)
		print_number(key, date->tv_sec * 1000000000LL + date->tv_nsec);
}

void print_pairs(const char *key, const struct reg_pairs *pairs)
{
	name(key);
	putchar('{');
	for (size_t i = 0; i < pairs->count; i++) {
		if (i > 0)
			putchar(',');
		escape(pairs->items[i].key, strlen(pairs->items[i].key));
		putchar(':');
		escape(pairs->items[i].value, strlen(pairs->items[i].value));
	}
	putchar('}');
}

void print_platform(const struct reg_platform *platform)
{
	name("platform");
	printf("\"%s/%s/%s\"", platform->os, platform->architecture, platform->variant);
}

/* strerrorname_np() is glibc's alone. */
const char *error_name(int err)
{
	static const struct {
		int err;
		const char *name;
	} names[] = {
		{0, ""}, {ENOENT, "ENOENT"}, {EACCES, "EACCES"}, {EAGAIN, "EAGAIN"}, {EIO, "EIO"},
		{ETIMEDOUT, "ETIMEDOUT"}, {ECONNREFUSED, "ECONNREFUSED"}, {EHOSTUNREACH, "EHOSTUNREACH"},
		{EPROTO, "EPROTO"}, {EBADMSG, "EBADMSG"}, {EFBIG, "EFBIG"}, {ECANCELED, "ECANCELED"},
		{EINVAL, "EINVAL"}, {ENOMEM, "ENOMEM"}, {EPERM, "EPERM"}, {EINTR, "EINTR"},
		{EROFS, "EROFS"}, {EBUSY, "EBUSY"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].err == -err)
			return names[i].name;
	return "another one";
}

void print_error(int err, const struct reg_error *error)
{
	print_text("err", error_name(err));
	if (!err || !error)
		return;
	print_number("status", error->status);
	print_text("code", error->code);
	print_text("msg", error->msg);
}

static void print_names(const struct reg_names *names)
{
	name("names");
	putchar('[');
	for (size_t i = 0; i < names->count; i++) {
		if (i > 0)
			putchar(',');
		escape(names->items[i], strlen(names->items[i]));
	}
	putchar(']');
	print_number("dropped", (long long)names->dropped);
}

void print_result(const struct reg_result *result)
{
	print_open();
	print_error(result->err, result->error);
	if (!result->err) {
		print_digest("digest", &result->digest);
		print_text("media_type", result->media_type);
		print_number("size", (long long)result->size);
		if (result->bytes)
			print_bytes("bytes", result->bytes->data, result->bytes->size);
		if (result->names)
			print_names(result->names);
		print_text("next", result->next);
		print_number("not_modified", result->not_modified);
	}
	print_close();
}

static void print_descriptor(const char *key, const struct reg_descriptor *d)
{
	if (!d->digest.algorithm)
		return;
	name(key);
	print_open();
	print_digest("digest", &d->digest);
	print_number("size", d->size);
	print_text("media_type", d->media_type);
	print_platform(&d->platform);
	print_number("attestation", d->attestation);
	putchar('}');
}

void print_document(const struct reg_document *document)
{
	print_number("kind", document->kind);
	print_text("media_type", document->media_type);
	print_text("artifact_type", document->artifact_type);
	print_descriptor("config", &document->config);
	print_descriptor("subject", &document->subject);
	print_pairs("annotations", &document->annotations);
	print_date("created", document->has_created, &document->created);
	name("items");
	printf("[0");
	for (size_t i = 0; i < document->nitems; i++) {
		printf(",{\"v\":1");
		print_descriptor("descriptor", &document->items[i]);
		putchar('}');
	}
	putchar(']');
}
