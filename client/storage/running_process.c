/* SPDX-License-Identifier: MIT */
/*
 * Registries among the processes, and what they serve: their own configuration, seen through their own root.
 */
#include "storage/running_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "storage/files.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define MAX_FILE ((size_t)1 << 20)
#define SLACK_NS 20000000L /* the kernel counts a start in ticks of ten milliseconds */

struct search {
	const struct running_options *options;
	int proc;
	struct places places; /* of the storage; none where it is no folder */
	unsigned hidden;
	struct timespec boot; /* the time at which the machine started; 0: not known */
};

static int read_all(int fd, struct buf *ret)
{
	char part[16384];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(fd, part, sizeof(part))) != 0)
		r = n < 0 ? -errno : buf_add(ret, part, (size_t)n);
	return r;
}

static int read_at(int folder, const char *name, struct buf *ret)
{
	auto_close int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : read_all(fd, ret);
}

/*
 * A path as the process sees it: links in it lead where they lead in its root. Kernels before 5.6 cannot do
 * that; then links that begin with a slash lead astray, and what they lead to is told from the storage by its
 * inode.
 */
int process_open(int process, const char *path, int flags)
{
	const bool absolute = path[0] == '/';
	auto_close int folder = openat(process, absolute ? "root" : "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct open_how how = {.flags = (unsigned)flags | O_CLOEXEC,
				     .resolve = absolute ? RESOLVE_IN_ROOT : 0};
	long fd;

	if (folder < 0)
		return -errno;
	fd = syscall(SYS_openat2, folder, path, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		while (absolute && *path == '/')
			path++;
		fd = openat(folder, *path ? path : ".", flags | O_CLOEXEC);
	}
	return fd < 0 ? -errno : (int)fd;
}

/* ---- what it is ---- */

/* Field 22 of stat, in ticks since the machine started; the name before it may hold anything. */
static bool started_at(const struct search *s, int process, struct timespec *ret)
{
	const long hz = sysconf(_SC_CLK_TCK);
	unsigned long long ticks;
	struct buf text;
	const char *p;
	bool good;

	buf_init(&text, 4096);
	p = read_at(process, "stat", &text) == 0 && text.data ? strrchr(text.data, ')') : NULL;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	good = p && hz > 0 && s->boot.tv_sec && sscanf(p, " %llu", &ticks) == 1;
	buf_done(&text);
	if (!good)
		return false;
	ret->tv_sec = s->boot.tv_sec + (time_t)(ticks / (unsigned long)hz);
	ret->tv_nsec = s->boot.tv_nsec + (long)(ticks % (unsigned long)hz) * (1000000000L / hz) + SLACK_NS;
	ret->tv_sec += ret->tv_nsec / 1000000000L;
	ret->tv_nsec %= 1000000000L;
	return true;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

/* A file that is moved over another keeps its date, but not when its inode was last changed. */
static bool is_older_than_process(const struct search *s, int process, const struct stat *config)
{
	struct timespec start;

	return started_at(s, process, &start) && !is_later(&config->st_mtim, &start) &&
	       !is_later(&config->st_ctim, &start);
}

static int read_environment(int process, struct buf *text, char ***ret)
{
	size_t n = 0;
	char **all;
	int r = read_at(process, "environ", text);

	if (r < 0)
		return r;
	for (size_t i = 0; i < text->size; i++)
		n += !text->data[i];
	all = calloc(n + 2, sizeof(*all));
	if (!all)
		return -ENOMEM;
	n = 0;
	for (const char *w = text->size ? text->data : NULL; w; w = words_next(text, w))
		all[n++] = (char *)w;
	*ret = all;
	return 0;
}

static const char *variable(char *const *environment, const char *name)
{
	const size_t n = strlen(name);

	for (; *environment; environment++)
		if (strncmp(*environment, name, n) == 0 && (*environment)[n] == '=')
			return *environment + n + 1;
	return NULL;
}

static int read_settings(int process, const char *path, char *const *environment, struct stat *ret_stat,
			 struct settings *ret)
{
	auto_close int fd = process_open(process, path, O_RDONLY | O_NONBLOCK);
	struct buf text;
	int r = fd < 0 ? fd : fstat(fd, ret_stat) < 0 ? -errno : 0;

	if (r == 0 && !S_ISREG(ret_stat->st_mode))
		r = -EINVAL;
	buf_init(&text, MAX_FILE);
	if (r == 0)
		r = read_all(fd, &text);
	if (r == 0)
		r = settings_parse(text.data ? text.data : "", text.size, environment, ret, NULL);
	buf_done(&text);
	return r;
}

/* 1: it serves this storage; 0: another one; negative: that cannot be seen. */
static int serves_this(const struct search *s, int process, const struct settings *its)
{
	const struct settings *ours = s->options->settings;

	if (!s->options->root)
		return ours && strcmp(ours->driver, its->driver) == 0 ? -ENOTSUP : 0;
	return its->root ? places_shared(&s->places, process, its->root) : 0;
}

/* Whoever is called otherwise serves many things, but not from a file like this, or it is one after all. */
static bool is_like_a_configuration(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot && (strcmp(dot, ".yml") == 0 || strcmp(dot, ".yaml") == 0);
}

/* 1: to be told; 0: of no concern. */
static int look_at_settings(const struct search *s, int process, const char *config, char *const *environment,
			    bool certain, struct process *p)
{
	struct stat st;
	int r;

	if (!config)
		config = variable(environment, "REGISTRY_CONFIGURATION_PATH");
	if (!config || !*config) {
		p->why = "does not say what its configuration is";
		return certain;
	}
	snprintf(p->config, sizeof(p->config), "%s", config);
	r = read_settings(process, config, environment, &st, &p->settings);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		p->why = "has a configuration that cannot be read";
		return certain || (r != -EBADMSG && is_like_a_configuration(config));
	}
	r = serves_this(s, process, &p->settings);
	if (r == 0) {
		settings_done(&p->settings);
		return 0;
	}
	p->known = r > 0;
	if (r < 0)
		p->why = "may serve this storage";
	else if (!is_older_than_process(s, process, &st))
		p->why = "serves this storage, and its configuration was changed after it was started";
	else
		p->says = p->settings.readonly ? PROCESS_READONLY : PROCESS_WRITABLE;
	return 1;
}

static int look_at(struct search *s, int process, const char *config, bool certain, struct process *p)
{
	auto_free char **environment = NULL;
	struct buf text;
	int r;

	buf_init(&text, MAX_FILE);
	r = read_environment(process, &text, &environment);
	if (r == -ENOENT || r == -ESRCH) {
		r = 0; /* it has ended */
	} else if (r < 0 && r != -ENOMEM) {
		p->why = "cannot be looked at (run as root, on the registry's machine)";
		r = certain || (config && is_like_a_configuration(config));
		s->hidden += !r;
	} else if (r == 0) {
		r = look_at_settings(s, process, config, environment, certain, p);
	}
	buf_done(&text);
	return r;
}

/* A process that ended while it was looked at has nothing that can be opened. */
static bool has_ended(int process)
{
	struct buf words;
	bool ended;

	buf_init(&words, MAX_FILE);
	ended = read_at(process, "cmdline", &words) < 0 || !words.size;
	buf_done(&words);
	return ended;
}

static int look_at_process(struct search *s, const char *name, process_fn *fn, void *data)
{
	auto_close int process = openat(s->proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct process p = {.pid = (int)strtol(name, NULL, 10), .says = PROCESS_NOTHING};
	enum program is = PROGRAM_OTHER;
	const char *config;
	char exe[512];
	struct buf words;
	ssize_t n;
	int r;

	buf_init(&words, MAX_FILE);
	r = process < 0 ? -errno : read_at(process, "cmdline", &words);
	if (r == 0) {
		n = readlinkat(process, "exe", exe, sizeof(exe) - 1);
		exe[n > 0 ? n : 0] = '\0';
		is = program_look(&words, exe, &config);
		if (is != PROGRAM_OTHER)
			r = look_at(s, process, config, is == PROGRAM_REGISTRY, &p);
	} else {
		s->hidden += r == -EACCES || r == -EPERM;
		r = r == -ENOMEM ? r : 0;
	}
	buf_done(&words);
	p.collects = is == PROGRAM_COLLECTOR;
	if (r > 0) {
		r = p.known || !has_ended(process) ? fn(data, &p) : 0;
		settings_done(&p.settings);
	}
	return r;
}

/* ---- all of them ---- */

/*
 * The kernel says it in whole seconds; the clocks know better, unless this is not the machine's own /proc, or
 * its time was set since.
 */
static void find_boot(struct search *s)
{
	struct timespec now, up;
	unsigned long long seconds = 0;
	struct buf text;
	const char *line;

	buf_init(&text, MAX_FILE);
	line = read_at(s->proc, "stat", &text) == 0 && text.data ? strstr(text.data, "btime ") : NULL;
	if (line && sscanf(line, "btime %llu", &seconds) == 1)
		s->boot.tv_sec = (time_t)seconds;
	buf_done(&text);
	if (clock_gettime(CLOCK_BOOTTIME, &up) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return;
	now.tv_sec -= up.tv_sec;
	now.tv_nsec -= up.tv_nsec;
	if (now.tv_nsec < 0) {
		now.tv_nsec += 1000000000L;
		now.tv_sec--;
	}
	if (now.tv_sec - s->boot.tv_sec <= 1 && s->boot.tv_sec - now.tv_sec <= 1)
		s->boot = now;
}

int processes_look(const struct running_options *o, process_fn *fn, void *data, unsigned *ret_hidden)
{
	struct search s = {.options = o};
	DIR *all = opendir(o->proc);
	struct dirent *e;
	int r = 0;

	if (!all)
		return 0;
	s.proc = dirfd(all);
	if (o->root)
		places_find(o->root, &s.places);
	find_boot(&s);
	while (r == 0 && (e = readdir(all)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9')
			r = look_at_process(&s, e->d_name, fn, data);
	closedir(all);
	*ret_hidden = s.hidden;
	return r;
}
