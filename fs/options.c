/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <fuse_opt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
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
	/* What mount(8) and fstab say besides; a mount of regfs is always ro,nosuid,nodev. */
	FUSE_OPT_KEY("ro", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("rw", FUSE_OPT_KEY_DISCARD),
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
	FUSE_OPT_KEY("-w", FUSE_OPT_KEY_DISCARD),
	FUSE_OPT_KEY("-r", FUSE_OPT_KEY_DISCARD),
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
	default:
		o->noexec = true;
		break;
	}
	return 0;
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
	if (r == 0 && !ret->help && !ret->version && !ret->mountpoint)
		r = refuse(ret, "%s (usage: regfs [options] SOURCE MOUNTPOINT)",
			   ret->source ? "the mount point is missing" : "the registry is missing");
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
	      "    -o uid=N, -o gid=N     owner of all files (who mounts)\n"
	      "    -o umask=OCTAL         permissions to take away\n"
	      "    -o allow_other         other users may look as well\n"
	      "    -o log=FILE            log to a file (the system log)\n"
	      "    -o log_level=LEVEL     error, warn, info or debug (info)\n\n"
	      "Credentials: REGFS_USER and REGFS_PASSWORD, or what docker, podman or skopeo\n"
	      "login left in their files. SIGHUP: forget what was listed. SIGTERM: unmount.\n",
	      stdout);
}
