/* SPDX-License-Identifier: MIT */
#include "gone.h"

#include "along.h"
#include "survey.h"

static void tell(const struct repository *r, enum node_kind kind, uint32_t entry)
{
	const struct tree *t = r->tree;

	t->options.attr_changed(t->options.notify_data, node_make(kind, r->directory->index, entry));
}

static void note_change(struct repository *r)
{
	clock_gettime(CLOCK_REALTIME, &r->changed);
	tell(r, NODE_TAGS, 0);
	tell(r, NODE_CONFIGS, 0);
	tell(r, NODE_MANIFESTS, 0);
	survey_changed(r);
}

void gone_tag(struct tag *tag)
{
	struct repository *r = tag->repository;

	r->nlisted -= tag->listed;
	tag->listed = false;
	tag->hidden = r->tree->options.dry_run;
	tag_gone(tag);
	tag->absent = tree_now();
	tell(r, NODE_TAG, tag->index);
	tell(r, NODE_CONFIG, tag->index);
	note_change(r);
}

void gone_item(struct repository *r, const struct plan_item *item, const struct tag *asked, int pid)
{
	const struct image *i = item->image;

	for (struct tag **tag = item->tags; *tag; tag++) {
		if (*tag != asked)
			along_note(*tag, pid);
		gone_tag(*tag);
	}
	item->manifest->listed = false;
	item->manifest->gone = tree_now();
	list_remove(&item->manifest->refers);
	for (size_t k = 0; k < i->nitems; k++) {
		struct manifest *child = repository_manifest(r, &i->items[k].digest);

		if (child && child->nparents)
			child->nparents--;
	}
	tell(r, NODE_MANIFEST, item->manifest->index);
	note_change(r);
}
