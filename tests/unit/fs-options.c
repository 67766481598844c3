/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

enum { MAX_ARGS = 8 };

#define NONE (~0U)

/* Arguments that are taken, and what comes of them; NONE or NULL: what it is by default. */
static const struct {
	const char *why;
	const char *args[MAX_ARGS];
	unsigned ttl, connections, timeout, list_timeout, uid, gid, umask, level;
	bool foreground, insecure, tags_only, xattr, epoch, allow_other, noexec;
} good[] = {
#define NUMBERS NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE
	{"nothing but what must be", {"reg.test", "/mnt"}, NUMBERS, 0, 0, 0, 0, 0, 0, 0},
	{"options first", {"-f", "reg.test", "/mnt"}, NUMBERS, 1, 0, 0, 0, 0, 0, 0},
	{"options last", {"reg.test", "/mnt", "-f"}, NUMBERS, 1, 0, 0, 0, 0, 0, 0},
	{"debug", {"-d", "reg.test", "/mnt"}, NONE, NONE, NONE, NONE, NONE, NONE, NONE, REG_LOG_DEBUG, 1, 0,
	 0, 0, 0, 0, 0},
	{"one -o, many options", {"reg.test", "/mnt", "-o", "insecure,xattr,allow_other,noexec"}, NUMBERS,
	 0, 1, 0, 1, 0, 1, 1},
	{"many -o, written together", {"reg.test", "/mnt", "-oinsecure", "-oxattr"}, NUMBERS, 0, 1, 0, 1, 0,
	 0, 0},
	{"numbers", {"reg.test", "/mnt", "-o",
	 "ttl=5,connections=3,timeout=7,list_timeout=9,uid=10,gid=11,umask=027"},
	 5, 3, 7, 9, 10, 11, 027, NONE, 0, 0, 0, 0, 0, 0, 0},
	{"no ttl at all", {"reg.test", "/mnt", "-o", "ttl=0"}, 0, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
	 0, 0, 0, 0, 0, 0, 0},
	{"the last one counts", {"reg.test", "/mnt", "-o", "ttl=5,ttl=6,show=all,show=tags"}, 6, NONE, NONE,
	 NONE, NONE, NONE,
	 NONE, NONE, 0, 0, 1, 0, 0, 0, 0},
	{"choices", {"reg.test", "/mnt", "-o", "show=tags,undated=epoch"}, NUMBERS, 0, 0, 1, 0, 1, 0, 0},
	{"the defaults by name", {"reg.test", "/mnt", "-o", "show=all,undated=mount,log_level=info"}, NUMBERS,
	 0, 0, 0, 0, 0, 0, 0},
	{"a level", {"reg.test", "/mnt", "-o", "log_level=error"}, NONE, NONE, NONE, NONE, NONE, NONE, NONE,
	 REG_LOG_ERROR,
	 0, 0, 0, 0, 0, 0, 0},
	{"what mount(8) says", {"reg.test", "/mnt", "-o",
	 "rw,nosuid,nodev,relatime,_netdev,user=me,x-systemd.automount"},
	 NUMBERS, 0, 0, 0, 0, 0, 0, 0},
	{"and by letters", {"reg.test", "/mnt", "-n", "-v", "-s", "-r", "-w"}, NUMBERS, 0, 0, 0, 0, 0, 0, 0},
	{"and its type", {"reg.test", "/mnt", "-t", "fuse.regfs"}, NUMBERS, 0, 0, 0, 0, 0, 0, 0},
	{"after two dashes", {"-f", "--", "reg.test", "/mnt"}, NUMBERS, 1, 0, 0, 0, 0, 0, 0},
	{"the largest owner", {"reg.test", "/mnt", "-o", "uid=4294967294"}, NONE, NONE, NONE, NONE,
	 4294967294U, NONE, NONE,
	 NONE, 0, 0, 0, 0, 0, 0, 0},
};

/* The words are in the error, which names what was wrong. */
static const struct {
	const char *why, *words;
	const char *args[MAX_ARGS];
} bad[] = {
	{"nothing", "registry is missing", {NULL}},
	{"no mount point", "mount point is missing", {"reg.test"}},
	{"too much", "'more'", {"reg.test", "/mnt", "more"}},
	{"no such option", "'allow_delite'", {"reg.test", "/mnt", "-o", "allow_delite"}},
	{"no such letter", "'-x'", {"reg.test", "/mnt", "-x"}},
	{"no such long option", "'--verbose'", {"reg.test", "/mnt", "--verbose"}},
	{"-o without more", "lacks its argument", {"reg.test", "/mnt", "-o"}},
	{"a value for a flag", "'xattr=1'", {"reg.test", "/mnt", "-o", "xattr=1"}},
	{"no value", "'ttl='", {"reg.test", "/mnt", "-o", "ttl="}},
	{"no equals sign", "'ttl': its value is missing", {"reg.test", "/mnt", "-o", "ttl"}},
	{"nor here", "'--repository': its value is missing", {"doctor", "--repository", "a", "reg.test"}},
	{"the beginning of an option", "'tt': no such option", {"reg.test", "/mnt", "-o", "tt"}},
	{"a flag in two halves", "'xatt': no such option", {"reg.test", "/mnt", "-o", "xatt"}},
	{"a password that has no value yet", "password_file=FILE", {"reg.test", "/mnt", "-o", "password"}},
	{"no number", "'ttl=x'", {"reg.test", "/mnt", "-o", "ttl=x"}},
	{"a negative number", "'ttl=-1'", {"reg.test", "/mnt", "-o", "ttl=-1"}},
	{"a blank before it", "'ttl= 1'", {"reg.test", "/mnt", "-o", "ttl= 1"}},
	{"a unit behind it", "'ttl=1m'", {"reg.test", "/mnt", "-o", "ttl=1m"}},
	{"too large", "'ttl=31536001'", {"reg.test", "/mnt", "-o", "ttl=31536001"}},
	{"much too large", "99999'", {"reg.test", "/mnt", "-o", "timeout=99999999999999999999999"}},
	{"too many connections", "'connections=1025'", {"reg.test", "/mnt", "-o", "connections=1025"}},
	{"nobody", "'uid=4294967295'", {"reg.test", "/mnt", "-o", "uid=4294967295"}},
	{"not octal", "'umask=089'", {"reg.test", "/mnt", "-o", "umask=089"}},
	{"more than permissions", "'umask=1777'", {"reg.test", "/mnt", "-o", "umask=1777"}},
	{"no such choice", "'show=some'", {"reg.test", "/mnt", "-o", "show=some"}},
	{"no such date", "'undated=now'", {"reg.test", "/mnt", "-o", "undated=now"}},
	{"no such level", "error, warn", {"reg.test", "/mnt", "-o", "log_level=loud"}},
	{"no platform", "linux/arm64", {"reg.test", "/mnt", "-o", "platform=arm64"}},
	{"no file", "file name", {"reg.test", "/mnt", "-o", "cacert="}},
#define ALLOW "reg.test", "/mnt", "-o", "allow_delete"
	{"a value for allow_delete", "'allow_delete=yes'", {"reg.test", "/mnt", "-o", "allow_delete=yes"}},
	{"a pattern without a tag", "REPOSITORY:TAG", {ALLOW, "-o", "protect=prod/*"}},
	{"and how it should look", "'prod/*:*'", {ALLOW, "-o", "protect=prod/*"}},
	{"the second pattern is bad", "'protect=b'", {ALLOW, "-o", "protect=a:*,protect=b"}},
	{"a pattern with a host", "without a host", {ALLOW, "-o", "protect=reg.test:5000/prod/*:*"}},
	{"no pattern", "'protect='", {ALLOW, "-o", "protect="}},
	{"no list", "file name", {ALLOW, "-o", "protect_from="}},
	{"no folder", "file name", {ALLOW, "-o", "journal="}},
	{"keep none", "leave the option out", {ALLOW, "-o", "keep=0"}},
	{"keep too many", "'keep=1000001'", {ALLOW, "-o", "keep=1000001"}},
	{"keep some", "'keep=few'", {ALLOW, "-o", "keep=few"}},
	{"keep a negative number", "'keep=-1'", {ALLOW, "-o", "keep=-1"}},
	{"no such way", "untag, refuse and all", {ALLOW, "-o", "shared=some"}},
	{"dry_run alone", "'dry_run' has no effect without allow_delete", {"reg.test", "/mnt", "-o", "dry_run"}},
	{"protect alone", "'protect' has no effect", {"reg.test", "/mnt", "-o", "protect=a:*"}},
	{"protect_from alone", "'protect_from' has no effect", {"reg.test", "/mnt", "-o", "protect_from=f"}},
	{"keep alone", "'keep' has no effect", {"reg.test", "/mnt", "-o", "keep=1"}},
	{"shared alone", "'shared' has no effect", {"reg.test", "/mnt", "-o", "shared=all"}},
	{"even if it is the default", "'shared' has no effect", {"reg.test", "/mnt", "-o", "shared=untag"}},
	{"journal alone", "'journal' has no effect", {"reg.test", "/mnt", "-o", "journal=d"}},
	{"rw is no leave to remove", "'dry_run' has no effect", {"reg.test", "/mnt", "-o", "rw,dry_run"}},
	{"ro and a leave to remove", "exclude each other", {"reg.test", "/mnt", "-o", "ro,allow_delete"}},
	{"by letter as well", "exclude each other", {ALLOW, "-r"}},
	{"the last of them is ro", "exclude each other", {ALLOW, "-o", "rw,ro"}},
};

static int parse(const char *const *args, struct options *o)
{
	char *argv[MAX_ARGS + 2] = {(char *)(uintptr_t)"regfs"};
	int argc = 1;

	while (argc <= MAX_ARGS && args[argc - 1]) {
		argv[argc] = (char *)(uintptr_t)args[argc - 1];
		argc++;
	}
	return options_parse(argc, argv, o);
}

#define or_default(want, normal) ((want) == NONE ? (normal) : (want))

static void taken(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(good); k++) {
		const char *why = good[k].why;
		struct options o;

		check_int(parse(good[k].args, &o), 0, why);
		check_text(o.source, "reg.test", why);
		check_text(o.mountpoint, "/mnt", why);
		check_int(o.ttl, or_default(good[k].ttl, 60), why);
		check_int(o.connections, or_default(good[k].connections, 64), why);
		check_int(o.timeout, or_default(good[k].timeout, 30), why);
		check_int(o.list_timeout, or_default(good[k].list_timeout, 0), why);
		check_int(o.uid, or_default(good[k].uid, getuid()), why);
		check_int(o.gid, or_default(good[k].gid, getgid()), why);
		check_int(o.umask, or_default(good[k].umask, 0), why);
		check_int(o.level, or_default(good[k].level, REG_LOG_INFO), why);
		check_int(o.foreground, good[k].foreground, why);
		check_int(o.insecure, good[k].insecure, why);
		check_int(o.tags_only, good[k].tags_only, why);
		check_int(o.xattr, good[k].xattr, why);
		check_int(o.undated_epoch, good[k].epoch, why);
		check_int(o.allow_other, good[k].allow_other, why);
		check_int(o.noexec, good[k].noexec, why);
		options_done(&o);
	}
}

/* Arguments behind allow_delete, and what comes of them. */
static const struct {
	const char *why, *args[3];
	bool dry_run;
	const char *protect[3];
	unsigned keep;
	enum shared shared;
} removals[] = {
	{"alone", {NULL}, false, {NULL}, 0, SHARED_UNTAG},
	{"dry", {"-odry_run"}, true, {NULL}, 0, SHARED_UNTAG},
	{"the least that is kept", {"-okeep=1"}, false, {NULL}, 1, SHARED_UNTAG},
	{"the most", {"-okeep=1000000"}, false, {NULL}, 1000000, SHARED_UNTAG},
	{"the last one counts", {"-okeep=1,shared=all", "-okeep=2,shared=refuse"}, false, {NULL}, 2, SHARED_REFUSE},
	{"by name", {"-oshared=untag"}, false, {NULL}, 0, SHARED_UNTAG},
	{"all", {"-oshared=all"}, false, {NULL}, 0, SHARED_ALL},
	{"patterns add up", {"-oprotect=prod/*:*,protect=*:latest", "-oprotect=a:v[0-9]*"}, false,
	 {"prod/*:*", "*:latest", "a:v[0-9]*"}, 0, SHARED_UNTAG},
	{"what mount(8) says", {"-orw,nosuid,_netdev"}, false, {NULL}, 0, SHARED_UNTAG},
	{"the last of them is rw", {"-oro,rw"}, false, {NULL}, 0, SHARED_UNTAG},
};

static void removing(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(removals); k++) {
		const char *const args[MAX_ARGS] = {"reg.test", "/mnt", "-oallow_delete", removals[k].args[0],
						    removals[k].args[1]};
		const char *why = removals[k].why;
		struct options o;
		size_t n = 0;

		if (parse(args, &o) < 0)
			fail_msg("%s: %s", why, o.error);
		check(o.allow_delete, why);
		check_int(o.dry_run, removals[k].dry_run, why);
		check_int(o.keep, removals[k].keep, why);
		check_int(o.shared, removals[k].shared, why);
		for (; n < ARRAY_SIZE(removals[k].protect) && removals[k].protect[n]; n++)
			check_text(n < o.nprotect ? o.protect[n] : NULL, removals[k].protect[n], why);
		check_int(o.nprotect, n, why);
		check(!o.protect_from && !o.journal, why);
		options_done(&o);
	}
}

/* Without being asked nothing can be removed. */
static void no_removing(void **state)
{
	static const char *const args[][MAX_ARGS] = {{"reg.test", "/mnt"}, {"reg.test", "/mnt", "-o", "rw"}};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(args); k++) {
		struct options o;

		assert_int_equal(parse(args[k], &o), 0);
		assert_false(o.allow_delete);
		options_done(&o);
	}
}

static void refused(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		struct options o;

		check_int(parse(bad[k].args, &o), -EINVAL, bad[k].why);
		if (!strstr(o.error, bad[k].words))
			fail_msg("%s: no %s in: %s", bad[k].why, bad[k].words, o.error);
		options_done(&o);
	}
}

static void help(void **state)
{
	static const char *const args[][2] = {{"-h"}, {"--help"}, {"-V"}, {"--version"}};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(args); k++) {
		struct options o;

		check_int(parse(args[k], &o), 0, args[k][0]); /* needs no registry */
		check_int(o.help, k < 2, args[k][0]);
		check_int(o.version, k >= 2, args[k][0]);
		options_done(&o);
	}
}

/* The daemon changes its directory. */
static void paths(void **state)
{
	static const char *const args[MAX_ARGS] = {"r", "m", "-o",
		"cacert=ca.pem,log=/var/log/r,repos_from=a,repos_from=b/c",
						   "-oplatform=linux/arm/v7",
						   "-oallow_delete,protect_from=in/use,journal=j"};
	auto_free char *here = getcwd(NULL, 0);
	char want[4200];
	struct options o;

	(void)state;
	assert_int_equal(parse(args, &o), 0);
	snprintf(want, sizeof(want), "%s/ca.pem", here);
	assert_string_equal(o.cacert, want);
	snprintf(want, sizeof(want), "%s/b/c", here);
	assert_string_equal(o.repos_from, want);
	snprintf(want, sizeof(want), "%s/in/use", here);
	assert_string_equal(o.protect_from, want);
	snprintf(want, sizeof(want), "%s/j", here);
	assert_string_equal(o.journal, want);
	assert_string_equal(o.log, "/var/log/r");
	assert_string_equal(o.source, "r");
	assert_string_equal(o.mountpoint, "m");
	assert_string_equal(o.platform.architecture, "arm");
	assert_string_equal(o.platform.variant, "v7");
	options_done(&o);
}

static void digest(void **state)
{
	static const char *const args[][MAX_ARGS] = {{"reg.test", "/mnt"}, {"reg.test", "/mnt", "-odigest_auth"}};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(args); k++) {
		struct reg_options client = {0};
		struct options o;

		assert_int_equal(parse(args[k], &o), 0);
		options_client(&o, &client);
		assert_int_equal(client.digest_auth, k == 1);
		options_done(&o);
	}
}

/* Whose login, and where its password is. */
static void logins(void **state)
{
	static const struct {
		const char *options, *env_user, *env_password, *user;
	} cases[] = {
		{"user=me", NULL, NULL, NULL}, /* as mount(8) says it */
		{"user=me,password_file=/f", NULL, NULL, "me"},
		{"user=me,password_file=/f", "env", "p", "me"},
		{"user=me", NULL, "p", "me"},
		{"user=me", "", "p", "me"},
		{"user=me", "env", "p", NULL},
		{"user=me", "env", "", NULL},
		{"password_file=/f", "env", NULL, NULL},
		{"user=you,user=me,password_file=/f", NULL, NULL, "me"},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		const char *const args[MAX_ARGS] = {"reg.test", "/mnt", "-o", cases[k].options};
		struct reg_options client = {0};
		struct options o;

		unsetenv("REGFS_USER");
		unsetenv("REGFS_PASSWORD");
		if (cases[k].env_user)
			setenv("REGFS_USER", cases[k].env_user, 1);
		if (cases[k].env_password)
			setenv("REGFS_PASSWORD", cases[k].env_password, 1);
		check_int(parse(args, &o), 0, cases[k].options);
		options_client(&o, &client);
		check_text(client.user, cases[k].user, cases[k].options);
		check_text(client.password, NULL, cases[k].options);
		options_done(&o);
	}
}

static void login_files(void **state)
{
	static const char *const args[][MAX_ARGS] = {
		{"reg.test", "/mnt"},
		{"reg.test", "/mnt", "-oauthfile=/a,netrc,password_file=/p"},
		{"reg.test", "/mnt", "-onetrc=/n"},
	};
	static const char *const want[][3] = {{NULL, NULL, NULL}, {"/a", "", "/p"}, {NULL, "/n", NULL}};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(args); k++) {
		struct reg_options client = {0};
		struct options o;

		assert_int_equal(parse(args[k], &o), 0);
		options_client(&o, &client);
		check_text(client.authfile, want[k][0], "authfile");
		check_text(client.netrc, want[k][1], "netrc");
		check_text(client.password_file, want[k][2], "password_file");
		options_done(&o);
	}
}

/* One that is given all the same is neither repeated nor left in the arguments, which /proc shows. */
static void no_password(void **state)
{
	static const char *const options[] = {"user=me,password=s3cr,et", "-oxattr,passwd=s3cret", "pass=s3cret",
					      "token=s3cret"};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(options); k++) {
		char copy[64];
		const char *const args[MAX_ARGS] = {"reg.test", "/mnt", options[k][0] == '-' ? copy : "-o", copy};
		struct options o;

		strcpy(copy, options[k]);
		check_int(parse(args, &o), -EINVAL, options[k]);
		check(strstr(o.error, "password_file=FILE"), o.error);
		check(!strstr(o.error, "s3c") && !strstr(o.error, "et,"), o.error);
		check(!strstr(copy, "s3c") && !strstr(copy, "et"), copy);
		options_done(&o);
	}
}

/* A password in a SOURCE that is refused later must not be in the error of another argument. */
static void no_secret(void **state)
{
	static const char *const args[MAX_ARGS] = {"https://user:s3cret@reg.test", "/mnt", "-o", "nonsense"};
	struct options o;

	(void)state;
	assert_int_equal(parse(args, &o), -EINVAL);
	assert_null(strstr(o.error, "s3cret"));
	options_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken), cmocka_unit_test(refused),   cmocka_unit_test(help),
		cmocka_unit_test(paths), cmocka_unit_test(no_secret), cmocka_unit_test(removing),
		cmocka_unit_test(no_removing), cmocka_unit_test(digest),
		cmocka_unit_test(logins), cmocka_unit_test(login_files), cmocka_unit_test(no_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
