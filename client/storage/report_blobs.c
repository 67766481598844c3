/* SPDX-License-Identifier: MIT */
/* Every blob, a line each, told as it is found out: there may be hundreds of thousands. */
#include "storage/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "storage/kind.h"
#include "util/cleanup.h"

struct holder {
	char first[400]; /* "library/nginx:1.25" */
	uint64_t count;
};

static int on_holder(void *data, const struct holders_one *one)
{
	struct holder *h = data;

	if (!h->count && one->ntags)
		snprintf(h->first, sizeof(h->first), "%s:%s", one->repository->name, one->tags[0]);
	else if (!h->count)
		snprintf(h->first, sizeof(h->first), "%s", one->repository->name);
	h->count += one->all_tags ? one->all_tags : 1;
	return 0;
}

const char *report_blob_state(const struct report_blobs *b, uint32_t number)
{
	return store_blob_is_there(b->store->blobs[number])
		       ? report_state((enum mark_state)b->mark->blobs[number])
		       : "missing";
}

uint32_t report_blobs_next(const struct report_blobs *b, const uint8_t *linked, uint32_t number)
{
	for (; number < b->store->nblobs; number++) {
		if (store_blob_is_there(b->store->blobs[number]))
			return number;
		if (linked[number] != REPORT_ALIAS &&
		    (linked[number] || b->mark->blobs[number] >= MARK_UNSURE))
			return number;
	}
	return STORE_NONE;
}

static int print_blob(FILE *out, const struct report_blobs *b, struct holders *holders, uint32_t number)
{
	const struct store_blob *blob = b->store->blobs[number];
	const bool there = store_blob_is_there(blob);
	char digest[REG_DIGEST_MAX], size[REPORT_SIZE_MAX];
	struct holder h = {0};
	int r = holders_of(holders, number, 1, on_holder, &h);

	if (r < 0)
		return r;
	fprintf(out, "%-71s  %10s  %-10s  %-7s  ", reg_digest_text(&blob->digest, digest),
		there ? report_size(size, (uint64_t)blob->size) : "-",
		there ? kind_name(kind_of_blob(b->storage, blob)) : "-", report_blob_state(b, number));
	fputs(h.count ? h.first : "-", out);
	if (h.count > 1)
		fprintf(out, " and %" PRIu64 " more", h.count - 1);
	fputc('\n', out);
	return 0;
}

int report_blobs(FILE *out, const struct report_blobs *b)
{
	auto_free uint8_t *linked = report_linked(b->store);
	struct holders *holders = NULL;
	int r = linked ? holders_new(b->store, &holders) : -ENOMEM;

	if (r == 0)
		fprintf(out, "%-71s  %10s  %-10s  %-7s  %s\n", "DIGEST", "SIZE", "KIND", "STATE", "HOLDERS");
	progress_begin(b->progress, "looking at blobs", b->store->nblobs, false);
	for (uint32_t i = r < 0 ? STORE_NONE : report_blobs_next(b, linked, 0); i != STORE_NONE && r == 0;
	     i = report_blobs_next(b, linked, i + 1)) {
		progress_add(b->progress, 1);
		if (progress_interrupted(b->progress))
			r = -EINTR;
		if (r == 0)
			r = print_blob(out, b, holders, i);
	}
	progress_end(b->progress);
	holders_free(holders);
	return r;
}
