/* SPDX-License-Identifier: MIT */
#include "doctor/doctor_mean.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct teller {
	const struct doctor *d;
	doctor_line_fn *fn;
	void *data;
};

static void say(const struct teller *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct teller *t, const char *format, ...)
{
	char line[700];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	t->fn(t->data, line);
}

const char *doctor_reason(const struct doctor_ability *a, char *buf, size_t size)
{
	const struct reg_error *e = &a->error;

	if (e->status)
		snprintf(buf, size, "HTTP %d%s%s: %s", e->status, e->code[0] ? " " : "", e->code, e->msg);
	else
		snprintf(buf, size, "%s", e->msg);
	return buf;
}

/* ---- mounting ---- */

static enum doctor_can cannot_mount(const struct teller *t)
{
	const struct doctor *d = t->d;
	char why[400];

	say(t, "it cannot be mounted: %s", doctor_reason(&d->ping, why, sizeof(why)));
	/* Not where a proxy refuses, or a certificate is wanted; nor twice. */
	if (d->ping.error.status == 401 && !strstr(d->ping.error.msg, "log in"))
		say(t, "log in with docker, podman or skopeo login, or set REGFS_USER and REGFS_PASSWORD");
	return CAN_NO;
}

static void mean_catalog(const struct teller *t)
{
	const struct doctor_list *c = &t->d->catalog;
	char why[400];

	if (c->ability.can == CAN_YES) {
		if (c->ms >= 5000)
			say(t, "its catalog takes %" PRIu64 " s: -o repos_from=FILE is faster", c->ms / 1000);
		if (c->paging == PAGING_BROKEN)
			say(t,
			    "its catalog cannot be paged: what is behind the first page is not listed, but "
			    "can be entered by name");
		return;
	}
	if (c->ability.err == -EAGAIN || c->ability.err == -EIO) {
		say(t, "its catalog could not be read just now (%s): ask again later",
		    doctor_reason(&c->ability, why, sizeof(why)));
		return;
	}
	say(t,
	    "ls of the root shows nothing by itself (%s): name repositories with -o repos_from=FILE, or one as "
	    "SOURCE/PREFIX; each can be entered by name",
	    c->absent ? "it has no catalog" : doctor_reason(&c->ability, why, sizeof(why)));
}

static void mean_clock(const struct teller *t)
{
	const struct doctor *d = t->d;

	if (!d->has_skew || !d->skew_ms)
		return;
	say(t, "its clock is %lld s %s ours: correct the wrong one, or images look %s than they are",
	    llabs((long long)d->skew_ms) / 1000, d->skew_ms > 0 ? "ahead of" : "behind",
	    d->skew_ms > 0 ? "younger, or undated" : "older");
}

static void mean_content(const struct teller *t)
{
	const struct doctor *d = t->d;

	if (d->manifests.get.can == CAN_YES && d->manifests.digest_on_get && !d->manifests.digest_is_right)
		say(t, "%s:%s hashes to another digest than the registry says: reading it fails with EBADMSG",
		    d->repository, d->tag);
	if (d->blobs.origin[0])
		say(t, "blobs come from %s: that must be reachable as well; no login is sent there",
		    d->blobs.origin);
}

static enum doctor_can mean_mounting(const struct teller *t)
{
	const struct doctor *d = t->d;
	enum doctor_can can = CAN_YES;
	char why[400];

	if (d->ping.can != CAN_YES)
		return cannot_mount(t);
	if (doctor_is_doubtful(d))
		say(t, "this may be no registry: it names no API version, and where its catalog should be is no listing");
	mean_catalog(t);
	if (!d->repository[0]) {
		say(t, "no repository was looked at: name one with --repository");
		can = CAN_UNKNOWN;
	} else if (d->tags.ability.can != CAN_YES) {
		say(t, "the tags of %s cannot be listed: %s", d->repository,
		    doctor_reason(&d->tags.ability, why, sizeof(why)));
		can = CAN_NO;
	} else if (!d->tag[0]) {
		say(t, "%s has no tag that could be looked at: name another with --repository",
		    d->repository);
		can = CAN_UNKNOWN;
	} else if (d->manifests.get.can != CAN_YES) {
		say(t, "%s:%s cannot be read: %s", d->repository, d->tag,
		    doctor_reason(&d->manifests.get, why, sizeof(why)));
		can = CAN_NO;
	}
	mean_content(t);
	if (d->facts.limit[0])
		say(t,
		    "it limits requests (%s, %s left): a walk over many tags takes as long as that demands",
		    d->facts.limit, d->facts.remaining[0] ? d->facts.remaining : "?");
	mean_clock(t);
	return can;
}

/* ---- removing ---- */

static void mean_refusal(const struct teller *t, const struct doctor_ability *a)
{
	char why[400];

	say(t, "nothing can be removed: %s", doctor_reason(a, why, sizeof(why)));
	if (a->err == -EPERM)
		say(t, "deletes are off: set storage.delete.enabled to true in the registry's configuration "
		       "(REGISTRY_STORAGE_DELETE_ENABLED=true), where it is yours; a pull-through cache, and "
		       "Docker Hub or GitHub, never delete this way");
	else if (a->err == -EROFS)
		say(t, "the registry is in read-only mode");
	else if (a->err == -EACCES)
		say(t, "the user may not delete in %s", t->d->repository);
}

static void mean_shared(const struct teller *t)
{
	const struct doctor *d = t->d;
	char why[400];

	if (d->delete_tag.can == CAN_YES)
		say(t, "of a tag that shares its image, its name alone goes: the registry can do that");
	else if (d->delete_tag.can == CAN_NO && d->upload.can == CAN_NO)
		say(t,
		    "a tag that shares its image stays: the registry cannot delete a name, and takes no pushes "
		    "(%s), which a placeholder needs; see shared=",
		    doctor_reason(&d->upload, why, sizeof(why)));
	else if (d->delete_tag.can == CAN_NO)
		say(t,
		    "a tag that shares its image goes by a placeholder that is pushed over it and deleted, "
		    "since the registry cannot delete a name");
}

static enum doctor_can mean_removing(const struct teller *t)
{
	const struct doctor *d = t->d;

	if (d->ping.can != CAN_YES)
		return CAN_UNKNOWN;
	if (d->delete_digest.can == CAN_NO) {
		mean_refusal(t, &d->delete_digest);
		return CAN_NO;
	}
	if (d->delete_digest.can == CAN_UNKNOWN) {
		say(t, "whether it deletes was not %s",
		    d->delete_digest.err ? "to be seen" : "asked, or its answer was not clear");
		return CAN_UNKNOWN;
	}
	say(t, "with -o allow_delete, rm removes images by digest; regfs-gc or the registry's own collector "
	       "frees their bytes");
	mean_shared(t);
	if (d->referrers.can == CAN_NO)
		say(t,
		    "signatures and the like are found by their tags (sha256-...), as it has no referrers API");
	return CAN_YES;
}

enum doctor_can doctor_mean(const struct doctor *d, enum doctor_part part, doctor_line_fn *fn, void *data)
{
	const struct teller t = {d, fn, data};

	return part == DOCTOR_MOUNTING ? mean_mounting(&t) : mean_removing(&t);
}
