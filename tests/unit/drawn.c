/* SPDX-License-Identifier: MIT */
#include "drawn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define REFS 32

/* What is known of a manifest until the text ends. */
struct draft {
	size_t nrefs;
	struct store_ref refs[REFS];
	bool is_manifest, is_index, unreadable;
};

uint32_t drawn_number(struct drawn *d, const char *name)
{
	struct reg_digest digest;
	uint32_t number;

	assert_int_equal(reg_digest_compute(REG_SHA256, name, strlen(name), &digest), 0);
	number = store_blob_find(&d->store, &digest);
	if (number != STORE_NONE)
		return number;
	assert_int_equal(store_blob_add(&d->store, &digest, &number), 0);
	assert_true(number < DRAWN_MAX && strlen(name) < sizeof(d->names[0]));
	strcpy(d->names[number], name);
	d->store.blobs[number]->flags = BLOB_PRESENT;
	d->store.blobs[number]->size = INT64_C(1) << number;
	d->store.blobs[number]->changed = DRAWN_OLD;
	return number;
}

/* A name at the cursor, which moves on; its marks are left. */
static uint32_t name(struct drawn *d, const char **p)
{
	const size_t n = strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
	char text[16] = "";

	assert_true(n > 0 && n < sizeof(text));
	memcpy(text, *p, n);
	*p += n;
	return drawn_number(d, text);
}

static void blob_mark(struct store_blob *b, char mark, struct draft *draft)
{
	switch (mark) {
	case '?':
		b->flags = 0;
		b->size = 0;
		b->changed = 0;
		break;
	case '!':
		b->flags |= BLOB_UNREADABLE | BLOB_NAMED;
		draft->unreadable = true;
		break;
	case '*':
		b->flags = BLOB_ODD;
		break;
	case '~':
		b->flags = BLOB_ASIDE;
		break;
	case '#':
		b->size = 0;
		break;
	default:
		b->changed = DRAWN_RECENT;
	}
}

/* A name and its marks. */
static uint32_t marked(struct drawn *d, const char **p, struct draft *drafts)
{
	const uint32_t number = name(d, p);

	while (**p && strchr("?!*~#'", **p))
		blob_mark(d->store.blobs[number], *(*p)++, &drafts[number]);
	return number;
}

static void add_ref(struct draft *draft, uint32_t blob, enum store_role role)
{
	assert_true(draft->nrefs < REFS);
	draft->refs[draft->nrefs++] = (struct store_ref){.blob = blob, .role = (uint8_t)role};
}

static void blob(struct drawn *d, const char *p, struct draft *drafts)
{
	struct draft *draft = &drafts[marked(d, &p, drafts)];

	while (*p) {
		const char op = *p++;
		enum store_role role = op == '>'   ? ROLE_CHILD
				       : op == '^' ? ROLE_SUBJECT
				       : op == '/' ? ROLE_FOREIGN
						   : ROLE_CONFIG;

		assert_non_null(strchr(">=^/", op));
		draft->is_manifest = true;
		draft->is_index |= op == '>';
		for (;; p++) {
			add_ref(draft, marked(d, &p, drafts), role);
			if (*p != ',')
				break;
			if (role == ROLE_CONFIG)
				role = ROLE_LAYER;
		}
	}
}

static void tag(struct drawn *d, struct store_repository *r, const char *text, const char *at)
{
	const char *p = at + 1;
	char own[16] = "";

	assert_true((size_t)(at - text) < sizeof(own));
	memcpy(own, text, (size_t)(at - text));
	assert_int_equal(store_tag_add(r, own, *p ? name(d, &p) : STORE_NONE, DRAWN_OLD), 0);
	while (*p == ',') {
		p++;
		assert_int_equal(store_entry_add(&r->tags[r->ntags - 1], name(d, &p), DRAWN_OLD), 0);
	}
	assert_int_equal(*p, 0);
}

static void link_or_so(struct drawn *d, struct store_repository *r, const char *p)
{
	struct store_link l = {.type = *p == '+' ? LINK_REVISION : LINK_LAYER, .changed = DRAWN_OLD};

	if (strncmp(p, "up:", 3) == 0) {
		const struct store_upload u = {.id = (char *)p, .started = atoi(p + 3), .size = 7};

		assert_int_equal(store_upload_add(r, &u), 0);
		return;
	}
	if (strcmp(p, "unsure") == 0) {
		assert_int_equal(store_unsure(r, "drawn so"), 0);
		return;
	}
	assert_true(*p == '+' || *p == '.');
	p++;
	l.blob = name(d, &p);
	if (*p == '=') {
		p++;
		assert_int_equal(store_alias_add(r, l.blob, name(d, &p)), 0);
	}
	for (; *p; p++) {
		if (*p == '~')
			l.flags |= LINK_ASIDE;
		else if (*p == '%')
			l.flags |= LINK_BAD;
		else if (*p == '\'')
			l.changed = DRAWN_RECENT;
		else
			fail_msg("no mark of a link: %s", p);
	}
	assert_int_equal(store_link_add(&d->store, r, &l), 0);
}

static void finish(struct drawn *d, const struct draft *drafts)
{
	for (uint32_t i = 0; i < d->store.nblobs; i++) {
		const size_t size = drafts[i].nrefs * sizeof(struct store_ref);
		struct store_blob *b = d->store.blobs[i];

		if (!drafts[i].is_manifest || drafts[i].unreadable || !store_blob_is_there(b))
			continue;
		b->flags |= BLOB_NAMED;
		b->manifest = calloc(1, sizeof(*b->manifest) + size);
		assert_non_null(b->manifest);
		b->manifest->kind = drafts[i].is_index ? REG_KIND_INDEX : REG_KIND_MANIFEST;
		b->manifest->nrefs = drafts[i].nrefs;
		memcpy(b->manifest->refs, drafts[i].refs, size);
		for (size_t k = 0; k < b->manifest->nrefs; k++)
			b->manifest->refs[k].size = INT64_C(1) << b->manifest->refs[k].blob;
	}
}

void drawn_init(struct drawn *d, const char *text)
{
	auto_free char *copy = strdup(text);
	auto_free struct draft *drafts = calloc(DRAWN_MAX, sizeof(*drafts));
	struct store_repository *r = NULL;
	char *rest = NULL;

	assert_non_null(copy);
	assert_non_null(drafts);
	memset(d, 0, sizeof(*d));
	store_init(&d->store);
	for (char *token = strtok_r(copy, " ", &rest); token; token = strtok_r(NULL, " ", &rest)) {
		const char *at = strchr(token, '@');

		if (*token == '[') {
			if (r)
				store_repository_end(&d->store, r);
			r = store_repository_add(&d->store, token + 1);
			assert_non_null(r);
		} else if (!r) {
			blob(d, token, drafts);
		} else if (at) {
			tag(d, r, token, at);
		} else {
			link_or_so(d, r, token);
		}
	}
	if (r)
		store_repository_end(&d->store, r);
	finish(d, drafts);
}

void drawn_done(struct drawn *d)
{
	store_done(&d->store);
}

static void append(char buf[1024], const char *repository, const char *type, const char *what)
{
	const size_t n = strlen(buf);

	snprintf(buf + n, 1024 - n, "%s%s%s%s", n ? " " : "", repository, type, what);
}

const char *drawn_blobs(const struct drawn *d, const uint8_t *states, int state, char buf[1024])
{
	*buf = 0;
	for (uint32_t i = 0; i < d->store.nblobs; i++)
		if (states[i] == state)
			append(buf, "", "", d->names[i]);
	return buf;
}

const char *drawn_links(const struct drawn *d, const uint8_t *states, int state, char buf[1024])
{
	*buf = 0;
	for (uint32_t r = 0; r < d->store.nrepositories; r++) {
		const struct store_repository *repository = &d->store.repositories[r];

		for (uint32_t i = repository->first_link; i < repository->first_link + repository->nlinks;
		     i++)
			if (states[i] == state)
				append(buf, repository->name,
				       d->store.links[i].type == LINK_REVISION ? "+" : ".",
				       d->names[d->store.links[i].blob]);
	}
	return buf;
}

const char *drawn_bits(const struct drawn *d, uint64_t sizes, char buf[1024])
{
	*buf = 0;
	for (uint32_t i = 0; i < d->store.nblobs; i++)
		if (sizes >> i & 1)
			append(buf, "", "", d->names[i]);
	return buf;
}
