/* SPDX-License-Identifier: MIT */
#include "protect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

#define HEX "4c29c8e4a1f0d7b3c29c8e4a1f0d7b3c29c8e4a1f0d7b3c29c8e4a1f0d7b3ab1"
#define D "sha256:" HEX
#define OTHER "sha256:00000000a1f0d7b3c29c8e4a1f0d7b3c29c8e4a1f0d7b3c29c8e4a1f0d7b3ab1"
#define LONG "sha512:" HEX HEX

/* What a reference protects: tag NULL: asks for the digest, digest NULL: for the tag. */
static const struct {
	const char *why, *reference, *repository, *tag, *digest;
	bool want;
} references[] = {
	{"a name", "nginx:1.25", "nginx", "1.25", NULL, true},
	{"another tag", "nginx:1.25", "nginx", "1.2", NULL, false},
	{"another name", "nginx:1.25", "nginxx", "1.25", NULL, false},
	{"below it", "nginx:1.25", "nginx/nginx", "1.25", NULL, false},
	{"no tag: latest", "nginx", "nginx", "latest", NULL, true},
	{"no tag: no other", "nginx", "nginx", "1", NULL, false},
	{"no tag, a name space", "a/b", "a/b", "latest", NULL, true},
	{"upper case and underscores in a tag", "a:V_1.x-y", "a", "V_1.x-y", NULL, true},

	{"a host", "reg.example/a/b:1", "a/b", "1", NULL, true},
	{"a host that may be a name space", "my.team/a:1", "my.team/a", "1", NULL, true},
	{"or a host", "my.team/a:1", "a", "1", NULL, true},
	{"a mirror's name space", "reg.example:5000/quay.io/a/b:1", "quay.io/a/b", "1", NULL, true},
	{"but not its rest", "reg.example:5000/quay.io/a/b:1", "a/b", "1", NULL, false},
	{"host and port", "reg.example:5000/a:1", "a", "1", NULL, true},
	{"a port is no tag", "reg.example:5000/a", "a", "latest", NULL, true},
	{"and not the tag", "reg.example:5000/a", "a", "5000", NULL, false},
	{"localhost", "localhost/a:1", "a", "1", NULL, true},
	{"localhost and a port", "localhost:5000/x:y", "x", "y", NULL, true},
	{"a name space that is no host", "team/a:1", "a", "1", NULL, false},
	{"itself", "team/a:1", "team/a", "1", NULL, true},
	{"an address", "10.0.0.1:5000/a:1", "a", "1", NULL, true},
	{"upper case", "Reg.EXAMPLE/a:1", "a", "1", NULL, true},
	{"upper case without a dot", "REG/a:1", "a", "1", NULL, true},
	{"IPv6", "[::1]:5000/x:y", "x", "y", NULL, true},
	{"IPv6 without a port", "[2001:db8::1]/x", "x", "latest", NULL, true},
	{"IPv6 and a digest", "[::1]:5000/x@" D, "x", NULL, D, true},

	{"Docker Hub's own", "nginx:1", "library/nginx", "1", NULL, true},
	{"Docker Hub's own, written out", "docker.io/library/nginx:1", "nginx", "1", NULL, true},
	{"and as it is", "docker.io/library/nginx:1", "library/nginx", "1", NULL, true},
	{"half written out", "library/nginx:1", "nginx", "1", NULL, true},
	{"its old name", "index.docker.io/nginx:1", "library/nginx", "1", NULL, true},
	{"its old name, written out", "index.docker.io/library/nginx:1", "nginx", "1", NULL, true},
	{"not below library/", "library/a/b:1", "a/b", "1", NULL, false},
	{"not another's", "docker.io/grafana/grafana:1", "library/grafana", "1", NULL, false},
	{"its digest", "nginx@" D, "library/nginx", NULL, D, true},

	{"by digest", "reg.example/a@" D, "a", NULL, D, true},
	{"by digest: not latest", "reg.example/a@" D, "a", "latest", NULL, false},
	{"by digest: no other", "reg.example/a@" D, "a", NULL, OTHER, false},
	{"by digest: of this repository", "reg.example/a@" D, "b", NULL, D, false},
	{"by tag and digest: the digest", "reg.example/a:1@" D, "a", NULL, D, true},
	{"by tag and digest: the tag", "reg.example/a:1@" D, "a", "1", NULL, true},
	{"with a port, a tag and a digest", "localhost:5000/a/b:1@" D, "a/b", NULL, D, true},
	{"the longer digest", "a@" LONG, "a", NULL, LONG, true},
	{"by tag: not by digest", "a:1", "a", NULL, D, false},

	{"a digest alone", D, "a", NULL, D, true},
	{"of any repository", D, "library/b/c", NULL, D, true},
	{"no other", D, "a", NULL, OTHER, false},
	{"the longer one alone", LONG, "a", NULL, LONG, true},

	{"as kubectl writes it", "docker-pullable://reg.example/a@" D, "a", NULL, D, true},
	{"as kubectl writes a name", "docker-pullable://nginx@" D, "library/nginx", NULL, D, true},
	{"an id of docker's", "docker://" D, "a", NULL, D, true},
	{"containerd", "containerd://" D, "a", NULL, D, true},
	{"containerd and a name", "containerd://reg.example:5000/a:1", "a", "1", NULL, true},
	{"cri-o", "cri-o://reg.example/a:1", "a", "1", NULL, true},
	{"a URL", "https://reg.example/a/b:1", "a/b", "1", NULL, true},
};

/* The words are in the error, and so is the line, which is always the third. */
static const struct {
	const char *why, *word, *words;
} bad[] = {
	{"upper case in a name", "reg.example/Nginx:1", "no reference"},
	{"upper case alone", "IMAGE", "'IMAGE' is no reference"},
	{"nothing where a name should be", "<none>", "no reference"},
	{"a blank name", "<none>:<none>", "no reference"},
	{"a list with commas", "a:1,b:1", "'a:1,b:1' is no reference"},
	{"in quotes", "\"a:1\"", "no reference"},
	{"no tag behind the colon", "a:", "no reference"},
	{"a tag that begins with a dot", "a:.1", "no reference"},
	{"no name before the tag", ":1", "no reference"},
	{"no name behind the host", "reg.example:5000/", "no reference"},
	{"no name before the digest", "@" D, "no reference"},
	{"two slashes", "a//b", "no reference"},
	{"a slash at the end", "a/", "no reference"},
	{"a slash at the front", "/a", "no reference"},
	{"a port that is none", "reg.example:http/a", "no reference"},
	{"an IPv6 address without an end", "[::1/a:1", "no reference"},
	{"something behind the brackets", "[::1]5000/a:1", "no reference"},
	{"a user name", "me@reg.example/a:1", "no whole digest"},
	{"half a digest", "a@sha256:4c29c8e4", "no whole digest"},
	{"half a digest alone", "sha256:4c29c8e4", "no whole digest"},
	{"a digest in upper case", "sha256:4C29C8E4A1F0D7B3C29C8E4A1F0D7B3C29C8E4A1F0D7B3C29C8E4A1F0D7B3AB1",
	 "no whole digest"},
	{"an algorithm that is not known", "a@md5:4c29c8e4", "no whole digest"},
	{"nothing behind the @", "a@", "no whole digest"},
	{"docker's short id", "4c29c8e4a1f0", "docker ps --no-trunc"},
	{"an id alone", HEX, "docker ps --no-trunc"},
	{"a container's", "containerd://" HEX, "docker ps --no-trunc"},
	{"a scheme alone", "docker://", "no reference"},
	{"a comment that touches it", "a:1#b", "no reference"},
	{"an escape", "a\033[2J:1", "no reference"},
};

/* Texts as they come, and what they name. */
static const struct {
	const char *why, *text;
	size_t size; /* 0: up to the NUL */
	int r;
	size_t count;
	const char *words; /* in the error */
} texts[] = {
	{"a line each", "a:1\nb:2\n", 0, 0, 2, NULL},
	{"no last newline", "a:1\nb:2", 0, 0, 2, NULL},
	{"all on one line", "a:1 b:2 c:3", 0, 0, 3, NULL},
	{"tabs, and more than one space", " a:1\t\tb:2  \n\n\n", 0, 0, 2, NULL},
	{"CRLF", "a:1\r\nb:2\r\n", 0, 0, 2, NULL},
	{"twice the same", "a:1 a:1", 0, 0, 2, NULL},
	{"comments", "# all of it\na:1 # why\n#b:2\n  # c:3\n", 0, 0, 1, NULL},
	{"a comment at the very end", "a:1 #", 0, 0, 1, NULL},
	{"nothing", "", 0, -EINVAL, 0, "names no image"},
	{"blanks", " \n\t\r\n", 0, -EINVAL, 0, "names no image"},
	{"comments alone", "# a:1\n", 0, -EINVAL, 0, "did the command that wrote it fail?"},
	{"lines count comments and blanks", "# x\n\na:1\nB\n", 0, -EINVAL, 0, "line 4: 'B'"},
	{"lines count one line's words once", "a:1 b:2 C", 0, -EINVAL, 0, "line 1: 'C'"},
	{"CRLF counts once", "a:1\r\nB\r\n", 0, -EINVAL, 0, "line 2: 'B'"},
	{"a NUL", "a:1\nb\0:2\n", 9, -EINVAL, 0, "line 2: 'b"},
	{"a NUL says what it is", "a\0b", 3, -EINVAL, 0, "a text file?"},
	{"a NUL at the end", "a:1\0", 4, -EINVAL, 0, "line 1"},
	{"a byte order mark",
	 "\xef\xbb\xbf"
	 "a:1\n",
	 0, -EINVAL, 0, "line 1"},
	{"another alphabet", "a\0:\0001\0\n\0", 8, -EINVAL, 0, "a text file?"},
};

static const struct {
	const char *why, *pattern, *repository, *tag;
	bool want;
} patterns[] = {
	{"all", "*:*", "a/b", "1", true},
	{"a name space", "prod/*:*", "prod/a/b", "1", true},
	{"not its like", "prod/*:*", "product/a", "1", false},
	{"one tag", "*:latest", "a/b", "latest", true},
	{"not another", "*:latest", "a/b", "latest2", false},
	{"one image", "a/b:1", "a/b", "1", true},
	{"a question mark", "a:1.?", "a", "1.2", true},
	{"a set", "a:v[0-9]*", "a", "v1", true},
	{"not in the set", "a:v[!0-9]*", "a", "v1", false},
	{"library/ is not left out", "nginx:*", "library/nginx", "1", false},
	{"nor implied", "library/nginx:*", "nginx", "1", false},
};

static const struct {
	const char *pattern;
	bool useful;
} usefulness[] = {
	{"*:*", true},
	{"prod/*:*", true},
	{"a:v[0-9]*", true},
	{"a:[[:digit:]]*", true},
	{"[a:b]/x:1", true},
	{"a[]:]b:c", true},
	{"a:[!]/]", true},
	{"a:[1", true},
	{"", false},
	{"*", false},
	{"prod/*", false},
	{"latest", false},
	{"[:]", false},
	{"reg.example:5000/a:*", false},
	{"reg.example:5000/a", false},
	{"a:b:c", false},
	{"a:b/c", false},
	{"[[:digit:]]", false},
};

static struct protect *from_text(const char *text, const char *why)
{
	struct protect *p = NULL;
	struct reg_error e = {0};

	check_int(protect_new(NULL, 0, NULL, &p, &e), 0, why);
	if (protect_add_text(p, text, strlen(text), "FILE", &e) < 0)
		fail_msg("%s: %s", why, e.msg);
	return p;
}

static void what_a_reference_protects(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(references); k++) {
		const char *why = references[k].why;
		struct protect *p = from_text(references[k].reference, why);
		struct reg_digest d;

		check_int(protect_count(p), 1, why);
		if (references[k].tag) {
			check_int(protect_has_tag(p, references[k].repository, references[k].tag),
				  references[k].want, why);
		} else {
			check(reg_digest_parse(references[k].digest, &d), why);
			check_int(protect_has_digest(p, references[k].repository, &d), references[k].want,
				  why);
		}
		protect_free(p);
	}
}

static void what_is_no_reference(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		const char *why = bad[k].why;
		struct protect *p = NULL;
		struct reg_error e = {0};
		char text[256];

		check_int(protect_new(NULL, 0, NULL, &p, &e), 0, why);
		snprintf(text, sizeof(text), "a:1\n# more\n  %s b:2\n", bad[k].word);
		check_int(protect_add_text(p, text, strlen(text), "/some/FILE", &e), -EINVAL, why);
		if (!strstr(e.msg, bad[k].words) || !strstr(e.msg, "line 3") ||
		    !strstr(e.msg, "/some/FILE") || strchr(e.msg, '\033'))
			fail_msg("%s: no %s and its place in: %s", why, bad[k].words, e.msg);
		protect_free(p);
	}
}

static void what_a_text_names(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(texts); k++) {
		const char *why = texts[k].why;
		const size_t size = texts[k].size ? texts[k].size : strlen(texts[k].text);
		struct protect *p = NULL;
		struct reg_error e = {0};

		check_int(protect_new(NULL, 0, NULL, &p, &e), 0, why);
		check_int(protect_add_text(p, texts[k].text, size, "FILE", &e), texts[k].r, why);
		if (texts[k].r == 0)
			check_int(protect_count(p), texts[k].count, why);
		else if (!strstr(e.msg, texts[k].words))
			fail_msg("%s: no %s in: %s", why, texts[k].words, e.msg);
		protect_free(p);
	}
}

static void what_a_pattern_protects(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(patterns); k++) {
		const char *const two[] = {"no/such:thing", patterns[k].pattern};
		const char *why = patterns[k].why;
		struct protect *p = NULL;

		check_int(protect_new(two, 2, NULL, &p, NULL), 0, why);
		check_int(protect_has_tag(p, patterns[k].repository, patterns[k].tag), patterns[k].want, why);
		check(!protect_has_digest(p, "a", &(struct reg_digest){.algorithm = REG_SHA256}), why);
		check_int(protect_count(p), 0, why);
		protect_free(p);
	}
	for (size_t k = 0; k < ARRAY_SIZE(usefulness); k++)
		check_int(protect_pattern_is_useful(usefulness[k].pattern), usefulness[k].useful,
			  usefulness[k].pattern);
}

static void nothing_is_protected(void **state)
{
	const struct reg_digest none = {0};
	struct protect *p = from_text(D, "none");
	struct reg_digest d;

	(void)state;
	assert_true(reg_digest_parse(D, &d));
	assert_false(protect_has_tag(NULL, "a", "1"));
	assert_false(protect_has_digest(NULL, "a", &d));
	assert_int_equal(protect_count(NULL), 0);
	assert_false(protect_has_digest(p, "a", &none)); /* "no digest" is nobody's */
	protect_free(p);
	protect_free(NULL);
}

/* ---- files ---- */

static char folder[] = "/tmp/fs-protect-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void write_file(const char *path, const char *text, size_t size)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

static void check_refused(const char *path, int want, const char *words)
{
	struct protect *p = (struct protect *)(void *)&p;
	struct protect *const before = p;
	struct reg_error e = {0};

	check_int(protect_new(NULL, 0, path, &p, &e), want, words);
	check(p == before, words);
	check_int(e.err, want, words);
	if (!strstr(e.msg, words) || !strstr(e.msg, path))
		fail_msg("no %s and %s in: %s", words, path, e.msg);
}

static void a_file(void **state)
{
	const char *const pattern = "b:*";
	char path[64];
	struct protect *p;

	(void)state;
	snprintf(path, sizeof(path), "%s/images", folder);
	check_refused(path, -ENOENT, "No such file");
	write_file(path, "", 0);
	check_refused(path, -EINVAL, "names no image");
	write_file(path, "a:1\nB\n", 6);
	check_refused(path, -EINVAL, "line 2");
	write_file(path, "a:1\n", 4);
	assert_int_equal(protect_new(&pattern, 1, path, &p, NULL), 0);
	assert_true(protect_has_tag(p, "a", "1"));
	assert_true(protect_has_tag(p, "b", "7"));
	assert_false(protect_has_tag(p, "c", "1"));
	assert_int_equal(protect_count(p), 1);
	protect_free(p);
	/* A terabyte of nothing: it is not read whole before it is refused. */
	assert_int_equal(truncate(path, (off_t)1 << 40), 0);
	check_refused(path, -EFBIG, "larger than 64 MiB");
	assert_int_equal(unlink(path), 0);
	check_refused(folder, -EISDIR, "is a directory");
}

/* Nobody writes into it: it is refused, and nobody waits. */
static void a_pipe(void **state)
{
	char path[64];

	(void)state;
	snprintf(path, sizeof(path), "%s/pipe", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	check_refused(path, -EINVAL, "regular file");
	assert_int_equal(unlink(path), 0);
	check_refused("/dev/null", -EINVAL, "regular file");
}

static void a_line_of_a_mebibyte(void **state)
{
	enum { SIZE = 1 << 20 };
	auto_free char *text = malloc(SIZE);
	struct reg_error e = {0};
	struct protect *p;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < SIZE; i += 8)
		memcpy(text + i, "abcd:12 ", 8);
	assert_int_equal(protect_new(NULL, 0, NULL, &p, NULL), 0);
	assert_int_equal(protect_add_text(p, text, SIZE, "FILE", &e), 0);
	assert_int_equal(protect_count(p), SIZE / 8);
	protect_free(p);
	memset(text, 'a', SIZE);
	assert_int_equal(protect_new(NULL, 0, NULL, &p, NULL), 0);
	assert_int_equal(protect_add_text(p, text, SIZE, "FILE", &e), -EINVAL);
	assert_non_null(strstr(e.msg, "too long"));
	assert_non_null(strstr(e.msg, "line 1"));
	assert_non_null(strstr(e.msg, "FILE"));
	protect_free(p);
}

/* The longest of everything is still a reference. */
static void the_longest(void **state)
{
	char repository[256], tag[129], text[1024];
	struct protect *p;

	(void)state;
	memset(repository, 'r', 255);
	repository[255] = '\0';
	memset(tag, 't', 128);
	tag[128] = '\0';
	snprintf(text, sizeof(text), "docker-pullable://%0253d.example:65535/%s:%s@%s", 1, repository, tag,
		 LONG);
	p = from_text(text, "the longest");
	assert_true(protect_has_tag(p, repository, tag));
	tag[127] = 'u';
	assert_false(protect_has_tag(p, repository, tag));
	protect_free(p);
}

/* As many references as tags: each is looked up, not searched for. */
static void many(void **state)
{
	enum { MANY = 100000 };
	auto_free char *text = malloc((size_t)MANY * 40);
	char *end = text, repository[32], tag[16];
	struct protect *p;

	(void)state;
	assert_non_null(text);
	for (int i = 0; i < MANY; i++)
		end += sprintf(end, "reg.example/team/app%d:%d ", i % 1000, i);
	p = from_text(text, "many");
	assert_int_equal(protect_count(p), MANY);
	for (int i = 0; i < 2 * MANY; i++) {
		snprintf(repository, sizeof(repository), "team/app%d", i % 1000);
		snprintf(tag, sizeof(tag), "%d", i);
		if (protect_has_tag(p, repository, tag) != (i < MANY))
			fail_msg("%s:%s", repository, tag);
	}
	protect_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_reference_protects),
		cmocka_unit_test(what_is_no_reference),
		cmocka_unit_test(what_a_text_names),
		cmocka_unit_test(what_a_pattern_protects),
		cmocka_unit_test(nothing_is_protected),
		cmocka_unit_test(a_file),
		cmocka_unit_test(a_pipe),
		cmocka_unit_test(a_line_of_a_mebibyte),
		cmocka_unit_test(the_longest),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
