/* SPDX-License-Identifier: MIT */
/* The mark against sets that grow until nothing changes: slow, simple, and on random stores. */
#include "storage/mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define ROUNDS 20000
#define BLOBS 12
#define REPOSITORIES 3
#define RECENT 100

struct dice {
	uint64_t state;
};

static unsigned roll(struct dice *d, unsigned sides)
{
	d->state = d->state * 6364136223846793005U + 1442695040888963407U;
	return (unsigned)(d->state >> 33) % sides;
}

/* ---- a random store ---- */

static void make_manifest(struct dice *d, struct store_blob *b)
{
	const size_t n = roll(d, 4);
	struct store_manifest *m = calloc(1, sizeof(*m) + n * sizeof(m->refs[0]));

	assert_non_null(m);
	m->kind = REG_KIND_MANIFEST;
	m->nrefs = n;
	for (size_t i = 0; i < n; i++) {
		m->refs[i].blob = roll(d, BLOBS);
		m->refs[i].role = (uint8_t)(ROLE_CHILD + roll(d, 5));
	}
	b->manifest = m;
	b->flags |= BLOB_NAMED;
}

static void make_blob(struct store *s, struct dice *d, unsigned i)
{
	struct reg_digest digest = {.algorithm = REG_SHA256, .hash = {(uint8_t)i}};
	struct store_blob *b;
	uint32_t number;

	assert_int_equal(store_blob_add(s, &digest, &number), 0);
	b = s->blobs[number];
	switch (roll(d, 8)) {
	case 0:
		break;
	case 1:
		b->flags = BLOB_ASIDE;
		break;
	case 2:
		b->flags = roll(d, 4) ? BLOB_PRESENT : BLOB_ODD;
		break;
	default:
		b->flags = BLOB_PRESENT;
	}
	b->changed = RECENT - 1 + (roll(d, 8) == 0);
	if (store_blob_is_there(b) && i < BLOBS / 2 && roll(d, 12))
		make_manifest(d, b);
}

static void make(struct store *s, struct dice *d)
{
	const unsigned nrepositories = roll(d, REPOSITORIES + 1);

	store_init(s);
	for (unsigned i = 0; i < BLOBS; i++)
		make_blob(s, d, i);
	for (unsigned i = 0; i < nrepositories; i++) {
		const char name[2] = {(char)('a' + i), 0};
		struct store_repository *r = store_repository_add(s, name);

		assert_non_null(r);
		for (unsigned n = roll(d, 8); n > 0; n--) {
			const bool layer = roll(d, 2);
			const struct store_link l = {
				.type = layer ? LINK_LAYER : LINK_REVISION,
				.blob = layer ? roll(d, BLOBS) : roll(d, BLOBS / 2 + 1),
				.flags = roll(d, 5) ? 0 : LINK_ASIDE,
				.changed = RECENT - 1 + (roll(d, 6) == 0),
			};

			assert_int_equal(store_link_add(s, r, &l), 0);
		}
		if (roll(d, 2))
			assert_int_equal(store_tag_add(r, "t", roll(d, BLOBS / 2 + 1), 0), 0);
		if (roll(d, 20) == 0)
			assert_int_equal(store_unsure(r, "by chance"), 0);
		if (roll(d, 4) == 0)
			assert_int_equal(store_alias_add(r, roll(d, BLOBS), roll(d, BLOBS)), 0);
		store_repository_end(s, r);
	}
	if (roll(d, 100) == 0)
		assert_int_equal(store_blind(s, "by chance"), 0);
}

/* ---- what must come out ---- */

struct sets {
	const struct store *s;
	int node[REPOSITORIES][BLOBS]; /* of a manifest in a repository */
	int blob[REPOSITORIES][BLOBS]; /* of a blob, as one repository sees it */
	int served[REPOSITORIES][BLOBS]; /* of one that is needed as a config or layer */
	int rest[BLOBS], links[64];
	bool unsure[REPOSITORIES], changed;
};

static void up(struct sets *o, int *state, int to)
{
	if (*state < to) {
		*state = to;
		o->changed = true;
	}
}

static bool is_link(const struct sets *o, uint32_t r, uint32_t l)
{
	const struct store_repository *repository = &o->s->repositories[r];

	return l >= repository->first_link && l < repository->first_link + repository->nlinks;
}

static bool is_revision(const struct sets *o, uint32_t r, uint32_t b)
{
	return store_link_find(o->s, &o->s->repositories[r], b, LINK_REVISION) != STORE_NONE;
}

/* A config or layer, which may lie under another digest. */
static void serve(struct sets *o, uint32_t r, uint32_t b, int state)
{
	up(o, &o->blob[r][b], state);
	up(o, &o->served[r][b], state);
}

static void roots(struct sets *o, const struct mark_options *options, uint32_t r)
{
	const struct store_repository *repository = &o->s->repositories[r];

	for (uint32_t i = 0; i < repository->ntags; i++)
		up(o, &o->node[r][repository->tags[i].blob], MARK_HELD);
	for (uint32_t i = 0; i < o->s->nlinks; i++) {
		const struct store_link *l = &o->s->links[i];
		const bool recent = options->recent && l->changed >= options->recent;

		if (!is_link(o, r, i))
			continue;
		if (l->type == LINK_LAYER) {
			if (o->unsure[r])
				serve(o, r, l->blob, MARK_UNSURE);
			if (recent)
				serve(o, r, l->blob, MARK_YOUNG);
			continue;
		}
		if (!(l->flags & LINK_ASIDE) && !o->s->blobs[l->blob]->manifest)
			o->unsure[r] = true;
		if (!(l->flags & LINK_ASIDE) && !options->delete_untagged)
			up(o, &o->node[r][l->blob], MARK_HELD);
		if (recent)
			up(o, &o->node[r][l->blob], MARK_YOUNG);
		if (o->unsure[r])
			up(o, &o->node[r][l->blob], MARK_UNSURE);
	}
}

static void spread(struct sets *o, uint32_t r, uint32_t b)
{
	const struct store_blob *blob = o->s->blobs[b];
	const int state = o->node[r][b];
	const uint32_t target = store_target(&o->s->repositories[r], b);

	up(o, &o->blob[r][b], state);
	up(o, &o->blob[r][target], o->served[r][b]);
	for (uint32_t l = 0; l < o->s->nlinks; l++)
		if (is_link(o, r, l) && o->s->links[l].type == LINK_LAYER &&
		    (o->s->links[l].blob == b || o->s->links[l].blob == target))
			up(o, &o->links[l], o->served[r][b]);
	up(o, &o->node[r][target], state);
	if (state && !blob->manifest && blob->flags && !o->unsure[r])
		o->unsure[r] = o->changed = true;
	for (size_t i = 0; blob->manifest && i < blob->manifest->nrefs; i++) {
		const struct store_ref *ref = &blob->manifest->refs[i];
		const bool content = ref->role > ROLE_CHILD && ref->role < ROLE_SUBJECT;

		if (ref->role == ROLE_CHILD || (content && is_revision(o, r, ref->blob)))
			up(o, &o->node[r][ref->blob], state);
		else if (content)
			serve(o, r, ref->blob, state);
		for (uint32_t l = 0; l < o->s->nlinks; l++) {
			const struct store_link *link = &o->s->links[l];

			if (!is_link(o, r, l))
				continue;
			if (ref->role == ROLE_SUBJECT && link->blob == b && link->type == LINK_REVISION)
				up(o, &o->node[r][b], o->node[r][ref->blob]);
		}
	}
	for (uint32_t l = 0; l < o->s->nlinks; l++)
		if (is_link(o, r, l) && o->s->links[l].blob == b)
			up(o, &o->links[l], state);
}

static void grow(struct sets *o, const struct mark_options *options)
{
	for (uint32_t r = 0; r < o->s->nrepositories; r++)
		o->unsure[r] = o->s->repositories[r].unsure != NULL;
	do {
		o->changed = false;
		for (uint32_t r = 0; r < o->s->nrepositories; r++) {
			roots(o, options, r);
			for (uint32_t b = 0; b < BLOBS; b++)
				spread(o, r, b);
		}
	} while (o->changed);
	for (uint32_t b = 0; b < BLOBS; b++) {
		const struct store_blob *blob = o->s->blobs[b];

		if (options->recent && blob->changed >= options->recent)
			up(o, &o->rest[b], MARK_YOUNG);
		if (blob->flags & BLOB_ODD || o->s->blind)
			up(o, &o->rest[b], MARK_UNSURE);
		for (uint32_t r = 0; r < o->s->nrepositories; r++)
			up(o, &o->rest[b], o->blob[r][b]);
	}
	for (uint32_t l = 0; o->s->blind && l < o->s->nlinks; l++)
		up(o, &o->links[l], MARK_UNSURE);
}

/* ---- the two compared ---- */

static void check_holder(const struct sets *o, const struct mark *m, uint32_t b, const char *why)
{
	uint32_t holder = STORE_NONE;

	for (uint32_t r = 0; r < o->s->nrepositories; r++)
		if (o->blob[r][b] == MARK_HELD)
			holder = holder == STORE_NONE ? r : MARK_SHARED;
	check_int(m->holder[b], holder, why);
	check_int(m->via_repository[b] == STORE_NONE, holder == STORE_NONE, why);
	if (holder != STORE_NONE && holder != MARK_SHARED)
		check_int(m->via_repository[b], holder, why);
}

static bool is_served(const struct sets *o, const struct mark *m, uint32_t named, uint32_t b)
{
	return store_target(&o->s->repositories[m->via_repository[b]], named) == b;
}

/* Whatever holds a blob: a chain that ends, of manifests that are held, at one that its repository holds. */
static void check_reason(const struct sets *o, const struct mark *m, uint32_t b, const char *why)
{
	struct mark_reason reason;
	bool is_named = m->via[b] == STORE_NONE || is_served(o, m, m->via[b], b);

	check_int(mark_explain(o->s, m, b, &reason), m->blobs[b] == MARK_HELD, why);
	if (m->blobs[b] != MARK_HELD)
		return;
	check(o->node[store_repository_find(o->s, reason.repository)][reason.top] == MARK_HELD, why);
	for (uint32_t i = 0; !is_named && i < BLOBS; i++) {
		const struct store_manifest *above = o->s->blobs[m->via[b]]->manifest,
					    *own = o->s->blobs[b]->manifest;

		for (size_t k = 0; above && k < above->nrefs; k++)
			is_named |= above->refs[k].role != ROLE_SUBJECT &&
				    (above->refs[k].blob == b || is_served(o, m, above->refs[k].blob, b));
		for (size_t k = 0; own && k < own->nrefs; k++)
			is_named |= own->refs[k].blob == m->via[b] && own->refs[k].role == ROLE_SUBJECT;
	}
	check(is_named, why);
}

static void round_of(uint64_t seed)
{
	struct dice d = {seed * 0x9e3779b97f4a7c15U};
	const struct mark_options options = {.delete_untagged = roll(&d, 2),
					     .recent = roll(&d, 2) ? RECENT : 0};
	struct sets o = {0};
	struct store s;
	struct mark m;
	char why[64];

	snprintf(why, sizeof(why), "round %llu", (unsigned long long)seed);
	make(&s, &d);
	o.s = &s;
	grow(&o, &options);
	check_int(mark(&s, &options, &m), 0, why);
	for (uint32_t r = 0; r < s.nrepositories; r++)
		check_int(s.repositories[r].unsure != NULL, o.unsure[r], why);
	for (uint32_t b = 0; b < BLOBS; b++) {
		check_int(m.blobs[b], o.rest[b], why);
		check_holder(&o, &m, b, why);
		check_reason(&o, &m, b, why);
	}
	for (uint32_t l = 0; l < s.nlinks; l++)
		check_int(m.links[l], o.links[l], why);
	mark_done(&m);
	store_done(&s);
}

static void rounds(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < ROUNDS; i++)
		round_of(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
