/* SPDX-License-Identifier: MIT */
/* A /proc of a test's own, with one process in it that may be a registry, and the root that this sees. */
#ifndef PROCESSES_H
#define PROCESSES_H

#include <stdlib.h>

#include "folder.h"
#include "storage/running.h"

#define BOOT 1000000000 /* when the machine of this /proc was started */
#define FIRST "pid:[4026531836]" /* PROC_PID_INIT_INO */
#define EXT4 0xef53

#define STORE(root) "version: 0.1\nstorage: {filesystem: {rootdirectory: " root "}}\n"
#define READONLY                                                                                             \
	"version: 0.1\nstorage: {filesystem: {rootdirectory: /data}, maintenance: {readonly: {enabled: true}}}\n"
#define SERVE "registry|serve|/c.yml"

struct seen_process {
	const char *words; /* of its command line, apart by '|' */
	const char *environment; /* likewise; NULL: it has ended */
	const char *config; /* /c.yml in its root; NULL: there is none */
	long started; /* seconds before (or, negative, after) its configuration was written */
	const char *exe; /* what it runs; NULL: that cannot be seen */
};

static struct folder here;

static inline void write_text(const char *name, const char *text)
{
	folder_write(&here, name, text, strlen(text));
}

static inline void write_link(const char *name, const char *target)
{
	char path[512];

	snprintf(path, sizeof(path), "%s", folder_path(&here, name));
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static inline void write_words(const char *name, const char *text)
{
	char words[1000];
	const size_t n = strlen(text);

	memcpy(words, text, n + 1);
	for (size_t i = 0; i < n; i++)
		if (words[i] == '|')
			words[i] = '\0';
	folder_write(&here, name, words, n ? n + 1 : 0);
}

/* A process whose root is the folder `root`, where the storage is /data and another one /other. */
static inline void make(const struct seen_process *c)
{
	char text[400], path[300];
	struct stat st = {0};

	folder_make(&here);
	snprintf(text, sizeof(text), "cpu 1 2 3\nbtime %d\nprocesses 1\n", BOOT);
	write_text("proc/stat", text);
	write_text("proc/7/cmdline", "");
	write_text("proc/self/cmdline", "registry");
	write_text("root/data/x", "");
	write_text("root/other/x", "");
	if (c->config) {
		write_text("root/c.yml", c->config);
		assert_int_equal(stat(folder_path(&here, "root/c.yml"), &st), 0);
	}
	write_words("proc/42/cmdline", c->words);
	if (c->environment)
		write_words("proc/42/environ", c->environment);
	snprintf(text, sizeof(text),
		 "42 (a ) b) S 1 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 %lld 1 1 1 1 1\n",
		 ((long long)st.st_mtim.tv_sec - BOOT - c->started) * sysconf(_SC_CLK_TCK));
	write_text("proc/42/stat", text);
	snprintf(path, sizeof(path), "%s", folder_path(&here, "root"));
	assert_int_equal(symlink(path, folder_path(&here, "proc/42/root")), 0);
	assert_int_equal(symlink(path, folder_path(&here, "proc/42/cwd")), 0);
	assert_int_equal(symlink("/data", folder_path(&here, "root/link")), 0);
	if (c->exe)
		write_link("proc/42/exe", c->exe);
	write_text("proc/1/cmdline", "init");
	write_text("proc/self/ns/x", "");
	write_link("proc/self/ns/pid", FIRST);
}

static inline void look(struct running_options *o, struct running *ret)
{
	reg_options_init(&o->client);
	if (!o->filesystem)
		o->filesystem = EXT4;
	assert_int_equal(running_look(o, ret), 0);
	check(strlen(ret->evidence) > 10 && !strchr(ret->evidence, '\n'), ret->evidence);
}

#endif
