/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <fuse_opt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "protect.h"
#include "util/cleanup.h"

enum key {
	KEY_HELP,
	KEY_VERSION,
	KEY_DEBUG,
	KEY_FOREGROUND,
	KEY_TTL,
	KEY_CONNECTIONS,
	KEY_TIMEOUT,
	KEY_LIST_TIMEOUT,
	KEY_CACERT,
	KEY_LOG,
	KEY_LOG_LEVEL,
	KEY_REPOS_FROM,
	KEY_PLATFORM,
	KEY_SHOW,
	KEY_UNDATED,
	KEY_UID,
	KEY_GID,
	KEY_UMASK,
	KEY_INSECURE,
	KEY_XATTR,
	KEY_ALLOW_OTHER,
	KEY_NOEXEC,
	KEY_RO,
	KEY_RW,
	KEY_ALLOW_DELETE,
	KEY_DRY_RUN,
	KEY_PROTECT,
	KEY_PROTECT_FROM,
	KEY_KEEP,
	KEY_SHARED,
	KEY_JOURNAL,
};

static const struct fuse_opt table[] = {
	FUSE_OPT_KEY("-h", KEY_HELP),
	FUSE_OPT_KEY("--help", KEY_HELP),
	FUSE_OPT_KEY("-V", KEY_VERSION),
	FUSE_OPT_KEY("--version", KEY_VERSION),
	FUSE_OPT_KEY("-d", KEY_DEBUG),
	FUSE_OPT_KEY("-f", KEY_FOREGROUND),
	FUSE_OPT_KEY("ttl=", KEY_TTL),
	FUSE_OPT_KEY("connections=", KEY_CONNECTIONS),
	FUSE_OPT_KEY("timeout=", KEY_TIMEOUT),
	FUSE_OPT_KEY("list_timeout=", KEY_LIST_TIMEOUT),
	FUSE_OPT_KEY("cacert=", KEY_CACERT),
	FUSE_OPT_KEY("insecure", KEY_INSECURE),
	FUSE_OPT_KEY("log=", KEY_LOG),
	FUSE_OPT_KEY("log_level=", KEY_LOG_LEVEL),
	FUSE_OPT_KEY("repos_from=", KEY_REPOS_FROM),
	FUSE_OPT_KEY("platform=", KEY_PLATFORM),
	FUSE_OPT_KEY("show=", KEY_SHOW),
	FUSE_OPT_KEY("undated=", KEY_UNDATED),
	FUSE_OPT_KEY("xattr", KEY_XATTR),
	FUSE_OPT_KEY("uid=", KEY_UID),
	FUSE_OPT_KEY("gid=", KEY_GID),
	FUSE_OPT_KEY("umask=", KEY_UMASK),
	FUSE_OPT_KEY("allow_other", KEY_ALLOW_OTHER),
	FUSE_OPT_KEY("noexec", KEY_NOEXEC),
	FUSE_OPT_KEY("allow_delete", KEY_ALLOW_DELETE),
	FUSE_OPT_KEY("dry_run", KEY_DRY_RUN),
	FUSE_OPT_KEY("protect=", KEY_PROTECT),
	FUSE_OPT_KEY("protect_from=", KEY_PROTECT_FROM),
	FUSE_OPT_KEY("keep=", KEY_KEEP),
	FUSE_OPT_KEY("shared=", KEY_SHARED),
	FUSE_OPT_KEY("journal=", KEY_JOURNAL),
	/* mount(8) always says one of these: rw is no wish to remove, but ro is one not to. */
	FUSE_OPT_KEY("ro", KEY_RO),
	FUSE_OPT_KEY("rw", KEY_RW),
	FUSE_OPT_KEY("-r", KEY_RO),
	FUSE_OPT_KEY("-w", KEY_RW),
	/* What mount(8) and fstab say besides; a mount of regfs is always nosuid,nodev. */
	FUSE_OPT_KEY("suid", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("nosuid", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("dev", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("nodev", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("exec", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("defaults", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("sync", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("async", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("dirsync", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("atime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("noatime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("relatime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("norelatime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("strictatime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("nostrictatime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("lazytime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("nolazytime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("diratime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("nodiratime", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("silent", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("loud", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("auto", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("noauto", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("nofail", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("_netdev", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("user", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("user=", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("users", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("nouser", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("owner", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("group", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("comment=", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("nonempty", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("dev=", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("default_permissions", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("-n", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("-v", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("-s", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("-t ", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_END,
};

static int refuse(struct options *o, const char *format, const char *what)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(o->error, sizeof(o->error), format, what);
#pragma GCC diagnostic pop
	return -1;
}

/* The number after the = of an option. */
static int number(struct options *o, const char *option, int base, unsigned long max, unsigned *ret)
{
	const char *const text = strchr(option, '=') + 1;
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, base);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n > max)
		return refuse(o, "'%s': not a number in its range (see regfs --help)", option);
	*ret = (unsigned)n;
	return 0;
}

/* A path after the =, made absolute: the daemon changes its directory. */
static int path(struct options *o, const char *option, char **ret)
{
	const char *const text = strchr(option, '=') + 1;
	auto_free char *here = text[0] == '/' ? NULL : getcwd(NULL, 0);
	char *whole = NULL;

	if (!text[0])
		return refuse(o, "'%s': a file name is missing", option);
	if (text[0] == '/')
		whole = strdup(text);
	else if (!here || asprintf(&whole, "%s/%s", here, text) < 0)
		whole = NULL;
	if (!whole)
		return refuse(o, "'%s': out of memory", option);
	free(*ret);
	*ret = whole;
	return 0;
}

/* How many are kept; 0 would read like "keep nothing", and like "not set". */
static int keep(struct options *o, const char *option)
{
	unsigned n;
	const int r = number(o, option, 10, 1000000, &n);

	if (r < 0)
		return r;
	if (!n)
		return refuse(o, "'%s': at least 1 is kept; leave the option out to keep none", option);
	o->keep = n;
	return 0;
}

static int shared(struct options *o, const char *option)
{
	static const char *const names[] = {
		[SHARED_UNTAG] = "untag", [SHARED_REFUSE] = "refuse", [SHARED_ALL] = "all"};
	const char *const text = strchr(option, '=') + 1;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			o->shared = (enum shared)i;
			return 0;
		}
	}
	return refuse(o, "'%s': the choices are untag, refuse and all", option);
}

static int pattern(struct options *o, const char *option)
{
	const char *const text = strchr(option, '=') + 1;
	char **more;

	if (!protect_pattern_is_useful(text))
		return refuse(o, "'%s': patterns match REPOSITORY:TAG, without a host, such as 'prod/*:*'",
			      option);
	more = realloc(o->protect, (o->nprotect + 1) * sizeof(*more));
	if (!more)
		return refuse(o, "'%s': out of memory", option);
	o->protect = more;
	o->protect[o->nprotect] = strdup(text);
	if (!o->protect[o->nprotect])
		return refuse(o, "'%s': out of memory", option);
	o->nprotect++;
	return 0;
}

static int choose(struct options *o, const char *option, const char *on, const char *off, bool *ret)
{
	const char *const text = strchr(option, '=') + 1;

	if (strcmp(text, on) != 0 && strcmp(text, off) != 0)
		return refuse(o, "'%s': no such choice (see regfs --help)", option);
	*ret = strcmp(text, on) == 0;
	return 0;
}

static int positional(struct options *o, const char *arg)
{
	char **const slot = !o->source ? &o->source : !o->mountpoint ? &o->mountpoint : NULL;

	if (!slot)
		return refuse(o, "'%s': one argument too many (usage: regfs [options] SOURCE MOUNTPOINT)",
			      arg);
	*slot = strdup(arg);
	return *slot ? 0 : refuse(o, "'%s': out of memory", arg);
}

static int flag(struct options *o, enum key key)
{
	switch (key) {
	case KEY_HELP:
		o->help = true;
		break;
	case KEY_VERSION:
		o->version = true;
		break;
	case KEY_DEBUG:
		o->level = REG_LOG_DEBUG;
		o->foreground = true;
		break;
	case KEY_FOREGROUND:
		o->foreground = true;
		break;
	case KEY_INSECURE:
		o->insecure = true;
		break;
	case KEY_XATTR:
		o->xattr = true;
		break;
	case KEY_ALLOW_OTHER:
		o->allow_other = true;
		break;
	case KEY_ALLOW_DELETE:
		o->allow_delete = true;
		break;
	case KEY_DRY_RUN:
		o->dry_run = true;
		o->removing = "dry_run";
		break;
	case KEY_RO:
	case KEY_RW:
		o->read_only = key == KEY_RO;
		break;
	default:
		o->noexec = true;
		break;
	}
	return 0;
}

/* Options that say how to remove. */
static int removal(struct options *o, const char *arg, enum key key)
{
	switch (key) {
	case KEY_PROTECT:
		o->removing = "protect";
		return pattern(o, arg);
	case KEY_PROTECT_FROM:
		o->removing = "protect_from";
		return path(o, arg, &o->protect_from);
	case KEY_KEEP:
		o->removing = "keep";
		return keep(o, arg);
	case KEY_SHARED:
		o->removing = "shared";
		return shared(o, arg);
	default:
		o->removing = "journal";
		return path(o, arg, &o->journal);
	}
}

static int on_option(void *data, const char *arg, int key, struct fuse_args *out)
{
	struct options *o = data;

	(void)out;
	switch (key) {
	case FUSE_OPT_KEY_NONOPT:
		return positional(o, arg);
	case FUSE_OPT_KEY_OPT:
		return strncmp(arg, "x-", 2) == 0 ? 0
						  : refuse(o, "'%s': no such option (see regfs --help)", arg);
	case KEY_TTL:
		return number(o, arg, 10, 31536000, &o->ttl);
	case KEY_CONNECTIONS:
		return number(o, arg, 10, 1024, &o->connections);
	case KEY_TIMEOUT:
		return number(o, arg, 10, 86400, &o->timeout);
	case KEY_LIST_TIMEOUT:
		return number(o, arg, 10, 86400, &o->list_timeout);
	case KEY_UID:
		return number(o, arg, 10, UINT32_MAX - 1UL, &o->uid);
	case KEY_GID:
		return number(o, arg, 10, UINT32_MAX - 1UL, &o->gid);
	case KEY_UMASK:
		return number(o, arg, 8, 0777, &o->umask);
	case KEY_CACERT:
		return path(o, arg, &o->cacert);
	case KEY_LOG:
		return path(o, arg, &o->log);
	case KEY_REPOS_FROM:
		return path(o, arg, &o->repos_from);
	case KEY_PROTECT:
	case KEY_PROTECT_FROM:
	case KEY_KEEP:
	case KEY_SHARED:
	case KEY_JOURNAL:
		return removal(o, arg, (enum key)key);
	case KEY_SHOW:
		return choose(o, arg, "tags", "all", &o->tags_only);
	case KEY_UNDATED:
		return choose(o, arg, "epoch", "mount", &o->undated_epoch);
	case KEY_LOG_LEVEL:
		return log_level_parse(strchr(arg, '=') + 1, &o->level)
			       ? 0
			       : refuse(o, "'%s': the levels are error, warn, info and debug", arg);
	case KEY_PLATFORM:
		return reg_platform_parse(strchr(arg, '=') + 1, &o->platform) == 0
			       ? 0
			       : refuse(o,
					"'%s': a platform is OS/ARCHITECTURE[/VARIANT], such as linux/arm64",
					arg);
	default:
		return flag(o, (enum key)key);
	}
}

/* What only fails once all of them are known. */
static int check_all(struct options *o)
{
	if (o->help || o->version)
		return 0;
	if (!o->mountpoint)
		return refuse(o, "%s (usage: regfs [options] SOURCE MOUNTPOINT)",
			      o->source ? "the mount point is missing" : "the registry is missing");
	if (o->removing && !o->allow_delete)
		return refuse(o, "'%s' has no effect without allow_delete: add it, or leave this out",
			      o->removing);
	if (o->read_only && o->allow_delete)
		return refuse(o, "'%s' and allow_delete exclude each other: leave one out", "ro");
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	int r;

	*ret = (struct options){
		.ttl = 60,
		.connections = 64,
		.timeout = 30,
		.uid = getuid(),
		.gid = getgid(),
		.level = REG_LOG_INFO,
	};
	reg_platform_host(&ret->platform);
	r = fuse_opt_parse(&args, ret, table, on_option);
	fuse_opt_free_args(&args);
	if (r == 0)
		r = check_all(ret);
	if (r == 0)
		return 0;
	if (!ret->error[0])
		refuse(ret, "%s", "an option lacks its argument (see regfs --help)");
	return -EINVAL;
}

void options_done(struct options *o)
{
	free(o->source);
	free(o->mountpoint);
	free(o->cacert);
	free(o->log);
	free(o->repos_from);
	for (size_t i = 0; i < o->nprotect; i++)
		free(o->protect[i]);
	free(o->protect);
	free(o->protect_from);
	free(o->journal);
}

void options_help(const char *program)
{
	printf("usage: %s [options] SOURCE MOUNTPOINT\n\n", program);
	fputs("Mounts a container registry: a tag is a file, its content the manifest,\n"
	      "its mtime the date the image was created.\n\n"
	      "SOURCE is [http://|https://]HOST[:PORT][/PREFIX].\n\n"
	      "    -f                     stay in the foreground\n"
	      "    -d                     log everything, in the foreground\n"
	      "    -h, --help             this text\n"
	      "    -V, --version          the version\n"
	      "    -o ttl=SECONDS         how long a tag and a list are taken as known (60)\n"
	      "    -o connections=N       most transfers at a time (64)\n"
	      "    -o timeout=SECONDS     most time for a request (30)\n"
	      "    -o list_timeout=SECONDS  and for a page of a list (ten times that)\n"
	      "    -o cacert=FILE         trust these certificates (PEM)\n"
	      "    -o insecure            do not verify certificates\n"
	      "    -o platform=OS/ARCH[/VARIANT]  whose config stands for an index (ours)\n"
	      "    -o show=tags|all       list _tags alone, or all views (all)\n"
	      "    -o xattr               extended attributes user.oci.*\n"
	      "    -o undated=mount|epoch what images without a date show (mount: the time of\n"
	      "                           the mount)\n"
	      "    -o repos_from=FILE     list these repositories instead of the catalog\n"
	      "    -o allow_delete        rm removes images; the next say which and how\n"
	      "    -o protect=GLOB        never what matches REPOSITORY:TAG (may be repeated)\n"
	      "    -o protect_from=FILE   nor what is named in this file (images in use)\n"
	      "    -o keep=N              nor the N newest tags of a repository\n"
	      "    -o shared=untag|refuse|all  a tag that shares its image: remove its name\n"
	      "                           alone (untag), nothing, or all of its tags\n"
	      "    -o journal=DIR         where to save what is removed, for regfs-undelete\n"
	      "                           (/var/lib/regfs; not root: ~/.local/state/regfs)\n"
	      "    -o dry_run             decide and log all that, and remove nothing\n"
	      "    -o uid=N, -o gid=N     owner of all files (who mounts)\n"
	      "    -o umask=OCTAL         permissions to take away\n"
	      "    -o allow_other         other users may look as well\n"
	      "    -o log=FILE            log to a file (the system log)\n"
	      "    -o log_level=LEVEL     error, warn, info or debug (info)\n\n"
	      "Credentials: REGFS_USER and REGFS_PASSWORD, or what docker, podman or skopeo\n"
	      "login left in their files. SIGHUP: forget what was listed. SIGTERM: unmount.\n",
	      stdout);
}
