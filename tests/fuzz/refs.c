/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>

#include "storage/refs.h"

static void check_manifest(const struct store *s, const struct store_manifest *m)
{
	must(m->kind == REG_KIND_MANIFEST || m->kind == REG_KIND_INDEX || m->kind == REG_KIND_SCHEMA1);
	must(!m->type || fuzz_is_line(m->type));
	must(!m->platform && m->nrefs <= 100000);
	for (size_t i = 0; i < m->nrefs; i++) {
		const struct store_ref *r = &m->refs[i];

		must(r->blob < s->nblobs && s->blobs[r->blob]->digest.algorithm);
		must(r->role >= ROLE_CHILD && r->role <= ROLE_SUBJECT);
		must(r->size >= -1 && r->size <= (int64_t)1 << 53);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct refs_platforms platforms = {0};
	struct store_manifest *m;
	struct reg_error e = {0};
	struct reg_document d;
	struct store s;
	int r;

	store_init(&s);
	r = refs_parse_platforms(&s, data, size, &platforms, &m, &e);
	if (r == 0) {
		check_manifest(&s, m);
		for (uint32_t i = 0; i < platforms.count; i++)
			must(!platforms.items[i] || (i < s.nblobs && fuzz_is_line(platforms.items[i])));
	} else {
		must(r == -EBADMSG && e.err == r && e.msg[0] && fuzz_is_line(e.msg) && !s.nblobs);
	}
	/* Whatever the client understands, the collector holds: all of its layers or children. */
	if (r == 0 && reg_document_parse(data, size, NULL, &d, NULL) == 0) {
		for (size_t i = 0; i < d.nitems; i++)
			must(store_blob_find(&s, &d.items[i].digest) != STORE_NONE);
		must(!d.config.digest.algorithm || store_blob_find(&s, &d.config.digest) != STORE_NONE);
		must(!d.subject.digest.algorithm || store_blob_find(&s, &d.subject.digest) != STORE_NONE);
		reg_document_done(&d);
	}
	if (r == 0)
		refs_free(m);
	refs_platforms_done(&platforms);
	store_done(&s);
	return 0;
}
