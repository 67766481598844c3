/* SPDX-License-Identifier: MIT */
/* Extended attributes: what a manifest and its config say, for find, getfattr and scripts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "kind.h"
#include "util/buf.h"
#include "util/cleanup.h"

static const char prefix[] = "user.oci.";

/* One request: the value of a name, or all names. */
struct query {
	const char *name; /* without the prefix; NULL: list */
	struct buf out;
	bool found;
	int err;
};

static void offer(struct query *q, const char *group, const char *key, const char *value)
{
	const size_t length = strlen(group);

	if (!value || q->err < 0)
		return;
	if (!q->name) {
		q->err = buf_printf(&q->out, "%s%s%s", prefix, group, key);
		if (q->err == 0)
			q->err = buf_add(&q->out, "", 1);
	} else if (!q->found && strncmp(q->name, group, length) == 0 && strcmp(q->name + length, key) == 0) {
		q->found = true;
		q->err = buf_puts(&q->out, value);
	}
}

static void offer_digest(struct query *q, const char *key, const struct reg_digest *digest)
{
	char text[REG_DIGEST_MAX];

	if (digest->algorithm)
		offer(q, "", key, reg_digest_text(digest, text));
}

static void offer_pairs(struct query *q, const char *group, const struct reg_pairs *pairs)
{
	for (size_t k = 0; k < pairs->count; k++)
		offer(q, group, pairs->items[k].key, pairs->items[k].value);
}

static void offer_date(struct query *q, const struct tag *tag)
{
	char seconds[64], text[96];
	enum created_from from;
	const struct timespec date = tag_mtime(tag, &from);
	struct tm tm;

	if (from != CREATED_UNDATED && gmtime_r(&date.tv_sec, &tm)) {
		strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
		snprintf(text, sizeof(text), "%s.%09ldZ", seconds, date.tv_nsec);
		offer(q, "", "created", text);
	}
	offer(q, "", "created_from", created_from_text(from));
}

static void offer_platform(struct query *q, const struct reg_platform *p)
{
	char text[100];

	if (!p->os[0] || !p->architecture[0])
		return;
	snprintf(text, sizeof(text), "%s/%s%s%s", p->os, p->architecture, p->variant[0] ? "/" : "",
		 p->variant);
	offer(q, "", "platform", text);
}

static void offer_config(struct query *q, const struct reg_bytes *bytes)
{
	struct reg_config config;

	/* An artifact's config may be anything: then it has no labels. */
	if (!bytes || reg_config_parse(bytes->data, bytes->size, &config, NULL) < 0)
		return;
	offer_platform(q, &config.platform);
	offer_pairs(q, "label.", &config.labels);
	reg_config_done(&config);
}

static void offer_all(struct query *q, const struct call *c, const struct tag *tag,
		      const struct reg_digest *config)
{
	const struct image *i = tag->image;
	struct reg_document d;
	char text[32];

	offer_digest(q, "digest", &i->digest);
	offer(q, "", "mediatype", i->media_type);
	offer_date(q, tag);
	if (i->kind == REG_KIND_MANIFEST) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)(i->config_size + i->layers_size));
		offer(q, "", "size", text);
	}
	offer_digest(q, "config", config);
	offer_digest(q, "subject", &i->subject);
	offer_config(q, c->config);
	if (reg_document_parse(c->manifest->data, c->manifest->size, i->media_type, &d, NULL) == 0) {
		offer_pairs(q, "annotation.", &d.annotations);
		reg_document_done(&d);
	}
}

static int answer(struct call *c, const struct tag *tag, const struct reg_digest *config)
{
	struct query q = {.name = c->name ? c->name + sizeof(prefix) - 1 : NULL};

	buf_init(&q.out, 1 << 20);
	offer_all(&q, c, tag, config);
	if (q.err == 0 && q.name && !q.found)
		q.err = -ENODATA;
	if (q.err == 0)
		q.err = buf_add(&q.out, "", 0);
	if (q.err < 0) {
		buf_done(&q.out);
		return q.err;
	}
	c->bytes = reg_bytes_take(q.out.data, q.out.size);
	return c->bytes ? 0 : -ENOMEM;
}

static int read_tag(struct tree *t, struct call *c, struct tag *tag, struct fetch **ret_fetch)
{
	struct repository *r = tag->repository;
	struct reg_digest config = {0};
	uint64_t size = 0;
	int err = tag_date(tag, c, ret_fetch);

	if (err == 0)
		err = document_read(t, c, r->name, &tag->image->digest, true, &c->manifest, ret_fetch);
	if (err != 0)
		return err;
	err = config_of(tag, c, &config, &size, ret_fetch);
	if (err == 0 && tag->image->config_kind != CONFIG_SILENT && size <= REG_MAX_CONFIG)
		err = document_read(t, c, r->name, &config, false, &c->config, ret_fetch);
	if (err == 0 && tag->image->kind == REG_KIND_INDEX)
		err = document_read(t, c, r->name, &config, false, &c->config, ret_fetch);
	if (err != 0 && err != -ENOENT)
		return err;
	return answer(c, tag, &config);
}

int xattr_read(struct tree *t, struct call *c, struct directory *d, struct fetch **ret_fetch)
{
	const enum node_kind kind = node_kind(c->node);
	struct tag *tag = kind == NODE_TAG || kind == NODE_CONFIG ? tag_at(d, c->node) : NULL;

	if (c->name && strncmp(c->name, prefix, sizeof(prefix) - 1) != 0)
		return -ENODATA;
	if (tag)
		return read_tag(t, c, tag, ret_fetch);
	if (c->name)
		return -ENODATA;
	c->bytes = reg_bytes_take(strdup(""), 0);
	return c->bytes ? 0 : -ENOMEM;
}
