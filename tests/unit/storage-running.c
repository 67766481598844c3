/* SPDX-License-Identifier: MIT */
/* Does a registry write to this storage, as its processes tell? With a /proc of the test's own. */
#include "storage/running.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "processes.h"
#include "unit.h"

#define CACHED "version: 0.1\nstorage: {filesystem: {rootdirectory: /data}, cache: {blobdescriptor: redis}}\n"
#define S3 "version: 0.1\nstorage: {s3: {bucket: b}}\n"

struct row {
	const char *why, *words, *environment, *config;
	long started;
	enum running_state state;
	bool found;
	const char *evidence;
};

static void processes(void **state)
{
	static const struct row cases[] = {
		{"read-only", SERVE, "A=b", READONLY, -10, RUNNING_READONLY, true,
		 "process 42 serves this storage read-only"},
		{"writable", SERVE, "A=b", STORE("/data"), -10, RUNNING_UNKNOWN, true, "is not read-only"},
		{"read-only since it was started", SERVE, "A=b", READONLY, 10, RUNNING_UNKNOWN, true,
		 "changed after it was started"},
		{"read-only by environment", SERVE,
		 "A=b|REGISTRY_STORAGE_MAINTENANCE_READONLY={enabled: true}", STORE("/data"), -10,
		 RUNNING_READONLY, true, "read-only"},
		{"read-only by a variable that does not count", SERVE,
		 "REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED=false", READONLY, -10, RUNNING_READONLY, true,
		 "read-only"},
		{"another storage", SERVE, "A=b", STORE("/other"), -10, RUNNING_STOPPED, false, "no process"},
		{"another storage by environment", SERVE, "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=/other",
		 STORE("/data"), -10, RUNNING_STOPPED, false, "no process"},
		{"a storage that is not there", SERVE, "A=b", STORE("/nowhere"), -10, RUNNING_STOPPED, false,
		 "no process"},
		{"by a link of its own root", SERVE, "A=b", STORE("/link"), -10, RUNNING_UNKNOWN, true,
		 "not read-only"},
		{"relative to where it is", SERVE, "A=b", STORE("data"), -10, RUNNING_UNKNOWN, true,
		 "not read-only"},
		{"another driver", SERVE, "A=b", S3, -10, RUNNING_STOPPED, false, "no process"},
		{"a configuration by environment", "/usr/bin/docker-registry|serve",
		 "REGISTRY_CONFIGURATION_PATH=/c.yml", READONLY, -10, RUNNING_READONLY, true, "/c.yml"},
		{"a relative configuration", "registry|serve|--x|c.yml", "A=b", READONLY, -10,
		 RUNNING_READONLY, true, "c.yml"},
		{"behind another program", "/sbin/tini|--|/bin/registry|serve|/c.yml", "A=b", READONLY, -10,
		 RUNNING_READONLY, true, "read-only"},
		{"no configuration", "registry|serve", "A=b", READONLY, -10, RUNNING_UNKNOWN, true,
		 "does not say what its configuration is"},
		{"a configuration that is gone", SERVE, "A=b", NULL, -10, RUNNING_UNKNOWN, true,
		 "configuration that cannot be read"},
		{"a configuration that is none", SERVE, "A=b", "hello", -10, RUNNING_UNKNOWN, true,
		 "configuration that cannot be read"},
		{"it has ended", SERVE, NULL, READONLY, -10, RUNNING_STOPPED, false, "no process"},
		{"it collects", "registry|garbage-collect|/c.yml", "A=b", STORE("/data"), -10,
		 RUNNING_STOPPED, false, "no process"},
		{"another name", "registry-browser|serve|/c.yml", "A=b", READONLY, -10, RUNNING_READONLY,
		 true, "read-only"},
		{"another name, of another storage", "/opt/reg-3.1|serve|c.yml", "A=b", STORE("/other"), -10,
		 RUNNING_STOPPED, false, "no process"},
		{"another name, with options", "/opt/reg-3.1|serve|--x|c.yml", "A=b", STORE("/data"), -10,
		 RUNNING_UNKNOWN, true, "not read-only"},
		{"another name, a configuration by environment", "/opt/reg-3.1|serve",
		 "REGISTRY_CONFIGURATION_PATH=/c.yml", STORE("/data"), -10, RUNNING_UNKNOWN, true,
		 "not read-only"},
		{"another name, and nothing of a configuration", "/opt/ollama|serve", "A=b", STORE("/data"),
		 -10, RUNNING_STOPPED, false, "no process"},
		{"another name, a configuration of its own", "/opt/x|serve|/c.yml", "A=b", "x: 1\n", -10,
		 RUNNING_STOPPED, false, "no process"},
		{"another name, a configuration that is gone", "/opt/x|serve|/c.yml", "A=b", NULL, -10,
		 RUNNING_UNKNOWN, true, "cannot be read"},
		{"another name, no configuration", "/opt/x|serve|8080", "A=b", NULL, -10, RUNNING_STOPPED,
		 false, "no process"},
		{"Harbor's", "registry_DO_NOT_USE_GC|serve|/c.yml", "A=b", STORE("/data"), -10,
		 RUNNING_UNKNOWN, true, "not read-only"},
		{"Harbor's, and no configuration", "/usr/bin/registry_DO_NOT_USE_GC|serve", "A=b",
		 STORE("/data"), -10, RUNNING_UNKNOWN, true, "does not say"},
		{"OpenShift's", "/usr/bin/dockerregistry|/c.yml", "A=b", STORE("/data"), -10, RUNNING_UNKNOWN,
		 true, "not read-only"},
		{"OpenShift's by environment", "dockerregistry", "REGISTRY_CONFIGURATION_PATH=/c.yml",
		 READONLY, -10, RUNNING_READONLY, true, "/c.yml"},
		{"OpenShift's, and no configuration", "dockerregistry", "A=b", READONLY, -10, RUNNING_UNKNOWN,
		 true, "does not say"},
		{"of before 2.4", "registry|/c.yml", "A=b", STORE("/data"), -10, RUNNING_UNKNOWN, true,
		 "not read-only"},
		{"emulated", "/usr/bin/qemu-aarch64-static|/bin/registry|registry|serve|/c.yml", "A=b",
		 STORE("/data"), -10, RUNNING_UNKNOWN, true, "not read-only"},
		{"emulated, with options", "qemu-arm|-cpu|max|/opt/reg|serve|/c.yml", "A=b", STORE("/data"),
		 -10, RUNNING_UNKNOWN, true, "not read-only"},
		{"behind an init, without a path", "dumb-init|registry|serve|/c.yml", "A=b", STORE("/data"),
		 -10, RUNNING_UNKNOWN, true, "not read-only"},
		{"in another container", "docker|run|registry:2|serve|/c.yml", "A=b", STORE("/data"), -10,
		 RUNNING_STOPPED, false, "no process"},
		{"in another container, by an init", "tini|--|docker|exec|reg|registry|serve|/c.yml", "A=b",
		 STORE("/data"), -10, RUNNING_STOPPED, false, "no process"},
		{"in another pod", "kubectl|exec|pod|--|registry|serve|/c.yml", "A=b", STORE("/data"), -10,
		 RUNNING_STOPPED, false, "no process"},
		{"a shell that starts it", "sh|-c|registry serve /c.yml", "A=b", STORE("/data"), -10,
		 RUNNING_STOPPED, false, "no process"},
		{"a script that starts it", "/bin/sh|/entrypoint.sh|registry|serve|/c.yml", "A=b",
		 STORE("/data"), -10, RUNNING_STOPPED, false, "no process"},
		{"a word to look for", "grep|serve|/c.yml", "A=b", STORE("/data"), -10, RUNNING_STOPPED,
		 false, "no process"},
		{"files to edit", "vim|registry|serve|/c.yml", "A=b", STORE("/data"), -10, RUNNING_STOPPED,
		 false, "no process"},
		{"a command of another program", "/bin/crane|registry|serve|/c.yml", "A=b", STORE("/data"),
		 -10, RUNNING_STOPPED, false, "no process"},
		{"the words the other way round", "serve|registry", "A=b", STORE("/data"), -10,
		 RUNNING_STOPPED, false, "no process"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct seen_process process = {.words = cases[i].words,
						     .environment = cases[i].environment,
						     .config = cases[i].config,
						     .started = cases[i].started};
		struct running_options o = {0};
		struct running r;

		make(&process);
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		check_int(r.state, cases[i].state, cases[i].why);
		check_int(r.pid, cases[i].found ? 42 : 0, cases[i].why);
		if (!strstr(r.evidence, cases[i].evidence))
			fail_msg("%s: no '%s' in '%s'", cases[i].why, cases[i].evidence, r.evidence);
		running_done(&r);
		folder_remove(&here);
	}
}

/* What it runs counts as well, where that can be seen. */
static void programs(void **state)
{
	static const struct {
		struct seen_process process;
		enum running_state state;
	} cases[] = {
		{{"x|serve|/c.yml", "A=b", "hello", -10, "/bin/docker-registry (deleted)"}, RUNNING_UNKNOWN},
		{{"x|serve|/c.yml", "A=b", "hello", -10, "/bin/x"}, RUNNING_STOPPED},
		{{"y|serve", "A=b", NULL, -10, "/usr/bin/dockerregistry"}, RUNNING_UNKNOWN},
		{{"/bin/registry|/opt/reg|serve|/c.yml", "A=b", STORE("/data"), -10, "/usr/bin/qemu-arm"},
		 RUNNING_UNKNOWN},
		{{"/bin/sh|/bin/registry|serve|/c.yml", "A=b", STORE("/data"), -10, "/bin/dash"},
		 RUNNING_STOPPED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct running_options o = {0};
		struct running r;

		make(&cases[i].process);
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		check_int(r.state, cases[i].state, cases[i].process.words);
		check_int(r.pid, cases[i].state == RUNNING_STOPPED ? 0 : 42, cases[i].process.words);
		running_done(&r);
		folder_remove(&here);
	}
}

/*
 * The process has another root folder, but something below is ours, by a link in its root. A bind mount has
 * the same inode.
 */
static void places(void **state)
{
	static const char *const names[] = {"docker",
					    "docker/registry",
					    "docker/registry/v2",
					    "docker/registry/v2/blobs",
					    "docker/registry/v2/repositories",
					    "docker/registry/v2/blobs/sha256"};
	static const struct seen_process row = {
		.words = SERVE, .environment = "A=b", .config = STORE("/other"), .started = -10};

	(void)state;
	/* The last one: it has folders of its own. */
	for (size_t i = 0; i <= ARRAY_SIZE(names); i++) {
		const char *name = i < ARRAY_SIZE(names) ? names[i] : "docker/registry/v2/blobs/x";
		struct running_options o = {0};
		struct running r;
		char path[300], target[300];

		make(&row);
		write_text("root/data/docker/registry/v2/repositories/x", "");
		write_text("root/data/docker/registry/v2/blobs/sha256/x", "");
		snprintf(path, sizeof(path), "root/other/%s", name);
		write_text(path, ""); /* for the folders above it */
		snprintf(target, sizeof(target), "/data/%s", name);
		write_link(path, target);
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		check_int(r.state, i < ARRAY_SIZE(names) ? RUNNING_UNKNOWN : RUNNING_STOPPED, name);
		check_int(r.pid, i < ARRAY_SIZE(names) ? 42 : 0, name);
		running_done(&r);
		folder_remove(&here);
	}
}

/* Who may be a registry, and does not let us look: that is no silence. */
static void closed(void **state)
{
	static const struct {
		const char *words;
		bool found;
		const char *evidence;
	} cases[] = {
		{SERVE, true, "cannot be looked at"},
		{"/opt/reg|serve|/c.yml", true, "cannot be looked at"},
		{"/opt/reg|serve|/etc/reg", false, "are hidden"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct seen_process row = {.words = cases[i].words};
		struct running_options o = {0};
		struct running r;

		make(&row);
		write_text("proc/42/environ/x", ""); /* a folder cannot be read, even by root */
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		check_int(r.state, RUNNING_UNKNOWN, cases[i].words);
		check_int(r.pid, cases[i].found ? 42 : 0, cases[i].words);
		if (!strstr(r.evidence, cases[i].evidence))
			fail_msg("%s: no '%s' in '%s'", cases[i].words, cases[i].evidence, r.evidence);
		running_done(&r);
		folder_remove(&here);
	}
}

/* That nothing is seen means something only where it would be seen; --stopped makes up for it. */
static void silence(void **state)
{
	static const struct {
		const char *why, *namespace;
		long filesystem;
		const char *evidence; /* NULL: it is stopped */
		uid_t user;
		bool hidden; /* the first process */
	} cases[] = {
		{"all can be seen", FIRST, EXT4, NULL, 0, false},
		{"in a container", "pid:[4026532198]", EXT4, "in a container", 0, false},
		{"without /proc", NULL, EXT4, "cannot be seen in /proc", 0, false},
		{"not root", FIRST, EXT4, "only root can", 65534, false},
		{"processes are hidden", FIRST, EXT4, "hidepid", 0, true},
		{"on NFS", FIRST, 0x6969, "may write to (NFS)", 0, false},
		{"on CIFS, whose number has a sign", FIRST, (int)0xff534d42, "may write to (CIFS)", 0, false},
		{"on FUSE", FIRST, 0x65735546, "may write to (FUSE)", 0, false},
		{"on what is not known", FIRST, 0x12345, "may write to (type 0x12345)", 0, false},
		{"in memory", FIRST, 0x01021994, NULL, 0, false},
		{"on an overlay", FIRST, 0x794c7630, NULL, 0, false},
	};
	static const struct seen_process row = {.words = "x", .environment = "A=b"};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		const char *why = cases[i / 2].why, *evidence = cases[i / 2].evidence;
		struct running_options o = {.stopped = i % 2};
		struct running r;

		make(&row);
		unlink(folder_path(&here, "proc/self/ns/pid"));
		if (cases[i / 2].namespace)
			write_link("proc/self/ns/pid", cases[i / 2].namespace);
		if (cases[i / 2].hidden)
			unlink(folder_path(&here, "proc/1/cmdline"));
		o.user = cases[i / 2].user;
		o.filesystem = cases[i / 2].filesystem;
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		check_int(r.state, evidence && !o.stopped ? RUNNING_UNKNOWN : RUNNING_STOPPED, why);
		check_int(r.mend && strstr(r.mend, "with --stopped if you have"),
			  r.state == RUNNING_UNKNOWN, why);
		check_int(strstr(r.evidence, "--stopped says") != NULL, o.stopped, why);
		if (evidence && !o.stopped && !strstr(r.evidence, evidence))
			fail_msg("%s: no '%s' in '%s'", why, evidence, r.evidence);
		running_done(&r);
		folder_remove(&here);
	}
}

/* Left behind in a container, or somebody's own: no registry, but at work. */
static void collectors(void **state)
{
	static const struct {
		const char *words, *config;
		int collector;
	} cases[] = {
		{"registry|garbage-collect|/c.yml", STORE("/data"), 42},
		{"/usr/bin/docker-registry|garbage-collect|-m|/c.yml", STORE("/data"), 42},
		{"tini|--|/bin/registry|garbage-collect|/c.yml", STORE("/data"), 42},
		{"registry|garbage-collect|/c.yml|--dry-run", STORE("/data"), 0},
		{"registry|garbage-collect|-d|/c.yml", STORE("/data"), 0},
		{"registry|garbage-collect|/c.yml", STORE("/other"), 0},
		{"registry|garbage-collect|/c.yml", NULL, 0},
		{"docker|exec|reg|registry|garbage-collect|/c.yml", STORE("/data"), 0},
		{"registry|serve|/c.yml", STORE("/data"), 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct seen_process row = {
			.words = cases[i].words, .environment = "A=b", .config = cases[i].config, .started = -10};
		struct running_options o = {0};
		struct running r;

		make(&row);
		o.root = folder_path(&here, "root/data");
		o.proc = folder_path(&here, "proc");
		look(&o, &r);
		check_int(r.collector, cases[i].collector, cases[i].words);
		running_done(&r);
		folder_remove(&here);
	}
}

static void no_root(void **state)
{
	static const struct seen_process row = {
		.words = SERVE, .environment = "A=b", .config = S3, .started = -10};
	static const char ours[] = S3;
	struct running_options o = {0};
	struct settings s;
	struct running r;

	(void)state;
	make(&row);
	assert_int_equal(settings_parse(ours, strlen(ours), NULL, &s, NULL), 0);
	o.settings = &s;
	o.proc = folder_path(&here, "proc");
	look(&o, &r);
	check_int(r.state, RUNNING_UNKNOWN, "the same driver");
	assert_non_null(strstr(r.evidence, "may serve"));
	running_done(&r);
	/* Nor does it mean anything that there is no process: it may be on another machine. */
	write_words("proc/42/cmdline", "x");
	look(&o, &r);
	check_int(r.state, RUNNING_UNKNOWN, "nobody here");
	assert_non_null(strstr(r.evidence, "other machines may write to the storage (s3)"));
	running_done(&r);
	settings_done(&s);
	folder_remove(&here);
}

/* What is seen counts for more than --stopped. */
static void not_stopped(void **state)
{
	static const struct seen_process row = {
		.words = SERVE, .environment = "A=b", .config = STORE("/data"), .started = -10};
	struct running_options o = {.stopped = true};
	struct running r;

	(void)state;
	make(&row);
	o.root = folder_path(&here, "root/data");
	o.proc = folder_path(&here, "proc");
	look(&o, &r);
	check_int(r.state, RUNNING_UNKNOWN, "a process");
	assert_null(strstr(r.evidence, "--stopped"));
	running_done(&r);
	folder_remove(&here);
}

static void cache(void **state)
{
	static const struct seen_process row = {
		.words = SERVE, .environment = "A=b", .config = CACHED, .started = -10};
	struct running_options o = {0};
	struct running r;

	(void)state;
	make(&row);
	o.root = folder_path(&here, "root/data");
	o.proc = folder_path(&here, "proc");
	look(&o, &r);
	check_text(r.cache, "redis", "of the process");
	running_done(&r);
	folder_remove(&here);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(processes), cmocka_unit_test(programs),    cmocka_unit_test(places),
		cmocka_unit_test(silence),   cmocka_unit_test(collectors),
		cmocka_unit_test(no_root),     cmocka_unit_test(cache),
		cmocka_unit_test(closed),    cmocka_unit_test(not_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
