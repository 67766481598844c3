/* SPDX-License-Identifier: MIT */
#include "storage/layout.h"

#include <stdio.h>
#include <string.h>

/* A digest as the folders name it: "sha256" and 64 digits. */
struct names {
	char text[REG_DIGEST_MAX];
	const char *algorithm, *hex;
};

static void split(const struct reg_digest *d, struct names *ret)
{
	char *colon;

	reg_digest_text(d, ret->text);
	colon = strchr(ret->text, ':');
	ret->algorithm = ret->text;
	ret->hex = "";
	if (!colon)
		return;
	*colon = '\0';
	ret->hex = colon + 1;
}

const char *layout_blob_aside(char buf[LAYOUT_MAX], const struct reg_digest *d)
{
	struct names n;

	split(d, &n);
	snprintf(buf, LAYOUT_MAX, "blobs/%s/%.2s/%s", n.algorithm, n.hex, n.hex);
	return buf;
}

const char *layout_blob(char buf[LAYOUT_MAX], const struct reg_digest *d)
{
	struct names n;

	split(d, &n);
	snprintf(buf, LAYOUT_MAX, "blobs/%s/%.2s/%s/data", n.algorithm, n.hex, n.hex);
	return buf;
}

static const char *link_path(char buf[LAYOUT_MAX], const char *repository, enum store_link_type type,
			     const struct reg_digest *d, const char *end)
{
	struct names n;

	split(d, &n);
	snprintf(buf, LAYOUT_MAX, "repositories/%s/%s/%s/%s%s", repository,
		 type == LINK_REVISION ? "_manifests/revisions" : "_layers", n.algorithm, n.hex, end);
	return buf;
}

const char *layout_link(char buf[LAYOUT_MAX], const char *repository, enum store_link_type type,
			const struct reg_digest *d)
{
	return link_path(buf, repository, type, d, "/link");
}

const char *layout_link_aside(char buf[LAYOUT_MAX], const char *repository, enum store_link_type type,
			      const struct reg_digest *d)
{
	return link_path(buf, repository, type, d, "");
}

const char *layout_tag_entry(char buf[LAYOUT_MAX], const char *repository, const char *tag,
			     const struct reg_digest *d)
{
	struct names n;

	split(d, &n);
	snprintf(buf, LAYOUT_MAX, "repositories/%s/_manifests/tags/%s/index/%s/%s/link", repository, tag,
		 n.algorithm, n.hex);
	return buf;
}

const char *layout_tag(char buf[LAYOUT_MAX], const char *repository, const char *tag)
{
	snprintf(buf, LAYOUT_MAX, "repositories/%s/_manifests/tags/%s/current/link", repository, tag);
	return buf;
}

bool layout_digest(const char *algorithm, const char *hex, struct reg_digest *ret)
{
	char text[REG_DIGEST_MAX];
	const int n = snprintf(text, sizeof(text), "%s:%s", algorithm, hex);

	return n > 0 && (size_t)n < sizeof(text) && reg_digest_parse(text, ret);
}
