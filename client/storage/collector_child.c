/* SPDX-License-Identifier: MIT */
#include "storage/collector_child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/utf8.h"

enum { MAX_LINE = 64 << 10, PATIENCE_MS = 2000, LOOK_MS = 10, SIGNAL_MS = 100 };

/* One stream of it. A line that is longer than the room is cut off: the rest of it is dropped. */
struct stream {
	int fd;
	char *line; /* MAX_LINE and a NUL */
	size_t size;
	int (*on_line)(struct stream *s, char *line);
	void *data;
};

struct child {
	pid_t pid;
	struct stream out, err;
	child_line_fn *line;
	void *data;
	const volatile sig_atomic_t *signal;
	char words[1024]; /* of stderr: the end of it */
	char reason[1024]; /* the last line of it that says why it ends */
};

/* ---- starting ---- */

/*
 * In the child, between fork and exec. It goes with its parent, so that nobody starts a registry while a
 * collector of a run that was killed is still at work.
 */
static void become(char *const *words, char *const *environment, const int fds[2], int failure, pid_t parent)
{
	sigset_t none;
	int e;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && dup2(fds[0], STDOUT_FILENO) >= 0 && dup2(fds[1], STDERR_FILENO) >= 0) {
		const int null = open("/dev/null", O_RDONLY);

		if (null > 0)
			dup2(null, STDIN_FILENO);
		execvpe(words[0], words, environment);
	}
	e = errno;
	while (write(failure, &e, sizeof(e)) < 0 && errno == EINTR)
		;
	_exit(127);
}

static bool is_variable(const char *entry, const char *name)
{
	const size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/*
 * Ours, with one that keeps version 3 from logging that nobody collects its traces, and without the one
 * that names podman's logins: a registry takes it for a setting of its own, and does not start.
 */
static char **make_environment(void)
{
	static const char traces[] = "OTEL_TRACES_EXPORTER=none";
	size_t n = 0, k = 0;
	char **all;

	while (environ[n])
		n++;
	all = calloc(n + 2, sizeof(*all));
	if (!all)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_variable(environ[i], "OTEL_TRACES_EXPORTER") &&
		    !is_variable(environ[i], "REGISTRY_AUTH_FILE"))
			all[k++] = environ[i];
	all[k] = (char *)traces;
	return all;
}

/* Both ends closed by exec, and above the standard streams even where those are closed. */
static int make_pipe(int ret[2])
{
	int fds[2], moved;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		if (fds[i] > STDERR_FILENO)
			continue;
		moved = fcntl(fds[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		if (moved < 0) {
			const int e = -errno;

			close(fds[0]);
			close(fds[1]);
			return e;
		}
		close(fds[i]);
		fds[i] = moved;
	}
	ret[0] = fds[0];
	ret[1] = fds[1];
	return 0;
}

static void close_all(int pipes[3][2])
{
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 2; k++)
			if (pipes[i][k] >= 0)
				close(pipes[i][k]);
}

static void close_one(int *fd)
{
	close(*fd);
	*fd = -1;
}

/* What kept it from running: nothing comes where the pipe was closed by exec. */
static int read_failure(int fd)
{
	int e = 0;
	ssize_t n;

	do {
		n = read(fd, &e, sizeof(e));
	} while (n < 0 && errno == EINTR);
	return n == sizeof(e) && e ? -e : 0;
}

static int start(struct child *c, char *const *words)
{
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}; /* stdout, stderr, what went wrong */
	auto_free char **environment = make_environment();
	const pid_t parent = getpid();
	int r = environment ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < 3; i++)
		r = make_pipe(pipes[i]);
	if (r == 0) {
		c->pid = fork();
		if (c->pid == 0)
			become(words, environment, (int[]){pipes[0][1], pipes[1][1]}, pipes[2][1], parent);
		if (c->pid < 0)
			r = -errno;
	}
	if (r < 0) {
		close_all(pipes);
		return r;
	}
	setpgid(c->pid, c->pid); /* whoever comes first */
	for (int i = 0; i < 3; i++)
		close_one(&pipes[i][1]);
	r = read_failure(pipes[2][0]);
	close_one(&pipes[2][0]);
	if (r < 0) {
		close_all(pipes);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
		return r;
	}
	c->out.fd = pipes[0][0];
	c->err.fd = pipes[1][0];
	return 0;
}

/* ---- reading ---- */

static int end_line(struct stream *s)
{
	size_t n = s->size;

	s->size = 0;
	if (n && s->line[n - 1] == '\r') /* a terminal in between: docker exec -t */
		n--;
	s->line[n] = '\0';
	for (size_t i = 0; i < n; i++)
		if (!s->line[i])
			s->line[i] = '?';
	return s->on_line(s, s->line);
}

static int add(struct stream *s, const char *data, size_t size)
{
	int r = 0;

	while (size && r == 0) {
		const char *end = memchr(data, '\n', size);
		const size_t n = end ? (size_t)(end - data) : size;
		const size_t room = MAX_LINE - s->size;

		memcpy(s->line + s->size, data, n < room ? n : room);
		s->size += n < room ? n : room;
		if (end)
			r = end_line(s);
		data += end ? n + 1 : n;
		size -= end ? n + 1 : n;
	}
	return r;
}

/* What is there; closes the stream at its end. */
static int take(struct stream *s)
{
	char part[16384];
	const ssize_t n = read(s->fd, part, sizeof(part));
	int r = 0;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n > 0)
		return add(s, part, (size_t)n);
	if (s->size)
		r = end_line(s);
	close_one(&s->fd);
	return r;
}

static bool is_interrupted(const struct child *c)
{
	return c->signal && *c->signal;
}

/*
 * A signal that has a handler ends it: poll() is never begun again by itself. One that comes just before
 * poll() is seen a moment later.
 */
static int read_all(struct child *c)
{
	int r = 0;

	while (r == 0 && (c->out.fd >= 0 || c->err.fd >= 0)) {
		struct pollfd fds[] = {{c->out.fd, POLLIN, 0}, {c->err.fd, POLLIN, 0}};

		if (is_interrupted(c))
			return -EINTR;
		if (poll(fds, 2, c->signal ? SIGNAL_MS : -1) < 0)
			return -errno;
		/* stderr first: why it ends comes there. */
		if (fds[1].revents)
			r = take(&c->err);
		if (r == 0 && fds[0].revents)
			r = take(&c->out);
	}
	return r;
}

static int on_output(struct stream *s, char *line)
{
	const struct child *c = s->data;

	return c->line(c->data, line);
}

static bool is_reason(const char *line)
{
	static const char *const words[] = {"failed to ", "configuration error", "unable to ", "panic: "};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strncmp(line, words[i], strlen(words[i])) == 0)
			return true;
	return false;
}

static void copy_line(char *to, size_t size, const char *line)
{
	size_t n = strlen(line);

	if (n >= size)
		n = size - 1;
	memcpy(to, line, n);
	to[n] = '\0';
	utf8_make_printable(to);
}

/* The lines of stderr one behind the other, of which the last ones stay. */
static int on_error(struct stream *s, char *line)
{
	struct child *c = s->data;
	const size_t size = sizeof(c->words);
	size_t have = strlen(c->words), more;

	if (is_reason(line))
		copy_line(c->reason, sizeof(c->reason), line);
	more = strlen(line);
	if (more > size - 2)
		line[more = size - 2] = '\0';
	if (have + more + 1 >= size) {
		const size_t drop = have + more + 2 - size;

		memmove(c->words, c->words + drop, have - drop + 1);
		have -= drop;
	}
	if (have)
		c->words[have++] = ' ';
	copy_line(c->words + have, size - have, line);
	return 0;
}

/* ---- its end ---- */

static bool wait_a_while(pid_t pid, int *ret_status)
{
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};

	for (int ms = 0; ms < PATIENCE_MS; ms += LOOK_MS) {
		if (waitpid(pid, ret_status, WNOHANG) == pid)
			return true;
		nanosleep(&look, NULL);
	}
	return false;
}

/* It has closed its output, and need not end for that. False: a signal came. */
static bool wait_for_end(const struct child *c, int *ret_status)
{
	const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};

	while (waitpid(c->pid, ret_status, WNOHANG) == 0) {
		if (is_interrupted(c))
			return false;
		nanosleep(&look, NULL);
	}
	return true;
}

/* 0, or -EINTR; the exit status into *ret_status. */
static int finish(struct child *c, bool stop, int *ret_status)
{
	int status = 0, r = 0;

	*ret_status = -1;
	if (c->out.fd >= 0)
		close_one(&c->out.fd);
	if (c->err.fd >= 0)
		close_one(&c->err.fd);
	if (!stop && !wait_for_end(c, &status)) {
		stop = true;
		r = -EINTR;
	}
	if (!stop) {
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		return 0;
	}
	kill(-c->pid, SIGTERM);
	if (wait_a_while(c->pid, &status)) {
		kill(-c->pid, SIGKILL); /* what it may have left in its group */
		return r;
	}
	kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	return r;
}

int child_run(char *const *words, const volatile sig_atomic_t *signal, child_line_fn *line, void *data,
	      struct collector_end *ret)
{
	auto_free char *out = malloc(MAX_LINE + 1), *err = malloc(MAX_LINE + 1);
	struct child c = {.line = line, .data = data, .signal = signal};
	struct collector_end end = {0};
	int r, e;

	if (!out || !err)
		return -ENOMEM;
	c.out = (struct stream){.fd = -1, .line = out, .on_line = on_output, .data = &c};
	c.err = (struct stream){.fd = -1, .line = err, .on_line = on_error, .data = &c};
	r = start(&c, words);
	if (r < 0)
		return r;
	r = read_all(&c);
	e = finish(&c, r != 0, &end.status);
	if (r != 0 || e < 0)
		return r != 0 ? r : e;
	strcpy(end.message, c.reason[0] ? c.reason : c.words);
	*ret = end;
	return 0;
}
