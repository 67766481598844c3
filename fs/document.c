/* SPDX-License-Identifier: MIT */
/* Reading a document for one call. */
#include <errno.h>
#include <stdlib.h>

#include "kind.h"
#include "util/cleanup.h"

struct reading {
	struct fetch fetch;
	struct tree *tree;
	const char *repository; /* lives as long as the tree */
	struct reg_digest digest;
	bool probe;
	size_t slot; /* offset in struct call of the pointer to fill */
};

static void on_read(void *data, const struct reg_result *result)
{
	struct reading *reading = data;
	struct tree *t = reading->tree;
	char text[REG_DIGEST_MAX];

	tree_lock(t);
	if (result->err < 0)
		tree_log_failure(t, reading->repository, reg_digest_text(&reading->digest, text), result->err,
				 result->error);
	/* A call that was interrupted has left, and its answer is nobody's. */
	if (result->err == 0 && !list_empty(&reading->fetch.waits)) {
		struct call *c = container_of(reading->fetch.waits.next, struct call, wait.link);
		struct reg_bytes **slot = (struct reg_bytes **)(void *)((char *)c + reading->slot);

		if (reading->probe)
			c->probed = true;
		else
			*slot = reg_bytes_ref(result->bytes);
	}
	fetch_end(t, &reading->fetch, result->err);
	tree_unlock(t);
	free(reading);
}

static struct reading *begin(struct tree *t, const char *repository, const struct reg_digest *digest)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return NULL;
	reading->tree = t;
	reading->repository = repository;
	reading->digest = *digest;
	fetch_init(&reading->fetch);
	fetch_begin(t, &reading->fetch, false);
	reading->fetch.final = true;
	return reading;
}

static int sent(struct reading *reading, uint64_t op, struct fetch **ret_fetch)
{
	if (!op) {
		free(reading);
		return -ENOMEM;
	}
	reading->fetch.op = op;
	*ret_fetch = &reading->fetch;
	return 1;
}

int document_read(struct tree *t, struct call *c, const char *repository, const struct reg_digest *digest,
		  bool manifest, struct reg_bytes **slot, struct fetch **ret_fetch)
{
	struct reading *reading;
	struct reg_call call;
	char text[REG_DIGEST_MAX];

	if (*slot)
		return 0;
	reading = begin(t, repository, digest);
	if (!reading)
		return -ENOMEM;
	reading->slot = (size_t)((char *)slot - (char *)c);
	call = fetch_call(&reading->fetch, on_read, reading);
	return sent(reading,
		    manifest ? reg_manifest(t->client, repository, reg_digest_text(digest, text), NULL, &call)
			     : reg_blob(t->client, repository, digest, REG_MAX_CONFIG, &call),
		    ret_fetch);
}

int document_probe(struct tree *t, struct call *c, const char *repository, const struct reg_digest *digest,
		   struct fetch **ret_fetch)
{
	struct reading *reading;
	struct reg_call call;
	char text[REG_DIGEST_MAX];

	if (c->probed)
		return 0;
	reading = begin(t, repository, digest);
	if (!reading)
		return -ENOMEM;
	reading->probe = true;
	call = fetch_call(&reading->fetch, on_read, reading);
	return sent(reading, reg_manifest_head(t->client, repository, reg_digest_text(digest, text), &call),
		    ret_fetch);
}
