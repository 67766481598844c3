/* SPDX-License-Identifier: MIT */
#include "journal_line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "json.h"
#include "util/cleanup.h"

static const char *const actions[] = {[JOURNAL_DELETE] = "delete", [JOURNAL_UNTAG] = "untag"};
static const char *const roles[] = {
	[JOURNAL_IMAGE] = "image", [JOURNAL_CHILD] = "child", [JOURNAL_REFERRER] = "referrer"};
static const char *const outcomes[] = {[JOURNAL_REMOVED] = "removed",
				       [JOURNAL_KEPT] = "kept",
				       [JOURNAL_PARTLY] = "partly",
				       [JOURNAL_UNKNOWN] = "unknown"};

static const char *word(const char *const *words, size_t n, unsigned value)
{
	return value < n ? words[value] : NULL;
}

const char *journal_action_name(enum journal_action action)
{
	return word(actions, ARRAY_SIZE(actions), action);
}

const char *journal_role_name(enum journal_role role)
{
	return word(roles, ARRAY_SIZE(roles), role);
}

const char *journal_outcome_name(enum journal_outcome outcome)
{
	return word(outcomes, ARRAY_SIZE(outcomes), outcome);
}

static unsigned find_word(const char *const *words, size_t n, const char *text)
{
	for (size_t i = 1; text && i < n; i++)
		if (strcmp(words[i], text) == 0)
			return (unsigned)i;
	return 0;
}

enum journal_action journal_action_from(const char *name)
{
	return find_word(actions, ARRAY_SIZE(actions), name);
}

enum journal_role journal_role_from(const char *name)
{
	return find_word(roles, ARRAY_SIZE(roles), name);
}

enum journal_outcome journal_outcome_from(const char *name)
{
	return find_word(outcomes, ARRAY_SIZE(outcomes), name);
}

static void line_begin(struct json_writer *w, uint64_t id, const struct timespec *time)
{
	char date[32] = "", text[48];
	struct tm tm;

	if (gmtime_r(&time->tv_sec, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%06ldZ", date, time->tv_nsec / 1000);
	json_write_object(w, NULL);
	json_write_number(w, "version", JOURNAL_VERSION);
	json_write_number(w, "id", (int64_t)id);
	json_write_text(w, "time", text);
}

static int line_end(struct json_writer *w, struct reg_error *error)
{
	json_write_object_end(w);
	if (w->err == 0)
		w->err = buf_puts(w->out, "\n");
	if (w->err < 0)
		reg_fail(error, w->err,
			 w->err == -ENOMEM ? "out of memory" : "too many tags for one removal");
	return w->err;
}

static void write_item(struct json_writer *w, const struct journal_item *item)
{
	char text[REG_DIGEST_MAX];

	json_write_object(w, NULL);
	json_write_text(w, "digest", reg_digest_text(&item->digest, text));
	json_write_text(w, "mediaType", item->media_type);
	json_write_number(w, "size", (int64_t)item->bytes->size);
	json_write_text(w, "role", journal_role_name(item->role));
	json_write_array(w, "tags");
	for (size_t i = 0; i < item->ntags; i++)
		json_write_text(w, NULL, item->tags[i]);
	json_write_array_end(w);
	json_write_object_end(w);
}

static bool item_is_sound(const struct journal_item *item)
{
	struct reg_digest digest;

	if (!journal_role_name(item->role) || !item->bytes || item->bytes->size > REG_MAX_MANIFEST)
		return false;
	for (size_t i = 0; i < item->ntags; i++)
		if (!reg_name_is_tag(item->tags[i]))
			return false;
	return reg_digest_compute(item->digest.algorithm, item->bytes->data, item->bytes->size, &digest) ==
		       0 &&
	       reg_digest_equal(&digest, &item->digest);
}

/* What could not be put back must not be removed: reading is as strict. */
static bool entry_is_sound(const struct journal_entry *e)
{
	if (!journal_action_name(e->action) || !e->nitems || !reg_name_is_repository(e->repository) ||
	    (e->tag && !reg_name_is_tag(e->tag)))
		return false;
	for (size_t i = 0; i < e->nitems; i++)
		if (!item_is_sound(&e->items[i]))
			return false;
	return true;
}

int journal_line_before(struct buf *ret, uint64_t id, const struct timespec *time, const char *registry,
			const struct journal_entry *e, struct reg_error *error)
{
	struct json_writer w = {.out = ret};
	char text[REG_DIGEST_MAX];

	if (!entry_is_sound(e))
		return reg_fail(error, -EINVAL, "this removal cannot be written into the journal");
	line_begin(&w, id, time);
	json_write_text(&w, "registry", registry);
	json_write_text(&w, "repository", e->repository);
	json_write_text(&w, "tag", e->tag);
	json_write_text(&w, "action", journal_action_name(e->action));
	json_write_text(&w, "digest", reg_digest_text(&e->items[0].digest, text));
	if (e->placeholder.algorithm)
		json_write_text(&w, "placeholder", reg_digest_text(&e->placeholder, text));
	json_write_array(&w, "manifests");
	for (size_t i = 0; i < e->nitems; i++)
		write_item(&w, &e->items[i]);
	json_write_array_end(&w);
	if (e->uid >= 0)
		json_write_number(&w, "uid", e->uid);
	if (e->pid >= 0)
		json_write_number(&w, "pid", e->pid);
	json_write_text(&w, "command", e->command);
	return line_end(&w, error);
}

int journal_line_after(struct buf *ret, uint64_t id, const struct timespec *time,
		       enum journal_outcome outcome, const struct reg_digest *left, size_t nleft,
		       struct reg_error *error)
{
	struct json_writer w = {.out = ret};
	char text[REG_DIGEST_MAX];

	if (!journal_outcome_name(outcome))
		return reg_fail(error, -EINVAL, "no such outcome of a removal");
	line_begin(&w, id, time);
	json_write_text(&w, "outcome", journal_outcome_name(outcome));
	json_write_array(&w, "left");
	for (size_t i = 0; i < nleft; i++)
		json_write_text(&w, NULL, reg_digest_text(&left[i], text));
	json_write_array_end(&w);
	return line_end(&w, error);
}
