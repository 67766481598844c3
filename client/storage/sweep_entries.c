/* SPDX-License-Identifier: MIT */
/* The history of tags: entries of revisions that are gone for good. */
#include "storage/sweep_inner.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "storage/files.h"

/* Somebody may ask for it: it is linked, or it lies where it can be put back from. */
static bool is_linked(const struct sweep *w, const struct store *s, const struct store_repository *r,
		      uint32_t blob)
{
	const uint32_t link = store_link_find(s, r, blob, LINK_REVISION);

	return link != STORE_NONE && (w->o->keep || !(s->links[link].flags & LINK_ASIDE));
}

static int remove_entry(struct sweep *w, const struct store *s, const struct store_repository *r,
			const struct store_tag *t, const struct store_entry *e)
{
	const struct reg_digest *digest = &s->blobs[e->blob]->digest;
	char path[LAYOUT_MAX], text[REG_DIGEST_MAX];
	struct stat st;
	int err;

	layout_tag_entry(path, r->name, t->name, digest);
	err = files_stat(w->storage->v2, path, &st);
	if (err == -ENOENT || (err == 0 && (!S_ISREG(st.st_mode) || st.st_mtime != e->pushed)))
		return 0;
	if (err == 0) {
		/*
		 * Its folder, with whatever it holds, by one rename: half of it would never be found again.
		 */
		*strrchr(path, '/') = '\0';
		err = trash_take(w->storage->v2, path, w->aside);
	}
	if (err == -ENOENT)
		return 0;
	if (err < 0)
		return sweep_failed(w, PROBLEM_ACCESS, NULL, path, "cannot be removed", err);
	w->result.tag_entries++;
	sweep_log(w, "deleted: entry %s:%s@%s", r->name, t->name, reg_digest_text(digest, text));
	err = trash_wipe(w->aside);
	return err == -ENOMEM ? err : 0;
}

static int entries_of(struct sweep *w, const struct store *s, const struct store_repository *r)
{
	const time_t recent = w->recent && w->recent < w->since ? w->recent : w->since;
	int err = 0;

	if (r->unsure)
		return 0;
	for (uint32_t t = 0; t < r->ntags; t++) {
		const struct store_tag *tag = &r->tags[t];

		for (uint32_t i = 0; i < tag->nentries && err == 0; i++) {
			const struct store_entry *e = &tag->entries[i];

			if (e->blob == tag->blob || e->pushed >= recent || is_linked(w, s, r, e->blob))
				continue;
			err = sweep_interrupted(w) ? -EINTR : remove_entry(w, s, r, tag, e);
		}
	}
	return err;
}

int sweep_entries(struct sweep *w, struct store *s)
{
	int r = 0;

	for (uint32_t i = 0; i < s->nrepositories && r == 0; i++)
		r = entries_of(w, s, &s->repositories[i]);
	return r;
}
