/* SPDX-License-Identifier: MIT */
/* What it means that the collector failed, by its last words; which file it is about, by our own scan. */
#include "storage/verdict_inner.h"

#include <stdio.h>
#include <string.h>

#include "util/buf.h"
#include "util/cleanup.h"

enum { MAX_PATHS = 5 };

struct failure {
	enum bug bug;
	const char *words, *more; /* both are in the message; more: NULL: no more */
	const char *repository; /* what stands before its name; NULL: it is the last one that was begun */
	unsigned kinds; /* of problems: files to name */
};

#define KIND(k) (1U << (k))

/* The first that fits. The words are those of versions 2.8 and 3.1. */
static const struct failure failures[] = {
	{BUG_B4, "failed to retrieve tags", "unknown repository name=", "unknown repository name=", 0},
	{BUG_B9, "Path not found: ", "/_layers", "/docker/registry/v2/repositories/", 0},
	{BUG_B8, "Path not found: /docker/registry/v2/repositories", NULL, "", 0},
	{BUG_B8, "Path not found: /docker/registry/v2/blobs", NULL, "", 0},
	{BUG_B6, "error enumerating blobs", "digest", "", KIND(PROBLEM_STRAY_DATA) | KIND(PROBLEM_SYMLINK)},
	{BUG_B15, "failed to retrieve manifest for digest ", NULL, NULL, 0},
	{BUG_B5, "failed to mark", "invalid checksum digest", NULL,
	 KIND(PROBLEM_LINK_BAD) | KIND(PROBLEM_TAG_BAD)},
	{BUG_B5, "failed to mark", "unsupported digest algorithm", NULL,
	 KIND(PROBLEM_LINK_BAD) | KIND(PROBLEM_TAG_BAD)},
};

static const struct failure *find(const char *message)
{
	for (size_t i = 0; i < ARRAY_SIZE(failures); i++)
		if (strstr(message, failures[i].words) &&
		    (!failures[i].more || strstr(message, failures[i].more)))
			return &failures[i];
	return NULL;
}

/* "" : none. */
static void find_repository(const struct verdict *v, const struct failure *f, const char *message,
			    char ret[256])
{
	const char *p = f->repository && f->repository[0] ? strstr(message, f->repository) : NULL, *end;

	ret[0] = '\0';
	if (!f->repository)
		memcpy(ret, v->repository, sizeof(v->repository));
	if (!p)
		return;
	p += strlen(f->repository);
	end = strstr(p, "/_layers");
	snprintf(ret, 256, "%.*s", (int)(end ? end - p : (long)strcspn(p, " ,")), p);
	if (!reg_name_is_repository(ret))
		ret[0] = '\0';
}

/* "for digest DIGEST: WHY" */
static void find_digest(const char *message, struct reg_digest *ret)
{
	static const char words[] = "for digest ";
	const char *p = strstr(message, words);
	char text[REG_DIGEST_MAX];
	size_t n;

	if (!p)
		return;
	p += strlen(words);
	n = strcspn(p, " ");
	if (n && p[n - 1] == ':')
		n--;
	snprintf(text, sizeof(text), "%.*s", n < sizeof(text) ? (int)n : 0, p);
	reg_digest_parse(text, ret);
}

/* The files that it may be about: of the repository where it failed; anywhere, if there are none. */
static void add_paths(const struct verdict *v, const struct failure *f, const char *repository,
		      struct buf *ret)
{
	const struct problems *all = &v->store->problems;
	size_t n = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct problem *p = &all->items[i];

		if (!(f->kinds & KIND(p->kind)) || !p->path)
			continue;
		if (repository && (!p->repository || strcmp(p->repository, repository) != 0))
			continue;
		if (n++ < MAX_PATHS)
			(void)buf_printf(ret, "%s%s", ret->size ? ", " : "", p->path);
	}
	if (n > MAX_PATHS)
		(void)buf_printf(ret, " and %zu more", n - MAX_PATHS);
}

/* It finds nothing where we find something: in a container, say, where our paths lead elsewhere. */
static bool is_elsewhere(const struct store *s, const struct failure *f, const char *message)
{
	if (f->bug != BUG_B8)
		return false;
	if (strstr(message, "/repositories"))
		return s->nrepositories > 0;
	for (uint32_t i = 0; i < s->nblobs; i++)
		if (s->blobs[i]->flags & BLOB_PRESENT)
			return true;
	return false;
}

/* No known bug. */
static int fail(struct verdict *v, const struct collector_end *end)
{
	const bool unseen = strstr(end->message, "configuration error: open ");

	return verdict_refuse(v, BUG_NONE, NULL, NULL, NULL, "the collector fails%s%s%s",
			      end->message[0] ? ": " : (end->status < 0 ? ": it was killed" : ""), end->message,
			      unseen ? "; name its configuration, as that program sees it, with --registry-config" : "");
}

int verdict_failure(struct verdict *v, const struct collector_end *end)
{
	const struct failure *f = find(end->message);
	struct reg_digest digest = {0};
	char repository[256];
	struct buf paths;
	int r;

	if (!f)
		return fail(v, end);
	if (is_elsewhere(v->store, f, end->message))
		return verdict_refuse(v, BUG_NONE, NULL, NULL, NULL,
				      "the registry's collector reads another storage, in which there is nothing: %s; name "
				      "its configuration with --config or --registry-config",
				      end->message);
	find_repository(v, f, end->message, repository);
	find_digest(end->message, &digest);
	buf_init(&paths, 4096);
	add_paths(v, f, repository[0] ? repository : NULL, &paths);
	if (!paths.size && repository[0])
		add_paths(v, f, NULL, &paths);
	r = verdict_refuse(v, f->bug, &digest, repository[0] ? repository : NULL, NULL,
			   "the collector fails%s%s: %s%s%s", repository[0] ? " in " : "", repository,
			   end->message, paths.size ? "; look at " : "", paths.size ? paths.data : "");
	buf_done(&paths);
	return r;
}
