/* SPDX-License-Identifier: MIT */
/*
 * Listings and their pages: the catalog, the tags of a repository (OCI distribution specification, end-8),
 * the referrers of a manifest (end-12). What registries do to paging is met here: no Link, one that names
 * another host or path, one that leads back, a page size that is refused, a list that ignores it, null for
 * none.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "dated.h"
#include "error.h"
#include "json.h"
#include "link.h"
#include "namelist.h"
#include "util/cleanup.h"

/*
 * Names a page. The most that distribution and ECR accept: with fewer, large catalogs cost more round trips.
 * Fewer where that is refused, or where a gateway gives up before a page has been made (a catalog of ACR
 * costs what there are objects: its pages of 100 time out, those of 5 come).
 */
static const unsigned sizes[] = {1000, 100, 20, 5};

enum { SMALLEST = ARRAY_SIZE(sizes) - 1, NO_SIZE /* whatever the registry's is */, MAX_EMPTY = 16 };

struct listing_kind {
	const char *array; /* the member of the answer that holds the names */
	bool (*valid)(const char *name);
	const char *(*name)(const struct json *item);
};

struct listing_work {
	struct work work;
	const struct listing_kind *kind;
	char *path; /* without its query */
	bool one_page;
	unsigned n; /* 0: the registry's default */
	char *last; /* one page: where it starts, or NULL */
	unsigned size; /* all pages: index of sizes, or NO_SIZE */
	unsigned most; /* likewise: larger ones were refused */
	bool ignore_link; /* Links lead in a circle, or nowhere: go on by last */
	bool by_link; /* the page under way was found by a Link */
	bool by_token; /* and by that alone: where it begins cannot be said by a name */
	bool guessed; /* nothing says that there is such a page: it is asked for to be sure */
	ssize_t led_on; /* how many names the last page with a Link held; 0: there was none */
	unsigned empty; /* pages in a row that brought nothing */
	struct namelist names;
	struct dated dated;
	char next[2048]; /* the query of the next page */
};

static const char *item_digest(const struct json *item)
{
	return json_string(item, "digest");
}

static bool is_digest(const char *name)
{
	struct reg_digest d;

	return reg_digest_parse(name, &d);
}

static const struct listing_kind catalog_kind = {"repositories", reg_name_is_repository, json_text};
static const struct listing_kind tags_kind = {"tags", reg_name_is_tag, json_text};
static const struct listing_kind referrers_kind = {"manifests", is_digest, item_digest};

static void on_page(struct exchange *x);

static void listing_done(struct work *w)
{
	struct listing_work *l = container_of(w, struct listing_work, work);

	namelist_done(&l->names);
	free(l->path);
	free(l->last);
	dated_done(&l->dated);
}

static void fail(struct listing_work *l, int err, const char *why)
{
	struct reg_error error = {0};

	reg_fail(&error, err, "%s", why);
	error.status = l->work.x.req.status;
	work_fail(&l->work, err, &error);
}

/* The query of a page: n names (0: no n) after last (NULL: from the start). */
static int page_path(struct listing_work *l, unsigned n, const char *last)
{
	char *escaped = last ? curl_easy_escape(NULL, last, 0) : NULL;
	char count[16] = "";
	int r = -ENOMEM;

	if (n)
		snprintf(count, sizeof(count), "n=%u", n);
	if (!last || escaped)
		r = work_set_path(&l->work, "%s%s%s%s%s%s", l->path, n || last ? "?" : "", count,
				  n && last ? "&" : "", last ? "last=" : "", last ? escaped : "");
	curl_free(escaped);
	return r;
}

static unsigned page_size(const struct listing_work *l)
{
	return l->size <= SMALLEST ? sizes[l->size] : 0;
}

/* After a name (NULL: from the start), one page of all. */
static int path_after(struct listing_work *l, const char *last)
{
	l->by_link = l->by_token = l->guessed = false;
	return page_path(l, page_size(l), last);
}

static const char *last_name(const struct listing_work *l)
{
	return l->names.count ? l->names.items[l->names.count - 1] : NULL;
}

static void send_page(struct listing_work *l, int r)
{
	if (r < 0) {
		fail(l, r, "out of memory");
		return;
	}
	/* Another question may do better than the same one again. */
	l->work.x.gateway = !l->one_page && !l->by_token && l->size < SMALLEST;
	work_send(&l->work, on_page);
}

/* A repository's list that has its name and no tags. */
static bool is_empty_list(const struct listing_work *l, const struct json *page)
{
	return l->kind == &tags_kind && json_string(page, "name") && !json_has(page, "tags");
}

/* Adds the names of a page. Returns how many it held, good or bad, or a negative errno; *ret_new counts those
 * not seen before. */
static ssize_t add_names(struct listing_work *l, const struct json *page, size_t *ret_new)
{
	const struct json *array = json_array(page, l->kind->array);
	ssize_t total = 0;

	*ret_new = 0;
	if (!array) /* null, or left out, for none */
		return json_has_null(page, l->kind->array) || is_empty_list(l, page) ? 0 : -EBADMSG;
	for (const struct json *item = json_first(array); item; item = json_next(item)) {
		const char *name = l->kind->name(item);
		int r;

		total++;
		if (!name || !l->kind->valid(name)) {
			l->names.dropped++;
			continue;
		}
		r = namelist_add(&l->names, name);
		if (r < 0)
			return r;
		*ret_new += (size_t)r;
	}
	return total;
}

/* With which size the next listing of this kind begins. What a gateway let through may be more next time. */
static void note_size(const struct listing_work *l)
{
	struct reg_client *c = l->work.client;

	if (l->kind == &tags_kind)
		c->tags_most = l->most;
	if (l->kind != &catalog_kind)
		return;
	c->catalog_most = l->most;
	c->catalog_try = l->size && l->size <= SMALLEST ? l->size - 1 : 0;
}

static unsigned first_size(const struct listing_work *l)
{
	const struct reg_client *c = l->work.client;

	if (l->kind == &catalog_kind)
		return c->catalog_most > c->catalog_try ? c->catalog_most : c->catalog_try;
	return l->kind == &tags_kind ? c->tags_most : NO_SIZE;
}

static void finish(struct listing_work *l, const char *next)
{
	struct reg_names names;
	struct reg_result result = {.names = &names, .next = next};

	if (!l->one_page) {
		namelist_sort(&l->names);
		note_size(l);
	}
	names = (struct reg_names){.count = l->names.count,
				   .items = l->names.items,
				   .dropped = l->names.dropped,
				   .ndated = l->dated.count,
				   .dated = l->dated.items};
	work_finish(&l->work, &result);
}

/* Does a Link ask for what comes after a name that we know, rather than by a token of its own? */
static bool is_by_name(const char *query, const char *last)
{
	char *escaped = last ? curl_easy_escape(NULL, last, 0) : NULL;
	const char *p = strstr(query, "last=");
	const size_t n = escaped ? strlen(escaped) : 0;
	const bool ret = n && p && strncmp(p + 5, escaped, n) == 0 && (!p[5 + n] || p[5 + n] == '&');

	curl_free(escaped);
	return ret;
}

/*
 * No usable Link: is there another page? Some registries end their Links too early, others point to where
 * they are not. So a full page is no end, nor is one that is as long as the one before it, which had a Link
 * (pages of one name always are). A list that ignores n looks the same if it happens to be as long; asking
 * again then brings nothing new.
 */
static bool may_go_on(const struct listing_work *l, ssize_t total)
{
	if (!l->names.count)
		return false;
	return l->work.x.req.link[0] || total == page_size(l) || (l->led_on > 1 && total == l->led_on);
}

/* Where the next page is: 1 and w->path set, 0 at the end, negative errno. */
static int next_page(struct listing_work *l, ssize_t total)
{
	const struct http_request *q = &l->work.x.req;
	const bool trusted = l->led_on && !q->link[0]; /* its Links led on so far */
	int r;

	if (!l->ignore_link && q->link[0] && reg_link_next(q->link, q->url, l->next, sizeof(l->next))) {
		r = work_set_path(&l->work, "%s?%s", l->path, l->next);
		l->by_link = true;
		l->by_token = !is_by_name(l->next, last_name(l));
		l->led_on = total;
		return r < 0 ? r : 1;
	}
	if (!total || !may_go_on(l, total))
		return 0;
	r = path_after(l, last_name(l));
	l->guessed = trusted;
	return r < 0 ? r : 1;
}

/*
 * A page brought no new name: the end, unless it leads on and held none that we know, or Links lead in a
 * circle. known: how many of its names were there before.
 */
static int next_after_nothing(struct listing_work *l, ssize_t total, size_t known)
{
	if (!l->work.x.req.link[0] || l->ignore_link)
		return 0;
	if (++l->empty > MAX_EMPTY) /* and what may still come is not known: no end of the list */
		return -EIO;
	l->ignore_link = known > 0;
	return next_page(l, total);
}

static void finish_one_page(struct listing_work *l, ssize_t total)
{
	const struct http_request *q = &l->work.x.req;
	const bool more = q->link[0] ? strstr(q->link, "next") != NULL : l->n && (size_t)total == l->n;

	finish(l, more && l->names.count ? l->names.items[l->names.count - 1] : NULL);
}

/*
 * A name with a NUL would make the whole page unreadable, good names and all: as another control character it
 * is one bad name among others.
 */
static void mask_nuls(struct buf *body)
{
	char *const end = body->data + body->size;

	for (char *p = body->data; p && p < end; p++) {
		if (*p != '\\')
			continue;
		if (end - p >= 6 && memcmp(p, "\\u0000", 6) == 0)
			p[5] = '1';
		p++;
	}
}

static struct json *parse_page(struct buf *body)
{
	mask_nuls(body);
	return json_parse(body->data, body->size);
}

static void read_page(struct listing_work *l)
{
	struct exchange *x = &l->work.x;
	struct json *page = parse_page(&x->req.body);
	const size_t dropped = l->names.dropped;
	size_t new;
	ssize_t total = add_names(l, page, &new);
	int r = l->kind == &tags_kind ? dated_read(&l->dated, page) : 0;

	if (total >= 0 && r < 0)
		total = r;
	json_free(page);
	if (total < 0) {
		fail(l, (int)total,
		     total == -EBADMSG ? "the answer is not a listing" : "the listing is too large");
		return;
	}
	if (l->one_page) {
		finish_one_page(l, total);
		return;
	}
	if (new)
		l->empty = 0;
	r = new ? next_page(l, total)
		: next_after_nothing(l, total, (size_t)total - (l->names.dropped - dropped));
	if (r == 0) {
		finish(l, NULL);
	} else if (r == -EIO) {
		fail(l, r, "page after page holds nothing");
	} else {
		buf_clear(&x->req.body);
		send_page(l, r);
	}
}

static bool is_gateway(int status)
{
	return status == 502 || status == 504;
}

/* A page failed. Is there another way to ask for it? 1: the request is set; 0: no; negative errno. */
static int ask_otherwise(struct listing_work *l)
{
	const int status = l->work.x.req.status;
	int r = 0;

	if (l->one_page)
		return 0;
	if (status == 400 && l->size != NO_SIZE && !l->names.count && !l->by_link) {
		l->most = l->size = l->size == 0 ? 1 : NO_SIZE; /* too many, or it takes no n */
		r = path_after(l, NULL);
	} else if (is_gateway(status) && l->work.x.gateway) {
		l->size++;
		r = path_after(l, last_name(l));
	} else if (l->by_link && l->names.count && (status == 400 || status == 404)) {
		/* A proxy's Link that is not right for us: the name that we had last is. */
		l->ignore_link = true;
		r = path_after(l, last_name(l));
	} else {
		return 0;
	}
	return r < 0 ? r : 1;
}

static void on_page(struct exchange *x)
{
	struct listing_work *l = container_of(x, struct listing_work, work.x);
	int r;

	if (x->err == 0) {
		read_page(l);
		return;
	}
	if (l->guessed && (x->req.status == 400 || x->req.status == 404)) {
		finish(l, NULL); /* there is none, as the missing Link said */
		return;
	}
	r = ask_otherwise(l);
	if (r != 0) {
		buf_clear(&x->req.body);
		send_page(l, r);
	} else if (x->err == -ENOENT && l->names.count) {
		fail(l, -EIO,
		     "the next page of the listing is not found"); /* which is no absence of the whole */
	} else {
		work_fail(&l->work, x->err, &x->error);
	}
}

static void listing_start(struct work *w)
{
	struct listing_work *l = container_of(w, struct listing_work, work);

	w->x.req.max_body = REG_MAX_PAGE;
	w->x.req.accept =
		l->kind == &referrers_kind ? "application/vnd.oci.image.index.v1+json" : "application/json";
	w->x.timeout_ms = w->client->list_timeout_ms;
	if (l->one_page) {
		send_page(l, page_path(l, l->n, l->last));
		return;
	}
	l->size = first_size(l);
	l->most = l->kind == &catalog_kind ? w->client->catalog_most : l->size;
	send_page(l, path_after(l, NULL));
}

static uint64_t submit(struct reg_client *c, const struct listing_kind *kind,
		       const struct work_target *target, char *path, const struct reg_page *page,
		       const struct reg_call *call)
{
	static const struct work_class class = {listing_start, listing_done};
	struct listing_work *l = path ? work_new(c, &class, sizeof(*l), target) : NULL;

	if (!l) {
		free(path);
		return 0;
	}
	namelist_init(&l->names);
	l->kind = kind;
	l->path = path;
	if (page) {
		l->one_page = true;
		l->n = page->n;
		l->last = page->last ? strdup(page->last) : NULL;
		if (page->last && !l->last) {
			work_free(&l->work);
			return 0;
		}
	}
	return work_submit(&l->work, call);
}

static void page_detail(const struct reg_page *page, char *ret, size_t size)
{
	ret[0] = '\0';
	if (page)
		snprintf(ret, size, "%u %s", page->n, page->last ? page->last : "");
}

uint64_t reg_catalog(struct reg_client *c, const struct reg_page *page, const struct reg_call *call)
{
	char detail[300];
	const struct work_target target = {page ? "catalog page" : "catalog", "", "registry:catalog:*",
					   detail};

	page_detail(page, detail, sizeof(detail));
	return submit(c, &catalog_kind, &target, strdup("/v2/_catalog"), page, call);
}

uint64_t reg_tags(struct reg_client *c, const char *repository, const struct reg_page *page,
		  const struct reg_call *call)
{
	char detail[300];
	const struct work_target target = {page ? "tags page" : "tags", repository, NULL, detail};
	char *path = NULL;

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	page_detail(page, detail, sizeof(detail));
	if (asprintf(&path, "/v2/%s/tags/list", repository) < 0)
		return 0;
	return submit(c, &tags_kind, &target, path, page, call);
}

uint64_t reg_referrers(struct reg_client *c, const char *repository, const struct reg_digest *digest,
		       const struct reg_call *call)
{
	char text[REG_DIGEST_MAX];
	const struct work_target target = {"referrers", repository, NULL, text};
	char *path = NULL;

	if (!reg_name_is_repository(repository))
		return work_refuse(c, call, "repository", repository);
	reg_digest_text(digest, text);
	if (asprintf(&path, "/v2/%s/referrers/%s", repository, text) < 0)
		return 0;
	return submit(c, &referrers_kind, &target, path, NULL, call);
}
