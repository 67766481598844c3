/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "options_inner.h"
#include "protect.h"
#include "util/cleanup.h"

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

static int text(struct options *o, const char *option, const char *value, char **ret)
{
	free(*ret);
	*ret = strdup(value);
	return *ret ? 0 : refuse(o, "'%s': out of memory", option);
}

/* Where a login is. The login itself is no option: /proc shows options to everybody. */
static int login(struct options *o, const char *option, enum key key)
{
	switch (key) {
	case KEY_USER:
		return text(o, option, strchr(option, '=') + 1, &o->user);
	case KEY_PASSWORD_FILE:
		return path(o, option, &o->password_file);
	case KEY_AUTHFILE:
		return path(o, option, &o->authfile);
	case KEY_NETRC:
		return strchr(option, '=') ? path(o, option, &o->netrc) : text(o, option, "", &o->netrc);
	default:
		return refuse(o, "%s", "no password as an option, which every user can see: put it into a file "
				       "and say password_file=FILE, or set REGFS_USER and REGFS_PASSWORD");
	}
}

/* After a refusal, for the moment until the program ends: what was written by mistake is not shown on. */
static void scrub(char *arg)
{
	static const char *const names[] = {"password=", "passwd=", "pass=", "token="};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *at = strstr(arg, names[i]);

		for (at = at ? at + strlen(names[i]) : NULL; at && *at; at++)
			*at = 'x';
	}
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

	if (!o->source && !o->doctor && strcmp(arg, "doctor") == 0) {
		o->doctor = true;
		return 0;
	}
	if (o->doctor && o->source)
		return refuse(o, "'%s': one argument too many (usage: regfs doctor [options] SOURCE)", arg);
	if (!slot)
		return refuse(o, "'%s': one argument too many (usage: regfs [options] SOURCE MOUNTPOINT)",
			      arg);
	*slot = strdup(arg);
	return *slot ? 0 : refuse(o, "'%s': out of memory", arg);
}

static int of_doctor(struct options *o, const char *arg, enum key key)
{
	o->json |= key == KEY_JSON;
	o->only_read |= key == KEY_ONLY_READ;
	o->push |= key == KEY_PUSH;
	if (key != KEY_REPOSITORY)
		return 0;
	free(o->repository);
	o->repository = strdup(strchr(arg, '=') + 1);
	if (!o->repository)
		return refuse(o, "'%s': out of memory", arg);
	return reg_name_is_repository(o->repository) ? 0 : refuse(o, "'%s': this is no repository's name", arg);
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
		return 0;
	case KEY_DIGEST_AUTH:
		o->digest_auth = true;
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

/* Nothing of the table fits; perhaps it would with a value. */
static int unknown(struct options *o, const char *arg)
{
	const size_t n = strlen(arg);

	for (const struct fuse_opt *known = options_table; known->templ; known++) {
		if (strncmp(known->templ, arg, n) != 0 || strcmp(known->templ + n, "=") != 0)
			continue;
		if (known->value == KEY_SECRET)
			return login(o, arg, KEY_SECRET);
		return refuse(o, "'%s': its value is missing, after a '=' (see regfs --help)", arg);
	}
	return refuse(o, "'%s': no such option (see regfs --help)", arg);
}

static int on_option(void *data, const char *arg, int key, struct fuse_args *out)
{
	struct options *o = data;

	(void)out;
	switch (key) {
	case FUSE_OPT_KEY_NONOPT:
		return positional(o, arg);
	case FUSE_OPT_KEY_OPT:
		return strncmp(arg, "x-", 2) == 0 ? 0 : unknown(o, arg);
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
	case KEY_CERT:
		return path(o, arg, &o->cert);
	case KEY_CERT_KEY:
		return path(o, arg, &o->key);
	case KEY_USER:
	case KEY_PASSWORD_FILE:
	case KEY_AUTHFILE:
	case KEY_NETRC:
	case KEY_SECRET:
		return login(o, arg, (enum key)key);
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
	case KEY_JSON:
	case KEY_ONLY_READ:
	case KEY_PUSH:
	case KEY_REPOSITORY:
		return of_doctor(o, arg, (enum key)key);
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
	if (o->doctor)
		return o->source ? 0 : refuse(o, "%s (usage: regfs doctor [options] SOURCE)", "the registry is missing");
	if (o->json || o->only_read || o->push || o->repository)
		return refuse(o, "%s for regfs doctor",
			      "--json, --read-only, --push and --repository are");
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
	r = fuse_opt_parse(&args, ret, options_table, on_option);
	fuse_opt_free_args(&args);
	if (r == 0)
		r = check_all(ret);
	if (r == 0)
		return 0;
	for (int i = 1; i < argc; i++)
		scrub(argv[i]);
	if (!ret->error[0])
		refuse(ret, "%s", "an option lacks its argument (see regfs --help)");
	return -EINVAL;
}

void options_done(struct options *o)
{
	free(o->source);
	free(o->mountpoint);
	free(o->cacert);
	free(o->cert);
	free(o->key);
	free(o->user);
	free(o->password_file);
	free(o->authfile);
	free(o->netrc);
	free(o->log);
	free(o->repos_from);
	for (size_t i = 0; i < o->nprotect; i++)
		free(o->protect[i]);
	free(o->protect);
	free(o->protect_from);
	free(o->journal);
	free(o->repository);
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

void options_client(const struct options *o, struct reg_options *ret)
{
	reg_options_init(ret);
	ret->source = o->source;
	ret->cacert = o->cacert;
	ret->cert = o->cert;
	ret->key = o->key;
	/* mount(8) says user=NAME as well, of whoever mounts: it is a login where there is a password for it. */
	if (o->password_file || (is_set("REGFS_PASSWORD") && !is_set("REGFS_USER")))
		ret->user = o->user;
	ret->password_file = o->password_file;
	ret->authfile = o->authfile;
	ret->netrc = o->netrc;
	ret->insecure = o->insecure;
	ret->digest_auth = o->digest_auth;
	ret->connections = o->connections;
	ret->timeout = o->timeout;
	ret->list_timeout = o->list_timeout;
}
