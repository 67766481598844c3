/* SPDX-License-Identifier: MIT */
/* The questions about the registry itself: who it is, who may come in, what its catalog says. */
#include "doctor/doctor.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor_inner.h"
#include "error.h"
#include "json.h"

enum { MAX_TRIED = 8, SLACK_MS = 2000 };

/* ---- one question ---- */

int doctor_probe(struct asking *a, const struct reg_probe *p, struct reg_probe_answer *answer,
		 struct doctor_ability *ability)
{
	struct answer end;
	const struct reg_call call = together_call(&a->together, &end, 0);

	together_made(&end, reg_probe(a->client, p, answer, &call));
	together_wait(&a->together);
	ability->err = end.err;
	ability->error = end.error;
	answer_done(&end);
	return end.err == -ENOMEM ? -ENOMEM : 0;
}

int doctor_get(struct asking *a, const char *scope, struct reg_probe_answer *answer,
	       struct doctor_ability *ability, const char *format, ...)
{
	struct reg_probe p = {.scope = scope, .max_body = REG_MAX_PAGE}; /* who ignores n sends all, as to a mount */
	char path[REG_PATH_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	p.path = path;
	return doctor_probe(a, &p, answer, ability);
}

/* ---- lists ---- */

/* The names of a page, in *ret_first the first one, if there is any. -1: it is no list. */
static int count_names(const struct reg_probe_answer *answer, const char *member, char *ret_first,
		       size_t size, bool *ret_null)
{
	struct json *page = json_parse(answer->body.data, answer->body.size);
	const struct json *list = json_array(page, member);
	const bool null = json_has_null(page, member);
	const char *first = json_text(json_first(list));
	int n = 0;

	if (first && strlen(first) < size)
		strcpy(ret_first, first);
	for (const struct json *i = json_first(list); i; i = json_next(i))
		n++;
	json_free(page);
	*ret_null |= null;
	return list || null ? n : -1;
}

static void judge_list(struct doctor_list *list, int status, int names)
{
	struct doctor_ability *a = &list->ability;

	if (a->err == 0 && names >= 0) {
		a->can = CAN_YES;
	} else if (status == 404 || status == 405 || status == 501) {
		a->can = CAN_NO;
		list->absent = true;
	} else if (status == 401 || status == 403) {
		a->can = CAN_NO;
	}
}

/* A page of one name was asked for; what came is a page, or everything. */
static int learn_paging(struct asking *a, const struct list_question *q, const struct reg_probe_answer *page,
			int names, const char *first)
{
	struct doctor_list *list = q->list;
	struct doctor_ability ignored;
	struct reg_probe_answer next;
	char second[REG_NAME_ROOM] = "";
	char *escaped;
	bool null = false;
	int r, n;

	if (names > 1)
		list->paging = PAGING_NONE;
	else if (names == 1 && page->link[0])
		list->paging = PAGING_LINK;
	if (names != 1 || page->link[0])
		return 0;
	escaped = curl_easy_escape(NULL, first, 0);
	if (!escaped)
		return -ENOMEM;
	r = doctor_get(a, q->scope, &next, &ignored, "%s?n=1&last=%s", q->path, escaped);
	curl_free(escaped);
	n = r == 0 && ignored.err == 0 ? count_names(&next, q->member, second, sizeof(second), &null) : 0;
	if (n > 0)
		list->paging = strcmp(first, second) == 0 ? PAGING_BROKEN : PAGING_LAST;
	reg_probe_answer_done(&next);
	return r;
}

int doctor_list(struct asking *a, const struct list_question *q, char *ret_first, size_t size)
{
	struct reg_probe_answer page;
	int names = -1, r = doctor_get(a, q->scope, &page, &q->list->ability, "%s?n=1", q->path);

	*ret_first = '\0';
	if (r == 0 && q->list->ability.err == 0) {
		names = count_names(&page, q->member, ret_first, size, &q->list->null);
		if (names < 0)
			q->list->ability.err =
				reg_fail(&q->list->ability.error, -EBADMSG, "the answer is not a listing");
	}
	q->list->ms = page.ms;
	judge_list(q->list, page.status, names);
	if (r == 0)
		r = learn_paging(a, q, &page, names, ret_first);
	reg_probe_answer_done(&page);
	return r;
}

/* ---- who is there ---- */

static int greet(struct asking *a)
{
	struct doctor *d = a->doctor;
	struct answer end;
	const struct reg_call call = together_call(&a->together, &end, 0);

	together_made(&end, reg_ping(a->client, &call));
	together_wait(&a->together);
	d->ping.err = end.err;
	d->ping.error = end.error;
	d->ping.can = end.err == 0 ? CAN_YES : CAN_NO;
	answer_done(&end);
	/* Only now is it certain whether it speaks TLS. */
	snprintf(d->url, sizeof(d->url), "%s", reg_client_url(a->client));
	return end.err == -ENOMEM ? -ENOMEM : 0;
}

/* Its date is a whole second at some moment between the question and the end of the answer, which may be slow. */
static int64_t skew(time_t date, int64_t asked_ms, int64_t received_ms)
{
	const int64_t first = (int64_t)date * 1000, last = first + 999;

	if (first > received_ms + SLACK_MS)
		return first - received_ms;
	return last < asked_ms - SLACK_MS ? last - asked_ms : 0;
}

/* As a stranger: what it says of itself, and which login it wants. */
static int look(struct asking *a)
{
	struct doctor *d = a->doctor;
	struct doctor_ability ignored;
	struct reg_probe_answer answer;
	time_t date;
	const int r = doctor_get(a, NULL, &answer, &ignored, "/v2/");

	d->facts = answer.facts;
	d->ms = answer.ms;
	d->challenged = answer.status == 401;
	if (!reg_challenge_parse(answer.challenge, &d->challenge))
		d->challenge = (struct reg_challenge){0};
	date = answer.facts.date[0] ? curl_getdate(answer.facts.date, NULL) : -1;
	d->has_skew = date != (time_t)-1;
	if (d->has_skew)
		d->skew_ms = skew(date, answer.received_ms - (int64_t)answer.ms, answer.received_ms);
	reg_probe_answer_done(&answer);
	return r;
}

/* ---- what to look at ---- */

static bool is_below(const char *name, const char *prefix)
{
	const size_t n = strlen(prefix);

	return !n || (strncmp(name, prefix, n) == 0 && (!name[n] || name[n] == '/'));
}

/* Has it a tag? Then it is the one that is looked at. */
static int try_repository(struct asking *a, const char *name)
{
	struct doctor *d = a->doctor;
	char path[REG_PATH_MAX], scope[REG_PATH_MAX], tag[REG_NAME_ROOM];
	struct doctor_list list = {0};
	const struct list_question q = {&list, path, scope, "tags"};
	int r;

	if (!reg_name_is_repository(name))
		return 0;
	snprintf(path, sizeof(path), "/v2/%s/tags/list", name);
	snprintf(scope, sizeof(scope), "repository:%s:pull", name);
	r = doctor_list(a, &q, tag, sizeof(tag));
	/* One that can be read, even without a tag, tells more than one that cannot. */
	if (d->repository[0] && list.ability.can != CAN_YES)
		return r;
	d->tags = list;
	snprintf(d->repository, sizeof(d->repository), "%s", name);
	if (reg_name_is_tag(tag)) /* at most 128 bytes, then */
		strcpy(d->tag, tag);
	return r;
}

static int try_catalog(struct asking *a)
{
	struct doctor *d = a->doctor;
	struct doctor_ability ignored;
	struct reg_probe_answer page;
	struct json *json;
	int tried = 0, r = doctor_get(a, CATALOG_SCOPE, &page, &ignored, "/v2/_catalog?n=100");

	json = r == 0 ? json_parse(page.body.data, page.body.size) : NULL;
	for (const struct json *i = json_first(json_array(json, "repositories"));
	     i && r == 0 && !d->tag[0] && tried < MAX_TRIED; i = json_next(i)) {
		if (!json_text(i) || !is_below(json_text(i), d->prefix))
			continue;
		r = try_repository(a, json_text(i));
		tried++;
	}
	json_free(json);
	reg_probe_answer_done(&page);
	return r;
}

static int find_repository(struct asking *a)
{
	struct doctor *d = a->doctor;
	int r = 0;

	if (a->options->repository)
		return try_repository(a, a->options->repository);
	if (d->prefix[0])
		r = try_repository(a, d->prefix);
	if (r == 0 && !d->tag[0] && d->catalog.ability.can == CAN_YES)
		r = try_catalog(a);
	return r;
}

static int ask_all(struct asking *a)
{
	struct doctor *d = a->doctor;
	const struct list_question catalog = {&d->catalog, "/v2/_catalog", CATALOG_SCOPE, "repositories"};
	char first[REG_NAME_ROOM];
	int r = greet(a);

	/* One that answers, if only to refuse, can be asked whom it lets in. */
	if (r == 0 && (d->ping.err == 0 || d->ping.error.status))
		r = look(a);
	if (r < 0 || d->ping.err < 0)
		return r;
	r = doctor_list(a, &catalog, first, sizeof(first));
	if (r == 0)
		r = find_repository(a);
	if (r == 0 && d->repository[0])
		r = doctor_ask_repository(a);
	return r;
}

int doctor_ask(struct reg_client *c, const struct doctor_options *o, struct doctor *ret)
{
	struct asking a = {.client = c, .options = o, .doctor = ret};
	int r;

	*ret = (struct doctor){0};
	snprintf(ret->prefix, sizeof(ret->prefix), "%s", reg_client_prefix(c));
	together_init(&a.together);
	r = ask_all(&a);
	together_done(&a.together);
	return r;
}

bool doctor_is_doubtful(const struct doctor *d)
{
	return !d->facts.api[0] && d->catalog.ability.err == -EBADMSG && d->tags.ability.can != CAN_YES;
}

bool doctor_is_well(const struct doctor *d)
{
	if (d->ping.can != CAN_YES || doctor_is_doubtful(d))
		return false;
	return !d->repository[0] ||
	       (d->tags.ability.can == CAN_YES && (!d->tag[0] || d->manifests.get.can == CAN_YES));
}
