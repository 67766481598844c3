/* SPDX-License-Identifier: MIT */
/* Is a process a registry? By its command line, and by the program that it runs. */
#include <string.h>

#include "storage/running_inner.h"
#include "util/cleanup.h"

#define SERVE "serve"
#define COLLECT "garbage-collect"

/* The last part of a path, without what the kernel adds when the file is gone. */
static bool is_called(const char *path, const char *name)
{
	static const char gone[] = " (deleted)";
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;
	const size_t n = strlen(name);

	return strncmp(last, name, n) == 0 && (!last[n] || strcmp(last + n, gone) == 0);
}

static bool is_one_of(const char *path, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_called(path, names[i]))
			return true;
	return false;
}

static bool is_openshift(const char *path)
{
	return is_called(path, "dockerregistry");
}

static bool is_registry(const char *path)
{
	static const char *const names[] = {"registry", "docker-registry", "registry_DO_NOT_USE_GC"};

	return is_one_of(path, names, ARRAY_SIZE(names)) || is_openshift(path);
}

/* Inits that stay before what they start, and emulators and loaders, whose process is what they run. */
static bool is_starter(const char *path)
{
	static const char *const names[] = {
		"tini", "tini-static", "dumb-init",      "docker-init", "catatonit", "init",
		"gosu", "su-exec",     "FEXInterpreter", "FEXLoader",   "box64",     "rosetta",
	};
	const char *slash = strrchr(path, '/');
	const char *last = slash ? slash + 1 : path;

	return is_one_of(path, names, ARRAY_SIZE(names)) || strncmp(last, "qemu-", 5) == 0 ||
	       strncmp(last, "ld-linux", 8) == 0 || strncmp(last, "ld-musl", 7) == 0;
}

/* What is given a word to look for, or files to show, serves nothing. */
static bool is_reader(const char *path)
{
	static const char *const names[] = {"grep", "egrep", "fgrep", "rg",   "vi",   "vim",  "nvim", "view",
					    "nano", "emacs", "less",  "more", "cat",  "head", "tail", "watch",
					    "sed",  "awk",   "diff",  "find", "echo", "touch"};

	return is_one_of(path, names, ARRAY_SIZE(names));
}

const char *words_next(const struct buf *words, const char *word)
{
	word += strlen(word) + 1;
	return word < words->data + words->size ? word : NULL;
}

static const char *next_argument(const struct buf *words, const char *word)
{
	do
		word = words_next(words, word);
	while (word && *word == '-');
	return word;
}

static bool is_dry_run(const struct buf *words, const char *word)
{
	for (word = words_next(words, word); word; word = words_next(words, word))
		if (strcmp(word, "-d") == 0 || strcmp(word, "--dry-run") == 0)
			return true;
	return false;
}

/*
 * `word` is a registry by its name: "registry serve [CONFIG]", "registry garbage-collect CONFIG",
 * "dockerregistry [CONFIG]".
 */
static enum program look_at_named(const struct buf *words, const char *word, bool openshift,
				  const char **ret_config)
{
	const char *const first = next_argument(words, word);

	for (const char *w = first; w; w = words_next(words, w)) {
		const bool collects = strcmp(w, COLLECT) == 0;

		if (!collects && strcmp(w, SERVE) != 0)
			continue;
		*ret_config = next_argument(words, w);
		if (!collects)
			return PROGRAM_REGISTRY;
		return is_dry_run(words, w) ? PROGRAM_OTHER : PROGRAM_COLLECTOR;
	}
	*ret_config = first;
	/* Before 2.4 the others had no `serve` either. */
	return openshift ? PROGRAM_REGISTRY : PROGRAM_MAYBE;
}

/* `word` is the program, and runs `exe`, or is what that runs in turn. */
static enum program look_at_program(const struct buf *words, const char *word, const char *exe,
				    const char **ret_config)
{
	const char *first;

	if (is_registry(word) || is_registry(exe))
		return look_at_named(words, word, is_openshift(word) || is_openshift(exe), ret_config);
	first = next_argument(words, word);
	if (!first || strcmp(first, SERVE) != 0 || is_reader(word))
		return PROGRAM_OTHER;
	*ret_config = next_argument(words, first);
	return PROGRAM_MAYBE;
}

/* The first argument, or a path further on, behind the value of an option. */
static enum program look_behind(const struct buf *words, const char *starter, const char **ret_config)
{
	const char *const first = next_argument(words, starter);
	enum program p;

	for (const char *w = first; w; w = words_next(words, w)) {
		if (w != first && *w != '/')
			continue;
		p = look_at_program(words, w, "", ret_config);
		if (p != PROGRAM_OTHER)
			return p;
	}
	return PROGRAM_OTHER;
}

enum program program_look(const struct buf *words, const char *exe, const char **ret_config)
{
	const char *const first = words->size ? words->data : NULL;

	*ret_config = NULL;
	if (!first)
		return PROGRAM_OTHER;
	if (!is_registry(exe) && (is_starter(first) || is_starter(exe)))
		return look_behind(words, first, ret_config);
	return look_at_program(words, first, exe, ret_config);
}
