/* SPDX-License-Identifier: MIT */
#include "gc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/cleanup.h"
#include "util/utf8.h"

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void say(const char *format, va_list args)
{
	char *text = NULL;

	fflush(stdout);
	if (vasprintf(&text, format, args) < 0) {
		fputs("regfs-gc: out of memory\n", stderr);
		return;
	}
	utf8_make_printable(text);
	fprintf(stderr, "regfs-gc: %s\n", text);
	free(text);
}

void gc_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void gc_note(const struct gc *gc, const char *format, ...)
{
	va_list args;

	if (gc->options->quiet)
		return;
	va_start(args, format);
	say(format, args);
	va_end(args);
}

int gc_fail(const struct gc *gc, int err)
{
	if (err == -EINTR && *gc->signal)
		return GC_INTERRUPTED + *gc->signal;
	gc_complain("%s", err == -ENOMEM ? "out of memory" : strerror(-err));
	return GC_PROBLEMS;
}

static struct storage_known known(const struct gc *gc)
{
	const struct settings *s = &gc->where.settings;
	const bool has = gc->where.has_settings;

	return (struct storage_known){
		.database = has && s->database,
		.cache = has && s->proxy,
		.sparse = has && s->sparse,
		.no_repositories = gc->options->command == GC_RUN && gc->options->force,
	};
}

int gc_open(struct gc *gc)
{
	struct reg_error error = {0};

	if (!gc->where.root) {
		gc_complain(
			"the registry's storage is \"%s\", and only a folder can be read here; what works is "
			"regfs-gc run --engine=registry --force: the registry's own collector",
			gc->where.settings.driver);
		return GC_USAGE;
	}
	if (gc->open)
		storage_close(&gc->storage);
	gc->open = storage_open(gc->where.root, gc->options->quarantine, &gc->storage, &error) == 0;
	if (gc->open) {
		gc->storage.known = known(gc);
		return 0;
	}
	gc_complain("%s", error.msg);
	return error.err == -ENOMEM ? GC_PROBLEMS : GC_USAGE;
}

int gc_look(struct gc *gc, int (*look)(struct gc *gc, struct store *s))
{
	struct store s;
	int r = gc_open(gc);

	if (r)
		return r;
	store_init(&s);
	r = look(gc, &s);
	store_done(&s);
	return r;
}

int gc_scan(struct gc *gc, unsigned flags, struct store *ret)
{
	const int r = scan(&gc->storage, flags, gc->progress, ret);

	return r < 0 ? gc_fail(gc, r) : 0;
}

int gc_mark(struct gc *gc, struct store *s, bool delete_untagged, int64_t grace, struct mark *ret)
{
	const struct mark_options o = {
		.delete_untagged = delete_untagged,
		.recent = grace ? time(NULL) - (time_t)grace : 0,
	};
	const int r = mark(s, &o, ret);

	return r < 0 ? gc_fail(gc, r) : 0;
}

int gc_check_store(struct gc *gc, struct store *s, bool verify, struct check_result *ret)
{
	const struct check_options o = {.verify = verify};
	struct mark m;
	int r = gc_mark(gc, s, false, 0, &m);

	if (r)
		return r;
	r = check(&gc->storage, s, &m, &o, gc->progress, ret);
	mark_done(&m);
	return r < 0 ? gc_fail(gc, r) : 0;
}
