/* SPDX-License-Identifier: MIT */
#include "placeholder.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/random.h"

const char *placeholder_type(const char *media_type)
{
	return media_type && strncmp(media_type, "application/vnd.docker.", 23) == 0
		       ? "application/vnd.docker.distribution.manifest.list.v2+json"
		       : "application/vnd.oci.image.index.v1+json";
}

int placeholder_make(const char *media_type, struct reg_bytes **ret, struct reg_digest *ret_digest)
{
	char text[512], unique[RANDOM_HEX + 1];
	int r, n;

	random_hex(unique);
	n = snprintf(text, sizeof(text),
		     "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[],"
		     "\"annotations\":{\"io.regfs.placeholder\":\"%s\"}}",
		     placeholder_type(media_type), unique);
	r = reg_digest_compute(REG_SHA256, text, (size_t)n, ret_digest);
	if (r < 0)
		return r;
	*ret = reg_bytes_copy(text, (size_t)n);
	return *ret ? 0 : -ENOMEM;
}
