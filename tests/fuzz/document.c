/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

static void check_descriptor(const struct reg_descriptor *d)
{
	char text[REG_DIGEST_MAX];
	struct reg_digest again;

	must(d->size >= 0 && d->size <= (int64_t)1 << 53);
	must(reg_digest_parse(reg_digest_text(&d->digest, text), &again) &&
	     reg_digest_equal(&again, &d->digest));
	must(fuzz_is_line(d->platform.os) && fuzz_is_line(d->platform.architecture) &&
	     fuzz_is_line(d->platform.variant));
}

static void check_document(const struct reg_document *d)
{
	struct reg_platform host;
	int chosen;

	must(d->media_type);
	must(d->kind == REG_KIND_MANIFEST || d->kind == REG_KIND_INDEX || d->kind == REG_KIND_SCHEMA1);
	for (size_t i = 0; i < d->nitems; i++)
		check_descriptor(&d->items[i]);
	if (d->config.digest.algorithm)
		check_descriptor(&d->config);
	if (d->subject.digest.algorithm)
		check_descriptor(&d->subject);
	reg_platform_host(&host);
	chosen = reg_platform_select(d, &host);
	must(chosen >= -1 && chosen < (int)d->nitems);
	must(chosen < 0 || (d->kind == REG_KIND_INDEX && !d->items[chosen].attestation));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {
		NULL,
		"application/vnd.oci.image.index.v1+json; charset=utf-8",
		"application/vnd.docker.distribution.manifest.v2+json",
		"application/vnd.docker.distribution.manifest.v1+prettyjws",
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct reg_error e = {0};
		struct reg_document d;
		const int r = reg_document_parse(data, size, types[i], &d, &e);

		if (r == 0) {
			check_document(&d);
			reg_document_done(&d);
		} else {
			must(r == -EBADMSG && e.err == r && e.msg[0] && fuzz_is_line(e.msg));
		}
	}
	return 0;
}
