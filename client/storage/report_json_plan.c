/* SPDX-License-Identifier: MIT */
/* The plan, as JSON: all of it. */
#include "storage/report_json.h"

#include <errno.h>

#include "util/cleanup.h"

static void write_repositories(struct report_json *j, const struct report_plan *p)
{
	struct json_writer *w = &j->w;

	json_write_array(w, "repositories");
	for (uint32_t i = 0; i < p->store->nrepositories; i++) {
		const struct store_repository *r = &p->store->repositories[i];
		const struct plan_repository *one = &p->plan->repositories[i];

		json_write_object(w, NULL);
		json_write_text(w, "name", r->name);
		json_write_number(w, "tags", r->ntags);
		json_write_number(w, "manifests", (int64_t)one->manifests);
		json_write_number(w, "alone", (int64_t)one->alone);
		json_write_number(w, "shared", (int64_t)one->shared);
		json_write_number(w, "garbage", (int64_t)one->garbage);
		json_write_number(w, "untagged", (int64_t)one->untagged);
		json_write_number(w, "revision_links", (int64_t)one->revision_links);
		json_write_number(w, "layer_links", (int64_t)one->layer_links);
		json_write_bool(w, "empty", one->empty);
		json_write_text(w, "unsure", r->unsure);
		json_write_object_end(w);
		report_json_flush(j);
	}
	json_write_array_end(w);
}

static void write_garbage(struct report_json *j, const struct report_plan *p)
{
	struct json_writer *w = &j->w;

	json_write_array(w, "garbage_blobs");
	for (uint32_t i = 0; i < p->store->nblobs; i++) {
		const struct store_blob *b = p->store->blobs[i];

		if (!(b->flags & BLOB_PRESENT) || p->mark->blobs[i] != MARK_GARBAGE)
			continue;
		json_write_object(w, NULL);
		report_json_digest(j, "digest", &b->digest);
		json_write_number(w, "size", b->size);
		report_json_date(j, "changed", b->changed);
		json_write_object_end(w);
		report_json_flush(j);
	}
	json_write_array_end(w);
}

static void write_links(struct report_json *j, const struct report_plan *p)
{
	struct json_writer *w = &j->w;

	json_write_array(w, "garbage_links");
	for (uint32_t i = 0; i < p->store->nrepositories; i++) {
		const struct store_repository *r = &p->store->repositories[i];

		for (uint32_t k = r->first_link; k < r->first_link + r->nlinks; k++) {
			const struct store_link *link = &p->store->links[k];

			if (p->mark->links[k] != MARK_GARBAGE || link->flags & LINK_ASIDE)
				continue;
			json_write_object(w, NULL);
			json_write_text(w, "repository", r->name);
			json_write_text(w, "type", link->type == LINK_REVISION ? "revision" : "layer");
			report_json_digest(j, "digest", &p->store->blobs[link->blob]->digest);
			json_write_object_end(w);
			report_json_flush(j);
		}
	}
	json_write_array_end(w);
}

static void write_one_untagged(struct report_json *j, const struct report_plan *p,
			       const struct plan_untagged *u, const struct report_was *was)
{
	const struct store_link *link = &p->store->links[u->link];
	const struct store_blob *b = p->store->blobs[link->blob];
	struct json_writer *w = &j->w;
	size_t n;
	const struct report_was_one *one = report_was_find(was, link->blob, &n);

	json_write_object(w, NULL);
	json_write_text(w, "repository", p->store->repositories[u->repository].name);
	report_json_digest(j, "digest", &b->digest);
	json_write_text(w, "kind", report_manifest_kind(b));
	json_write_text(w, "type", b->manifest ? b->manifest->type : NULL);
	json_write_text(w, "platform", b->manifest ? b->manifest->platform : NULL);
	report_json_date(j, "pushed", link->changed);
	json_write_array(w, "was");
	for (size_t i = 0; i < n; i++)
		json_write_text(w, NULL, one[i].tag);
	json_write_array_end(w);
	json_write_bool(w, "by_subject", u->by_subject);
	json_write_number(w, "bytes", (int64_t)u->bytes);
	json_write_bool(w, "garbage", u->garbage);
	json_write_object_end(w);
	report_json_flush(j);
}

static int write_untagged(struct report_json *j, const struct report_plan *p)
{
	struct report_was was = {0};
	uint32_t repository = STORE_NONE;
	int r = 0;

	json_write_array(&j->w, "untagged");
	for (size_t i = 0; i < p->plan->nuntagged && r == 0; i++) {
		const struct plan_untagged *u = &p->plan->untagged[i];

		if (u->repository != repository) {
			report_was_done(&was);
			r = report_was_init(&was, &p->store->repositories[u->repository]);
			repository = u->repository;
		}
		if (r == 0)
			write_one_untagged(j, p, u, &was);
	}
	json_write_array_end(&j->w);
	report_was_done(&was);
	return r;
}

static void write_uploads(struct report_json *j, const struct report_plan *p)
{
	struct json_writer *w = &j->w;

	json_write_array(w, "uploads");
	for (uint32_t i = 0; i < p->store->nrepositories; i++) {
		const struct store_repository *r = &p->store->repositories[i];

		for (uint32_t k = 0; k < r->nuploads; k++) {
			const struct store_upload *u = &r->uploads[k];

			json_write_object(w, NULL);
			json_write_text(w, "repository", r->name);
			json_write_text(w, "id", u->id);
			json_write_number(w, "bytes", u->size);
			report_json_date(j, "started", u->started);
			json_write_bool(w, "dead", plan_upload_is_dead(u, p->now));
			json_write_object_end(w);
			report_json_flush(j);
		}
	}
	json_write_array_end(w);
}

static void write_empty(struct report_json *j, const struct report_plan *p)
{
	json_write_array(&j->w, "empty_repositories");
	for (uint32_t i = 0; i < p->store->nrepositories; i++)
		if (p->plan->repositories[i].empty)
			json_write_text(&j->w, NULL, p->store->repositories[i].name);
	json_write_array_end(&j->w);
}

int report_json_plan(FILE *out, const struct report_plan *p)
{
	const struct plan *plan = p->plan;
	struct report_json j;
	int e, r;

	report_json_begin(&j, out, "plan", p->root);
	json_write_text(&j.w, "status", p->status);
	json_write_bool(&j.w, "delete_untagged", p->delete_untagged);
	json_write_number(&j.w, "grace", p->grace);
	json_write_text(&j.w, "blind", p->store->blind);
	json_write_bool(&j.w, "cache", p->store->cache);
	report_json_sum(&j, "blobs", plan->blobs.count, plan->blobs.bytes);
	report_json_sum(&j, "held", plan->held.count, plan->held.bytes);
	report_json_sum(&j, "young", plan->young.count, plan->young.bytes);
	report_json_sum(&j, "future", p->future.count, p->future.bytes);
	report_json_sum(&j, "unsure", plan->unsure.count, plan->unsure.bytes);
	report_json_sum(&j, "garbage", plan->garbage.count, plan->garbage.bytes);
	report_json_sum(&j, "aside", plan->aside.count, plan->aside.bytes);
	write_repositories(&j, p);
	write_garbage(&j, p);
	write_links(&j, p);
	r = write_untagged(&j, p);
	write_uploads(&j, p);
	write_empty(&j, p);
	report_json_problems(&j, &p->store->problems, NULL);
	e = report_json_end(&j);
	return r < 0 ? r : e;
}
