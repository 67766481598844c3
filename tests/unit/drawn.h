/* SPDX-License-Identifier: MIT */
/*
 * A store in memory, drawn in a line of text: what stands before the first repository are manifests and
 * blobs, then each repository with what is in it, all apart by blanks.
 *
 *     I>X,Y        an index and its children
 *     X=c,l,m      a manifest: its config, then its layers
 *     S^X=c        one with a subject (and S^X>.. an index with one)
 *     F/l          a layer that may be kept elsewhere
 *     [a           the repository a begins
 *     t@X          a tag; t@ one that is bad; t@X,W one that pointed to W before
 *     +X  .l       a revision link, a layer link
 *     .l=k         one that leads to another digest
 *     up:30        an upload that began at this time
 *     unsure       the repository is
 *
 * Right after a name before the repositories: ? nothing is there, ! it cannot be read, * it is odd, ~ it lies
 * aside and not in its place, # it is empty, whatever descriptors say, ' it is recent. After a link: ~ aside, ' recent, % bad. What is not said is there,
 * old and in order. Blobs have their numbers in the order in which they are first named, and sizes of 1, 2, 4,
 * ..: a sum of some tells which.
 */
#ifndef DRAWN_H
#define DRAWN_H

#include "storage/store.h"

#define DRAWN_MAX 48 /* names */
#define DRAWN_OLD 1000
#define DRAWN_RECENT 2000

struct drawn {
	struct store store;
	char names[DRAWN_MAX][16]; /* by number */
};

void drawn_init(struct drawn *d, const char *text);
void drawn_done(struct drawn *d);
uint32_t drawn_number(struct drawn *d, const char *name); /* which is added if need be */

/* The names of the blobs for which states[number] is `state`, and the links, as "a+X a.l": into buf. */
const char *drawn_blobs(const struct drawn *d, const uint8_t *states, int state, char buf[1024]);
const char *drawn_links(const struct drawn *d, const uint8_t *states, int state, char buf[1024]);
const char *drawn_bits(const struct drawn *d, uint64_t sizes, char buf[1024]);

#endif
