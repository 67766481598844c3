/* SPDX-License-Identifier: MIT */
#include "credhelper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "error.h"
#include "json.h"
#include "loop.h"

enum { LIMIT_MS = 30000, LOOK_MS = 20, MOST_READS = 64, MAX_OUT = 64 << 10, MAX_ERR = 1024 };

/* One output of it. What does not fit is dropped, and full says so. */
struct stream {
	int fd; /* -1: at its end */
	char *data; /* room, and a NUL */
	size_t size, room;
	bool full;
};

struct run {
	pid_t pid;
	bool ended;
	int status;
	struct stream out, err;
};

/* ---- starting ---- */

/* Both ends closed by exec, and above the standard streams even where those are closed. */
static int make_pipe(int ret[2])
{
	int fds[2], high[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	close(fds[0]);
	close(fds[1]);
	if (high[0] >= 0 && high[1] >= 0) {
		memcpy(ret, high, sizeof(high));
		return 0;
	}
	for (int i = 0; i < 2; i++)
		if (high[i] >= 0)
			close(high[i]);
	return -EMFILE;
}

static void close_pipe(int fds[2])
{
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

/* What it is asked fits into the pipe: written before it lives, so no write can fail for its end. */
static int make_question(const char *server, int ret[2])
{
	const size_t size = strlen(server);
	int r = make_pipe(ret);

	if (r == 0 && write(ret[1], server, size) != (ssize_t)size)
		r = -EIO;
	if (r == 0) {
		close(ret[1]);
		ret[1] = -1;
	}
	return r;
}

/* A group of its own, so that what it started ends with it; and no signal blocked or ignored that we do. */
static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, usual;

	sigemptyset(&none);
	sigemptyset(&usual);
	sigaddset(&usual, SIGPIPE);
	sigaddset(&usual, SIGHUP);
	sigaddset(&usual, SIGINT);
	sigaddset(&usual, SIGTERM);
	sigaddset(&usual, SIGCHLD);
	return posix_spawnattr_setsigmask(attributes, &none) ||
	       posix_spawnattr_setsigdefault(attributes, &usual) ||
	       posix_spawnattr_setpgroup(attributes, 0) ||
	       posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							    POSIX_SPAWN_SETPGROUP);
}

static int set_actions(posix_spawn_file_actions_t *actions, int in, int out, int err)
{
	int r = posix_spawn_file_actions_adddup2(actions, in, STDIN_FILENO);

	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(actions, err, STDERR_FILENO);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
	/* Ours are closed by exec; a library's may not be, as libcurl's sockets. */
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
#endif
	return r;
}

static int spawn(const char *program, int in, int out, int err, pid_t *ret)
{
	char *const words[] = {(char *)(uintptr_t)program, (char *)(uintptr_t) "get", NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes) != 0) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	r = set_actions(&actions, in, out, err);
	if (r == 0)
		r = set_attributes(&attributes);
	if (r == 0)
		r = posix_spawnp(ret, program, &actions, &attributes, words, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int start(struct run *c, const char *program, const char *server)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}; /* stdin, stdout, stderr */
	int r = make_question(server, pipes[0]);

	if (r == 0)
		r = make_pipe(pipes[1]);
	if (r == 0)
		r = make_pipe(pipes[2]);
	if (r == 0 &&
	    (fcntl(pipes[1][0], F_SETFL, O_NONBLOCK) < 0 || fcntl(pipes[2][0], F_SETFL, O_NONBLOCK) < 0))
		r = -errno;
	if (r == 0)
		r = spawn(program, pipes[0][0], pipes[1][1], pipes[2][1], &c->pid);
	if (r == 0) {
		c->out.fd = pipes[1][0];
		c->err.fd = pipes[2][0];
		pipes[1][0] = pipes[2][0] = -1;
	}
	for (int i = 0; i < 3; i++)
		close_pipe(pipes[i]);
	return r;
}

/* ---- reading ---- */

static void close_stream(struct stream *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

/*
 * What is there now, up to a bound, since it may write for ever. What is dropped passes through the last byte
 * of the room, which is wiped as well.
 */
static void take(struct stream *s)
{
	for (int i = 0; i < MOST_READS && s->fd >= 0; i++) {
		ssize_t n;

		if (s->size == s->room) {
			s->size--;
			s->full = true;
		}
		n = read(s->fd, s->data + s->size, s->room - s->size);
		if (n > 0)
			s->size += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
		else if (n == 0 || errno != EINTR)
			close_stream(s);
	}
	s->data[s->size] = '\0';
}

/* Somebody who ignores SIGCHLD has no status of his children: then what it said must do. */
static bool has_ended(struct run *c)
{
	pid_t pid;

	if (c->ended)
		return true;
	do {
		pid = waitpid(c->pid, &c->status, WNOHANG);
	} while (pid < 0 && errno == EINTR);
	if (pid < 0)
		c->status = 0;
	c->ended = pid != 0;
	return c->ended;
}

/* Until it has ended: what it left behind may hold its outputs open for ever. 0, -ETIMEDOUT, -ECANCELED,
 * -EFBIG. */
static int read_all(struct run *c, unsigned limit_ms, const int *cancel)
{
	const uint64_t until = loop_now() + (limit_ms ? limit_ms : LIMIT_MS);

	for (;;) {
		const bool ended = has_ended(c); /* asked before the last look at what it said */
		struct pollfd fds[] = {
			{c->out.fd, POLLIN, 0}, {c->err.fd, POLLIN, 0}, {cancel ? *cancel : -1, POLLIN, 0}};

		if (!ended)
			(void)poll(fds, 3, LOOK_MS);
		take(&c->out);
		take(&c->err);
		if (c->out.full)
			return -EFBIG;
		if (ended)
			return 0;
		if (fds[2].revents)
			return -ECANCELED;
		if (loop_now() >= until)
			return -ETIMEDOUT;
	}
}

static void end(struct run *c)
{
	close_stream(&c->out);
	close_stream(&c->err);
	if (c->ended)
		return;
	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* ---- what it said ---- */

static size_t trimmed(const char *text)
{
	size_t size = strlen(text);

	while (size && strchr(" \t\r\n", text[size - 1]))
		size--;
	return size;
}

/* The words by which all helpers say that they have nothing. */
static bool has_nothing(const char *text)
{
	static const char words[] = "credentials not found in native keychain";

	return trimmed(text) == strlen(words) && strncmp(text, words, strlen(words)) == 0;
}

/*
 * Why it failed, by its own words: on stdout by the protocol, else on stderr. Neither may be the answer after
 * all: a secret is a word of its own, or in JSON, and a reason is a sentence.
 */
static int fail(const char *name, int status, const char *out, const char *err, struct reg_error *error)
{
	const char *said = trimmed(out) && !strpbrk(out, "{}") ? out : strpbrk(err, "{}") ? "" : err;
	size_t size;
	char how[40];

	said += strspn(said, " \t\r\n");
	size = strcspn(said, "\r\n");
	if (!memchr(said, ' ', size))
		size = 0;
	if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "ended by signal %d", WTERMSIG(status));
	else
		snprintf(how, sizeof(how), "exit status %d", WEXITSTATUS(status));
	return reg_fail(error, -EIO, "docker-credential-%s fails (%s)%s%.*s", name, how, size ? ": " : "",
			size > 100 ? 100 : (int)size, said);
}

static const char *member(const struct json *answer, const char *name, const char *small)
{
	const char *text = json_string(answer, name);

	return text ? text : json_string(answer, small);
}

static int fill(const struct json *answer, const char *name, struct reg_credentials *ret,
		struct reg_error *error)
{
	const char *user = member(answer, "Username", "username"),
		   *secret = member(answer, "Secret", "secret");
	struct reg_credentials c = {0};
	bool ok;

	if (!json_is_object(answer) || !user || !secret)
		return reg_fail(error, -EBADMSG,
				"docker-credential-%s answers without a Username and a Secret in JSON", name);
	if (!user[0] && !secret[0])
		return 0;
	if (strcmp(user, "<token>") == 0) {
		c.identity_token = strdup(secret);
		ok = c.identity_token;
	} else {
		c.user = strdup(user);
		c.password = strdup(secret);
		ok = c.user && c.password;
	}
	if (!ok) {
		reg_credentials_done(&c);
		return reg_fail(error, -ENOMEM, "no memory for credentials");
	}
	*ret = c;
	return 1;
}

int credhelper_read(const char *name, int status, const char *out, size_t size, const char *err,
		    struct reg_credentials *ret, struct reg_error *error)
{
	struct json *answer;
	int r;

	if (status != 0)
		return has_nothing(out) || has_nothing(err) ? 0 : fail(name, status, out, err, error);
	answer = json_parse(out, size);
	r = fill(answer, name, ret, error);
	json_wipe(answer);
	return r;
}

bool credhelper_name_is_valid(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
	const size_t size = strlen(name);

	return size && size < sizeof((struct credhelper){0}.name) && strspn(name, letters) == size;
}

static int tell(const char *name, int err, struct reg_error *error)
{
	if (err == -ENOENT)
		return reg_fail(
			error, err,
			"docker-credential-%s is not in PATH: install it, or log in without this helper",
			name);
	if (err == -ETIMEDOUT)
		return reg_fail(error, err, "docker-credential-%s does not end; it was killed", name);
	if (err == -EFBIG)
		return reg_fail(error, err, "docker-credential-%s says more than 64 KiB", name);
	if (err == -ECANCELED)
		return reg_fail(error, err, "cancelled");
	return reg_fail(error, err, "docker-credential-%s cannot be run: %s", name, strerror(-err));
}

int credhelper_get(const struct credhelper *helper, unsigned limit_ms, const int *cancel,
		   struct reg_credentials *ret, struct reg_error *error)
{
	const size_t room = MAX_OUT + MAX_ERR + 4;
	char program[sizeof(helper->name) + 20], *data = calloc(1, room);
	struct run c = {.out = {.fd = -1, .room = MAX_OUT + 1}, .err = {.fd = -1, .room = MAX_ERR + 1}};
	int r;

	if (!data)
		return reg_fail(error, -ENOMEM, "no memory for a helper");
	c.out.data = data;
	c.err.data = data + MAX_OUT + 2;
	snprintf(program, sizeof(program), "docker-credential-%s", helper->name);
	r = start(&c, program, helper->server);
	if (r == 0) {
		r = read_all(&c, limit_ms, cancel);
		end(&c);
	}
	if (r < 0)
		r = tell(helper->name, r, error);
	else
		r = credhelper_read(helper->name, c.status, c.out.data, c.out.size, c.err.data, ret, error);
	explicit_bzero(data, room);
	free(data);
	return r;
}
