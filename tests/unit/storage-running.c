/* SPDX-License-Identifier: MIT */
/* Does a registry write to this storage? With a /proc of the test's own, and a server of a few lines. */
#include "storage/running.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "folder.h"
#include "unit.h"

#define BOOT 1000000000 /* when the machine of this /proc was started */

/* ---- processes ---- */

struct row {
	const char *why;
	const char *words; /* of its command line, apart by '|' */
	const char *environment; /* likewise */
	const char *config; /* /c.yml in its root; NULL: there is none */
	long started; /* seconds before (or, negative, after) its configuration was written */
	enum running_state state;
	bool found;
	const char *evidence;
};

static struct folder here;

static void write_text(const char *name, const char *text)
{
	folder_write(&here, name, text, strlen(text));
}

static void write_words(const char *name, const char *text)
{
	char words[1000];
	const size_t n = strlen(text);

	memcpy(words, text, n + 1);
	for (size_t i = 0; i < n; i++)
		if (words[i] == '|')
			words[i] = '\0';
	folder_write(&here, name, words, n ? n + 1 : 0);
}

/* A process whose root is the folder `root`, where the storage is /data and another one /other. */
static void make(const struct row *c)
{
	char text[400], path[300];
	struct stat st = {0};

	folder_make(&here);
	snprintf(text, sizeof(text), "cpu 1 2 3\nbtime %d\nprocesses 1\n", BOOT);
	write_text("proc/stat", text);
	write_text("proc/7/cmdline", "");
	write_text("proc/self/cmdline", "registry");
	write_text("root/data/x", "");
	write_text("root/other/x", "");
	if (c->config) {
		write_text("root/c.yml", c->config);
		assert_int_equal(stat(folder_path(&here, "root/c.yml"), &st), 0);
	}
	write_words("proc/42/cmdline", c->words);
	if (c->environment)
		write_words("proc/42/environ", c->environment);
	snprintf(text, sizeof(text),
		 "42 (a ) b) S 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 %lld 1 1 1 1 1\n",
		 ((long long)st.st_mtim.tv_sec - BOOT - c->started) * sysconf(_SC_CLK_TCK));
	write_text("proc/42/stat", text);
	snprintf(path, sizeof(path), "%s", folder_path(&here, "root"));
	assert_int_equal(symlink(path, folder_path(&here, "proc/42/root")), 0);
	assert_int_equal(symlink(path, folder_path(&here, "proc/42/cwd")), 0);
	assert_int_equal(symlink("/data", folder_path(&here, "root/link")), 0);
}

static void look(struct running_options *o, struct running *ret)
{
	reg_options_init(&o->client);
	assert_int_equal(running_look(o, ret), 0);
	check(strlen(ret->evidence) > 10 && !strchr(ret->evidence, '\n'), ret->evidence);
}

#define STORE(root) "version: 0.1\nstorage: {filesystem: {rootdirectory: " root "}}\n"
#define CACHED "version: 0.1\nstorage: {filesystem: {rootdirectory: /data}, cache: {blobdescriptor: redis}}\n"
#define READONLY                                                                                             \
	"version: 0.1\nstorage: {filesystem: {rootdirectory: /data}, maintenance: {readonly: {enabled: true}}}\n"
#define S3 "version: 0.1\nstorage: {s3: {bucket: b}}\n"
#define SERVE "registry|serve|/c.yml"

static void processes(void **state)
{
	static const struct row cases[] = {
		{"read-only", SERVE, "A=b", READONLY, -10, RUNNING_READONLY, true,
		 "process 42 serves this storage read-only"},
		{"writable", SERVE, "A=b", STORE("/data"), -10, RUNNING_UNKNOWN, true, "is not read-only"},
		{"read-only since it was started", SERVE, "A=b", READONLY, 10, RUNNING_UNKNOWN, true,
		 "changed after it was started"},
		{"read-only by environment", SERVE,
		 "A=b|REGISTRY_STORAGE_MAINTENANCE_READONLY={enabled: true}", STORE("/data"), -10,
		 RUNNING_READONLY, true, "read-only"},
		{"read-only by a variable that does not count", SERVE,
		 "REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=false", READONLY, -10, RUNNING_READONLY, true,
		 "read-only"},
		{"another storage", SERVE, "A=b", STORE("/other"), -10, RUNNING_STOPPED, false, "no process"},
		{"another storage by environment", SERVE, "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/other",
		 STORE("/data"), -10, RUNNING_STOPPED, false, "no process"},
		{"a storage that is not there", SERVE, "A=b", STORE("/nowhere"), -10, RUNNING_STOPPED, false,
		 "no process"},
		{"by a link of its own root", SERVE, "A=b", STORE("/link"), -10, RUNNING_UNKNOWN, true,
		 "not read-only"},
		{"relative to where it is", SERVE, "A=b", STORE("data"), -10, RUNNING_UNKNOWN, true,
		 "not read-only"},
		{"another driver", SERVE, "A=b", S3, -10, RUNNING_STOPPED, false, "no process"},
		{"a configuration by environment", "/usr/bin/docker-registry|serve",
		 "REGISTRY_CONFIGURATION_PATH=/c.yml", READONLY, -10, RUNNING_READONLY, true, "/c.yml"},
		{"a relative configuration", "registry|serve|--x|c.yml", "A=b", READONLY, -10,
		 RUNNING_READONLY, true, "c.yml"},
		{"behind another program", "/sbin/tini|--|/bin/registry|serve|/c.yml", "A=b", READONLY, -10,
		 RUNNING_READONLY, true, "read-only"},
		{"no configuration", "registry|serve", "A=b", READONLY, -10, RUNNING_UNKNOWN, true,
		 "does not say what its configuration is"},
		{"a configuration that is gone", SERVE, "A=b", NULL, -10, RUNNING_UNKNOWN, true,
		 "configuration that cannot be read"},
		{"a configuration that is none", SERVE, "A=b", "hello", -10, RUNNING_UNKNOWN, true,
		 "configuration that cannot be read"},
		{"it has ended", SERVE, NULL, READONLY, -10, RUNNING_STOPPED, false, "no process"},
		{"it collects", "registry|garbage-collect|/c.yml", "A=b", STORE("/data"), -10,
		 RUNNING_STOPPED, false, "no process"},
		{"another program", "registry-browser|serve|/c.yml", "A=b", STORE("/data"), -10,
		 RUNNING_STOPPED, false, "no process"},
		{"a command of another program", "/bin/crane|registry|serve|/c.yml", "A=b", STORE("/data"),
		 -10, RUNNING_STOPPED, false, "no process"},
		{"the words the other way round", "serve|registry", "A=b", STORE("/data"), -10,
		 RUNNING_STOPPED, false, "no process"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct running_options o = {0};
		struct running r;

		make(&cases[i]);
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		check_int(r.state, cases[i].state, cases[i].why);
		check_int(r.pid, cases[i].found ? 42 : 0, cases[i].why);
		if (!strstr(r.evidence, cases[i].evidence))
			fail_msg("%s: no '%s' in '%s'", cases[i].why, cases[i].evidence, r.evidence);
		running_done(&r);
		folder_remove(&here);
	}
}

static void no_root(void **state)
{
	static const struct row row = {.words = SERVE, .environment = "A=b", .config = S3, .started = -10};
	static const char ours[] = S3;
	struct running_options o = {0};
	struct settings s;
	struct running r;

	(void)state;
	make(&row);
	assert_int_equal(settings_parse(ours, strlen(ours), NULL, &s, NULL), 0);
	o.settings = &s;
	o.proc = folder_path(&here, "proc");
	look(&o, &r);
	check_int(r.state, RUNNING_UNKNOWN, "the same driver");
	assert_non_null(strstr(r.evidence, "may serve"));
	running_done(&r);
	settings_done(&s);
	folder_remove(&here);
}

static void cache(void **state)
{
	static const struct row row = {
		.words = SERVE, .environment = "A=b", .config = CACHED, .started = -10};
	struct running_options o = {0};
	struct running r;

	(void)state;
	make(&row);
	o.root = folder_path(&here, "root/data");
	o.proc = folder_path(&here, "proc");
	look(&o, &r);
	check_text(r.cache, "redis", "of the process");
	running_done(&r);
	folder_remove(&here);
}

/* ---- a server ---- */

struct server {
	int fd;
	unsigned port;
	int status; /* to a POST; 0: closes without an answer */
	unsigned cancelled;
	pthread_t thread;
};

static void answer(struct server *s, int fd)
{
	char request[4096] = "", reply[400];
	size_t n = 0;
	ssize_t more;
	int status = 200;

	/* The first byte of TLS, which it does not speak: the end. */
	while (!strstr(request, "\r\n\r\n") && request[0] != 0x16 && n < sizeof(request) - 1 &&
	       (more = read(fd, request + n, sizeof(request) - 1 - n)) > 0)
		n += (size_t)more;
	if (strncmp(request, "POST /v2/regfs-gc/probe/blobs/uploads/ ", 39) == 0)
		status = s->status;
	else if (strncmp(request, "DELETE /v2/regfs-gc/probe/blobs/uploads/1 ", 42) == 0)
		s->cancelled++;
	else if (strncmp(request, "GET /v2/ ", 9) != 0)
		status = 404;
	if (!status || !n || request[0] == 0x16)
		return;
	snprintf(reply, sizeof(reply), "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: 0\r\n%s\r\n",
		 status, status == 202 ? "Location: /v2/regfs-gc/probe/blobs/uploads/1\r\n" : "");
	more = send(fd, reply, strlen(reply), MSG_NOSIGNAL);
}

static void *serve(void *data)
{
	struct server *s = data;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		answer(s, fd);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *s, int status)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);

	*s = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .status = status};
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s->fd, 8), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static void asked(void **state)
{
	static const struct {
		const char *why, *config;
		int status;
		enum { BY_ADDR, BY_URL, BY_PREFIX } how;
		enum running_state state;
		const char *evidence;
	} cases[] = {
		{"it takes an upload", STORE("/data"), 202, BY_ADDR, RUNNING_WRITABLE, "takes uploads"},
		{"it takes one, whatever its configuration says", READONLY, 202, BY_URL, RUNNING_WRITABLE,
		 "takes uploads"},
		{"it refuses", READONLY, 405, BY_ADDR, RUNNING_READONLY, "refuses uploads"},
		{"it refuses, and its process is of another mind", STORE("/data"), 405, BY_URL,
		 RUNNING_UNKNOWN, "but process 42"},
		{"not from us", STORE("/other"), 401, BY_URL, RUNNING_UNKNOWN, "cannot be seen"},
		{"not from us, and the process says it", READONLY, 403, BY_URL, RUNNING_READONLY,
		 "process 42"},
		{"below a prefix", STORE("/other"), 202, BY_PREFIX, RUNNING_UNKNOWN, "something listens"},
		{"no answer", STORE("/other"), 0, BY_ADDR, RUNNING_UNKNOWN, "cannot be seen"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct row row = {
			.words = SERVE, .environment = "A=b", .config = cases[i].config, .started = -10};
		char addr[64], url[64], prefix[] = "/x/", slash[] = "/";
		struct settings s = {.addr = cases[i].how == BY_URL ? NULL : addr,
				     .prefix = cases[i].how == BY_PREFIX ? prefix : slash};
		struct running_options o = {.settings = &s};
		struct server server;
		struct running r;

		make(&row);
		server_start(&server, cases[i].status);
		snprintf(addr, sizeof(addr), ":%u", server.port);
		snprintf(url, sizeof(url), "127.0.0.1:%u", server.port);
		o.url = cases[i].how == BY_URL ? url : NULL;
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		server_stop(&server);
		check_int(r.state, cases[i].state, cases[i].why);
		check_int(server.cancelled, cases[i].status == 202 && cases[i].how != BY_PREFIX,
			  cases[i].why);
		if (!strstr(r.evidence, cases[i].evidence))
			fail_msg("%s: no '%s' in '%s'", cases[i].why, cases[i].evidence, r.evidence);
		running_done(&r);
		folder_remove(&here);
	}
}

/* What distribution leaves of a cancelled upload goes; what others began there does not. */
static void litter(void **state)
{
	static const struct row row = {.words = "x", .environment = "A=b"};
	static const char repositories[] = "root/data/docker/registry/v2/repositories";
	char addr[64], slash[] = "/", path[300];
	struct settings s = {.addr = addr, .prefix = slash};
	struct running_options o = {.settings = &s};
	struct server server;
	struct stat st;

	(void)state;
	for (int k = 0; k < 2; k++) {
		struct running r;

		make(&row);
		snprintf(path, sizeof(path), "%s/regfs-gc/probe/_uploads/1/hashstates/sha256/0",
			 repositories);
		write_text(path, "x");
		if (k) {
			snprintf(path, sizeof(path), "%s/regfs-gc/probe/_uploads/1/startedat", repositories);
			write_text(path, "x");
		}
		server_start(&server, 202);
		snprintf(addr, sizeof(addr), "127.0.0.1:%u", server.port);
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		server_stop(&server);
		check_int(r.state, RUNNING_WRITABLE, "it takes uploads");
		assert_int_equal(stat(folder_path(&here, repositories), &st), 0);
		snprintf(path, sizeof(path), "%s/regfs-gc", repositories);
		check_int(stat(folder_path(&here, path), &st), k - 1, "is it gone?");
		running_done(&r);
		folder_remove(&here);
	}
}

static void nobody(void **state)
{
	static const char *const forms[] = {"127.0.0.1", "", "localhost", "0.0.0.0", "[::]"};
	static const struct row row = {.words = "x", .environment = "A=b"};
	struct server server;

	(void)state;
	server_start(&server, 200);
	server_stop(&server);
	make(&row);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(forms); i++) {
		char addr[64], slash[] = "/", want[100];
		struct settings s = {.addr = i % 2 ? NULL : addr, .prefix = slash, .proxy = i == 0};
		struct running_options o = {.settings = &s, .url = i % 2 ? addr : NULL};
		struct running r;

		if (i % 2 && i > 1)
			continue; /* the others are no URLs */
		snprintf(addr, sizeof(addr), "%s:%u", forms[i / 2], server.port);
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		check_int(r.state, RUNNING_STOPPED, addr);
		snprintf(want, sizeof(want), "nobody listens at %s", addr);
		assert_non_null(strstr(r.evidence, want));
		check_int(strstr(r.evidence, "pulls again") != NULL, i == 0, "a cache of another registry");
		running_done(&r);
	}
	folder_remove(&here);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes), cmocka_unit_test(no_root), cmocka_unit_test(cache),
		cmocka_unit_test(asked),     cmocka_unit_test(litter),  cmocka_unit_test(nobody),
	};

	unsetenv("REGFS_USER");
	unsetenv("REGFS_PASSWORD");
	setenv("REGISTRY_AUTH_FILE", "/dev/null", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
