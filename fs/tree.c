/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "listing.h"
#include "protect.h"
#include "repository.h"
#include "survey.h"
#include "util/cleanup.h"
#include "walk.h"

uint64_t tree_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 + 1;
}

bool tree_fresh(const struct tree *t, uint64_t when, const struct call *c)
{
	if (!when)
		return false;
	return (c && when >= c->began) ||
	       tree_now() - when < (c && c->patience ? c->patience : (uint64_t)t->options.ttl * 1000);
}

int tree_new(struct reg_client *client, const struct tree_options *o, struct tree **ret)
{
	struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->idle, NULL);
	t->client = client;
	t->options = *o;
	clock_gettime(CLOCK_REALTIME, &t->mounted);
	list_init(&t->ready);
	list_init(&t->ahead);
	map_init(&t->paths);
	map_init(&t->images);
	fetch_init(&t->catalog);
	t->walks = walks_new();
	if (!t->walks || !directory_make(t, reg_client_prefix(client)) ||
	    (o->repositories &&
	     catalog_merge(t, (const char *const *)o->repositories, o->nrepositories) < 0)) {
		tree_free(t);
		return -ENOMEM;
	}
	*ret = t;
	return 0;
}

static void free_images(struct tree *t)
{
	struct map_node *node;

	while ((node = map_any(&t->images))) {
		struct image *i = container_of(node, struct image, node);

		map_remove(&t->images, node);
		for (struct image_source *s = i->sources, *next; s; s = next) {
			next = s->next;
			free(s);
		}
		free(i->items);
		free(i->media_type);
		free(i);
	}
	map_done(&t->images);
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	for (size_t k = 0; k < t->ndirectories; k++) {
		struct directory *d = t->directories[k];

		repository_free(d->repository);
		free(d->children);
		free(d->path);
		free(d);
	}
	free(t->directories);
	map_done(&t->paths);
	free_images(t);
	walks_free(t->walks);
	protect_free(t->protect);
	pthread_cond_destroy(&t->idle);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

struct timespec tree_mounted(const struct tree *t)
{
	enum { DAY = 24 * 3600 };
	struct timespec ret = t->mounted, now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec > ret.tv_sec)
		ret.tv_sec += (now.tv_sec - ret.tv_sec) / DAY * DAY;
	return ret;
}

struct timespec tree_undated(const struct tree *t)
{
	const struct timespec epoch = {0};

	return t->options.undated_epoch ? epoch : tree_mounted(t);
}

static void forget_node(const struct tree *t, enum node_kind kind, uint32_t directory, uint32_t entry)
{
	t->options.attr_changed(t->options.notify_data, node_make(kind, directory, entry));
}

static void forget_repository(struct tree *t, struct repository *r)
{
	const uint32_t index = r->directory->index;

	r->listed = r->absent = 0;
	r->listing.err = 0;
	survey_forget(r);
	for (size_t k = 0; k < r->ntags; k++) {
		struct tag *tag = r->tags[k];

		if (tag->resolved) {
			forget_node(t, NODE_TAG, index, (uint32_t)k);
			forget_node(t, NODE_CONFIG, index, (uint32_t)k);
		}
		tag->resolved = tag->absent = 0;
		tag->hidden = false;
		tag->fetch.err = 0;
	}
	for (size_t k = 0; k < r->nmanifests; k++)
		if (r->manifests[k]->dated)
			forget_node(t, NODE_MANIFEST, index, (uint32_t)k);
}

static void forget_image(struct image *i)
{
	for (struct image_source *s = i->sources; s; s = s->next) {
		s->absent = s->dated = 0;
		s->dating.err = s->loading.err = 0;
	}
}

/*
 * The kernel is told to forget attributes, not names: for a name it takes a lock that a lookup under way
 * holds until the registry has answered. A name that is gone says so when it is asked for its attributes.
 */
void tree_forget(struct tree *t)
{
	tree_lock(t);
	t->forgotten = tree_now();
	t->cataloged = 0;
	t->catalog.err = 0;
	for (size_t k = 0; k < t->ndirectories; k++)
		if (t->directories[k]->repository)
			forget_repository(t, t->directories[k]->repository);
	for (size_t k = 0; k < t->images.nbuckets; k++)
		for (struct map_node *n = t->images.buckets[k]; n; n = n->next)
			forget_image(container_of(n, struct image, node));
	tree_unlock(t);
}

void tree_protect(struct tree *t, struct protect *protect)
{
	struct protect *before;

	tree_lock(t);
	before = t->protect;
	t->protect = protect;
	t->protect_generation++;
	tree_unlock(t);
	protect_free(before);
}

void tree_end(struct tree *t)
{
	tree_lock(t);
	t->ending = true;
	while (t->removals)
		pthread_cond_wait(&t->idle, &t->lock);
	tree_unlock(t);
}

void tree_log(const struct tree *t, enum reg_log_level level, const char *format, ...)
{
	char line[1024];
	va_list args;

	if (!t->options.log)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	t->options.log(t->options.log_data, level, line);
}

int tree_log_failure(const struct tree *t, const char *repository, const char *reference, int err,
		     const struct reg_error *error)
{
	char status[32] = "";

	if (err >= 0 || err == -ENOENT || err == -ECANCELED || err == -EINTR)
		return err;
	if (error && error->status)
		snprintf(status, sizeof(status), "HTTP %d ", error->status);
	tree_log(t, REG_LOG_ERROR, "%s%s%s: %s%s%s%s (%s)", repository,
		 !reference[0]            ? ""
		 : strchr(reference, ':') ? "@"
					  : ":",
		 reference, status, error ? error->code : "", error && error->code[0] ? ": " : "",
		 error ? error->msg : "", strerror(-err));
	return err;
}
