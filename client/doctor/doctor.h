/* SPDX-License-Identifier: MIT */
/*
 * What a registry can do, found out by asking it: nothing is changed, and nothing is asked twice. What is
 * learnt (doctor_ask*.c) and what that means (doctor_tell*.c) are kept apart.
 */
#ifndef REG_DOCTOR_H
#define REG_DOCTOR_H

#include <stdio.h>

#include "challenge.h"
#include "probe.h"
#include "registry.h"

/* An ability, as far as it was seen. */
enum doctor_can {
	CAN_UNKNOWN, /* not asked, or the answer says nothing; error tells if there was one */
	CAN_YES,
	CAN_NO,
};

struct doctor_ability {
	enum doctor_can can;
	int err; /* 0, or what the question was answered with (negative errno) */
	struct reg_error error;
};

enum doctor_paging {
	PAGING_UNKNOWN, /* too few names to see it */
	PAGING_LINK, /* a page of n, and a Link to the next one */
	PAGING_LAST, /* a page of n without a Link; what comes after `last` is given */
	PAGING_NONE, /* n is ignored: all names at once */
	PAGING_BROKEN, /* a page of n, and no way on */
};

struct doctor_list {
	struct doctor_ability ability;
	bool absent; /* no such list here (404, 405) rather than a failure */
	bool null; /* null in place of an empty list */
	enum doctor_paging paging;
	uint64_t ms;
};

struct doctor_manifests {
	struct doctor_ability get, head;
	bool digest_on_get, digest_on_head;
	bool digest_is_right; /* of GET, if there is one */
	bool index; /* what was looked at is one */
};

struct doctor_blobs {
	struct doctor_ability get;
	bool ranges;
	char origin[300]; /* where a blob came from if not from the registry itself; else empty */
};

struct doctor {
	char url[300], prefix[256]; /* the registry's; prefix without slashes around it, may be empty */
	struct doctor_ability ping;
	struct http_facts facts; /* of the first answer */
	uint64_t ms; /* that it took */
	bool has_skew;
	int64_t skew_ms; /* the registry's clock minus ours; its Date has whole seconds */
	struct reg_challenge challenge; /* also of one that lets strangers in */
	bool challenged; /* it wants a login, of whatever scheme */
	struct doctor_list catalog, tags;
	char repository[256], tag[130]; /* that were looked at; empty: there was none */
	struct doctor_manifests manifests;
	struct doctor_blobs blobs;
	struct doctor_ability referrers;
	struct doctor_ability delete_digest, delete_tag, upload;
};

struct doctor_options {
	const char *repository; /* to look at, or NULL: the prefix, or the first that the catalog lists */
	bool only_read; /* no DELETE */
	bool push; /* begin an upload, and cancel it: distribution keeps a small file of it for a week */
};

/*
 * Asks, in less than a page of requests, each bounded by the client's timeout. 0, or -ENOMEM: whatever the
 * registry answers is a finding.
 */
int doctor_ask(struct reg_client *c, const struct doctor_options *o, struct doctor *ret);

/* Can it be mounted, and browsed by somebody who knows a repository's name? */
bool doctor_is_well(const struct doctor *d);
/* Does something answer that need not be a registry, such as a web application with a page for every path? */
bool doctor_is_doubtful(const struct doctor *d);

/* One page for people, or one JSON object for programs: 0 or -ENOMEM. Errors of out are the stream's. */
int doctor_tell(FILE *out, const struct doctor *d);
int doctor_tell_json(FILE *out, const struct doctor *d);

#endif
