/* SPDX-License-Identifier: MIT */
/* Looking for credentials again, on a loop whose thread is the test's own: nothing here waits for a clock. */
#include "renew.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "folder.h"

#define FILE_OF(user) "{\"auths\":{\"h\":{\"username\":\"" user "\",\"password\":\"p\"}}}"

struct scene {
	struct folder folder;
	struct loop *loop;
	struct renew *renew;
	struct reg_source source;
	struct loop_task start;
	unsigned warnings;

	pthread_mutex_t lock; /* guards the rest, and is the poller's */
	pthread_cond_t changed;
	bool woken, called;
	unsigned answers;
	int err;
	char user[32];
};

static void step(void *data)
{
	(void)data;
}

static void wait_woken(void *data, int timeout)
{
	struct scene *s = data;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 1 + timeout / 1000;
	pthread_mutex_lock(&s->lock);
	if (timeout && !s->woken)
		pthread_cond_timedwait(&s->changed, &s->lock, &until);
	s->woken = false;
	pthread_mutex_unlock(&s->lock);
}

static void wake(void *data)
{
	struct scene *s = data;

	pthread_mutex_lock(&s->lock);
	s->woken = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void on_start(struct loop_task *task)
{
	struct scene *s = container_of(task, struct scene, start);

	s->called = true;
	renew_start(s->renew);
	s->called = false;
}

static void on_renewed(void *data, struct reg_credentials *found, int err)
{
	struct scene *s = data;

	assert_false(s->called); /* never from within */
	pthread_mutex_lock(&s->lock);
	s->answers++;
	s->err = err;
	snprintf(s->user, sizeof(s->user), "%s", found->user ? found->user : "");
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void on_log(void *data, enum reg_log_level level, const char *line)
{
	struct scene *s = data;

	(void)line;
	s->warnings += level == REG_LOG_WARN;
}

static void begin(struct scene *s, const char *file)
{
	const struct loop_poller poller = {step, wait_woken, wake, s};
	const struct reg_log log = {on_log, s, REG_LOG_WARN};
	char path[100];
	struct reg_lookup l = {.source = &s->source, .authfile = path};

	*s = (struct scene){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	s->source = (struct reg_source){.host = "h"};
	s->start.run = on_start;
	folder_make(&s->folder);
	snprintf(path, sizeof(path), "%s/auth.json", s->folder.path);
	folder_write(&s->folder, "auth.json", file, strlen(file));
	assert_int_equal(loop_new(&s->loop), 0);
	assert_int_equal(renew_new(&l, s->loop, &log, on_renewed, s, &s->renew), 0);
	memset(path, 'x', sizeof(path)); /* it has a copy */
	assert_int_equal(loop_start(s->loop, &poller), 0);
}

static void nothing(struct loop_task *task)
{
	(void)task;
}

static void end(struct scene *s)
{
	struct loop_task last = {.run = nothing};

	loop_stop(s->loop, &last);
	renew_free(s->renew);
	loop_free(s->loop);
	folder_remove(&s->folder);
}

static void ask(struct scene *s)
{
	const unsigned before = s->answers;

	loop_post(s->loop, &s->start);
	pthread_mutex_lock(&s->lock);
	while (s->answers == before)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void a_new_login(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, FILE_OF("old"));
	folder_write(&s.folder, "auth.json", FILE_OF("new"), strlen(FILE_OF("new")));
	ask(&s);
	check_int(s.err, 0, "found");
	check_text(s.user, "new", "what is there now");
	/* At once again: nothing is read, however often. */
	for (int i = 0; i < 3; i++) {
		ask(&s);
		check_int(s.err, -EAGAIN, "too early");
		check_text(s.user, "", "nothing");
	}
	check_int(s.answers, 4, "one answer each");
	end(&s);
}

static void a_file_that_has_gone(void **state)
{
	struct scene s;

	(void)state;
	begin(&s, FILE_OF("old"));
	assert_int_equal(unlink(folder_path(&s.folder, "auth.json")), 0);
	ask(&s);
	check_int(s.err, -ENOENT, "what was named must be there");
	check_int(s.warnings, 1, "and the log says so");
	end(&s);
}

/* The client ends while a helper hangs: it is not waited for. A helper without end would make this one hang.
 */
static void an_end_in_between(void **state)
{
	static const char file[] = "{\"credsStore\":\"hangs\"}";
	static const char script[] = "#!/bin/sh\necho >$FIFO\nexec sleep 1000\n";
	struct scene s;
	char path[200], byte;
	int fifo;

	(void)state;
	begin(&s, file);
	folder_write(&s.folder, "docker-credential-hangs", script, strlen(script));
	chmod(folder_path(&s.folder, "docker-credential-hangs"), 0755);
	assert_int_equal(mkfifo(folder_path(&s.folder, "fifo"), 0600), 0);
	setenv("FIFO", folder_path(&s.folder, "fifo"), 1);
	snprintf(path, sizeof(path), "%s:/usr/bin:/bin", s.folder.path);
	setenv("PATH", path, 1);
	loop_post(s.loop, &s.start);
	fifo = open(folder_path(&s.folder, "fifo"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fifo, &byte, 1), 1); /* it runs */
	close(fifo);
	end(&s);
	check_int(s.answers, 0, "nobody is told");
}

/* Instead of the auth file there is a pipe. */
static void make_pipe(struct scene *s)
{
	assert_int_equal(unlink(folder_path(&s->folder, "auth.json")), 0);
	assert_int_equal(mkfifo(folder_path(&s->folder, "auth.json"), 0600), 0);
}

static void a_pipe(void **state)
{
	static const char login[] = FILE_OF("piped");
	struct scene s;
	pid_t pid;

	(void)state;
	begin(&s, FILE_OF("old"));
	make_pipe(&s);
	pid = fork();
	if (pid == 0) {
		const int fd = open(folder_path(&s.folder, "auth.json"), O_WRONLY); /* once it is read */

		(void)!write(fd, login, 10);
		usleep(50000);
		(void)!write(fd, login + 10, sizeof(login) - 11);
		_exit(0);
	}
	ask(&s);
	check_text(s.user, "piped", "all that was written");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	end(&s);
}

/* The client ends while somebody is to write: he is not waited for. This would hang. */
static void a_pipe_that_says_nothing(void **state)
{
	struct scene s;
	int fd;

	(void)state;
	begin(&s, FILE_OF("old"));
	make_pipe(&s);
	loop_post(s.loop, &s.start);
	do { /* until it is read */
		fd = open(folder_path(&s.folder, "auth.json"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	} while (fd < 0 && errno == ENXIO && sched_yield() == 0);
	assert_true(fd >= 0);
	end(&s);
	check_int(s.answers, 0, "nobody is told");
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_login),
		cmocka_unit_test(a_file_that_has_gone),
		cmocka_unit_test(an_end_in_between),
		cmocka_unit_test(a_pipe),
		cmocka_unit_test(a_pipe_that_says_nothing),
	};
	static const char *const variables[] = {
		"REGFS_USER",    "REGFS_PASSWORD",     "XDG_RUNTIME_DIR",   "HOME",
		"DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE"};

	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		unsetenv(variables[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
