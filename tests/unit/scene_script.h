/* SPDX-License-Identifier: MIT */
/*
 * What a registry must be asked, and what it answers, as text: a request a line.
 *
 *     LIST v1 v2            the tags of the repository "a"; or LIST 404
 *     GET v1 = m1           a manifest; by digest: GET @m1 = m1; what is known as m1 already: GET v1~m1 304
 *     KNOW v1=m1 v2=m2      LIST and GET of these, as often as it comes
 *     CHECK v1 = m1         the same, past every cache
 *     REF m1 = s1 s2        its referrers
 *     CONFIG c1 = c1        a blob
 *     PUT v1 m1 201         the manifest m1 is put under v1
 *     DELETE @m1 202
 *
 * An answer is "= DOCUMENT", a status, STATUS:CODE (with an error of that code; 404 has one, unless it is
 * 404:-), busy (429 for longer than a call waits), cut (the connection broke), timeout, refused or "held
 * STATUS" (not before script_release()); xN behind it: so many times, any: as often as it comes. In every word @NAME is the digest of a document, %NAME
 * the same with '-' for the ':', as in tags, and $ is what random_hex() says, which must always be the same.
 * LIST, CHECK, PUT and DELETE must come in the order in which they are written.
 */
#ifndef SCENE_SCRIPT_H
#define SCENE_SCRIPT_H

#include "scripted.h"

struct document {
	const char *name, *text; /* the text may hold @NAME of documents before it */
};

#define OCI "application/vnd.oci.image."
#define EMPTY_CONFIG                                                                                         \
	"{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"sha256:" ZERO "\",\"size\":2}"
#define ZERO "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
#define MANIFEST_OF(config, more)                                                                            \
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"config\":" config                  \
	",\"layers\":[]" more "}"
#define NOTE(key, value) ",\"annotations\":{\"" key "\":\"" value "\"}"
/* Images that differ in n, without a date and with one. */
#define UNDATED(n) MANIFEST_OF(EMPTY_CONFIG, NOTE("n", n))
#define DATED(date) MANIFEST_OF(EMPTY_CONFIG, NOTE("org.opencontainers.image.created", date))
#define SUBJECT(n, name)                                                                                     \
	MANIFEST_OF(EMPTY_CONFIG, ",\"subject\":{\"mediaType\":\"" OCI                                       \
				  "manifest.v1+json\",\"digest\":\"@" name "\",\"size\":9}" NOTE("n", n))
#define INDEX(items, n)                                                                                      \
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[" items                  \
	"]" NOTE("n", n) "}"
#define ITEM_OF(type, name)                                                                                  \
	"{\"mediaType\":\"" OCI type ".v1+json\",\"digest\":\"@" name                                        \
	"\",\"size\":9,\"platform\":{\"os\":\"linux\","                                                      \
	"\"architecture\":\"amd64\"}}"
#define ITEM(name) ITEM_OF("manifest", name)
#define NESTED(name) ITEM_OF("index", name)

struct scene_script {
	struct script_row *rows;
	size_t nrows;
	struct list words; /* what the rows point to */
};

/* One at a time. Two documents are there already: what is put over a tag, placeholder of OCI's type, list of
 * Docker's. */
void scene_script_read(struct scene_script *s, const struct document *documents, size_t ndocuments,
		       const char *script);
void scene_script_done(struct scene_script *s);

const char *scene_script_word(struct scene_script *s, const char *word); /* valid until it is done */
/* Which document it is, by "sha256:..." or "sha256-..."; none: what was given. */
const char *scene_script_name(const char *digest);

#endif
