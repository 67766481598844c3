/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "guard.h"
#include "util/cleanup.h"

/* No image has so many parts; a plan is made anew for each answer, with the lock. */
enum { MAX_ITEMS = 1000 };

static struct tag **names_of(const struct repository *r, const struct reg_digest *digest)
{
	struct holder *h = repository_holder(r, digest);
	struct tag **names = calloc((h ? h->ntags : 0) + 1, sizeof(struct tag *));
	size_t n = 0;

	for (struct list *node = h && names ? h->tags.next : NULL; node && node != &h->tags;
	     node = node->next)
		names[n++] = container_of(node, struct tag, held);
	return names;
}

static int add(struct plan *p, struct repository *r, struct manifest *m, enum journal_role role)
{
	if (p->nitems == MAX_ITEMS)
		return -EFBIG;
	if (p->nitems == p->room) {
		const size_t room = p->room ? p->room * 2 : 8;
		struct plan_item *items = realloc(p->items, room * sizeof(*items));

		if (!items)
			return -ENOMEM;
		p->items = items;
		p->room = room;
	}
	p->items[p->nitems] =
		(struct plan_item){m, image_get(r->tree, &m->digest), role, names_of(r, &m->digest)};
	if (!p->items[p->nitems].tags || !p->items[p->nitems].image)
		return -ENOMEM;
	p->nitems++;
	return 0;
}

static bool has(const struct plan *p, const struct manifest *m)
{
	for (size_t k = 0; k < p->nitems; k++)
		if (p->items[k].manifest == m)
			return true;
	return false;
}

bool plan_is_free(const struct repository *r, const struct manifest *m, uint32_t names)
{
	const struct holder *h = repository_holder(r, &m->digest);

	return (h ? h->ntags : 0) <= names && m->nparents <= m->going;
}

/* Whether the registry has it is known once it has been read; what it has not is left out. */
static int add_if_free(struct plan *p, struct repository *r, struct manifest *m, enum journal_role role,
		       uint32_t names, struct fetch **ret_fetch)
{
	struct image *i;
	int err;

	if (has(p, m) || !plan_is_free(r, m, names) || guard_digest(r, &m->digest))
		return 0;
	i = image_get(r->tree, &m->digest);
	err = i ? image_load(r->tree, i, r->name, false, ret_fetch) : -ENOMEM;
	if (err == -ENOENT)
		return image_is_unproven(i, r->name) ? -EIO : 0;
	/* It may turn out to hold what is protected only now. */
	return err != 0 ? err : guard_digest(r, &m->digest) ? 0 : add(p, r, m, role);
}

/* All at once: what is missing is fetched many at a time. */
static int add_children(struct plan *p, struct repository *r, const struct image *i, struct fetch **ret_fetch)
{
	int pending = 0;

	if (i->nitems > MAX_ITEMS)
		return -EFBIG;
	for (size_t k = 0; k < i->nitems; k++) {
		struct manifest *m = repository_manifest(r, &i->items[k].digest);

		if (!m)
			return -ENOMEM;
		m->going++;
	}
	for (size_t k = 0; k < i->nitems; k++) {
		const int err = add_if_free(p, r, repository_manifest(r, &i->items[k].digest), JOURNAL_CHILD,
					    0, ret_fetch);

		if (err < 0)
			return err;
		pending |= err;
	}
	return pending;
}

/*
 * How many names of a signature do not hold it: those that name what is going, or what went before. The same
 * signature may be that of several images.
 */
static uint32_t idle_names(const struct plan *p, struct repository *r, const struct holder *h)
{
	uint32_t n = 0;

	for (const struct list *node = h->tags.next; node != &h->tags; node = node->next) {
		const struct tag *tag = container_of(node, struct tag, held);
		const struct manifest *subject =
			tag->subject.algorithm ? repository_manifest(r, &tag->subject) : NULL;

		n += subject && !guard_name(tag) && (subject->gone || has(p, subject));
	}
	return n;
}

/* The referrers tag schema, and cosign's names. */
static int add_signatures(struct plan *p, struct repository *r, const struct reg_digest *subject,
			  struct fetch **ret_fetch)
{
	static const char *const suffixes[] = {"", ".sig", ".att", ".sbom"};
	char text[REG_DIGEST_MAX], name[REG_DIGEST_MAX + 8];
	int err = 0;

	reg_digest_text(subject, text);
	for (char *c = text; *c; c++)
		if (*c == ':')
			*c = '-';
	for (size_t k = 0; err == 0 && k < ARRAY_SIZE(suffixes); k++) {
		struct manifest *m;
		struct tag *tag;

		snprintf(name, sizeof(name), "%s%s", text, suffixes[k]);
		tag = repository_tag(r, name);
		if (!tag || !tag->listed || !tag->holder)
			continue;
		m = repository_manifest(r, &tag->holder->digest);
		err = m ? add_if_free(p, r, m, JOURNAL_REFERRER, idle_names(p, r, tag->holder), ret_fetch)
			: -ENOMEM;
	}
	return err;
}

static int add_referrers(struct plan *p, struct repository *r, struct manifest *subject,
			 struct fetch **ret_fetch)
{
	int err = 0;

	for (struct list *node = subject->referrers.next; err == 0 && node != &subject->referrers;
	     node = node->next) {
		struct manifest *m = container_of(node, struct manifest, refers);

		if (m->listed)
			err = add_if_free(p, r, m, JOURNAL_REFERRER, 0, ret_fetch);
	}
	return err == 0 ? add_signatures(p, r, &subject->digest, ret_fetch) : err;
}

static int extend(struct plan *p, struct repository *r, struct fetch **ret_fetch)
{
	int err = 0;

	/* It grows meanwhile: what goes with children and referrers comes behind them. */
	for (size_t k = 0; err == 0 && k < p->nitems; k++) {
		err = add_children(p, r, p->items[k].image, ret_fetch);
	}
	for (size_t k = 0; err == 0 && k < p->nitems; k++)
		err = add_referrers(p, r, p->items[k].manifest, ret_fetch);
	return err;
}

static void clear_going(const struct plan *p, struct repository *r)
{
	for (size_t k = 0; k < p->nitems; k++) {
		const struct image *i = p->items[k].image;

		for (size_t n = 0; n < i->nitems; n++) {
			struct manifest *m = repository_manifest(r, &i->items[n].digest);

			if (m)
				m->going = 0;
		}
	}
}

/* Referrers may be indexes, and their children have referrers: until nothing comes any more. */
static int extend_all(struct plan *p, struct repository *r, struct fetch **ret_fetch)
{
	size_t before;
	int err;

	do {
		before = p->nitems;
		err = extend(p, r, ret_fetch);
		clear_going(p, r);
	} while (err == 0 && p->nitems != before);
	return err;
}

int plan_make(struct plan *p, struct repository *r, struct manifest *root, bool extent,
	      struct fetch **ret_fetch)
{
	struct image *i = image_get(r->tree, &root->digest);
	int err = i ? image_load(r->tree, i, r->name, false, ret_fetch) : -ENOMEM;

	plan_done(p);
	if (err == 0)
		err = add(p, r, root, JOURNAL_IMAGE);
	if (err == 0 && extent)
		err = extend_all(p, r, ret_fetch);
	if (err != 0)
		plan_done(p);
	return err;
}

void plan_done(struct plan *p)
{
	for (size_t k = 0; k < p->nitems; k++)
		free(p->items[k].tags);
	free(p->items);
	*p = (struct plan){0};
}
