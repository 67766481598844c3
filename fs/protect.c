/* SPDX-License-Identifier: MIT */
#include "protect.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "error.h"
#include "reference.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/map.h"

enum {
	MAX_FILE = 64 << 20,
	MAX_REPOSITORY = 255,
	MAX_TAG = 128,
	MAX_KEY = MAX_REPOSITORY + REG_DIGEST_MAX + 2,
};

/* "REPOSITORY:TAG", "REPOSITORY@DIGEST", or "@DIGEST" of any repository. */
struct entry {
	struct map_node node;
	char key[];
};

struct protect {
	char **patterns;
	size_t npatterns;
	struct map entries;
	size_t count;
};

static bool has(const struct protect *p, const char *key)
{
	map_for_each_match(&p->entries, map_hash(key, strlen(key)), node)
	{
		if (strcmp(container_of(node, struct entry, node)->key, key) == 0)
			return true;
	}
	return false;
}

static int add(struct protect *p, const char *key)
{
	const size_t length = strlen(key);
	struct entry *e;

	if (has(p, key))
		return 0;
	e = malloc(sizeof(*e) + length + 1);
	if (!e)
		return -ENOMEM;
	memcpy(e->key, key, length + 1);
	if (map_add(&p->entries, &e->node, map_hash(key, length)) == 0)
		return 0;
	free(e);
	return -ENOMEM;
}

/* Docker Hub's own images have two names; of these, the one that is compared. */
static const char *plain(const char *repository)
{
	const char *const name = strncmp(repository, "library/", 8) == 0 ? repository + 8 : repository;

	return strchr(name, '/') ? repository : name;
}

static void make_key(char key[static MAX_KEY], const char *repository, char separator, const char *rest)
{
	snprintf(key, MAX_KEY, "%.*s%c%.*s", MAX_REPOSITORY, plain(repository), separator, REG_DIGEST_MAX,
		 rest);
}

bool protect_has_tag(const struct protect *p, const char *repository, const char *tag)
{
	char text[MAX_REPOSITORY + MAX_TAG + 2], key[MAX_KEY];

	if (!p)
		return false;
	snprintf(text, sizeof(text), "%s:%s", repository, tag);
	for (size_t i = 0; i < p->npatterns; i++)
		if (fnmatch(p->patterns[i], text, 0) == 0)
			return true;
	make_key(key, repository, ':', tag);
	return has(p, key);
}

bool protect_has_digest(const struct protect *p, const char *repository, const struct reg_digest *digest)
{
	char text[REG_DIGEST_MAX], key[MAX_KEY];

	if (!p || !digest->algorithm)
		return false;
	reg_digest_text(digest, text);
	make_key(key, "", '@', text);
	if (has(p, key))
		return true;
	make_key(key, repository, '@', text);
	return has(p, key);
}

void protect_each_digest(const struct protect *p, const char *repository,
			 void (*each)(void *data, const struct reg_digest *digest), void *data)
{
	char start[MAX_KEY];
	struct reg_digest digest;

	make_key(start, repository, '@', "");
	for (size_t k = 0; p && k < p->entries.nbuckets; k++)
		for (const struct map_node *node = p->entries.buckets[k]; node; node = node->next) {
			const char *const key = container_of(node, struct entry, node)->key;

			if (strncmp(key, start, strlen(start)) == 0 &&
			    reg_digest_parse(key + strlen(start), &digest))
				each(data, &digest);
		}
}

size_t protect_count(const struct protect *p)
{
	return p ? p->count : 0;
}

/* ---- the file ---- */

static int add_reference(struct protect *p, const struct reference *r)
{
	char key[MAX_KEY];
	int err = 0;

	if (!r->names[0]) {
		make_key(key, "", '@', r->digest);
		err = add(p, key);
	}
	for (size_t i = 0; err == 0 && i < ARRAY_SIZE(r->names) && r->names[i]; i++) {
		if (r->tag) {
			make_key(key, r->names[i], ':', r->tag);
			err = add(p, key);
		}
		if (err == 0 && r->digest) {
			make_key(key, r->names[i], '@', r->digest);
			err = add(p, key);
		}
	}
	return err;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int add_word(struct protect *p, const char *text, size_t size, size_t line, const char *name,
		    struct reg_error *error)
{
	const int shown = size < 60 ? (int)size : 60;
	const char *why = "is too long for a reference to an image";
	char word[REFERENCE_MAX + 1];
	struct reference r;

	if (size <= REFERENCE_MAX && memchr(text, '\0', size)) {
		why = "holds a NUL: is this a text file?";
	} else if (size <= REFERENCE_MAX) {
		memcpy(word, text, size);
		word[size] = '\0';
		why = reference_parse(word, &r);
	}
	if (why)
		return reg_fail(error, -EINVAL, "line %zu: '%.*s' %s; protect_from=%s", line, shown, text,
				why, name);
	if (add_reference(p, &r) < 0)
		return reg_fail(error, -ENOMEM, "out of memory");
	p->count++;
	return 0;
}

int protect_add_text(struct protect *p, const char *text, size_t size, const char *name,
		     struct reg_error *error)
{
	size_t line = 1, end;
	int r = 0;

	for (size_t i = 0; r == 0 && i < size; i = end) {
		end = i + 1;
		if (text[i] == '\n') {
			line++;
		} else if (text[i] == '#') {
			while (end < size && text[end] != '\n')
				end++;
		} else if (!is_space(text[i])) {
			while (end < size && !is_space(text[end]))
				end++;
			r = add_word(p, text + i, end - i, line, name, error);
		}
	}
	if (r == 0 && !p->count)
		return reg_fail(error, -EINVAL,
				"protect_from=%s names no image: did the command that wrote it fail?", name);
	return r;
}

static int read_all(int fd, struct buf *ret, const char *path, struct reg_error *error)
{
	auto_free char *chunk = malloc(64 << 10);
	ssize_t n = 1;
	int r = chunk ? 0 : -ENOMEM;

	while (r == 0 && n != 0) {
		n = read(fd, chunk, 64 << 10);
		if (n > 0)
			r = buf_add(ret, chunk, (size_t)n);
		else if (n < 0 && errno != EINTR)
			r = -errno;
	}
	if (r < 0)
		return reg_fail(error, r, "protect_from=%s cannot be read: %s", path,
				r == -EFBIG ? "it is larger than 64 MiB" : strerror(-r));
	return 0;
}

static int add_file(struct protect *p, const char *path, struct reg_error *error)
{
	/* Not waiting for a writer: it may be a pipe. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	struct buf b;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return reg_fail(error, r, "protect_from=%s cannot be read: %s", path, strerror(-r));
	}
	buf_init(&b, MAX_FILE);
	if (S_ISDIR(st.st_mode))
		r = reg_fail(error, -EISDIR, "protect_from=%s cannot be read: it is a directory", path);
	else if (!S_ISREG(st.st_mode))
		r = reg_fail(error, -EINVAL,
			     "protect_from=%s must be a regular file: it is read again after kill -HUP",
			     path);
	else
		r = read_all(fd, &b, path, error);
	if (r == 0)
		r = protect_add_text(p, b.data ? b.data : "", b.size, path, error);
	buf_done(&b);
	close(fd);
	return r;
}

/* ---- patterns ---- */

/* Behind the bracket expression that begins at p, or behind p where none does; fnmatch() takes a lone '[' as
 * it is. */
static const char *behind_bracket(const char *p)
{
	const char *q = p + 1;

	q += *q == '!' || *q == '^';
	q += *q == ']';
	for (; *q && *q != ']'; q++) {
		const char kind = q[0] == '[' ? q[1] : '\0';

		if (kind == ':' || kind == '.' || kind == '=') {
			const char end[] = {kind, ']', '\0'};

			q = strstr(q + 2, end);
			if (!q)
				return p + 1;
			q++;
		}
	}
	return *q ? q + 1 : p + 1;
}

/* One ':', and no '/' behind it: neither a repository nor a tag has one. */
bool protect_pattern_is_useful(const char *pattern)
{
	size_t colons = 0;

	for (const char *p = pattern; *p;) {
		if (*p == '/' && colons)
			return false;
		colons += *p == ':';
		p = *p == '[' ? behind_bracket(p) : p + 1;
	}
	return colons == 1;
}

static int add_patterns(struct protect *p, const char *const *patterns, size_t npatterns)
{
	p->patterns = calloc(npatterns ? npatterns : 1, sizeof(*p->patterns));
	if (!p->patterns)
		return -ENOMEM;
	for (; p->npatterns < npatterns; p->npatterns++) {
		p->patterns[p->npatterns] = strdup(patterns[p->npatterns]);
		if (!p->patterns[p->npatterns])
			return -ENOMEM;
	}
	return 0;
}

int protect_new(const char *const *patterns, size_t npatterns, const char *file, struct protect **ret,
		struct reg_error *error)
{
	struct protect *p = calloc(1, sizeof(*p));
	int r = p ? add_patterns(p, patterns, npatterns) : -ENOMEM;

	if (r < 0)
		reg_fail(error, r, "out of memory");
	else if (file)
		r = add_file(p, file, error);
	if (r == 0)
		*ret = p;
	else
		protect_free(p);
	return r;
}

void protect_free(struct protect *p)
{
	struct map_node *node;

	if (!p)
		return;
	while ((node = map_any(&p->entries))) {
		map_remove(&p->entries, node);
		free(container_of(node, struct entry, node));
	}
	map_done(&p->entries);
	for (size_t i = 0; i < p->npatterns; i++)
		free(p->patterns[i]);
	free(p->patterns);
	free(p);
}
