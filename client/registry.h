/* SPDX-License-Identifier: MIT */
/*
 * libregistry: a client for container registries (OCI distribution specification 1.1 and what came before).
 *
 * One struct reg_client talks to one registry. It owns one network thread; every call may be made from any
 * thread, returns at once, and is answered exactly once by its callback, on the network thread. A callback
 * must not wait for anything. Functions return 0 or a negative errno unless they say otherwise.
 */
#ifndef REGISTRY_H
#define REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REG_API __attribute__((visibility("default")))
#define REG_MUST_CHECK __attribute__((warn_unused_result))
#ifdef __cplusplus
#define REG_AT_LEAST(n) n
#else
#define REG_AT_LEAST(n) static n /* the caller's array has so many elements */
#endif

/* What is read from the network is bounded before it is kept; in bytes. */
#define REG_MAX_MANIFEST ((size_t)4 << 20)
#define REG_MAX_CONFIG ((size_t)16 << 20)
#define REG_MAX_PAGE ((size_t)64 << 20)

/* ---- errors ------------------------------------------------------------------------------------------- */

/* What went wrong, for a log line. Functions that take one leave it untouched on success; NULL is accepted.
 */
struct reg_error {
	int err; /* negative errno */
	int status; /* HTTP status, 0 if there was none */
	char code[48]; /* the registry's own error code, such as MANIFEST_UNKNOWN; may be empty */
	char msg[224]; /* one line without a final newline; never holds a secret */
};

/* ---- digests (OCI image specification, descriptor.md#digests) -------------------------------------------
 */

enum reg_algorithm { REG_SHA256 = 1, REG_SHA512 = 2 };

#define REG_DIGEST_MAX 136 /* "sha512:" + 128 hexadecimal digits + NUL */

/* All zero (algorithm 0) means "no digest". Bytes past the algorithm's length are zero, so memcmp() compares.
 */
struct reg_digest {
	uint8_t algorithm;
	uint8_t hash[64];
};

REG_API bool reg_digest_parse(const char *text,
			      struct reg_digest *ret); /* false: not a valid, known digest */
REG_API const char *reg_digest_text(const struct reg_digest *d, char buf[REG_AT_LEAST(REG_DIGEST_MAX)]);
REG_API bool reg_digest_equal(const struct reg_digest *a, const struct reg_digest *b);
/* Computes the digest of data with an algorithm; -EINVAL for an unknown one, -ENOMEM. */
REG_API REG_MUST_CHECK int reg_digest_compute(enum reg_algorithm algorithm, const void *data, size_t size,
					      struct reg_digest *ret);

/* ---- names (OCI distribution specification, "Pulling manifests") ----------------------------------------
 */

REG_API bool reg_name_is_repository(
	const char *name); /* whole name, 1 to 255 bytes, components joined by '/' */
REG_API bool reg_name_is_component(const char *name); /* one path component of a repository name */
REG_API bool reg_name_is_tag(const char *name);

/*
 * If a tag follows the referrers tag schema or cosign's (sha256-<hex>, optionally .sig, .att or .sbom),
 * stores the digest of the subject that it names and returns true.
 */
REG_API bool reg_tag_subject(const char *tag, struct reg_digest *ret);

/* ---- bytes: an immutable, reference-counted buffer -------------------------------------------------------
 */

struct reg_bytes {
	size_t size;
	const uint8_t *data; /* followed by a NUL that size does not count */
};

REG_API struct reg_bytes *reg_bytes_ref(struct reg_bytes *b);
REG_API void reg_bytes_unref(struct reg_bytes *b);
/* A copy of data; NULL: no memory. */
REG_API struct reg_bytes *reg_bytes_copy(const void *data, size_t size);

/* ---- dates ----------------------------------------------------------------------------------------------
 */

/* RFC 3339 with nanoseconds, any offset. False for anything else. Years 0001 to 9999. */
REG_API bool reg_date_parse(const char *text, struct timespec *ret);

/*
 * Can a container image have been created then? False before 2013-03-20 (the first public one; reproducible
 * builds write 0001, 1970 and 1980) and after now.
 */
REG_API bool reg_date_plausible(const struct timespec *date, const struct timespec *now);

/* ---- documents (OCI image specification 1.1, Docker image manifest 2.2 and 2.1) ---------------------------
 */

enum reg_kind {
	REG_KIND_MANIFEST = 1, /* OCI or Docker image manifest, or an OCI artifact manifest */
	REG_KIND_INDEX, /* OCI index or Docker manifest list */
	REG_KIND_SCHEMA1, /* Docker manifest 2.1: read for its date only */
};

struct reg_platform {
	char os[32], architecture[32], variant[32]; /* empty: not said */
};

struct reg_pair {
	char *key, *value;
};

struct reg_pairs {
	size_t count;
	struct reg_pair *items;
};

REG_API const char *reg_pairs_get(const struct reg_pairs *pairs,
				  const char *key); /* NULL if it is not there */

struct reg_descriptor {
	struct reg_digest digest; /* algorithm 0: there is no such descriptor */
	int64_t size; /* bytes, 0 to 2^53 */
	char *media_type;
	struct reg_platform platform; /* of an index's entry */
	bool attestation; /* platform unknown/unknown, or marked by its annotation: not an image */
};

struct reg_document {
	enum reg_kind kind;
	char *media_type;
	char *artifact_type; /* or NULL */
	struct reg_descriptor config; /* manifest */
	struct reg_descriptor subject; /* manifest or index */
	struct reg_descriptor *items; /* manifest: its layers or blobs; index: its manifests */
	size_t nitems;
	struct reg_pairs annotations;
	bool has_created; /* schema 1: the newest date of its history */
	struct timespec created;
};

struct reg_config {
	bool has_created, has_history; /* a date that does not parse counts as absent */
	struct timespec created; /* .created */
	struct timespec history; /* newest .history[].created */
	struct reg_platform platform;
	struct reg_pairs labels; /* .config.Labels */
};

/*
 * Parse a manifest or index, or a config. media_type is the Content-Type it came with, parameters and all, or
 * NULL; the document's own mediaType wins where both say something. -EBADMSG: not such a document; -ENOMEM.
 * On success *ret is to be released by its _done().
 */
REG_API REG_MUST_CHECK int reg_document_parse(const void *data, size_t size, const char *media_type,
					      struct reg_document *ret, struct reg_error *error);
REG_API void reg_document_done(struct reg_document *d);
REG_API REG_MUST_CHECK int reg_config_parse(const void *data, size_t size, struct reg_config *ret,
					    struct reg_error *error);
REG_API void reg_config_done(struct reg_config *c);

/* "linux/arm64/v8", "linux/amd64": -EINVAL for anything else. The program's own platform:
 * reg_platform_host(). */
REG_API REG_MUST_CHECK int reg_platform_parse(const char *text, struct reg_platform *ret);
REG_API void reg_platform_host(struct reg_platform *ret);
/*
 * The entry of an index for a platform: the exact variant before any other, no attestation; where the
 * platform is not there, the first image. -1 if the index has no image at all.
 */
REG_API int reg_platform_select(const struct reg_document *index, const struct reg_platform *want);

/* ---- the client ------------------------------------------------------------------------------------------
 */

enum reg_log_level { REG_LOG_ERROR, REG_LOG_WARN, REG_LOG_INFO, REG_LOG_DEBUG };

/* Called from any thread, one line without a newline at a time. */
typedef void reg_log_fn(void *data, enum reg_log_level level, const char *line);

struct reg_options {
	const char *source; /* [http://|https://]HOST[:PORT][/PREFIX] */
	const char *user; /* NULL: REGFS_USER and REGFS_PASSWORD, else docker's and podman's auth files */
	const char *password;
	const char *password_file; /* its first line is the password, in the place of one; or NULL */
	const char *authfile; /* of docker's or podman's kind, in the place of $REGISTRY_AUTH_FILE; or NULL */
	const char *netrc; /* "" for ~/.netrc; NULL: none is looked at */
	const char *cacert; /* a PEM file, or a folder of them, to trust instead of the system's certificates, or
			       NULL: those, and what certs.d has for the registry */
	const char *cert, *key; /* our own certificate and its key, PEM files; key NULL: it is in cert. Both NULL:
				   those of certs.d, if there are any */
	bool insecure; /* do not verify TLS certificates */
	bool digest_auth; /* answer HTTP Digest; it takes a second round for each request */
	unsigned connections; /* most transfers at a time; default 64 */
	unsigned timeout; /* seconds a request may take, retries included; default 30 */
	unsigned list_timeout; /* seconds for one page of a listing (catalogs can take minutes); 0: ten times
				  timeout */
	size_t cache; /* bytes of documents kept in memory by digest; default 64 MiB */
	reg_log_fn *log; /* NULL: no log */
	enum reg_log_level log_level; /* the last that is told; default REG_LOG_INFO */
	void *log_data;
};

REG_API void reg_options_init(struct reg_options *o); /* the defaults above; source is NULL */

struct reg_client;

/*
 * Checks the options, reads credentials, starts the network thread (so: after any fork). Sends nothing.
 * -EINVAL: a bad option; -ENOENT, -EACCES, -EBADMSG: a file that cannot be used; -ENOMEM, -EAGAIN. The
 * options are copied.
 */
REG_API REG_MUST_CHECK int reg_client_new(const struct reg_options *o, struct reg_client **ret,
					  struct reg_error *error);
/* Answers everything under way with -ECANCELED, then frees the client. Not to be called from a callback. */
REG_API void reg_client_free(struct reg_client *c);

/* http://HOST[:PORT] or https://..., without PREFIX; which of the two is certain once reg_ping() was
 * answered. */
REG_API const char *reg_client_url(const struct reg_client *c);
REG_API const char *reg_client_host(const struct reg_client *c); /* HOST[:PORT] */
REG_API const char *reg_client_prefix(
	const struct reg_client *c); /* PREFIX without slashes around it; may be "" */

/* Names as a listing returned them. A bad name is dropped, counted, and never fails the listing. */
struct reg_names {
	size_t count;
	const char *const *items;
	size_t dropped;
	/* When the images of these manifests were created, where a list of tags tells (Google's registries do).
	 * Milliseconds, as they say it: 0 or 1970 where the config says nothing or anything. */
	size_t ndated;
	const struct reg_dated {
		struct reg_digest digest;
		struct timespec created;
	} *dated;
};

/* The answer to a call. All of it is the client's and dies with the callback; take a reference to bytes to
 * keep them. */
struct reg_result {
	int err; /* 0, or a negative errno: the call failed, and only error is set */
	const struct reg_error *error;
	struct reg_digest digest; /* manifests and blobs: verified against the bytes; HEAD: as the registry
				     says, may be none */
	const char *media_type; /* manifests: Content-Type without parameters, or NULL */
	uint64_t size; /* bytes; UINT64_MAX after a HEAD that did not say */
	struct reg_bytes *bytes; /* manifests and blobs */
	const struct reg_names *names; /* listings */
	const char *next; /* one page: the `last` that asks for the next one, NULL at the end */
	bool not_modified; /* the tag still has the digest that the call knew; no bytes */
};

typedef void reg_done_fn(void *data, const struct reg_result *result);

enum reg_flags {
	REG_AHEAD = 1, /* nobody waits for it yet: served after all calls that somebody waits for */
	REG_FRESH = 2, /* the registry is asked now: neither what is in memory nor a transfer that began
			  before will do */
	REG_NO_REPEAT = 4, /* PUT and DELETE: sent once, since the caller wants to look again before another
			      time; "not now" (429, 503) is answered -EAGAIN when the time to wait is over */
};

struct reg_call {
	reg_done_fn *done;
	void *data;
	unsigned flags; /* enum reg_flags */
};

/*
 * Every call below returns its number, for reg_cancel(), or 0 if memory ran out or the client ends: then the
 * callback is not called. Names and digests are copied. Calls with the same target share one transfer. Errors
 * are those of the table in error.c: -ENOENT (the registry said so), -EACCES, -EAGAIN, -EIO, -ETIMEDOUT,
 * -ECONNREFUSED, -EHOSTUNREACH, -EPROTO, -EBADMSG, -EFBIG, -ECANCELED, -EINVAL (a name that breaks the
 * grammar), -ENOMEM; and for what changes something -EPERM, -EROFS, and -EBUSY (something hangs from it yet).
 */

/* GET /v2/ (end-1): is this a registry, and may we use it? A loopback SOURCE without a scheme falls back to
 * http. */
REG_API uint64_t reg_ping(struct reg_client *c, const struct reg_call *call);

/*
 * Lists. page NULL: every page, sorted and without duplicates (repositories: '/' sorts first, so that a name
 * space comes before what is below it). Else one page, in the registry's order: at most n names (0: the
 * registry's default) after `last` (NULL: from the start). Catalog: GET /v2/_catalog, not in the OCI
 * specification. Tags: end-8; -ENOENT if there is no such repository, an empty list if it has no tags.
 */
struct reg_page {
	unsigned n;
	const char *last;
};

REG_API uint64_t reg_catalog(struct reg_client *c, const struct reg_page *page, const struct reg_call *call);
REG_API uint64_t reg_tags(struct reg_client *c, const char *repository, const struct reg_page *page,
			  const struct reg_call *call);

/*
 * A manifest by tag or digest (end-3), with its bytes, verified. `known`, or NULL: the digest that the caller
 * has for a tag; if it is still that, the answer may be not_modified. By digest it may come from memory.
 * Where HEAD is not answered as it should be, GET stands in for it.
 */
REG_API uint64_t reg_manifest(struct reg_client *c, const char *repository, const char *reference,
			      const struct reg_digest *known, const struct reg_call *call);
REG_API uint64_t reg_manifest_head(struct reg_client *c, const char *repository, const char *reference,
				   const struct reg_call *call);

/*
 * Stores a manifest under a tag or under its digest (end-7). media_type and bytes are kept until the answer.
 * Repeated only where the registry said that it did nothing (429, 503): after any other failure it may have
 * happened. That it says yes proves nothing, so read it back. result->digest: of the bytes.
 */
REG_API uint64_t reg_manifest_put(struct reg_client *c, const char *repository, const char *reference,
				  const char *media_type, struct reg_bytes *bytes,
				  const struct reg_call *call);
/*
 * Removes a manifest by digest, with every tag that points to it; or one tag, where the registry can
 * (end-9). By digest it is repeated as reads are, and -ENOENT to a repetition counts as done; by tag as
 * reg_manifest_put() is. -EPERM: this registry does not delete (so). -EROFS: it is read-only now. A digest
 * must be one that came with a manifest: some registries take that of a config, and break images.
 */
REG_API uint64_t reg_manifest_delete(struct reg_client *c, const char *repository, const char *reference,
				     const struct reg_call *call);

/* Is a blob there (end-2, HEAD)? size as the registry says, which is not proof that it is whole. */
REG_API uint64_t reg_blob_head(struct reg_client *c, const char *repository, const struct reg_digest *digest,
			       const struct reg_call *call);

/* A whole blob of at most max bytes into memory (end-2), verified. It may come from memory. */
REG_API uint64_t reg_blob(struct reg_client *c, const char *repository, const struct reg_digest *digest,
			  size_t max, const struct reg_call *call);
/*
 * length bytes of a blob from offset on; size is the whole blob's, and what lies beyond it is cut off. Not
 * verified: a range cannot be. A registry that ignores ranges is read and skipped through.
 */
REG_API uint64_t reg_blob_range(struct reg_client *c, const char *repository, const struct reg_digest *digest,
				uint64_t size, uint64_t offset, size_t length, const struct reg_call *call);

/*
 * The digests of what refers to a manifest (end-12), as names; every page. -ENOENT: the registry has no
 * referrers API (the referrers tag schema is then the caller's to read, as tags).
 */
REG_API uint64_t reg_referrers(struct reg_client *c, const char *repository, const struct reg_digest *digest,
			       const struct reg_call *call);

/*
 * Begins an upload and cancels it at once (end-4a, and DELETE of its Location): does this registry take pushes
 * now? 0: it does. -EROFS, -EPERM: it does not. -EACCES: not from us, which says nothing of others. The
 * repository need not exist, and does not afterwards where the registry cleans up after itself.
 */
REG_API uint64_t reg_upload_try(struct reg_client *c, const char *repository, const struct reg_call *call);

/* Somebody waits now for a call made with REG_AHEAD. Nothing happens if it is answered already. */
REG_API void reg_urge(struct reg_client *c, uint64_t call);
/* Answers the call with -ECANCELED soon, unless it is answered already; the transfer ends when nobody shares
 * it. */
REG_API void reg_cancel(struct reg_client *c, uint64_t call);

#ifdef __cplusplus
}
#endif
#endif
