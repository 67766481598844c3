/* SPDX-License-Identifier: MIT */
/* _manifests: every manifest that is reachable from the tags, by its digest. */
#include <errno.h>

#include "remove.h"
#include "survey.h"
#include "util/cleanup.h"
#include "view.h"

static struct manifest *manifest_at(const struct directory *d, uint64_t node)
{
	const struct repository *r = d->repository;

	return r && node_entry(node) < r->nmanifests ? r->manifests[node_entry(node)] : NULL;
}

static int manifests_lookup(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct repository *r = repository_of(t, d);
	struct reg_digest digest;
	struct manifest *m;
	int err = 0;

	if (!r)
		return -ENOMEM;
	if (!reg_digest_parse(c->name, &digest)) {
		entry_absent(t, &c->entry);
		return 0;
	}
	m = repository_manifest(r, &digest);
	if (!m)
		return -ENOMEM;
	if (manifest_is_gone(r, m))
		err = -ENOENT;
	else if (!m->listed && !repository_holder(r, &digest))
		err = document_probe(t, c, r->name, &digest, ret_fetch);
	if (err == -ENOENT)
		entry_absent(t, &c->entry);
	else if (err == 0)
		entry_placeholder(t, node_make(NODE_MANIFEST, d->index, m->index), t->options.ttl, &c->entry);
	return err == -ENOENT ? 0 : err;
}

static int manifests_list(struct tree *t, struct call *c, struct directory *d, struct listing *l,
			  struct fetch **ret_fetch)
{
	struct repository *r = repository_of(t, d);
	int err = r ? repository_list(r, c, ret_fetch) : -ENOMEM;

	(void)t;
	if (err == -ENOENT && d->listed)
		return 0;
	if (err == 0)
		err = survey_run(r, c, false, &l->err, ret_fetch);
	for (size_t k = 0; err == 0 && k < r->nmanifests; k++)
		if (r->manifests[k]->listed)
			err = listing_add(l, node_make(NODE_MANIFEST, d->index, (uint32_t)k),
					  r->manifests[k]->name, S_IFREG);
	return err;
}

/* The date of the newest tag that holds it: what is held never looks old. What nothing holds has its own
 * date. */
static int find_date(struct tree *t, struct call *c, struct repository *r, struct manifest *m,
		     struct timespec *ret, struct fetch **ret_fetch)
{
	struct image *i;
	enum created_from from;
	int failure = 0, err = repository_list(r, c, ret_fetch);

	if (err == 0)
		err = survey_run(r, c, true, &failure, ret_fetch);
	if (err == 0) /* a holder that is not known may be the newest */
		err = failure;
	if (err != 0)
		return err;
	if (m->dated) {
		*ret = m->newest;
		return 0;
	}
	i = image_get(t, &m->digest);
	err = i ? image_date(t, i, r->name, false, 0, ret_fetch) : -ENOMEM;
	if (err != 0)
		return err;
	from = image_created(i, r->name, ret);
	if (from == CREATED_UNDATED)
		*ret = tree_undated(t);
	return 0;
}

static void fill(const struct tree *t, const struct manifest *m, const struct image *i, uint64_t node,
		 const struct timespec *date, struct entry *ret)
{
	*ret = (struct entry){.node = node, .name_valid = t->options.ttl, .attr_valid = t->options.ttl};
	attr_file(t, node, &ret->attr);
	ret->attr.size = i->known ? i->size : m->size;
	ret->attr.mtime = *date;
}

static bool manifest_known(struct tree *t, struct directory *d, uint64_t node, struct entry *ret)
{
	const struct manifest *m = manifest_at(d, node);
	const struct image *i =
		m && m->dated && survey_is_dated(d->repository) ? image_get(t, &m->digest) : NULL;

	if (!i || !(i->known || m->has_size))
		return false;
	fill(t, m, i, node, &m->newest, ret);
	return true;
}

static int manifest_getattr(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct manifest *m = manifest_at(d, c->node);
	struct timespec date;
	struct image *i;
	int r;

	if (!m)
		return -ESTALE;
	if (manifest_is_gone(d->repository, m))
		return -ENOENT;
	i = image_get(t, &m->digest);
	if (!i)
		return -ENOMEM;
	r = m->has_size ? 0 : image_load(t, i, d->repository->name, false, ret_fetch);
	if (r == 0)
		r = find_date(t, c, d->repository, m, &date, ret_fetch);
	if (r == 0)
		fill(t, m, i, c->node, &date, &c->entry);
	return r;
}

static int manifest_open(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	const struct manifest *m = manifest_at(d, c->node);

	if (!m)
		return -ESTALE;
	if (manifest_is_gone(d->repository, m))
		return -ENOENT;
	c->immutable = true;
	return document_read(t, c, d->repository->name, &m->digest, true, &c->bytes, ret_fetch);
}

static int manifests_unlink(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	struct repository *r = repository_of(t, d);
	struct reg_digest digest;
	struct manifest *m;

	if (!r)
		return -ENOMEM;
	if (!reg_digest_parse(c->name, &digest))
		return -ENOENT;
	m = repository_manifest(r, &digest);
	return m ? remove_manifest(t, c, r, m, ret_fetch) : -ENOMEM;
}

const struct kind kind_manifests = {.type = S_IFDIR,
				    .lookup = manifests_lookup,
				    .list = manifests_list,
				    .getattr = view_getattr,
				    .unlink = manifests_unlink,
				    .known = view_known};
const struct kind kind_manifest = {
	.type = S_IFREG, .getattr = manifest_getattr, .open = manifest_open, .known = manifest_known};
