/* SPDX-License-Identifier: MIT */
/* What of a journal is wanted back: tables of removals, as text, and of what is chosen among them. */
#include "wanted.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source.h"
#include "unit.h"

#define MAX_ENTRIES 8

/* sha256:<64 times the digit> */
static struct reg_digest digest_of(char digit)
{
	struct reg_digest d;
	char text[72];

	memset(text, digit, 71);
	memcpy(text, "sha256:", 7);
	text[71] = '\0';
	assert_true(reg_digest_parse(text, &d));
	return d;
}

static struct restore_item item_from(const char *word)
{
	struct restore_item item = {.digest = digest_of(word[1])};

	item.role = word[0] == 'i' ? JOURNAL_IMAGE : word[0] == 'c' ? JOURNAL_CHILD : JOURNAL_REFERRER;
	item.tags = calloc(8, sizeof(*item.tags));
	while ((word = strchr(word, '='))) {
		item.tags[item.ntags] = strdup(++word);
		item.tags[item.ntags][strcspn(word, "=")] = '\0';
		item.ntags++;
	}
	return item;
}

/*
 * "[HOST|]REPOSITORY OUTCOME ITEM...": the outcome is a letter of removed, kept, partly, unknown or cut off,
 * with the placeholder's digit behind it; an item is i, c or r (its role), its digest's digit, and =TAG for
 * each of its tags.
 */
static struct restore_entry *entry_from(const char *text, time_t time)
{
	struct restore_entry *e = calloc(1, sizeof(*e));
	char *copy = strdup(text), *rest, *word = strtok_r(copy, " ", &rest);
	char *bar = strchr(word, '|');

	if (bar)
		*bar = '\0';
	e->host = strdup(bar ? word : "reg.example:443");
	e->registry = strdup(e->host);
	e->repository = strdup(bar ? bar + 1 : word);
	e->run = strdup("run");
	e->time.tv_sec = time;
	word = strtok_r(NULL, " ", &rest);
	e->outcome = word[0] == 'r'   ? JOURNAL_REMOVED
		     : word[0] == 'k' ? JOURNAL_KEPT
		     : word[0] == 'p' ? JOURNAL_PARTLY
		     : word[0] == 'u' ? JOURNAL_UNKNOWN
				      : 0;
	if (word[1])
		e->placeholder = digest_of(word[1]);
	e->items = calloc(8, sizeof(*e->items));
	while ((word = strtok_r(NULL, " ", &rest)))
		e->items[e->nitems++] = item_from(word);
	free(copy);
	return e;
}

/* "app:v1=1 app@2+ ": a tag with its digest's digit, a manifest alone; + goes along. */
static void describe(const struct wanted_list *list, char *ret)
{
	char text[REG_DIGEST_MAX];

	*ret = '\0';
	for (size_t i = 0; i < list->count; i++) {
		const struct wanted *w = &list->items[i];

		reg_digest_text(&w->item->digest, text);
		ret += sprintf(ret, "%s%s%s%s%s%c%s", i ? " " : "", w->entry->repository, w->tag ? ":" : "@",
			       w->tag ? w->tag : "", w->tag ? "=" : "", text[7], w->along ? "+" : "");
	}
}

struct wanted_case {
	const char *why;
	const char *entries[MAX_ENTRIES]; /* one a minute, from 60 on */
	const char *names; /* NULL: everything */
	time_t since;
	const char *host, *prefix;
	const char *want;
	const char *unknown; /* the name that the journal does not have */
};

static void run_case(const struct wanted_case *c)
{
	struct restore_entry *entries[MAX_ENTRIES] = {0};
	struct restore_journal j = {.entries = entries};
	struct wanted_name names[8];
	struct wanted_filter f = {
		.names = names, .since.tv_sec = c->since, .host = c->host, .prefix = c->prefix};
	struct wanted_list list;
	char *copy = strdup(c->names ? c->names : ""), *rest, text[1024];

	for (; j.count < MAX_ENTRIES && c->entries[j.count]; j.count++)
		entries[j.count] = entry_from(c->entries[j.count], 60 * (time_t)(j.count + 1));
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		check_int(wanted_name_parse(word, &names[f.nnames++], NULL), 0, c->why);
	check_int(wanted_new(&j, &f, &list), 0, c->why);
	describe(&list, text);
	check_text(text, c->want, c->why);
	for (size_t i = 0; i < f.nnames; i++) {
		const bool unknown = c->unknown && (names[i].tag ? !strcmp(names[i].tag, c->unknown)
								 : !strcmp(names[i].repository, c->unknown));

		check_int(names[i].found, !unknown, c->why);
		wanted_name_done(&names[i]);
	}
	wanted_done(&list);
	for (size_t i = 0; i < j.count; i++)
		restore_entry_free(entries[i]);
	free(copy);
}

#define D64(d)                                                                                               \
	"@sha256:" d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d d \
		d d d d d d d d d d d d d d d d d d d

static void choices(void **state)
{
	static const struct wanted_case cases[] = {
		{"nothing", {NULL}, .want = ""},
		{"one", {"app r i1=v1"}, .want = "app:v1=1"},
		{"sorted", {"b r i1=v2", "a r i1=x", "b r i1=v1"}, .want = "a:x=1 b:v1=1 b:v2=1"},
		{"every tag of a digest", {"app r i1=v1=latest"}, .want = "app:latest=1 app:v1=1"},
		{"a manifest alone", {"app r i1"}, .want = "app@1"},
		{"cut off", {"app - i1=v1"}, .want = "app:v1=1"},
		{"unknown", {"app u i1=v1"}, .want = "app:v1=1"},
		{"partly", {"app p i1=v1"}, .want = "app:v1=1"},
		{"kept", {"app k i1=v1"}, .want = ""},
		{"kept, and named", {"app k i1=v1"}, .names = "app:v1", .want = "app:v1=1"},
		{"kept, and its repository named", {"app k i1=v1"}, .names = "app", .want = ""},
		{"the newest counts", {"app r i1=v1", "app r i2=v1"}, .want = "app:v1=2"},
		{"what the older one alone has",
		 {"app r i1=v1=v2", "app r i2=v1"},
		 .want = "app:v1=2 app:v2=1"},
		{"kept after it had been something else", {"app r i1=v1", "app k i2=v1"}, .want = ""},
		{"removed after it had been kept", {"app k i1=v1", "app r i1=v1"}, .want = "app:v1=1"},
		{"other repositories are other tags", {"a r i1=v1", "b r i2=v1"}, .want = "a:v1=1 b:v1=2"},

		{"what hung from it", {"app r i1=v1 c2 r3=s"}, .want = "app:v1=1 app:s=3+ app@2+"},
		{"what hung from an older one",
		 {"app r i1=v1 c2 r3=s r4", "app r i5=v1 c6"},
		 .want = "app:v1=5 app@6+"},
		{"what hung from two", {"app r i1=a c3", "app r i2=b c3"}, .want = "app:a=1 app:b=2 app@3+"},
		{"named with what hangs from it",
		 {"app r i1=v1=v2 c2 r3=s", "app r i4=v3 r5=t"},
		 .names = "app:v1",
		 .want = "app:v1=1 app:s=3+ app@2+"},
		{"what hung from it, named itself",
		 {"app r i1=v1 c2 r3=s"},
		 .names = "app:s",
		 .want = "app:s=3"},
		{"both named", {"app r i1=v1 r3=s"}, .names = "app:s app:v1", .want = "app:s=3 app:v1=1"},
		{"kept, and what hung from it", {"app k i1=v1 c2"}, .want = ""},
		{"kept, named, and what hung from it",
		 {"app k i1=v1 c2"},
		 .names = "app:v1",
		 .want = "app:v1=1 app@2+"},

		{"a repository", {"a r i1=v1", "a/b r i2=v1", "b r i3=v1"}, .names = "a", .want = "a:v1=1"},
		{"several names",
		 {"a r i1=v1", "a r i2=v2", "b r i3=v1"},
		 .names = "a:v2 b",
		 .want = "a:v2=2 b:v1=3"},
		{"a name that is not there",
		 {"a r i1=v1"},
		 .names = "a:v1 a:v9",
		 .want = "a:v1=1",
		 .unknown = "v9"},
		{"a repository that is not there",
		 {"a r i1=v1"},
		 .names = "z a",
		 .want = "a:v1=1",
		 .unknown = "z"},
		{"a digest",
		 {"a r i1=v1", "a r i2=v2", "b r i1=v1"},
		 .names = "a" D64("1"),
		 .want = "a:v1=1"},
		{"a digest that hung from something",
		 {"a r i1=v1 c2 r3=s"},
		 .names = "a" D64("2"),
		 .want = "a@2"},

		{"since", {"a r i1=v1", "a r i2=v2", "a r i3=v3"}, .since = 120, .want = "a:v2=2 a:v3=3"},
		{"since, and a name from before",
		 {"a r i1=v1", "a r i2=v2"},
		 .names = "a:v1",
		 .since = 100,
		 .want = "",
		 .unknown = "v1"},
		{"a registry", {"x:443|a r i1=v1", "y:443|a r i2=v1"}, .host = "y:443", .want = "a:v1=2"},
		{"two registries", {"x:443|a r i1=v1", "y:443|a r i2=v1"}, .want = "a:v1=1 a:v1=2"},
		{"a prefix",
		 {"a r i1=v1", "a/b r i2=v1", "ab r i3=v1", "b/a r i4=v1"},
		 .prefix = "a",
		 .want = "a:v1=1 a/b:v1=2"},
		{"no prefix", {"a r i1=v1"}, .prefix = "", .want = "a:v1=1"},

		{"a placeholder", {"a u9 i1=v1"}, .want = "a:v1=1"},
		{"a placeholder that was removed as an image", {"a u9 i1=v1", "a r i9=v1"}, .want = "a:v1=1"},
		{"one from before", {"a u9 i1=v1", "a r i9=v1"}, .since = 120, .want = ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i]);
}

static void names(void **state)
{
	static const struct {
		const char *text, *repository, *tag;
		bool digest;
	} cases[] = {
		{"app", "app", NULL, false},
		{"team/app", "team/app", NULL, false},
		{"team/app:v1", "team/app", "v1", false},
		{"team/app:V_1.2-x", "team/app", "V_1.2-x", false},
		{"app" D64("a"), "app", NULL, true},
		{"", NULL, NULL, false},
		{":v1", NULL, NULL, false},
		{"app:", NULL, NULL, false},
		{"app@", NULL, NULL, false},
		{"App", NULL, NULL, false},
		{"app:v1:v2", NULL, NULL, false},
		{"app:v1@sha256:12", NULL, NULL, false},
		{"app@sha256:12", NULL, NULL, false},
		{"reg.example:5000/app", NULL, NULL, false},
		{"../app", NULL, NULL, false},
		{"app:a/b", NULL, NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_error error = {0};
		struct wanted_name name = {0};
		const int r = wanted_name_parse(cases[i].text, &name, &error);

		check_int(r, cases[i].repository ? 0 : -EINVAL, cases[i].text);
		check_text(name.repository, cases[i].repository, cases[i].text);
		check_text(name.tag, cases[i].tag, cases[i].text);
		check_int(name.digest.algorithm != 0, cases[i].digest, cases[i].text);
		check(r == 0 || strstr(error.msg, "REPOSITORY:TAG"), error.msg);
		wanted_name_done(&name);
	}
}

static void hosts(void **state)
{
	static const struct {
		const char *source, *host;
	} cases[] = {
		{"https://reg.example", "reg.example:443"},
		{"https://reg.example/", "reg.example:443"},
		{"https://REG.example:443/team/app/", "reg.example:443"},
		{"reg.example", "reg.example:443"},
		{"http://reg.example", "reg.example:80"},
		{"http://reg.example:5000", "reg.example:5000"},
		{"https://reg.example:5000/team", "reg.example:5000"},
		{"localhost:5000", "localhost:5000"},
		{"http://[::1]", "[::1]:80"},
		{"http://[::1]:5000", "[::1]:5000"},
		{"docker.io", "registry-1.docker.io:443"},
		{"https://index.docker.io/library", "registry-1.docker.io:443"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct reg_source source;
		char *host;

		check_int(reg_source_parse(cases[i].source, &source, NULL), 0, cases[i].source);
		host = restore_host(&source);
		check_text(host, cases[i].host, cases[i].source);
		free(host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choices),
		cmocka_unit_test(names),
		cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
