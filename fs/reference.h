/* SPDX-License-Identifier: MIT */
/* How docker, podman and kubectl name an image: [SCHEME://][HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST], or a
 * digest alone. */
#ifndef FS_REFERENCE_H
#define FS_REFERENCE_H

#include "registry.h"

enum {
	REFERENCE_MAX_HOST = 280,
	REFERENCE_MAX =
		32 + REFERENCE_MAX_HOST + 255 + 128 + REG_DIGEST_MAX + 4, /* the longest there can be */
};

/* What it says; all of it points into the word that was taken apart. */
struct reference {
	/* Of the repository, without the host; NULL: of any. The second, or NULL: with what may be a host or
	 * a name space. */
	const char *names[2];
	const char *tag, *digest; /* or NULL, but not both; without either in the word the tag is latest */
};

/* Takes a word apart, in place. NULL, or why it is no reference: what is to be said behind the word. */
const char *reference_parse(char *word, struct reference *ret);

#endif
