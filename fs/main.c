/* SPDX-License-Identifier: MIT */
/* From arguments to a mounted file system, and orderly down again. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "background.h"
#include "descriptors.h"
#include "doctor.h"
#include "dumps.h"
#include "error.h"
#include "journal.h"
#include "log.h"
#include "mountpoint.h"
#include "ops.h"
#include "options.h"
#include "parallel.h"
#include "protect.h"
#include "repos.h"
#include "said.h"
#include "signals.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "waiter.h"

enum { EXIT_USAGE = 2, FUSE_THREADS = 4 };

/* Everything that main() builds up, in the order in which it does. */
struct program {
	struct options options;
	struct log log;
	char *mountpoint;
	struct repos repos;
	struct reg_client *client;
	struct filesystem fs;
	struct protect *protect; /* until the tree has it */
	struct journal *journal;
	struct fuse_session *session;
	bool mounted;
	int ready; /* for background_ready(), or -1 */
};

static int say(const struct reg_error *error, int err)
{
	fprintf(stderr, "regfs: %s%s%s\n", error->msg, error->code[0] ? ": " : "", error->code);
	return err;
}

/* ---- the first conversation with the registry ---- */

struct greeting {
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool done;
	int err;
	struct reg_error error;
};

static void on_ping(void *data, const struct reg_result *result)
{
	struct greeting *g = data;

	pthread_mutex_lock(&g->lock);
	g->done = true;
	g->err = result->err;
	if (result->err < 0)
		g->error = *result->error;
	pthread_cond_signal(&g->over);
	pthread_mutex_unlock(&g->lock);
}

static int greet(struct program *p, struct reg_error *error)
{
	struct greeting g = {.lock = PTHREAD_MUTEX_INITIALIZER, .over = PTHREAD_COND_INITIALIZER};
	const struct reg_call call = {.done = on_ping, .data = &g};

	if (!reg_ping(p->client, &call))
		return reg_fail(error, -ENOMEM, "out of memory");
	pthread_mutex_lock(&g.lock);
	while (!g.done)
		pthread_cond_wait(&g.over, &g.lock);
	pthread_mutex_unlock(&g.lock);
	/* Busy, or limiting its callers: it is a registry, and may have time when somebody looks. */
	if (g.err == -EAGAIN) {
		log_line(&p->log, REG_LOG_WARN, g.error.msg);
		return 0;
	}
	if (g.err < 0)
		return reg_fail(error, g.err, "%s: %s%s%s", reg_client_host(p->client), g.error.code,
				g.error.code[0] ? ": " : "", g.error.msg);
	return 0;
}

/* Who needs more than may be open fails now and then, for reasons that are hard to find. */
static void limit_connections(struct program *p)
{
	const unsigned wanted = p->options.connections, fit = descriptors_fit(wanted);
	char line[128];

	if (fit == wanted)
		return;
	p->options.connections = fit;
	snprintf(line, sizeof(line),
		 "too few files may be open (ulimit -n): at most %u transfers at a time, instead of %u", fit,
		 wanted);
	log_line(&p->log, REG_LOG_WARN, line);
}

static int connect_registry(struct program *p, struct reg_error *error)
{
	const struct options *o = &p->options;
	struct reg_options client;
	int r;

	options_client(o, &client);
	client.log = log_line;
	client.log_level = o->level;
	client.log_data = &p->log;
	r = reg_client_new(&client, &p->client, error);
	return r < 0 ? r : greet(p, error);
}

/* ---- the file system ---- */

static void on_attr_changed(void *data, uint64_t node)
{
	const struct filesystem *fs = data;

	notify_attr(fs->kernel, node);
}

static int load_protect(const struct options *o, struct protect **ret, struct reg_error *error)
{
	return protect_new((const char *const *)o->protect, o->nprotect, o->protect_from, ret, error);
}

/* What removing needs, and who mounts can mend. */
static int prepare_removing(struct program *p, struct reg_error *error)
{
	const struct options *o = &p->options;
	auto_free char *dir = o->journal ? strdup(o->journal) : journal_default_dir();
	int r;

	if (!o->allow_delete)
		return 0;
	r = load_protect(o, &p->protect, error);
	if (r < 0 || o->dry_run)
		return r;
	if (!dir)
		return reg_fail(error, -ENOENT,
				"there is no place for the journal: say where with -o journal=DIR");
	return journal_new(dir, reg_client_url(p->client), &p->journal, error);
}

/* What was listed so far stays so if the file cannot be read. */
static void reload_repositories(struct program *p)
{
	struct repos repos, before = p->repos;
	struct reg_error error = {0};

	if (!p->options.repos_from)
		return;
	if (repos_read(p->options.repos_from, &repos, &error) < 0) {
		log_line(&p->log, REG_LOG_ERROR, error.msg);
		return;
	}
	if (tree_repositories(p->fs.tree, repos.names, repos.count) < 0)
		log_line(&p->log, REG_LOG_ERROR, "out of memory: not all repositories are listed");
	p->repos = repos;
	repos_done(&before);
}

static void on_hangup(void *data)
{
	struct program *p = data;
	struct protect *protect;
	struct reg_error error = {0};

	reload_repositories(p);
	if (p->options.protect_from && load_protect(&p->options, &protect, &error) < 0) {
		/* What was protected so far stays so. */
		log_line(&p->log, REG_LOG_ERROR, error.msg);
	} else if (p->options.protect_from) {
		tree_protect(p->fs.tree, protect);
	}
	tree_forget(p->fs.tree);
}

static int make_filesystem(struct program *p, struct reg_error *error)
{
	const struct options *o = &p->options;
	const struct tree_options tree = {
		.ttl = o->ttl,
		.connections = o->connections,
		.show_tags_only = o->tags_only,
		.allow_delete = o->allow_delete,
		.dry_run = o->dry_run,
		.shared = o->shared,
		.keep = o->keep,
		.undated_epoch = o->undated_epoch,
		.platform = o->platform,
		.file_mode = 0444 & ~o->umask,
		.dir_mode = (o->allow_delete ? 0755U : 0555U) & ~o->umask,
		.write_mode = 0200 & ~o->umask,
		.repositories = p->repos.names,
		.nrepositories = p->repos.count,
		.log = log_line,
		.log_data = &p->log,
		.attr_changed = on_attr_changed,
		.notify_data = &p->fs,
	};

	p->fs.uid = o->uid;
	p->fs.gid = o->gid;
	atomic_init(&p->fs.want_parallel, false);
	atomic_init(&p->fs.order, 0);
	handles_init(&p->fs.handles);
	if (notify_new(&p->fs.kernel) < 0 || interrupts_new(&p->fs.interrupts) < 0 ||
	    worker_new(&p->fs.disk) < 0 || tree_new(p->client, &tree, &p->fs.tree) < 0)
		return reg_fail(error, -ENOMEM, "out of memory");
	p->fs.tree->protect = steal(&p->protect);
	p->fs.tree->journal = p->journal;
	p->fs.tree->disk = p->fs.disk;
	return 0;
}

static int mount_options(const struct program *p, struct buf *ret)
{
	const struct options *o = &p->options;
	const char *const prefix = reg_client_prefix(p->client);

	return buf_printf(ret, "-o%s,nosuid,nodev,default_permissions,subtype=regfs,fsname=%s%s%s%s%s",
			  o->allow_delete && !o->read_only ? "rw" : "ro", reg_client_host(p->client),
			  prefix[0] ? "/" : "", prefix, o->allow_other ? ",allow_other" : "",
			  o->noexec ? ",noexec" : "");
}

/* libfuse reports by printing: the last line that it prints is kept, and becomes the reason. */
static _Thread_local char fuse_said[256];

static void on_fuse_log(enum fuse_log_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_fuse_log(enum fuse_log_level level, const char *format, va_list args)
{
	(void)level;
	vsnprintf(fuse_said, sizeof(fuse_said), format, args);
	fuse_said[strcspn(fuse_said, "\n")] = '\0';
}

/* The path comes last, as it may be long. */
static int cannot_mount(const char *path, struct reg_error *error)
{
	const char *const remedy = said_remedy(fuse_said);
	const bool named = strstr(fuse_said, path);

	return reg_fail(error, -EIO, "cannot mount: %s%s%s%s%s%s", fuse_said, remedy ? " (" : "",
			remedy ? remedy : "", remedy ? ")" : "", named ? "" : ": ", named ? "" : path);
}

static int mount_session(struct program *p, struct reg_error *error)
{
	char name[] = "regfs";
	struct buf options;
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct said said;
	int r;

	fuse_set_log_func(on_fuse_log);
	buf_init(&options, 4096);
	r = mount_options(p, &options);
	if (r == 0 && (fuse_opt_add_arg(&args, name) < 0 || fuse_opt_add_arg(&args, options.data) < 0))
		r = -ENOMEM;
	buf_done(&options);
	if (r == 0)
		p->session = fuse_session_new(&args, p->options.xattr ? &fs_ops_xattr : &fs_ops,
					      sizeof(fs_ops), &p->fs);
	fuse_opt_free_args(&args);
	if (!p->session)
		return reg_fail(error, -EINVAL, "the session cannot be made: %s", fuse_said);
	said_begin(&said);
	r = fuse_session_mount(p->session, p->mountpoint);
	said_end(&said, fuse_said, sizeof(fuse_said));
	if (r < 0)
		return cannot_mount(p->mountpoint, error);
	p->mounted = true;
	r = parallel_enable(p->session);
	return r < 0 ? reg_fail(error, r, "the session cannot be made: %s", strerror(-r)) : 0;
}

/* Serves until the file system is unmounted, by whomever. */
static int serve(struct program *p, struct reg_error *error)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	struct signals *signals = NULL;
	int r = config ? 0 : -ENOMEM;

	if (r == 0)
		r = notify_start(p->fs.kernel, p->session);
	if (r == 0)
		r = interrupts_start(p->fs.interrupts);
	if (r == 0)
		r = worker_start(p->fs.disk);
	if (r == 0)
		r = signals_start(p->session, on_hangup, p, &signals);
	if (r < 0) {
		fuse_loop_cfg_destroy(config);
		return reg_fail(error, r, "no thread can be started: %s", strerror(-r));
	}
	fuse_loop_cfg_set_max_threads(config, FUSE_THREADS);
	fuse_loop_cfg_set_clone_fd(config, 1);
	if (!p->options.foreground)
		background_ready(p->ready);
	log_line(&p->log, REG_LOG_DEBUG, "mounted");
	r = fuse_session_loop_mt(p->session, config);
	signals_stop(signals);
	fuse_loop_cfg_destroy(config);
	if (r >= 0)
		return 0;
	reg_fail(error, r, "it is not served any more, and unmounted: %s",
		 fuse_said[0] ? fuse_said : strerror(-r));
	if (!p->options.foreground) /* there is no terminal to say it on */
		log_line(&p->log, REG_LOG_ERROR, error->msg);
	return r;
}

/* Everything that waits is answered before the session goes; then nothing can ask any more. */
static void program_done(struct program *p)
{
	if (p->fs.tree)
		tree_end(p->fs.tree);
	reg_client_free(p->client);
	worker_free(p->fs.disk);
	interrupts_free(p->fs.interrupts);
	notify_free(p->fs.kernel);
	if (p->mounted)
		fuse_session_unmount(p->session);
	if (p->session)
		fuse_session_destroy(p->session);
	if (p->fs.tree)
		handles_done(&p->fs.handles);
	tree_free(p->fs.tree);
	protect_free(p->protect);
	journal_free(p->journal);
	repos_done(&p->repos);
	log_close(&p->log);
	options_done(&p->options);
	free(p->mountpoint);
}

static int run(struct program *p)
{
	const struct options *o = &p->options;
	struct reg_error error = {0};
	int r = mountpoint_prepare(o->mountpoint, &p->mountpoint, &error);

	if (r == 0 && o->repos_from)
		r = repos_read(o->repos_from, &p->repos, &error);
	if (r == 0) {
		r = log_open(&p->log, o->log, o->level, o->foreground);
		if (r < 0)
			reg_fail(&error, r, "log=%s cannot be written: %s", o->log, strerror(-r));
	}
	if (r == 0 && !o->foreground) {
		p->ready = background_start();
		if (p->ready < 0)
			r = reg_fail(&error, -errno, "no process can be started: %s", strerror(errno));
	}
	if (r == 0)
		limit_connections(p);
	/* Until there is a mount, a signal simply ends the program. */
	if (r == 0)
		r = connect_registry(p, &error);
	signals_block();
	if (r == 0)
		r = prepare_removing(p, &error);
	if (r == 0)
		r = make_filesystem(p, &error);
	if (r == 0)
		r = mount_session(p, &error);
	if (r == 0 && chdir("/") < 0)
		r = reg_fail(&error, -errno, "cannot change to /: %s", strerror(errno));
	if (r == 0)
		r = serve(p, &error);
	return r < 0 ? say(&error, r) : 0;
}

int main(int argc, char **argv)
{
	struct program p = {.ready = -1};
	int status = EXIT_USAGE;

	dumps_off();
	if (options_parse(argc, argv, &p.options) < 0) {
		fprintf(stderr, "regfs: %s\n", p.options.error);
	} else if (p.options.help) {
		options_help("regfs");
		status = EXIT_SUCCESS;
	} else if (p.options.version) {
		printf("regfs %s, libfuse %s\n", REGFS_VERSION, fuse_pkgversion());
		status = EXIT_SUCCESS;
	} else if (p.options.doctor) {
		status = doctor(&p.options);
	} else {
		status = run(&p) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	}
	program_done(&p);
	return status;
}
