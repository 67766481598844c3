/* SPDX-License-Identifier: MIT */
/* Who listens at an address, and whether a registry there takes an upload. */
#include "storage/running_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "storage/files.h"
#include "storage/layout.h"
#include "util/cleanup.h"

enum { WAIT_MS = 2000, TIMEOUT_S = 10 };

/* Where to begin an upload: a repository of our own, which nobody else pushes to. */
#define REPOSITORY "regfs-gc/probe"

/* ---- listening ---- */

static bool connects(const struct addrinfo *a)
{
	const int fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int e = 0;

	if (fd < 0)
		return false;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		e = errno;
	if (e == EINPROGRESS) {
		e = ETIMEDOUT;
		if (poll(&p, 1, WAIT_MS) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &size) < 0)
			e = errno;
	}
	close(fd);
	return e == 0;
}

static bool host_answers(const char *host, const char *port, char ret[300])
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *all;
	bool answers = false;

	if (getaddrinfo(host, port, &hints, &all) != 0)
		return false;
	for (const struct addrinfo *a = all; a && !answers; a = a->ai_next) {
		char number[16];

		answers = connects(a) && getnameinfo(a->ai_addr, a->ai_addrlen, NULL, 0, number,
						     sizeof(number), NI_NUMERICSERV) == 0;
		if (answers)
			snprintf(ret, 300, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, number);
	}
	freeaddrinfo(all);
	return answers;
}

bool socket_answers(const char *addr, char ret[300])
{
	static const char *const everywhere[] = {"", "0.0.0.0", "::", "[::]"};
	const char *colon = strrchr(addr, ':');
	char host[256];
	size_t n;

	if (!colon || !colon[1])
		return false;
	n = (size_t)(colon - addr);
	if (n >= sizeof(host))
		return false;
	memcpy(host, addr, n);
	host[n] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(everywhere); i++)
		if (strcmp(host, everywhere[i]) == 0)
			return host_answers("127.0.0.1", colon + 1, ret) ||
			       host_answers("::1", colon + 1, ret);
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		memmove(host, host + 1, n - 2);
		host[n - 2] = '\0';
	}
	return host_answers(host, colon + 1, ret);
}

/* ---- an upload ---- */

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool answered;
	int err;
	struct reg_error error;
};

static void on_answer(void *data, const struct reg_result *result)
{
	struct waiting *w = data;

	pthread_mutex_lock(&w->lock);
	w->answered = true;
	w->err = result->err;
	if (result->err < 0)
		w->error = *result->error;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

static int wait_for(struct waiting *w, uint64_t call)
{
	if (!call)
		return -ENOMEM;
	pthread_mutex_lock(&w->lock);
	while (!w->answered)
		pthread_cond_wait(&w->changed, &w->lock);
	w->answered = false;
	pthread_mutex_unlock(&w->lock);
	return w->err;
}

/*
 * What distribution leaves of an upload that is cancelled: the state of its digest, written when all else is
 * gone already. Its own purge never removes that, as it has no date.
 */
static void clean_upload(int repositories, const char *name)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), REPOSITORY "/_uploads/%s/startedat", name);
	if (files_stat(repositories, path, &(struct stat){0}) != -ENOENT)
		return;
	snprintf(path, sizeof(path), REPOSITORY "/_uploads/%s/hashstates/sha256", name);
	fd = files_open_folder(repositories, path);
	if (fd < 0)
		return;
	unlinkat(fd, "0", 0);
	close(fd);
	files_prune(repositories, path);
}

void upload_clean(const char *root)
{
	const int top = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int repositories = top < 0 ? -1 : files_open_folder(top, LAYOUT_V2 "/repositories");
	const int uploads = repositories < 0 ? -1 : files_open_folder(repositories, REPOSITORY "/_uploads");
	struct files_names names = {0};

	if (uploads >= 0 && files_list(uploads, &names) == 0)
		for (size_t i = 0; i < names.count; i++)
			clean_upload(repositories, names.items[i]);
	files_names_done(&names);
	if (uploads >= 0)
		close(uploads);
	if (repositories >= 0)
		close(repositories);
	if (top >= 0)
		close(top);
}

int upload_try(const struct reg_options *client, const char *source, struct reg_error *error)
{
	struct waiting w = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	const struct reg_call call = {.done = on_answer, .data = &w};
	struct reg_options o = *client;
	struct reg_client *c;
	int r;

	o.source = source;
	o.timeout = TIMEOUT_S;
	o.connections = 2;
	r = reg_client_new(&o, &c, error);
	if (r < 0)
		return r;
	/* It finds out whether a registry on this machine speaks http. */
	r = wait_for(&w, reg_ping(c, &call));
	if (r == 0)
		r = wait_for(&w, reg_upload_try(c, REPOSITORY, &call));
	reg_client_free(c);
	if (r < 0 && error)
		*error = w.error;
	return r;
}
