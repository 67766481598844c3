/* SPDX-License-Identifier: MIT */
/* What regfs reads and writes besides a registry: repos_from=, log=,
	the mount point. And the names of nodes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "listing.h"
#include "log.h"
#include "mountpoint.h"
#include "node.h"
#include "repos.h"
#include "unit.h"

static char place[] = "/tmp/regfs-unit-XXXXXX", path[100];

static int setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(place));
	snprintf(path, sizeof(path), "%s/file", place);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	rmdir(place);
	return 0;
}

static void put(const char *text, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	fclose(f);
}

/* ---- repos_from= ---- */

static void repos(void **state)
{
	static const struct {
		const char *why, *text, *want; /* want: names joined by spaces, or words of the error */
		int err;
	} cases[] = {
		{"empty", "", "", 0},
		{"nothing but comments", "# one\n\n   # two\n\t\n", "", 0},
		{"names in their order", "b\na/c\na\n", "b a/c a", 0},
		{"no newline at the end", "a\nb", "a b", 0},
		{"DOS", "a\r\nb\r\n", "a b", 0},
		{"blanks and comments", "  a  # first\n\tb#second\n", "a b", 0},
		{"what follows a blank is passed over", "a :latest\n", "a", 0},
		{"many", "a\nb\nc\nd\ne\nf\ng\nh\ni\n", "a b c d e f g h i", 0},
		{"a bad name", "a\nB\nc\n", "line 2: 'B'", -EINVAL},
		{"a tag", "a\n\n#\nb:latest\n", "line 4: 'b:latest'", -EINVAL},
		{"a path", "../a\n", "line 1", -EINVAL},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct reg_error error = {0};
		struct repos r;
		char have[200] = "";

		put(cases[k].text, strlen(cases[k].text));
		check_int(repos_read(path, &r, &error), cases[k].err, cases[k].why);
		if (cases[k].err) {
			check(strstr(error.msg, cases[k].want), cases[k].why);
			continue;
		}
		check(r.names, cases[k].why); /* a file without names is not no file */
		for (size_t n = 0; n < r.count; n++) {
			strcat(have, n ? " " : "");
			strcat(have, r.names[n]);
		}
		check_text(have, cases[k].want, cases[k].why);
		repos_done(&r);
		repos_done(&r);
	}
}

static void repos_unreadable(void **state)
{
	struct reg_error error = {0};
	struct repos r;

	(void)state;
	unlink(path);
	assert_int_equal(repos_read(path, &r, &error), -ENOENT);
	assert_non_null(strstr(error.msg, path));
	assert_int_equal(repos_read(place, &r, &error), -EISDIR);
}

/* ---- log= ---- */

static void levels(void **state)
{
	static const struct {
		const char *name;
		bool ok;
		enum reg_log_level level;
	} cases[] = {
		{"error", true, REG_LOG_ERROR}, {"warn", true, REG_LOG_WARN},   {"info", true, REG_LOG_INFO},
		{"debug", true, REG_LOG_DEBUG}, {"warning", false, 0}, {"", false, 0}, {"INFO", false, 0},
		 {"3", false, 0},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		enum reg_log_level level = 77;

		check_int(log_level_parse(cases[k].name, &level), cases[k].ok, cases[k].name);
		check_int(level, cases[k].ok ? cases[k].level : 77, cases[k].name);
	}
}

/* The lines of the log, without their dates. */
static size_t read_log(char lines[][300], size_t max)
{
	FILE *f = fopen(path, "r");
	char line[400];
	size_t n = 0;

	assert_non_null(f);
	for (; n < max && fgets(line, sizeof(line), f); n++) {
		int year, after = 0;

		assert_int_equal(sscanf(line, "%4d-%*2d-%*2dT%*2d:%*2d:%*2dZ %n", &year, &after), 1);
		assert_true(after > 0 && year >= 2024);
		snprintf(lines[n], 300, "%.299s", line + after);
	}
	fclose(f);
	return n;
}

static void log_file(void **state)
{
	char lines[20][300];

	(void)state;
	for (int level = REG_LOG_ERROR; level <= REG_LOG_DEBUG; level++) {
		struct log log;

		unlink(path);
		assert_int_equal(log_open(&log, path, (enum reg_log_level)level, false), 0);
		log_line(&log, REG_LOG_ERROR, "one");
		log_line(&log, REG_LOG_WARN, "two");
		log_line(&log, REG_LOG_INFO, "three");
		log_line(&log, REG_LOG_DEBUG, "four %s%n");
		log_close(&log);
		log_close(&log);
		assert_int_equal(read_log(lines, 20), level + 1);
		assert_string_equal(lines[0], "regfs: error: one\n");
		if (level >= REG_LOG_WARN)
			assert_string_equal(lines[1], "regfs: warn: two\n");
		if (level == REG_LOG_DEBUG)
			assert_string_equal(lines[3], "regfs: debug: four %s%n\n");
	}
}

/* What a registry sent must not look like a line of ours, nor reach a terminal. */
static void log_injection(void **state)
{
	static const char *const evil[] = {"a\nregfs: error: b", "a\r\nb", "a\x1b[2Jb", "a\tb", ("a\x7f" "b")};
	char lines[20][300];
	struct log log;
	size_t n;

	(void)state;
	unlink(path);
	assert_int_equal(log_open(&log, path, REG_LOG_INFO, false), 0);
	for (size_t k = 0; k < ARRAY_SIZE(evil); k++)
		log_line(&log, REG_LOG_WARN, evil[k]);
	log_close(&log);
	n = read_log(lines, 20);
	assert_int_equal(n, ARRAY_SIZE(evil));
	for (size_t k = 0; k < n; k++) {
		assert_int_equal(strncmp(lines[k], "regfs: warn: a", 14), 0);
		lines[k][strcspn(lines[k], "\n")] = '\0';
		for (const char *p = lines[k]; *p; p++)
			assert_true(*p >= ' ' && *p <= '~');
	}
}

static void log_appends(void **state)
{
	char lines[20][300];
	struct log log;
	struct stat st;

	(void)state;
	unlink(path);
	for (int k = 0; k < 3; k++) {
		assert_int_equal(log_open(&log, path, REG_LOG_INFO, true), 0);
		log_line(&log, REG_LOG_INFO, "again");
		assert_int_equal(stat(path, &st), 0); /* a line at a time */
		assert_true(st.st_size > 0);
		log_close(&log);
	}
	assert_int_equal(read_log(lines, 20), 3);
	assert_int_equal(log_open(&log, place, REG_LOG_INFO, false), -EISDIR);
}

/* ---- the mount point ---- */

static void mountpoints(void **state)
{
	char missing[150], link[150], slashes[150];
	char *whole = NULL;
	const struct {
		const char *why, *path;
		int err;
		const char *words;
	} cases[] = {
		{"a directory", place, 0, NULL},
		{"with slashes", slashes, 0, NULL},
		{"by a link", link, 0, NULL},
		{"missing", missing, -ENOENT, "mkdir"},
		{"a file", path, -ENOTDIR, "not a directory"},
		{"below a file", "/etc/passwd/x", -ENOTDIR, "/etc/passwd/x"},
		{"empty", "", -ENOENT, NULL},
	};

	(void)state;
	put("", 0);
	snprintf(missing, sizeof(missing), "%s/missing", place);
	snprintf(slashes, sizeof(slashes), "%s/.//", place);
	snprintf(link, sizeof(link), "%s/link", place);
	assert_int_equal(symlink(place, link), 0);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct reg_error error = {0};

		whole = NULL;
		check_int(mountpoint_prepare(cases[k].path, &whole, &error), cases[k].err, cases[k].why);
		check(!cases[k].words || strstr(error.msg, cases[k].words), cases[k].why);
		check_text(whole, cases[k].err ? NULL : place, cases[k].why);
		free(whole);
	}
	unlink(link);
}

/* ---- nodes and listings ---- */

static void nodes(void **state)
{
	static const uint32_t directories[] = {0, 1, 2, 0x1234567, 0xfffffff}, entries[] = {0, 1, 77,
		0x80000000, UINT32_MAX};

	(void)state;
	for (enum node_kind kind = NODE_DIRECTORY; kind <= NODE_SHARED; kind++) {
		for (size_t d = 0; d < ARRAY_SIZE(directories); d++) {
			for (size_t e = 0; e < ARRAY_SIZE(entries); e++) {
				const uint32_t entry = kind == NODE_DIRECTORY ? 0 : entries[e];
				const uint64_t node = node_make(kind, directories[d], entry);

				assert_int_equal(node_kind(node), kind);
				assert_int_equal(node_directory(node), directories[d]);
				assert_true(node != 0);
				assert_int_equal(node == NODE_ROOT,
					kind == NODE_DIRECTORY && directories[d] == 0);
				if (kind != NODE_DIRECTORY)
					assert_int_equal(node_entry(node), entry);
			}
		}
	}
}

static void listings(void **state)
{
	struct listing *l = listing_new(5, 6);

	(void)state;
	assert_non_null(l);
	for (uint32_t k = 0; k < 1000; k++)
		assert_int_equal(listing_add(l, 100 + k, k % 2 ? "odd" : "even", S_IFREG), 0);
	assert_int_equal(l->count, 1000);
	assert_int_equal(l->items[999].node, 1099);
	assert_string_equal(l->items[999].name, "odd");
	assert_int_equal(l->items[0].mode, S_IFREG);
	assert_int_equal(l->node, 5);
	assert_int_equal(l->parent, 6);
	atomic_fetch_add(&l->refs, 1);
	listing_unref(l);
	assert_string_equal(l->items[0].name, "even");
	listing_unref(l);
	listing_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repos),         cmocka_unit_test(repos_unreadable), cmocka_unit_test(levels),
		cmocka_unit_test(log_file),      cmocka_unit_test(log_injection),
			cmocka_unit_test(log_appends),
		cmocka_unit_test(mountpoints),   cmocka_unit_test(nodes),
			cmocka_unit_test(listings),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
