/* SPDX-License-Identifier: MIT */
/*
 * A small program on libregistry: lists a repository's tags with their digests and the dates of their images.
 *
 *     $ client http://localhost:5000 team/app
 *     2026-11-20T08:36:54Z  sha256:46716ad3e483...  1.11.0
 *     2026-10-07T11:02:09Z  sha256:0f1a3ee4bd0c...  1.9.0
 *
 * After installation: cc -o client client.c $(pkg-config --cflags --libs libregistry)
 *
 * Every call is answered by a callback on the library's own thread, which must not wait. So the callbacks here start
 * the next call themselves: ping -> list -> manifests -> configs, those of all tags at the same time; main() waits for
 * the last. The ping finds out whether a loopback registry speaks https or http; any other may be asked without it.
 * An image for several platforms is dated by the one for this machine; regfs itself looks at all of them.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registry.h"

struct listing {
	struct reg_client *client;
	const char *repository;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t pending; /* with the lock: calls not answered yet */
	int failed; /* with the lock: 1 once something could not be had */
};

struct tag {
	struct listing *listing;
	char name[129];
	struct reg_digest digest;
};

static const struct reg_error no_memory = {.err = -ENOMEM, .msg = "out of memory"};

static void add_pending(struct listing *l)
{
	pthread_mutex_lock(&l->lock);
	l->pending++;
	pthread_mutex_unlock(&l->lock);
}

static void end_call(struct listing *l, const char *what, const struct reg_error *error)
{
	pthread_mutex_lock(&l->lock);
	if (error) {
		fprintf(stderr, "client: %s: %s\n", what, error->msg);
		l->failed = 1;
	}
	l->pending--;
	pthread_cond_signal(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

static void end_tag(struct tag *tag, const struct reg_error *error)
{
	end_call(tag->listing, tag->name, error);
	free(tag);
}

static void print_tag(const struct tag *tag, const struct timespec *created)
{
	char date[64] = "-", digest[REG_DIGEST_MAX];
	struct tm tm;

	if (created && gmtime_r(&created->tv_sec, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", &tm);
	printf("%-20s  %.19s...  %s\n", date, reg_digest_text(&tag->digest, digest), tag->name);
}

static void on_config(void *data, const struct reg_result *result)
{
	struct tag *tag = data;
	struct reg_error error;
	struct reg_config config;

	if (result->err < 0) {
		end_tag(tag, result->error);
	} else if (reg_config_parse(result->bytes->data, result->bytes->size, &config, &error) < 0) {
		end_tag(tag, &error);
	} else {
		print_tag(tag, config.has_created ? &config.created : NULL);
		reg_config_done(&config);
		end_tag(tag, NULL);
	}
}

static void on_manifest(void *data, const struct reg_result *result);

/* Asks for what leads on to the date. Returns false if there is nothing of the sort, or no memory. */
static bool follow(struct tag *tag, const struct reg_document *document)
{
	struct listing *l = tag->listing;
	const struct reg_call ask_manifest = {.done = on_manifest, .data = tag};
	const struct reg_call ask_config = {.done = on_config, .data = tag};
	char text[REG_DIGEST_MAX];
	struct reg_platform host;
	int child;

	if (document->config.digest.algorithm)
		return reg_blob(l->client, l->repository, &document->config.digest, REG_MAX_CONFIG,
				&ask_config);
	reg_platform_host(&host);
	child = document->kind == REG_KIND_INDEX ? reg_platform_select(document, &host) : -1;
	if (child < 0)
		return false;
	reg_digest_text(&document->items[child].digest, text);
	return reg_manifest(l->client, l->repository, text, NULL, &ask_manifest);
}

static void on_manifest(void *data, const struct reg_result *result)
{
	struct tag *tag = data;
	struct reg_error error;
	struct reg_document document;

	if (result->err < 0) {
		end_tag(tag, result->error);
		return;
	}
	if (!tag->digest.algorithm) /* the tag's own, not the one of a platform */
		tag->digest = result->digest;
	if (reg_document_parse(result->bytes->data, result->bytes->size, result->media_type, &document,
			       &error) < 0) {
		end_tag(tag, &error);
		return;
	}
	if (!follow(tag, &document)) {
		print_tag(tag, document.has_created ? &document.created : NULL);
		end_tag(tag, NULL);
	}
	reg_document_done(&document);
}

static void ask_tag(struct listing *l, const char *name)
{
	struct tag *tag = calloc(1, sizeof(*tag));
	const struct reg_call call = {.done = on_manifest, .data = tag};

	add_pending(l);
	if (!tag) {
		end_call(l, name, &no_memory);
		return;
	}
	tag->listing = l;
	snprintf(tag->name, sizeof(tag->name), "%s", name);
	if (!reg_manifest(l->client, l->repository, name, NULL, &call))
		end_tag(tag, &no_memory);
}

static void on_tags(void *data, const struct reg_result *result)
{
	struct listing *l = data;

	if (result->err == 0) {
		for (size_t i = 0; i < result->names->count; i++)
			ask_tag(l, result->names->items[i]);
	}
	end_call(l, l->repository, result->err < 0 ? result->error : NULL);
}

static void on_ping(void *data, const struct reg_result *result)
{
	struct listing *l = data;
	const struct reg_call call = {.done = on_tags, .data = l};

	if (result->err < 0)
		end_call(l, reg_client_host(l->client), result->error);
	else if (!reg_tags(l->client, l->repository, NULL, &call))
		end_call(l, l->repository, &no_memory);
}

int main(int argc, char **argv)
{
	struct listing l = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .pending = 1};
	const struct reg_call call = {.done = on_ping, .data = &l};
	struct reg_options options;
	struct reg_error error;

	if (argc != 3) {
		fprintf(stderr, "usage: client SOURCE REPOSITORY\n");
		return 2;
	}
	reg_options_init(&options);
	options.source = argv[1];
	l.repository = argv[2];
	if (reg_client_new(&options, &l.client, &error) < 0) {
		fprintf(stderr, "client: %s\n", error.msg);
		return 1;
	}
	if (!reg_ping(l.client, &call)) {
		fprintf(stderr, "client: out of memory\n");
		return 1;
	}
	pthread_mutex_lock(&l.lock);
	while (l.pending > 0)
		pthread_cond_wait(&l.changed, &l.lock);
	pthread_mutex_unlock(&l.lock);
	reg_client_free(l.client);
	return l.failed;
}
