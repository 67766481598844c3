/* SPDX-License-Identifier: MIT */
#include "abilities.h"

#include <errno.h>
#include <stdio.h>

#include "util/random.h"
#include "repository.h"

void abilities_init(struct abilities *a)
{
	*a = (struct abilities){0};
	fetch_init(&a->fetch);
}

/* How to mend it, where that is known. */
static const char *advice(int err)
{
	switch (err) {
	case -EPERM:
		return "; deletes are off: set storage.delete.enabled to true in the registry's configuration "
		       "(REGISTRY_STORAGE_DELETE_ENABLED=true); a pull-through cache never deletes";
	case -EROFS:
		return "; the registry is in read-only mode";
	case -EACCES:
		return "; the user may not delete here";
	default:
		return "";
	}
}

static void refused(struct repository *r, int err, const struct reg_error *error)
{
	struct abilities *a = &r->abilities;

	a->deletes = DELETES_REFUSED;
	a->err = err;
	a->asked = tree_now();
	tree_log(r->tree, REG_LOG_ERROR, "%s: nothing can be removed: HTTP %d %s%s%s%s", r->name,
		 error->status, error->code, error->code[0] ? ": " : "", error->msg, advice(err));
}

/* A page of a proxy that knows no DELETE says 404 as well, but has no code of a registry. */
static bool is_proof(const struct reg_result *result)
{
	return result->err == -ENOENT && result->error->code[0];
}

static void on_digest(void *data, const struct reg_result *result)
{
	struct repository *r = data;
	struct tree *t = r->tree;
	const int err = result->err;

	tree_lock(t);
	if (err == -EPERM || err == -EROFS || err == -EACCES)
		refused(r, err, result->error);
	else if (err == 0 || err == -ENOENT || (result->error->status == 400))
		r->abilities.deletes = is_proof(result) ? DELETES_PROVEN : DELETES_MAYBE;
	else
		tree_log_failure(t, r->name, "", err, result->error);
	fetch_end(t, &r->abilities.fetch, r->abilities.deletes == DELETES_UNKNOWN ? err : 0);
	tree_unlock(t);
}

static void on_tag(void *data, const struct reg_result *result)
{
	struct repository *r = data;
	struct tree *t = r->tree;
	const int err = result->err, status = err < 0 ? result->error->status : 0;

	tree_lock(t);
	if (err == 0 || is_proof(result))
		r->abilities.tags = TAGS_YES;
	else if (err == -ENOENT || status == 400 || status == 405 || status == 501)
		r->abilities.tags = TAGS_NO;
	else
		tree_log_failure(t, r->name, "", err, result->error);
	fetch_end(t, &r->abilities.fetch, r->abilities.tags == TAGS_UNKNOWN ? err : 0);
	tree_unlock(t);
}

/* Asks to delete what nobody has pushed. */
static int probe(struct repository *r, const char *prefix, reg_done_fn *done, struct fetch **ret_fetch)
{
	struct tree *t = r->tree;
	struct fetch *f = &r->abilities.fetch;
	char name[REG_DIGEST_MAX], unique[RANDOM_HEX + 1];
	struct reg_call call;

	*ret_fetch = f;
	if (f->active)
		return 1;
	random_hex(unique);
	snprintf(name, sizeof(name), "%s%s", prefix, unique);
	fetch_begin(t, f, false);
	call = fetch_call(f, done, r);
	fetch_sent(t, f, reg_manifest_delete(t->client, r->name, name, &call));
	return f->active ? 1 : -ENOMEM;
}

int abilities_deletes(struct repository *r, struct fetch **ret_fetch)
{
	struct abilities *a = &r->abilities;

	if (a->deletes == DELETES_REFUSED && tree_fresh(r->tree, a->asked, NULL))
		return a->err;
	if (a->deletes == DELETES_MAYBE || a->deletes == DELETES_PROVEN)
		return 0;
	a->deletes = DELETES_UNKNOWN;
	return probe(r, "sha256:", on_digest, ret_fetch);
}

int abilities_tags(struct repository *r, struct fetch **ret_fetch)
{
	return r->abilities.tags == TAGS_UNKNOWN ? probe(r, "regfs-probe-", on_tag, ret_fetch) : 0;
}
