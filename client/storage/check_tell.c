/* SPDX-License-Identifier: MIT */
#include "storage/check_inner.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/files.h"
#include "storage/layout.h"
#include "util/buf.h"
#include "util/cleanup.h"

/* ---- by whom it is held ---- */

/* One thing that is wrong, on its way to those whom it concerns. */
struct telling {
	struct check *check;
	const struct store_repository *only; /* NULL: every repository */
	enum problem_kind kind;
	const struct reg_digest *digest;
	const char *text;
	size_t item; /* a problem of the scan that is the first one's, or NO_ITEM */
	size_t times;
};

#define NO_ITEM SIZE_MAX

/* The scan knew no tag, and perhaps no repository. */
static int complete(struct problem *p, const struct store_repository *r, const char *tag)
{
	auto_free char *repository = strdup(r->name);
	auto_free char *own = tag ? strdup(tag) : NULL;

	if (!repository || (tag && !own))
		return -ENOMEM;
	if (!p->repository)
		p->repository = steal(&repository);
	if (!p->tag)
		p->tag = steal(&own);
	return 0;
}

static int add(struct telling *t, const struct store_repository *r, const char *tag, size_t more)
{
	struct problems *all = &t->check->store->problems;
	const struct problem p = {
		.kind = t->kind,
		.repository = r ? r->name : NULL,
		.tag = (char *)tag,
		.digest = *t->digest,
	};

	t->times++;
	if (t->item != NO_ITEM && t->times == 1)
		return complete(&all->items[t->item], r, tag);
	return more ? problems_add(all, &p, "%s; %zu more tags hold it", t->text, more)
		    : problems_add(all, &p, "%s", t->text);
}

static int add_one(void *data, const struct holders_one *one)
{
	struct telling *t = data;
	int r = 0;

	if (t->only && one->repository != t->only)
		return 0;
	for (size_t i = 0; r == 0 && i < one->ntags; i++)
		r = add(t, one->repository, one->tags[i],
			i + 1 == one->ntags ? one->all_tags - one->ntags : 0);
	return r == 0 && !one->ntags ? add(t, one->repository, NULL, 0) : r;
}

static int tell(struct telling *t, uint32_t holder)
{
	struct check *c = t->check;
	int r = c->holders ? 0 : holders_new(c->store, &c->holders);

	/* What is not kept needs no names. */
	if (r == 0 && c->store->problems.count < PROBLEMS_MAX)
		r = holders_of(c->holders, holder, CHECK_TAGS, add_one, t);
	if (r == 0 && !t->times && t->item == NO_ITEM)
		r = add(t, t->only, NULL, 0);
	return r;
}

#define TEXT_MAX 512

/* Of a blob, to those who hold `holder`. */
static int tell_text(struct check *c, const struct store_repository *only, enum problem_kind kind,
		     uint32_t holder, uint32_t blob, const char *text)
{
	struct telling t = {
		.check = c,
		.only = only,
		.kind = kind,
		.digest = &c->store->blobs[blob]->digest,
		.text = text,
		.item = NO_ITEM,
	};

	return tell(&t, holder);
}

int check_tell(struct check *c, enum problem_kind kind, uint32_t manifest, uint32_t blob, const char *format,
	       ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return tell_text(c, c->repository, kind, manifest, blob, text);
}

int check_tell_all(struct check *c, enum problem_kind kind, uint32_t blob, const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return tell_text(c, NULL, kind, blob, blob, text);
}

/* ---- what the scan has told ---- */

static int compare_covered(const void *left, const void *right)
{
	const struct check_covered *a = left, *b = right;

	if (a->repository != b->repository)
		return a->repository < b->repository ? -1 : 1;
	return (a->blob > b->blob) - (a->blob < b->blob);
}

static bool is_covered(const struct check *c, const struct problem *p)
{
	struct check_covered key;

	if ((p->kind != PROBLEM_MANIFEST_MISSING && p->kind != PROBLEM_NOT_CACHED) || p->tag ||
	    !p->repository || !c->ncovered)
		return false;
	key.repository = store_repository_find(c->store, p->repository);
	key.blob = store_blob_find(c->store, &p->digest);
	return bsearch(&key, c->covered, c->ncovered, sizeof(key), compare_covered);
}

static void drop_covered(struct check *c, size_t count)
{
	struct problems *p = &c->store->problems;
	size_t kept = 0;

	if (c->ncovered)
		qsort(c->covered, c->ncovered, sizeof(*c->covered), compare_covered);
	for (size_t i = 0; i < p->count; i++) {
		if (i < count && is_covered(c, &p->items[i])) {
			if (problem_is_note(p->items[i].kind))
				p->nnotes--;
			else
				p->nproblems--;
			free(p->items[i].repository);
			free(p->items[i].path);
			free(p->items[i].text);
		} else {
			p->items[kept++] = p->items[i];
		}
	}
	p->count = kept;
}

static int attribute(struct check *c, size_t item)
{
	const struct problem *p = &c->store->problems.items[item];
	const struct reg_digest digest = p->digest; /* the item may move */
	auto_free char *text = NULL;
	struct telling t = {.check = c, .kind = p->kind, .digest = &digest, .item = item};
	uint32_t blob;

	if ((p->kind != PROBLEM_MANIFEST_UNREADABLE && p->kind != PROBLEM_DIGEST) || p->tag ||
	    !digest.algorithm)
		return 0;
	blob = store_blob_find(c->store, &digest);
	if (blob == STORE_NONE)
		return 0;
	if (p->repository) {
		const uint32_t r = store_repository_find(c->store, p->repository);

		if (r == STORE_NONE)
			return 0;
		t.only = &c->store->repositories[r];
	}
	text = strdup(p->text);
	if (!text)
		return -ENOMEM;
	t.text = text;
	return tell(&t, blob);
}

int check_attribute(struct check *c, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = attribute(c, i);
	if (r == 0)
		drop_covered(c, count);
	return r;
}

/* ---- an index's words ---- */

static void read_index(struct check *c, uint32_t index)
{
	const struct store_blob *b = c->store->blobs[index];
	char path[LAYOUT_MAX];
	struct stat st;
	struct buf data;

	if (c->index_blob != STORE_NONE)
		reg_document_done(&c->index);
	c->index_blob = STORE_NONE;
	buf_init(&data, REG_MAX_MANIFEST);
	if (files_read(c->storage->v2, layout_blob(path, &b->digest), &data, &st) == 0 &&
	    reg_document_parse(data.data, data.size, NULL, &c->index, NULL) == 0)
		c->index_blob = index;
	buf_done(&data);
}

const char *check_platform(struct check *c, uint32_t index, uint32_t child, char buf[128])
{
	const struct store_blob *b = c->store->blobs[child];

	if (b->manifest)
		return b->manifest->platform ? b->manifest->platform : "";
	if (!c->storage || !c->looks_left)
		return "";
	c->looks_left--;
	if (c->index_blob != index)
		read_index(c, index);
	for (size_t i = 0; c->index_blob == index && i < c->index.nitems; i++) {
		const struct reg_platform *p = &c->index.items[i].platform;

		if (!reg_digest_equal(&c->index.items[i].digest, &b->digest) || !*p->os)
			continue;
		snprintf(buf, 128, "%s/%s%s%s", p->os, p->architecture, *p->variant ? "/" : "", p->variant);
		return buf;
	}
	return "";
}
