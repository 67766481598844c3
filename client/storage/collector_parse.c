/* SPDX-License-Identifier: MIT */
#include "storage/collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Copies a repository's name; false: it is none. */
static bool take_repository(const char *name, size_t size, char ret[256])
{
	char copy[256];

	if (size >= sizeof(copy))
		return false;
	memcpy(copy, name, size);
	copy[size] = '\0';
	if (!reg_name_is_repository(copy))
		return false;
	memcpy(ret, copy, size + 1);
	return true;
}

/* A digest up to a blank or the end. */
static bool take_digest(const char *text, struct reg_digest *ret, const char **ret_rest)
{
	const size_t n = strcspn(text, " }");
	char copy[REG_DIGEST_MAX];

	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	*ret_rest = text + n;
	return reg_digest_parse(copy, ret);
}

/* "REPOSITORY: WORDS DIGEST", and nothing else. */
static bool take_pair(const char *line, const char *words, struct collector_line *l)
{
	const char *colon = strchr(line, ':'), *rest;

	if (!colon || strncmp(colon, words, strlen(words)) != 0)
		return false;
	if (!take_digest(colon + strlen(words), &l->digest, &rest) || rest[strspn(rest, " ")])
		return false;
	return take_repository(line, (size_t)(colon - line), l->repository);
}

/* Version 3: "{REPOSITORY DIGEST [TAGS]}"; version 2: the digest alone. */
static bool take_manifest(const struct collector_parser *p, const char *text, struct collector_line *l)
{
	const char *rest;
	size_t n;

	if (*text != '{') {
		if (!p->repository[0] || !take_digest(text, &l->digest, &rest) || *rest)
			return false;
		memcpy(l->repository, p->repository, sizeof(l->repository));
		return true;
	}
	n = strcspn(++text, " ");
	if (!text[n] || !take_digest(text + n + 1, &l->digest, &rest) || *rest != ' ')
		return false;
	return take_repository(text, n, l->repository);
}

static bool take_number(const char **text, const char *words, uint64_t *ret)
{
	char *end;

	if (**text < '0' || **text > '9')
		return false;
	*ret = strtoull(*text, &end, 10);
	if (strncmp(end, words, strlen(words)) != 0)
		return false;
	*text = end + strlen(words);
	return true;
}

static bool take_summary(const char *text, struct collector_line *l)
{
	uint64_t marked, blobs, manifests;

	if (!take_number(&text, " blobs marked, ", &marked) || !take_number(&text, " blobs and ", &blobs) ||
	    !take_number(&text, " manifests eligible for deletion", &manifests) || *text)
		return false;
	l->marked = marked;
	l->blobs = blobs;
	l->manifests = manifests;
	return true;
}

static enum collector_event parse(const struct collector_parser *p, const char *line,
				  struct collector_line *l)
{
	static const char manifest[] = "manifest eligible for deletion: ";
	static const char blob[] = "blob eligible for deletion: ";
	const char *rest;

	if (take_pair(line, ": marking manifest ", l) || take_pair(line, ": marking blob ", l))
		return COLLECTOR_MARK;
	if (take_pair(line, ": layer link eligible for deletion: ", l))
		return COLLECTOR_LAYER_LINK;
	if (strncmp(line, blob, strlen(blob)) == 0)
		return take_digest(line + strlen(blob), &l->digest, &rest) && !*rest ? COLLECTOR_BLOB
										     : COLLECTOR_UNKNOWN;
	if (strncmp(line, manifest, strlen(manifest)) == 0)
		return take_manifest(p, line + strlen(manifest), l) ? COLLECTOR_MANIFEST : COLLECTOR_UNKNOWN;
	if (take_summary(line, l))
		return COLLECTOR_SUMMARY;
	return take_repository(line, strlen(line), l->repository) ? COLLECTOR_REPOSITORY : COLLECTOR_UNKNOWN;
}

void collector_parse(struct collector_parser *p, const char *line, struct collector_line *ret)
{
	struct collector_line l = {.text = line};

	l.event = parse(p, line, &l);
	if (l.event == COLLECTOR_UNKNOWN) {
		/* What was half of something else is nothing. */
		l = (struct collector_line){.event = COLLECTOR_UNKNOWN, .text = line};
	} else if (l.event == COLLECTOR_REPOSITORY) {
		memcpy(p->repository, l.repository, sizeof(p->repository));
	}
	*ret = l;
}
