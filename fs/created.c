/* SPDX-License-Identifier: MIT */
/*
 * When was an image created? The five rules:
 *  1. its config's .created;
 *  2. an index: its annotation, else the newest of its platforms (attestations are none);
 *  3. an artifact whose config does not say: its annotation, else the newest of its history;
 *  4. what has a subject: the subject's date, so that a signature ages with its image;
 *  5. none of these, or a date that cannot be: undated.
 * What cannot be fetched is an error, never a date.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "util/cleanup.h"

/* Indexes in indexes, subjects of subjects: nobody nests deeper, except to make us work. */
enum { MAX_DEPTH = 8, MAX_PLATFORMS = 1024 };

struct part {
	struct wait wait;
	struct image_job *job;
	bool missing; /* the registry does not have it */
};

struct image_job {
	struct tree *tree;
	struct image *image;
	char *repository;
	int depth;
	bool stepping, no_subject;
	unsigned pending;
	int err;
	struct part
		*parts; /* one for the subject or the manifest itself, then one for each item of an index */
	size_t nparts;
};

static void job_step(struct image_job *job);

/* Is it still only fetched ahead? */
static bool is_ahead(const struct image_job *job)
{
	return !list_empty(&job->image->dating.ahead);
}

static void job_free(struct image_job *job)
{
	free(job->parts);
	free(job->repository);
	free(job);
}

static void job_end(struct image_job *job, int err)
{
	struct image *i = job->image;
	struct tree *t = job->tree;

	i->job = NULL;
	job_free(job);
	fetch_end(t, &i->dating, err);
}

static void set_date(struct image_job *job, enum created_from from, const struct timespec *created)
{
	struct image *i = job->image;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	i->from = CREATED_UNDATED;
	if (created && reg_date_plausible(created, &now)) {
		i->from = from;
		i->created = *created;
	}
	job_end(job, 0);
}

static void on_part(struct tree *t, struct wait *w, int err)
{
	struct part *part = container_of(w, struct part, wait);
	struct image_job *job = part->job;

	(void)t;
	if (err == -ENOENT)
		part->missing = true;
	else if (err < 0)
		job->err = err;
	if (--job->pending == 0 && !job->stepping)
		job_step(job);
}

/* Waits for what a part needs: r and f as image_date() gives them. Returns true if it is known. */
static bool part_settle(struct image_job *job, struct part *part, int r, struct fetch *f)
{
	if (r == 0)
		return true;
	if (r == -ENOENT) {
		part->missing = true;
	} else if (r < 0) {
		job->err = r;
	} else {
		part->job = job;
		part->wait.wake = on_part;
		job->pending++;
		fetch_wait(job->tree, f, &part->wait, is_ahead(job));
	}
	return false;
}

static int make_parts(struct image_job *job)
{
	const size_t n = 1 + (job->image->nitems < MAX_PLATFORMS ? job->image->nitems : MAX_PLATFORMS);

	if (job->nparts >= n)
		return 0;
	free(job->parts);
	job->parts = calloc(n, sizeof(*job->parts));
	job->nparts = job->parts ? n : 0;
	return job->parts ? 0 : -ENOMEM;
}

/* Rule 4. True: the job is settled or waits. */
static bool date_by_subject(struct image_job *job)
{
	struct image *i = job->image, *subject;
	struct fetch *f = NULL;
	int r;

	if (!i->subject.algorithm || job->no_subject || job->depth >= MAX_DEPTH)
		return false;
	if (job->parts[0].missing) {
		/* Its image is gone: it stands for itself. */
		job->no_subject = true;
		job->parts[0].missing = false;
		return false;
	}
	subject = image_get(job->tree, &i->subject);
	r = subject ? image_date(job->tree, subject, job->repository, is_ahead(job), job->depth + 1, &f)
		    : -ENOMEM;
	if (part_settle(job, &job->parts[0], r, f)) {
		set_date(job, CREATED_SUBJECT, subject->from == CREATED_UNDATED ? NULL : &subject->created);
		return true;
	}
	return job->parts[0].missing ? date_by_subject(job) : true;
}

/* Rule 2. */
static void date_by_platforms(struct image_job *job)
{
	const struct image *i = job->image;
	const struct timespec *newest = NULL;

	if (job->depth >= MAX_DEPTH) {
		set_date(job, CREATED_UNDATED, NULL);
		return;
	}
	for (size_t k = 0; k + 1 < job->nparts; k++) {
		struct part *part = &job->parts[k + 1];
		struct image *item;
		struct fetch *f = NULL;
		int r;

		if (i->items[k].attestation || part->missing)
			continue;
		item = image_get(job->tree, &i->items[k].digest);
		r = item ? image_date(job->tree, item, job->repository, is_ahead(job), job->depth + 1, &f)
			 : -ENOMEM;
		if (!part_settle(job, part, r, f) || item->from == CREATED_UNDATED)
			continue;
		if (!newest || item->created.tv_sec > newest->tv_sec ||
		    (item->created.tv_sec == newest->tv_sec && item->created.tv_nsec > newest->tv_nsec))
			newest = &item->created;
	}
	if (!job->pending && job->err == 0)
		set_date(job, CREATED_PLATFORM, newest);
}

static void date_without_config(struct image_job *job, const struct reg_config *config)
{
	const struct image *i = job->image;

	if (i->has_annotation)
		set_date(job, i->kind == REG_KIND_SCHEMA1 ? CREATED_HISTORY : CREATED_ANNOTATION,
			 &i->annotation);
	else
		set_date(job, CREATED_HISTORY, config && config->has_history ? &config->history : NULL);
}

static void learn_config(struct image_job *job, const struct reg_config *config)
{
	if (config->has_created)
		set_date(job, CREATED_CONFIG, &config->created);
	else
		date_without_config(job, config);
}

static void on_config(void *data, const struct reg_result *result)
{
	struct image_job *job = data;
	struct tree *t = job->tree;
	struct reg_error error = {0};
	struct reg_config config;
	char text[REG_DIGEST_MAX];
	int r = result->err;

	tree_lock(t);
	if (r < 0)
		error = *result->error;
	else
		r = reg_config_parse(result->bytes->data, result->bytes->size, &config, &error);
	if (r == 0) {
		learn_config(job, &config);
		reg_config_done(&config);
	} else if (r == -EBADMSG && result->err == 0 && job->image->config_kind == CONFIG_OTHER) {
		date_without_config(job, NULL); /* an artifact's config may be anything */
	} else {
		if (r == -ENOENT) /* the manifest is there: that its config is not is damage, not absence */
			r = -EIO;
		tree_log_failure(t, job->repository, reg_digest_text(&job->image->config, text), r, &error);
		job_end(job, r);
	}
	tree_unlock(t);
}

/* Rules 1 and 3. */
static void date_by_config(struct image_job *job)
{
	struct image *i = job->image;
	struct reg_call call;

	if (i->config_kind == CONFIG_SILENT ||
	    (i->config_kind == CONFIG_OTHER && i->config_size > REG_MAX_CONFIG)) {
		date_without_config(job, NULL);
		return;
	}
	call = fetch_call(&i->dating, on_config, job);
	i->dating.op = reg_blob(job->tree->client, job->repository, &i->config, REG_MAX_CONFIG, &call);
	if (!i->dating.op)
		job_end(job, -ENOMEM);
}

static bool load_manifest(struct image_job *job)
{
	struct fetch *f = NULL;
	int r;

	if (job->image->known)
		return true;
	r = image_load(job->tree, job->image, job->repository, is_ahead(job), &f);
	(void)part_settle(job, &job->parts[0], r, f);
	if (job->parts[0].missing)
		job->err = -ENOENT;
	return false;
}

static void choose_rule(struct image_job *job)
{
	struct image *i = job->image;

	if (!i->known && job->parts[0].missing) {
		job->err = -ENOENT;
		return;
	}
	if (!load_manifest(job))
		return;
	if (make_parts(job) < 0) {
		job->err = -ENOMEM;
		return;
	}
	if (date_by_subject(job))
		return;
	if (i->kind != REG_KIND_INDEX)
		date_by_config(job);
	else if (i->has_annotation)
		set_date(job, CREATED_ANNOTATION, &i->annotation);
	else
		date_by_platforms(job);
}

/* Goes on with what is known now; each step ends the job, or leaves it with what it waits for. */
static void job_step(struct image_job *job)
{
	struct image *const i = job->image;

	if (job->err == 0) {
		job->stepping = true;
		choose_rule(job);
		if (i->job != job) /* ended */
			return;
		job->stepping = false;
	}
	if (job->err < 0 && !job->pending)
		job_end(job, job->err);
}

int image_date(struct tree *t, struct image *i, const char *repository, bool ahead, int depth,
	       struct fetch **ret_fetch)
{
	struct image_job *job;
	int r;

	if (i->from != CREATED_UNKNOWN)
		return 0;
	*ret_fetch = &i->dating;
	if (i->job)
		return 1;
	r = fetch_take_error(&i->dating, ahead);
	if (r < 0)
		return r;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->tree = t;
	job->image = i;
	job->depth = depth;
	job->repository = strdup(repository);
	if (!job->repository || make_parts(job) < 0) {
		job_free(job);
		return -ENOMEM;
	}
	i->job = job;
	fetch_begin(t, &i->dating, ahead);
	job_step(job);
	if (i->job)
		return 1;
	r = fetch_take_error(&i->dating, false);
	return i->from != CREATED_UNKNOWN ? 0 : r < 0 ? r : -EIO;
}
