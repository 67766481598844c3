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
	struct image_source *source;
	const char *repository; /* lives as long as the tree */
	int depth;
	bool stepping, no_subject;
	bool partial; /* something is missing here that another repository may have */
	unsigned pending;
	int err;
	struct part *parts; /* for the subject or the manifest itself, then for each item of an index */
	size_t nparts;
};

static void job_step(struct image_job *job);

/* Is it still only fetched ahead? */
static bool is_ahead(const struct image_job *job)
{
	return !list_empty(&job->source->dating.ahead);
}

static void job_free(struct image_job *job)
{
	free(job->parts);
	free(job);
}

static void job_end(struct image_job *job, int err)
{
	struct image_source *s = job->source;

	s->job = NULL;
	job_free(job);
	fetch_end(s->tree, &s->dating, err);
}

static void set_date(struct image_job *job, enum created_from from, const struct timespec *created)
{
	struct timespec now, date = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	if (created && reg_date_plausible(created, &now))
		date = *created;
	else
		from = CREATED_UNDATED;
	if (job->partial) {
		job->source->from = from;
		job->source->created = date;
		job->source->dated = tree_now();
	} else {
		job->image->from = from;
		job->image->created = date;
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

/* The date of what the image consists of, as this repository has it. */
static enum created_from part_created(struct image_job *job, const struct image *part, struct timespec *ret)
{
	job->partial |= part->from == CREATED_UNKNOWN;
	return image_created(part, job->repository, ret);
}

/* Rule 4. True: the job is settled or waits. */
static bool date_by_subject(struct image_job *job)
{
	struct image *i = job->image, *subject;
	enum created_from from;
	struct timespec created;
	struct fetch *f = NULL;
	int r;

	if (!i->subject.algorithm || job->no_subject || job->depth >= MAX_DEPTH)
		return false;
	if (job->parts[0].missing) {
		/* Its image is gone: it stands for itself. */
		job->no_subject = job->partial = true;
		job->parts[0].missing = false;
		return false;
	}
	subject = image_get(job->tree, &i->subject);
	r = subject ? image_date(job->tree, subject, job->repository, is_ahead(job), job->depth + 1, &f)
		    : -ENOMEM;
	if (part_settle(job, &job->parts[0], r, f)) {
		from = part_created(job, subject, &created);
		set_date(job, CREATED_SUBJECT, from == CREATED_UNDATED ? NULL : &created);
		return true;
	}
	return job->parts[0].missing ? date_by_subject(job) : true;
}

static bool is_newer(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* Rule 2. */
static void date_by_platforms(struct image_job *job)
{
	const struct image *i = job->image;
	struct timespec newest = {0}, created;
	bool any = false;

	if (job->depth >= MAX_DEPTH || i->nitems > MAX_PLATFORMS) {
		job->partial = job->depth >= MAX_DEPTH;
		set_date(job, CREATED_UNDATED, NULL);
		return;
	}
	for (size_t k = 0; k < i->nitems; k++) {
		struct part *part = &job->parts[k + 1];
		struct image *item;
		struct fetch *f = NULL;
		int r;

		if (i->items[k].attestation || part->missing)
			continue;
		item = image_get(job->tree, &i->items[k].digest);
		r = item ? image_date(job->tree, item, job->repository, is_ahead(job), job->depth + 1, &f)
			 : -ENOMEM;
		if (!part_settle(job, part, r, f) || part_created(job, item, &created) == CREATED_UNDATED)
			continue;
		if (!any || is_newer(&created, &newest))
			newest = created;
		any = true;
	}
	if (job->pending || job->err < 0)
		return;
	for (size_t k = 0; k < i->nitems; k++)
		job->partial |= job->parts[k + 1].missing;
	set_date(job, CREATED_PLATFORM, any ? &newest : NULL);
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

	/* A config can be large: it is read before anybody has to wait for the lock. */
	if (r < 0)
		error = *result->error;
	else
		r = reg_config_parse(result->bytes->data, result->bytes->size, &config, &error);
	tree_lock(t);
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
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	/* What is no date is not told from a config without one: the config is asked. */
	if (i->kind == REG_KIND_MANIFEST && i->config_kind == CONFIG_IMAGE &&
	    reg_date_plausible(&i->stated, &now)) {
		set_date(job, CREATED_CONFIG, &i->stated);
		return;
	}
	if (i->config_kind == CONFIG_SILENT ||
	    (i->config_kind == CONFIG_OTHER && i->config_size > REG_MAX_CONFIG)) {
		date_without_config(job, NULL);
		return;
	}
	call = fetch_call(&job->source->dating, on_config, job);
	job->source->dating.op =
		reg_blob(job->tree->client, job->repository, &i->config, REG_MAX_CONFIG, &call);
	if (!job->source->dating.op)
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
	struct image_source *const s = job->source;

	if (job->err == 0) {
		job->stepping = true;
		choose_rule(job);
		if (s->job != job) /* ended */
			return;
		job->stepping = false;
	}
	if (job->err < 0 && !job->pending)
		job_end(job, job->err);
}

static int job_begin(struct image_source *s, bool ahead, int depth)
{
	struct image_job *job = calloc(1, sizeof(*job));

	if (!job)
		return -ENOMEM;
	job->tree = s->tree;
	job->image = s->image;
	job->source = s;
	job->repository = s->repository;
	job->depth = depth;
	if (make_parts(job) < 0) {
		job_free(job);
		return -ENOMEM;
	}
	s->job = job;
	fetch_begin(s->tree, &s->dating, ahead);
	job_step(job);
	return 0;
}

/* What nobody waits for yet is not asked of a second repository while the first may answer. */
static bool is_under_way(const struct image *i)
{
	for (const struct image_source *s = i->sources; s; s = s->next)
		if (s->job)
			return true;
	return false;
}

int image_date(struct tree *t, struct image *i, const char *repository, bool ahead, int depth,
	       struct fetch **ret_fetch)
{
	struct timespec created;
	struct image_source *s;
	int r;

	if (image_created(i, repository, &created) != CREATED_UNKNOWN)
		return 0;
	s = image_source(t, i, repository);
	if (!s)
		return -ENOMEM;
	*ret_fetch = &s->dating;
	if (s->job || (ahead && depth == 0 && is_under_way(i)))
		return 1;
	r = fetch_take_error(&s->dating, ahead);
	if (r < 0)
		return r;
	r = job_begin(s, ahead, depth);
	if (r < 0 || s->job)
		return r < 0 ? r : 1;
	r = fetch_take_error(&s->dating, false);
	return image_created(i, repository, &created) != CREATED_UNKNOWN ? 0 : r < 0 ? r : -EIO;
}
