/* SPDX-License-Identifier: MIT */
/* Which login goes with which repository, of those that several files have for one registry. */
#include "logins.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "auth_inner.h"
#include "folder.h"

/* An entry of "auths" whose user is the name given. */
#define ONE(key, name) "\"" key "\":{\"username\":\"" name "\",\"password\":\"p\"}"
#define AUTHS(entries) "{\"auths\":{" entries "}}"

enum { MOST = 6 };

struct row {
	const char *scope, *user; /* user NULL: a stranger */
};

static const struct scene {
	const char *why, *source, *file;
	const char *docker; /* a second file, which is looked at after the first; or NULL */
	const char *user; /* -o user=, or NULL */
	unsigned warnings;
	struct row rows[MOST];
} scenes[] = {
	{.why = "one for the registry",
	 .source = "h",
	 .file = AUTHS(ONE("h", "all")),
	 .rows = {{"repository:a:pull", "all"}, {"registry:catalog:*", "all"}, {"", "all"}}},
	{.why = "one for a name space",
	 .source = "h",
	 .file = AUTHS(ONE("h/a", "a")),
	 .rows = {{"repository:a:pull", "a"},
		  {"repository:a/b/c:pull,push", "a"},
		  {"repository:ab:pull", NULL},
		  {"repository:b/a:pull", NULL},
		  {"registry:catalog:*", NULL},
		  {"", NULL}}},
	{.why = "the closest",
	 .source = "h",
	 .file = AUTHS(ONE("h/a", "a") "," ONE("h", "all") "," ONE("https://h/a/b/", "b")),
	 .rows = {{"repository:a/b:pull", "b"},
		  {"repository:a/b/c:pull", "b"},
		  {"repository:a/c:pull", "a"},
		  {"repository:c:pull", "all"},
		  {"registry:catalog:*", "all"}}},
	{.why = "below the source",
	 .source = "h/a",
	 .file = AUTHS(ONE("h/a/b", "b") "," ONE("h/a", "a") "," ONE("h/b", "x") "," ONE("h/ab", "x")),
	 .rows = {{"repository:a/b:pull", "b"}, {"repository:a/c:pull", "a"}, {"", "a"}}},
	{.why = "of two files the first that fits at all",
	 .source = "h",
	 .file = AUTHS(ONE("h/a", "a")),
	 .docker = AUTHS(ONE("h", "all") "," ONE("h/a/b", "b") "," ONE("h/c", "c")),
	 .rows = {{"repository:a/b:pull", "a"}, {"repository:c:pull", "c"}, {"repository:d:pull", "all"}}},
	{.why = "and it hides the second",
	 .source = "h",
	 .file = AUTHS(ONE("h", "all")),
	 .docker = AUTHS(ONE("h/a", "a")),
	 .rows = {{"repository:a:pull", "all"}}},
	{.why = "what is said by option is for all",
	 .source = "h",
	 .file = AUTHS(ONE("h/a", "a")),
	 .user = "said",
	 .rows = {{"repository:a:pull", "said"}, {"", "said"}}},
	{.why = "the names of Docker Hub",
	 .source = "docker.io",
	 .file = AUTHS(ONE("docker.io/a", "a") "," ONE("https://index.docker.io/v1/", "all")),
	 .rows = {{"repository:a/b:pull", "a"}, {"repository:library/b:pull", "all"}}},
	{.why = "an empty entry, and one that is no name",
	 .source = "h",
	 .file = "{\"auths\":{\"h/a\":{},\"h/B\":{\"auth\":\"bTpw\"}," ONE("h", "all") "}}",
	 .rows = {{"repository:a:pull", "all"}, {"repository:B:pull", "all"}}},
	{.why = "one that cannot be read keeps nobody from the rest",
	 .source = "h",
	 .warnings = 1,
	 .file = "{\"auths\":{\"h/a\":{\"auth\":\"!\"}," ONE("h", "all") "}}",
	 .rows = {{"repository:a:pull", NULL}, {"repository:b:pull", "all"}}},
	{.why = "but keeps them from what is below it, whatever a second file has",
	 .source = "h",
	 .warnings = 1,
	 .file = "{\"auths\":{\"h/a\":{\"auth\":\"!\"}}}",
	 .docker = AUTHS(ONE("h/a/b", "b") "," ONE("h", "all")),
	 .rows = {{"repository:a/b:pull", NULL}, {"repository:ab:pull", "all"}}},
	{.why = "several keys for one name space",
	 .source = "h",
	 .file = AUTHS(
		 ONE("http://h/a", "x") "," ONE("https://h/a/", "y") "," ONE("H/a", "a") "," ONE("h/a", "z")),
	 .docker = AUTHS(ONE("h/a", "docker")),
	 .rows = {{"repository:a:pull", "a"}}},
	{.why = "a name space that is called as an API is",
	 .source = "h",
	 .file = AUTHS(ONE("h/v1", "v1") "," ONE("h/v2", "v2") "," ONE("h/v2/a", "a")),
	 .rows = {{"repository:v1/a:pull", "v1"},
		  {"repository:v2/b:pull", "v2"},
		  {"repository:v2/a:pull", "a"},
		  {"repository:b:pull", NULL},
		  {"", NULL}}},
	{.why = "no scope of a repository",
	 .source = "h",
	 .file = AUTHS(ONE("h/a", "a") "," ONE("h/catalog", "c")),
	 .rows = {{"repository:", NULL},
		  {"repository", NULL},
		  {"registry:catalog:*", NULL},
		  {"repository:a", NULL}}},
};

static int fetch(void *data, struct auth *a, const struct auth_request *q, void *token)
{
	(void)data;
	(void)a;
	(void)q;
	(void)token;
	return -ENOSYS;
}

static void count(void *data, enum reg_log_level level, const char *line)
{
	(void)line;
	*(unsigned *)data += level == REG_LOG_WARN;
}

static void look(const struct scene *s, const struct folder *folder)
{
	struct reg_source source;
	unsigned warnings = 0;
	const struct reg_log log = {count, &warnings, REG_LOG_WARN};
	const char *path = s->docker ? NULL : folder_path(folder, "auth.json");
	struct logins_options o = {
		.lookup = {.source = &source,
			   .authfile = path,
			   .user = s->user,
			   .password = s->user,
			   .log = &log},
		.fetch = fetch,
		.log = &log,
	};
	struct reg_error error = {0};
	struct logins *l;

	assert_int_equal(reg_source_parse(s->source, &source, NULL), 0);
	assert_int_equal(loop_new(&o.loop), 0);
	check_int(logins_new(&o, &l, &error), 0, s->why);
	for (size_t i = 0; i < MOST && s->rows[i].scope; i++) {
		const struct auth *const a = logins_for(l, s->rows[i].scope);

		if (!auth_has_login(a) != !s->rows[i].user)
			fail_msg("%s: %s", s->why, s->rows[i].scope);
		check_text(a->credentials.user, s->rows[i].user, s->why);
	}
	check_int(warnings, s->warnings, s->why);
	logins_free(l);
	loop_free(o.loop);
}

static void whose(void **state)
{
	static const char *const others[] = {"REGFS_USER", "REGFS_PASSWORD", "REGISTRY_AUTH_FILE",
					     "XDG_CONFIG_HOME", "DOCKER_AUTH_CONFIG"};
	struct folder folder;

	(void)state;
	folder_make(&folder);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		unsetenv(others[i]);
	setenv("HOME", folder.path, 1);
	setenv("XDG_RUNTIME_DIR", folder_path(&folder, "run"), 1);
	setenv("DOCKER_CONFIG", folder_path(&folder, "docker"), 1);
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		const struct scene *const s = &scenes[i];
		const char *const docker = s->docker ? s->docker : "{}", *const podman =
										 s->docker ? s->file : "{}";

		folder_write(&folder, "auth.json", s->file, strlen(s->file));
		folder_write(&folder, "run/containers/auth.json", podman, strlen(podman));
		folder_write(&folder, "docker/config.json", docker, strlen(docker));
		look(s, &folder);
	}
	folder_remove(&folder);
}

/* A pipe is read once: each of its logins is taken then. It would hang here if somebody looked again. */
static void a_pipe(void **state)
{
	static const char file[] = AUTHS(ONE("h/a", "a") "," ONE("h/b", "b") "," ONE("h", "all"));
	struct reg_source source = {.host = "h"};
	const struct reg_log log = {0};
	struct logins_options o = {.lookup = {.source = &source}, .fetch = fetch, .log = &log};
	struct reg_error error = {0};
	struct logins *l;
	char path[32];
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], file, sizeof(file) - 1), sizeof(file) - 1);
	close(ends[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	o.lookup.authfile = path;
	assert_int_equal(loop_new(&o.loop), 0);
	assert_int_equal(logins_new(&o, &l, &error), 0);
	check_text(logins_for(l, "repository:a:pull")->credentials.user, "a", "the first one");
	check_text(logins_for(l, "repository:b:pull")->credentials.user, "b", "the second one");
	check_text(logins_for(l, "repository:c:pull")->credentials.user, "all", "the rest");
	logins_free(l);
	loop_free(o.loop);
	close(ends[0]);
}

/* There is no limit to them that is another one's: descriptors are for connections. */
static void thousands(void **state)
{
	enum { MANY = 9000 };
	struct reg_source source = {.host = "h"};
	const struct reg_log log = {0};
	struct logins_options o = {.lookup = {.source = &source}, .fetch = fetch, .log = &log};
	struct reg_error error = {0};
	struct rlimit few, before;
	struct folder folder;
	struct logins *l;
	char *text = NULL, user[16], scope[40];
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	for (unsigned i = 0; i < MANY; i++)
		fprintf(f, "%s\"h/n%u\":{\"username\":\"u%u\",\"password\":\"p\"}", i ? "," : "{\"auths\":{",
			i, i);
	fprintf(f, "}}");
	fclose(f);
	folder_make(&folder);
	folder_write(&folder, "auth.json", text, size);
	o.lookup.authfile = folder_path(&folder, "auth.json");
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){32, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(loop_new(&o.loop), 0);
	check_int(logins_new(&o, &l, &error), 0, "many name spaces, few descriptors");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	for (unsigned i = 0; i < MANY; i += 899) {
		snprintf(scope, sizeof(scope), "repository:n%u/a:pull", i);
		snprintf(user, sizeof(user), "u%u", i);
		check_text(logins_for(l, scope)->credentials.user, user, scope);
	}
	logins_free(l);
	loop_free(o.loop);
	free(text);
	folder_remove(&folder);
}

/* Where a name space has a login, those who ask for the rest are told so. */
static void in_words(void **state)
{
	static const char file[] = AUTHS(ONE("h/a", "a") "," ONE("h/b", "b"));
	struct folder folder;
	struct reg_source source = {.host = "h"};
	unsigned warnings = 0;
	const struct reg_log log = {count, &warnings, REG_LOG_WARN};
	struct logins_options o = {.lookup = {.source = &source}, .fetch = fetch, .log = &log};
	struct reg_error error = {0};
	struct logins *l;

	(void)state;
	folder_make(&folder);
	folder_write(&folder, "auth.json", file, strlen(file));
	o.lookup.authfile = folder_path(&folder, "auth.json");
	assert_int_equal(loop_new(&o.loop), 0);
	assert_int_equal(logins_new(&o, &l, &error), 0);
	assert_non_null(strstr(logins_for(l, "repository:c:pull")->credentials.lacking,
			       "auth.json has them for h/a alone"));
	assert_ptr_equal(logins_at(l, 0), logins_for(l, ""));
	assert_non_null(logins_at(l, 2));
	assert_null(logins_at(l, 3));
	logins_free(l);
	loop_free(o.loop);
	folder_remove(&folder);
}

/* ---- looked for once more ---- */

/* A loop that does nothing but tasks: its thread waits for the next one. */
struct waker {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool woken;
};

static void step(void *data)
{
	(void)data;
}

static void wait_woken(void *data, int timeout)
{
	struct waker *w = data;

	pthread_mutex_lock(&w->lock);
	while (timeout && !w->woken)
		pthread_cond_wait(&w->changed, &w->lock);
	w->woken = false;
	pthread_mutex_unlock(&w->lock);
}

static void wake(void *data)
{
	struct waker *w = data;

	pthread_mutex_lock(&w->lock);
	w->woken = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

struct refusal {
	struct loop_task task;
	struct logins *logins;
};

/* All of them are refused at once. */
static void on_refusal(struct loop_task *task)
{
	const struct refusal *r = container_of(task, struct refusal, task);

	for (size_t i = 0; logins_at(r->logins, i); i++)
		assert_true(auth_look_again(logins_at(r->logins, i)));
}

static void nothing(struct loop_task *task)
{
	(void)task;
}

static void count_searches(void *data, enum reg_log_level level, const char *line)
{
	(void)level;
	*(unsigned *)data += strstr(line, "looking for a new one") != NULL;
}

/*
 * The client ends while they are looked for, in a pipe that says nothing. Not each by a thread of its own: what is
 * refused in one walk may be thousands, and whoever ends first leaves in the loop what the next one would follow.
 */
static void an_end_in_between(void **state)
{
	static const char file[] = AUTHS(ONE("h/a", "a") "," ONE("h/b", "b") "," ONE("h", "all"));
	struct waker waker = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	const struct loop_poller poller = {step, wait_woken, wake, &waker};
	struct reg_source source = {.host = "h"};
	unsigned searches = 0;
	const struct reg_log log = {count_searches, &searches, REG_LOG_INFO};
	struct logins_options o = {.lookup = {.source = &source}, .fetch = fetch, .log = &log};
	struct refusal refusal = {.task.run = on_refusal};
	struct loop_task last = {.run = nothing};
	struct reg_error error = {0};
	struct folder folder;

	(void)state;
	folder_make(&folder);
	folder_write(&folder, "auth.json", file, strlen(file));
	o.lookup.authfile = folder_path(&folder, "auth.json");
	assert_int_equal(loop_new(&o.loop), 0);
	assert_int_equal(logins_new(&o, &refusal.logins, &error), 0);
	assert_int_equal(unlink(folder_path(&folder, "auth.json")), 0);
	assert_int_equal(mkfifo(folder_path(&folder, "auth.json"), 0600), 0);
	assert_int_equal(loop_start(o.loop, &poller), 0);
	loop_post(o.loop, &refusal.task);
	loop_stop(o.loop, &last);
	check_int(searches, 1, "one at a time");
	logins_free(refusal.logins);
	loop_free(o.loop);
	folder_remove(&folder);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose),
		cmocka_unit_test(a_pipe),
		cmocka_unit_test(thousands),
		cmocka_unit_test(in_words),
		cmocka_unit_test(an_end_in_between),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
