/* SPDX-License-Identifier: MIT */
/* The same for programs: one object on one line. */
#include <errno.h>
#include <string.h>

#include "doctor/doctor_mean.h"
#include "json.h"
#include "origin.h"
#include "util/buf.h"

static const char *const can_names[] = {[CAN_UNKNOWN] = "unknown", [CAN_YES] = "yes", [CAN_NO] = "no"};

/* Without an object of its own. */
static void write_can(struct json_writer *w, const struct doctor_ability *a)
{
	json_write_text(w, "can", can_names[a->can]);
	if (!a->err)
		return;
	if (a->error.status)
		json_write_number(w, "status", a->error.status);
	if (a->error.code[0])
		json_write_text(w, "code", a->error.code);
	json_write_text(w, "message", a->error.msg);
}

static void write_ability(struct json_writer *w, const char *name, const struct doctor_ability *a)
{
	json_write_object(w, name);
	write_can(w, a);
	json_write_object_end(w);
}

static void write_list(struct json_writer *w, const char *name, const struct doctor_list *l)
{
	static const char *const paging[] = {
		[PAGING_LINK] = "link",
		[PAGING_LAST] = "last",
		[PAGING_NONE] = "none",
		[PAGING_BROKEN] = "broken",
	};

	json_write_object(w, name);
	write_can(w, &l->ability);
	json_write_number(w, "milliseconds", (int64_t)l->ms);
	json_write_text(w, "paging", paging[l->paging]);
	if (l->null)
		json_write_bool(w, "null", true);
	json_write_object_end(w);
}

static const char *or_null(const char *text)
{
	return text[0] ? text : NULL;
}

static void write_who(struct json_writer *w, const struct doctor *d)
{
	const struct http_facts *f = &d->facts;

	json_write_number(w, "milliseconds", (int64_t)d->ms);
	json_write_text(w, "api", or_null(f->api));
	json_write_text(w, "server", or_null(f->server));
	if (f->product) {
		json_write_object(w, "product");
		json_write_text(w, "header", f->product);
		json_write_text(w, "value", or_null(f->product_value));
		json_write_object_end(w);
	}
	json_write_bool(w, "http2", f->http2);
	/* Numbers of ours are not negative. */
	if (d->has_skew)
		json_write_number(w, d->skew_ms < 0 ? "behind_milliseconds" : "ahead_milliseconds",
				  d->skew_ms < 0 ? -d->skew_ms : d->skew_ms);
	if (f->limit[0]) {
		json_write_object(w, "limit");
		json_write_text(w, "limit", f->limit);
		json_write_text(w, "remaining", or_null(f->remaining));
		json_write_object_end(w);
	}
}

static void write_login(struct json_writer *w, const struct doctor *d)
{
	const struct reg_challenge *c = &d->challenge;
	char realm[300];

	json_write_object(w, "login");
	json_write_bool(w, "wanted", d->challenged);
	json_write_array(w, "schemes");
	if (c->bearer)
		json_write_text(w, NULL, "bearer");
	if (c->basic)
		json_write_text(w, NULL, "basic");
	if (c->digest)
		json_write_text(w, NULL, "digest");
	if (c->other[0])
		json_write_text(w, NULL, c->other);
	json_write_array_end(w);
	origin_words(c->realm, realm, sizeof(realm));
	json_write_text(w, "realm", or_null(realm));
	json_write_text(w, "service", or_null(c->service));
	json_write_bool(w, "accepted", d->ping.can == CAN_YES);
	json_write_object_end(w);
}

static void write_repository(struct json_writer *w, const struct doctor *d)
{
	const struct doctor_manifests *m = &d->manifests;

	json_write_text(w, "repository", d->repository);
	json_write_text(w, "tag", or_null(d->tag));
	write_list(w, "tags", &d->tags);
	json_write_object(w, "manifest");
	write_can(w, &m->get);
	json_write_bool(w, "index", m->index);
	json_write_bool(w, "digest", m->digest_on_get);
	json_write_bool(w, "digest_right", m->digest_is_right);
	json_write_object_end(w);
	json_write_object(w, "head");
	write_can(w, &m->head);
	json_write_bool(w, "digest", m->digest_on_head);
	json_write_object_end(w);
	json_write_object(w, "blobs");
	write_can(w, &d->blobs.get);
	json_write_bool(w, "ranges", d->blobs.ranges);
	json_write_text(w, "origin", or_null(d->blobs.origin));
	json_write_object_end(w);
	write_ability(w, "referrers", &d->referrers);
	write_ability(w, "delete", &d->delete_digest);
	write_ability(w, "delete_tag", &d->delete_tag);
	write_ability(w, "push", &d->upload);
}

static void on_line(void *data, const char *text)
{
	json_write_text(data, NULL, text);
}

static void write_part(struct json_writer *w, const char *name, const struct doctor *d, enum doctor_part part)
{
	enum doctor_can can;

	json_write_object(w, name);
	json_write_array(w, "means");
	can = doctor_mean(d, part, on_line, w);
	json_write_array_end(w);
	json_write_text(w, "can", can_names[can]);
	json_write_object_end(w);
}

int doctor_tell_json(FILE *out, const struct doctor *d)
{
	struct buf text;
	struct json_writer w = {.out = &text};

	buf_init(&text, 1 << 20);
	json_write_object(&w, NULL);
	json_write_text(&w, "url", d->url);
	json_write_text(&w, "prefix", or_null(d->prefix));
	write_ability(&w, "answers", &d->ping);
	if (d->ping.err == 0 || d->ping.error.status) {
		write_who(&w, d);
		write_login(&w, d);
	}
	if (d->ping.err == 0)
		write_list(&w, "catalog", &d->catalog);
	if (d->repository[0])
		write_repository(&w, d);
	write_part(&w, "mounting", d, DOCTOR_MOUNTING);
	write_part(&w, "removing", d, DOCTOR_REMOVING);
	json_write_object_end(&w);
	if (!w.err)
		fprintf(out, "%s\n", text.data);
	buf_done(&text);
	return w.err;
}
