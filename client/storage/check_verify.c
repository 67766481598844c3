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

struct job {
	uint32_t blob; /* whose digest it is */
	uint32_t data; /* whose file holds it: another's, where a link leads to another digest */
};

struct jobs {
	struct job *items;
	uint32_t n;
	uint64_t bytes;
};

/* The list and the storage are not changed meanwhile; what a thread finds is at the number of its job. */
struct verify {
	const struct check *check;
	const struct job *list;
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

static int verify_job(struct verify *v, const struct job *job, EVP_MD_CTX *context, unsigned char *chunk)
{
	const struct reg_digest *digest = &v->check->store->blobs[job->blob]->digest;
	const struct reg_digest *file = &v->check->store->blobs[job->data]->digest;
	char path[LAYOUT_MAX];
	struct stat st;
	const int fd = files_open(v->check->storage->v2, layout_blob(path, file), &st);
	int r;

	if (fd < 0)
		return fd;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	r = EVP_DigestInit_ex(context, digest->algorithm == REG_SHA512 ? EVP_sha512() : EVP_sha256(), NULL)
		    ? hash_file(v, fd, context, chunk)
		    : -ENOMEM;
	close(fd);
	return r < 0 ? r : compare(context, digest);
}

static void *verify_some(void *data)
{
	struct verify *v = data;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	auto_free unsigned char *chunk = malloc(CHUNK);
	uint32_t i;

	while ((i = atomic_fetch_add(&v->next, 1)) < v->n && !atomic_load(&v->stop))
		v->found[i] = context && chunk ? verify_job(v, &v->list[i], context, chunk) : -ENOMEM;
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

static void add_job(const struct check *c, struct jobs *jobs, uint32_t blob, uint32_t data)
{
	const struct store_blob *b = c->store->blobs[data];

	/* The scan has told of those that it knows to be wrong. */
	if (c->mark->blobs[blob] != MARK_HELD || !(b->flags & BLOB_PRESENT) || b->flags & BLOB_BAD_BYTES)
		return;
	jobs->items[jobs->n++] = (struct job){blob, data};
	jobs->bytes += (uint64_t)b->size;
}

static int compare_aliases(const void *left, const void *right)
{
	const struct store_alias *a = left, *b = right;

	if (a->blob != b->blob)
		return a->blob < b->blob ? -1 : 1;
	return (a->target > b->target) - (a->target < b->target);
}

/* Several repositories may have the same one: it is read once. */
static int list_aliases(const struct check *c, size_t n, struct jobs *jobs)
{
	auto_free struct store_alias *all = calloc(n + 1, sizeof(*all));
	size_t k = 0;

	if (!all)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->store->nrepositories; i++)
		for (uint32_t j = 0; j < c->store->repositories[i].naliases; j++)
			all[k++] = c->store->repositories[i].aliases[j];
	if (k)
		qsort(all, k, sizeof(*all), compare_aliases);
	for (size_t i = 0; i < k; i++)
		if (!i || compare_aliases(&all[i - 1], &all[i]) != 0)
			add_job(c, jobs, all[i].blob, all[i].target);
	return 0;
}

/* What is held and there. */
static int list_held(const struct check *c, struct jobs *ret)
{
	struct jobs jobs = {0};
	size_t naliases = 0;
	int r;

	for (uint32_t i = 0; i < c->store->nrepositories; i++)
		naliases += c->store->repositories[i].naliases;
	jobs.items = calloc(c->store->nblobs + naliases + 1, sizeof(*jobs.items));
	if (!jobs.items)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->store->nblobs; i++)
		add_job(c, &jobs, i, i);
	r = list_aliases(c, naliases, &jobs);
	if (r < 0)
		free(jobs.items);
	else
		*ret = jobs;
	return r;
}

int check_verify(struct check *c)
{
	auto_free struct job *list = NULL;
	auto_free int *found = NULL;
	struct verify v = {.check = c};
	struct jobs jobs;
	int r = list_held(c, &jobs);

	if (r < 0)
		return r;
	v.list = list = jobs.items;
	v.found = found = calloc((size_t)jobs.n + 1, sizeof(*found));
	v.n = jobs.n;
	if (!found)
		return -ENOMEM;
	pthread_mutex_init(&v.bar, NULL);
	progress_begin(c->progress, "reading blobs", jobs.bytes, true);
	verify_list(&v);
	progress_end(c->progress);
	pthread_mutex_destroy(&v.bar);
	if (atomic_load(&v.stop))
		return -EINTR;
	c->result.verified = atomic_load(&v.bytes);
	for (uint32_t i = 0; r == 0 && i < v.n; i++)
		r = tell(c, list[i].blob, found[i]);
	return r;
}
