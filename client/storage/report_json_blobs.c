/* SPDX-License-Identifier: MIT */
/* Every blob, as JSON. */
#include "storage/report_json.h"

#include <errno.h>

#include "storage/kind.h"
#include "util/cleanup.h"

struct context {
	struct report_json *j;
	const struct store *store;
};

static int write_holder(void *data, const struct holders_one *one)
{
	const struct context *c = data;
	struct json_writer *w = &c->j->w;

	json_write_object(w, NULL);
	json_write_text(w, "repository", one->repository->name);
	json_write_array(w, "tags");
	for (size_t i = 0; i < one->ntags; i++)
		json_write_text(w, NULL, one->tags[i]);
	json_write_array_end(w);
	json_write_number(w, "all_tags", (int64_t)one->all_tags);
	json_write_array(w, "manifests");
	for (size_t i = 0; i < one->nrevisions; i++)
		report_json_digest(c->j, NULL, &c->store->blobs[one->revisions[i]]->digest);
	json_write_array_end(w);
	json_write_number(w, "all_manifests", (int64_t)one->all_revisions);
	json_write_object_end(w);
	report_json_flush(c->j);
	return 0;
}

static int write_blob(struct report_json *j, const struct report_blobs *b, struct holders *holders,
		      uint32_t number)
{
	const struct store_blob *blob = b->store->blobs[number];
	struct context context = {j, b->store};
	int r;

	json_write_object(&j->w, NULL);
	report_json_digest(j, "digest", &blob->digest);
	if (store_blob_is_there(blob)) {
		json_write_number(&j->w, "size", blob->size);
		json_write_text(&j->w, "kind", kind_name(kind_of_blob(b->storage, blob)));
		report_json_date(j, "changed", blob->changed);
	}
	json_write_text(&j->w, "state", report_blob_state(b, number));
	if (blob->flags & BLOB_ASIDE)
		json_write_bool(&j->w, "aside", true);
	json_write_array(&j->w, "holders");
	r = holders_of(holders, number, 20, write_holder, &context);
	json_write_array_end(&j->w);
	json_write_object_end(&j->w);
	report_json_flush(j);
	return r;
}

int report_json_blobs(FILE *out, const struct report_blobs *b)
{
	auto_free uint8_t *linked = report_linked(b->store);
	struct holders *holders = NULL;
	struct report_json j;
	int e, r = linked ? holders_new(b->store, &holders) : -ENOMEM;

	if (r < 0)
		return r;
	report_json_begin(&j, out, "blobs", b->root);
	json_write_array(&j.w, "blobs");
	progress_begin(b->progress, "looking at blobs", b->store->nblobs, false);
	for (uint32_t i = report_blobs_next(b, linked, 0); i != STORE_NONE && r == 0;
	     i = report_blobs_next(b, linked, i + 1)) {
		progress_add(b->progress, 1);
		if (progress_interrupted(b->progress))
			r = -EINTR;
		if (r == 0)
			r = write_blob(&j, b, holders, i);
	}
	progress_end(b->progress);
	holders_free(holders);
	json_write_array_end(&j.w);
	/* Last: there may be half a list, which is told from a whole one by this. */
	json_write_text(&j.w, "status", r == 0 ? "done" : r == -EINTR ? "interrupted" : "problems");
	e = report_json_end(&j);
	return r < 0 ? r : e;
}
