/* SPDX-License-Identifier: MIT */
/* Does a registry write to this storage, as it answers? With a server of a few lines. */
#include "storage/running.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "processes.h"
#include "unit.h"

#define CACHE READONLY "proxy: {remoteurl: 'https://registry.example'}\n"
#define UNSUPPORTED "{\"errors\":[{\"code\":\"UNSUPPORTED\"}]}"

/* ---- a server ---- */

struct server {
	int fd;
	unsigned port;
	int status; /* to a POST; 0: closes without an answer */
	const char *body;
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
	snprintf(reply, sizeof(reply),
		 "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s", status,
		 s->body && status >= 400 ? strlen(s->body) : 0,
		 status == 202 ? "Location: /v2/regfs-gc/probe/blobs/uploads/1\r\n" : "",
		 s->body && status >= 400 ? s->body : "");
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

static void server_bind(struct server *s)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);

	*s = (struct server){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_true(s->fd >= 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &size), 0);
	s->port = ntohs(a.sin_port);
}

static void server_start(struct server *s, int status, const char *body)
{
	server_bind(s);
	s->status = status;
	s->body = body;
	assert_int_equal(listen(s->fd, 8), 0);
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
		const struct seen_process row = {
			.words = SERVE, .environment = "A=b", .config = cases[i].config, .started = -10};
		char addr[64], url[64], prefix[] = "/x/", slash[] = "/";
		struct settings s = {.addr = cases[i].how == BY_URL ? NULL : addr,
				     .prefix = cases[i].how == BY_PREFIX ? prefix : slash};
		struct running_options o = {.settings = &s};
		struct server server;
		struct running r;

		make(&row);
		server_start(&server, cases[i].status, NULL);
		snprintf(addr, sizeof(addr), ":%u", server.port);
		snprintf(url, sizeof(url), "127.0.0.1:%u", server.port);
		o.url = cases[i].how == BY_URL ? url : NULL;
		o.stopped = i % 2; /* that somebody answers counts for more */
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		server_stop(&server);
		check_int(r.state, cases[i].state, cases[i].why);
		check_int(r.mend && strstr(r.mend, "stop it"), r.state != RUNNING_READONLY, cases[i].why);
		check_int(server.cancelled, cases[i].status == 202 && cases[i].how != BY_PREFIX,
			  cases[i].why);
		if (!strstr(r.evidence, cases[i].evidence))
			fail_msg("%s: no '%s' in '%s'", cases[i].why, cases[i].evidence, r.evidence);
		running_done(&r);
		folder_remove(&here);
	}
}

/* A pull-through cache refuses uploads, and writes whenever it pulls. */
static void pulls(void **state)
{
	static const struct {
		const char *why, *config, *body;
		int status;
		bool schedule; /* the storage has a pull-through cache's file */
		enum running_state state;
		const char *evidence;
	} cases[] = {
		{"no cache", STORE("/other"), NULL, 405, false, RUNNING_READONLY, "refuses uploads"},
		{"it says that it cannot", STORE("/other"), UNSUPPORTED, 405, false, RUNNING_UNKNOWN,
		 "by its answer it is a pull-through cache"},
		{"its process says so", CACHE, NULL, 405, false, RUNNING_UNKNOWN, "proxy.remoteurl"},
		{"its storage says so", STORE("/other"), NULL, 405, true, RUNNING_UNKNOWN,
		 "scheduler-state.json"},
		{"its storage says so, and its process does not", READONLY, NULL, 405, true, RUNNING_READONLY,
		 "refuses uploads"},
		{"its process says so, and it does not answer us", CACHE, NULL, 401, false, RUNNING_UNKNOWN,
		 "but it is a pull-through cache"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct seen_process row = {
			.words = SERVE, .environment = "A=b", .config = cases[i].config, .started = -10};
		struct running_options o = {0};
		struct server server;
		struct running r;
		char url[64];

		make(&row);
		if (cases[i].schedule)
			write_text("root/data/scheduler-state.json", "{}");
		server_start(&server, cases[i].status, cases[i].body);
		snprintf(url, sizeof(url), "127.0.0.1:%u", server.port);
		o.url = url;
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		server_stop(&server);
		check_int(r.state, cases[i].state, cases[i].why);
		if (!strstr(r.evidence, cases[i].evidence))
			fail_msg("%s: no '%s' in '%s'", cases[i].why, cases[i].evidence, r.evidence);
		running_done(&r);
		folder_remove(&here);
	}
}

/* What distribution leaves of a cancelled upload goes; what others began there does not. */
static void litter(void **state)
{
	static const struct seen_process row = {.words = "x", .environment = "A=b"};
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
		server_start(&server, 202, NULL);
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
	static const struct seen_process row = {.words = "x", .environment = "A=b"};
	struct server server;

	(void)state;
	server_bind(&server); /* so that nobody else listens there either */
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
	close(server.fd);
	folder_remove(&here);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked),
		cmocka_unit_test(pulls),
		cmocka_unit_test(litter),
		cmocka_unit_test(nobody),
	};

	unsetenv("REGFS_USER");
	unsetenv("REGFS_PASSWORD");
	setenv("REGISTRY_AUTH_FILE", "/dev/null", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
