/* SPDX-License-Identifier: MIT */
#include "storage/check_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "storage/files.h"
#include "storage/layout.h"
#include "util/cleanup.h"

#define CHUNK ((size_t)256 << 10)
#define THREADS 2 /* one reads while the other computes; more make a disk seek */

/*
 * The list and the storage are not changed meanwhile; what a thread finds is at the number of its blob in the
 * list.
 */
struct verify {
	const struct check *check;
	const uint32_t *list;
	int *found; /* 0, -EBADMSG: other bytes, or why it cannot be read */
	uint32_t n;
	atomic_uint next;
	atomic_bool stop;
	atomic_ullong bytes;
	pthread_mutex_t bar;
};

static void add_progress(struct verify *v, size_t n)
{
	atomic_fetch_add(&v->bytes, n);
	pthread_mutex_lock(&v->bar);
	progress_add(v->check->progress, n);
	if (progress_interrupted(v->check->progress))
		atomic_store(&v->stop, true);
	pthread_mutex_unlock(&v->bar);
}

static int hash_file(struct verify *v, int fd, EVP_MD_CTX *context, unsigned char *chunk)
{
	while (!atomic_load(&v->stop)) {
		const ssize_t n = read(fd, chunk, CHUNK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		if (!EVP_DigestUpdate(context, chunk, (size_t)n))
			return -ENOMEM;
		add_progress(v, (size_t)n);
	}
	return -EINTR;
}

static int compare(EVP_MD_CTX *context, const struct reg_digest *want)
{
	struct reg_digest have = {.algorithm = want->algorithm};
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (!EVP_DigestFinal_ex(context, hash, &size) || size > sizeof(have.hash))
		return -ENOMEM;
	memcpy(have.hash, hash, size);
	return reg_digest_equal(&have, want) ? 0 : -EBADMSG;
}

static int verify_blob(struct verify *v, const struct store_blob *b, EVP_MD_CTX *context,
		       unsigned char *chunk)
{
	char path[LAYOUT_MAX];
	struct stat st;
	const int fd = files_open(v->check->storage->v2, layout_blob(path, &b->digest), &st);
	int r;

	if (fd < 0)
		return fd;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	r = EVP_DigestInit_ex(context, b->digest.algorithm == REG_SHA512 ? EVP_sha512() : EVP_sha256(), NULL)
		    ? hash_file(v, fd, context, chunk)
		    : -ENOMEM;
	close(fd);
	return r < 0 ? r : compare(context, &b->digest);
}

static void *verify_some(void *data)
{
	struct verify *v = data;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	auto_free unsigned char *chunk = malloc(CHUNK);
	uint32_t i;

	while ((i = atomic_fetch_add(&v->next, 1)) < v->n && !atomic_load(&v->stop))
		v->found[i] = context && chunk
				      ? verify_blob(v, v->check->store->blobs[v->list[i]], context, chunk)
				      : -ENOMEM;
	EVP_MD_CTX_free(context);
	return NULL;
}

/* This thread is one of them: that no other can be made is no failure. */
static void verify_list(struct verify *v)
{
	pthread_t threads[THREADS - 1];
	size_t n = 0;

	while (n < ARRAY_SIZE(threads) && pthread_create(&threads[n], NULL, verify_some, v) == 0)
		n++;
	verify_some(v);
	while (n)
		pthread_join(threads[--n], NULL);
}

static int tell(struct check *c, uint32_t blob, int found)
{
	char digest[REG_DIGEST_MAX];

	reg_digest_text(&c->store->blobs[blob]->digest, digest);
	switch (found) {
	case 0:
		return 0;
	case -ENOMEM:
	case -EINTR:
		return found;
	case -EBADMSG:
		return check_tell_all(c, PROBLEM_DIGEST, blob,
				      "the bytes of %s are not those of its digest: push the image again",
				      digest);
	default:
		return check_tell_all(c, PROBLEM_ACCESS, blob, "the bytes of %s cannot be read: %s", digest,
				      strerror(-found));
	}
}

/* What is held and there; the scan has told of those that it knows to be wrong. */
static uint32_t list_held(const struct check *c, uint32_t *list, uint64_t *ret_bytes)
{
	uint64_t bytes = 0;
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->store->nblobs; i++) {
		const struct store_blob *b = c->store->blobs[i];

		if (c->mark->blobs[i] != MARK_HELD || !(b->flags & BLOB_PRESENT) || b->flags & BLOB_BAD_BYTES)
			continue;
		list[n++] = i;
		bytes += (uint64_t)b->size;
	}
	*ret_bytes = bytes;
	return n;
}

int check_verify(struct check *c)
{
	auto_free uint32_t *list = calloc((size_t)c->store->nblobs + 1, sizeof(*list));
	auto_free int *found = calloc((size_t)c->store->nblobs + 1, sizeof(*found));
	struct verify v = {.check = c, .list = list, .found = found};
	uint64_t bytes;
	int r = 0;

	if (!list || !found)
		return -ENOMEM;
	v.n = list_held(c, list, &bytes);
	pthread_mutex_init(&v.bar, NULL);
	progress_begin(c->progress, "reading blobs", bytes, true);
	verify_list(&v);
	progress_end(c->progress);
	pthread_mutex_destroy(&v.bar);
	if (atomic_load(&v.stop))
		return -EINTR;
	c->result.verified = atomic_load(&v.bytes);
	for (uint32_t i = 0; r == 0 && i < v.n; i++)
		r = tell(c, list[i], found[i]);
	return r;
}
