/* SPDX-License-Identifier: MIT */
/* The page for people. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor_mean.h"
#include "origin.h"
#include "util/utf8.h"

static void line(FILE *out, const char *topic, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* What a registry sends may hold anything: it is made fit for a terminal. */
static void line(FILE *out, const char *topic, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	utf8_make_printable(text);
	fprintf(out, "  %-12s%s\n", topic, text);
}

static const char *yes_or_no(const struct doctor_ability *a, char *buf, size_t size)
{
	char why[400];

	if (a->can == CAN_YES)
		return "yes";
	if (!a->err)
		return a->can == CAN_NO ? "no" : "not known";
	snprintf(buf, size, "%s: %s", a->can == CAN_NO ? "no" : "not known",
		 doctor_reason(a, why, sizeof(why)));
	return buf;
}

static void tell_who(FILE *out, const struct doctor *d)
{
	const struct http_facts *f = &d->facts;

	line(out, "answer", "%s%s%s, in %" PRIu64 " ms%s%s", f->api[0] ? f->api : "no API version",
	     f->server[0] ? ", server " : "", f->server, d->ms, f->http2 ? ", HTTP/2" : "",
	     strncmp(d->url, "http:", 5) == 0 ? ", not encrypted" : "");
	if (f->product)
		line(out, "product", "%s%s%s", f->product, f->product_value[0] ? ": " : "", f->product_value);
	if (d->has_skew)
		line(out, "clock", "%s%lld s %s", d->skew_ms ? "" : "less than ",
		     d->skew_ms ? llabs((long long)d->skew_ms) / 1000 : 2LL,
		     d->skew_ms > 0   ? "ahead of ours"
		     : d->skew_ms < 0 ? "behind ours"
				      : "from ours");
	if (f->limit[0])
		line(out, "limit", "%s, %s left", f->limit, f->remaining[0] ? f->remaining : "?");
}

static void tell_login(FILE *out, const struct doctor *d)
{
	const struct reg_challenge *c = &d->challenge;
	const char *verdict =
		d->ping.can == CAN_YES ? "ours is accepted" : "there is none of ours that is accepted";
	char realm[300];

	if (!d->challenged && c->basic)
		line(out, "login", "none is wanted; with one (Basic) there may be more to see%s",
		     d->ping.can == CAN_YES ? "" : "; ours is not accepted");
	else if (!d->challenged)
		line(out, "login", "none is wanted");
	else if (c->bearer) {
		origin_words(c->realm, realm, sizeof(realm));
		line(out, "login", "Bearer, tokens from %s%s%s; %s", realm, c->service[0] ? " for " : "",
		     c->service, verdict);
	} else
		line(out, "login", "%s; %s",
		     c->basic      ? "Basic"
		     : c->digest   ? "Digest (-o digest_auth)"
		     : c->other[0] ? c->other
				   : "it does not say which",
		     verdict);
}

static void tell_list(FILE *out, const char *topic, const struct doctor_list *l)
{
	static const char *const paging[] = {
		[PAGING_UNKNOWN] = "too few names to see how it pages",
		[PAGING_LINK] = "paged, by Link",
		[PAGING_LAST] = "paged, by last (no Link)",
		[PAGING_NONE] = "not paged: all names at once",
		[PAGING_BROKEN] = "its pages do not lead on",
	};
	char buf[500];

	if (l->ability.can == CAN_YES)
		line(out, topic, "yes, in %" PRIu64 " ms; %s%s", l->ms, paging[l->paging],
		     l->null ? "; null for an empty list" : "");
	else
		line(out, topic, "%s", yes_or_no(&l->ability, buf, sizeof(buf)));
}

static void tell_reading(FILE *out, const struct doctor *d)
{
	const struct doctor_manifests *m = &d->manifests;
	char buf[500];

	line(out, "repository", "%s%s%s", d->repository, d->tag[0] ? ":" : ", without a tag", d->tag);
	tell_list(out, "tags", &d->tags);
	if (!d->tag[0])
		return;
	line(out, "manifest", "%s%s", yes_or_no(&m->get, buf, sizeof(buf)),
	     m->get.can != CAN_YES ? ""
	     : !m->digest_on_get   ? "; without a digest, it is computed"
	     : m->digest_is_right  ? "; the digest is right"
				   : "; its digest is WRONG");
	line(out, "HEAD", "%s%s", yes_or_no(&m->head, buf, sizeof(buf)),
	     m->head.can == CAN_YES && !m->digest_on_head ? "; without a digest" : "");
	if (d->blobs.get.can != CAN_UNKNOWN || d->blobs.get.err)
		line(out, "blobs", "%s%s%s%s", yes_or_no(&d->blobs.get, buf, sizeof(buf)),
		     d->blobs.get.can != CAN_YES ? ""
		     : d->blobs.ranges           ? "; parts as well"
						 : "; not in parts",
		     d->blobs.origin[0] ? "; from " : "", d->blobs.origin);
	line(out, "referrers", "%s", yes_or_no(&d->referrers, buf, sizeof(buf)));
}

static void tell_changing(FILE *out, const struct doctor *d)
{
	char buf[500];

	line(out, "delete", "%s", yes_or_no(&d->delete_digest, buf, sizeof(buf)));
	line(out, "delete tag", "%s", yes_or_no(&d->delete_tag, buf, sizeof(buf)));
	line(out, "push", "%s", yes_or_no(&d->upload, buf, sizeof(buf)));
}

struct paragraph {
	FILE *out;
	const char *topic;
};

static void on_line(void *data, const char *text)
{
	struct paragraph *p = data;

	line(p->out, p->topic, "%s", text);
	p->topic = "";
}

int doctor_tell(FILE *out, const struct doctor *d)
{
	struct paragraph mounting = {out, "mounting"}, removing = {out, "removing"};

	fprintf(out, "%s%s%s\n", d->url, d->prefix[0] ? "/" : "", d->prefix);
	if (d->ping.err == 0 || d->ping.error.status) {
		tell_who(out, d);
		tell_login(out, d);
	}
	if (d->ping.err == 0)
		tell_list(out, "catalog", &d->catalog);
	if (d->repository[0])
		tell_reading(out, d);
	if (d->repository[0])
		tell_changing(out, d);
	fputs("\n", out);
	if (doctor_mean(d, DOCTOR_MOUNTING, on_line, &mounting) == CAN_YES && mounting.topic[0])
		line(out, "mounting", "works, without anything to mind");
	if (d->ping.err == 0)
		(void)doctor_mean(d, DOCTOR_REMOVING, on_line, &removing);
	return 0;
}
