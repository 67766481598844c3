/* SPDX-License-Identifier: MIT */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>

#define OCI "application/vnd.oci.image."

/* ---- files ---- */

void tree_make(struct tree *t)
{
	folder_make(&t->folder);
	assert_int_equal(chmod(t->folder.path, 0755), 0);
}

void tree_make_fast(struct tree *t)
{
	folder_make_fast(&t->folder);
	assert_int_equal(chmod(t->folder.path, 0755), 0);
}

void tree_remove(struct tree *t)
{
	folder_remove(&t->folder);
}

static const char *whole(const struct tree *t, const char *path)
{
	static char paths[4][4096];
	static unsigned turn;
	char *ret = paths[turn++ % ARRAY_SIZE(paths)];

	assert_in_range(snprintf(ret, sizeof(paths[0]), "%s/%s", t->folder.path, path), 1,
			sizeof(paths[0]) - 1);
	return ret;
}

/* From the bottom up: most of them are there. */
static void make_with_above(const char *path)
{
	char above[4096];
	char *slash;

	if (mkdir(path, 0755) == 0 || errno != ENOENT)
		return;
	snprintf(above, sizeof(above), "%s", path);
	slash = strrchr(above, '/');
	assert_non_null(slash);
	*slash = '\0';
	make_with_above(above);
	mkdir(path, 0755);
}

static void make_above(const struct tree *t, const char *path)
{
	char above[4096];

	snprintf(above, sizeof(above), "%s", whole(t, path));
	*strrchr(above, '/') = '\0';
	make_with_above(above);
}

void tree_put(const struct tree *t, const char *path, const void *data, size_t size)
{
	int fd;

	fd = open(whole(t, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0) {
		make_above(t, path);
		fd = open(whole(t, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	}
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(close(fd), 0);
}

void tree_puts(const struct tree *t, const char *path, const char *text)
{
	tree_put(t, path, text, strlen(text));
}

void tree_folder(const struct tree *t, const char *path)
{
	make_above(t, path);
	mkdir(whole(t, path), 0755);
	assert_true(tree_has(t, path));
}

void tree_symlink(const struct tree *t, const char *path, const char *target)
{
	make_above(t, path);
	assert_int_equal(symlink(target, whole(t, path)), 0);
}

void tree_drop(const struct tree *t, const char *path)
{
	assert_int_equal(nftw(whole(t, path), folder_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void tree_move(const struct tree *t, const char *from, const char *to)
{
	make_above(t, to);
	assert_int_equal(rename(whole(t, from), whole(t, to)), 0);
}

bool tree_has(const struct tree *t, const char *path)
{
	struct stat st;

	return lstat(whole(t, path), &st) == 0;
}

static int set_age(const char *path, time_t changed)
{
	const struct timespec times[2] = {{.tv_sec = changed}, {.tv_sec = changed}};

	return utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}

void tree_age(const struct tree *t, const char *path, time_t changed)
{
	assert_int_equal(set_age(whole(t, path), changed), 0);
}

/* nftw() hands nothing on to its callback. */
static time_t age_of_all;

static int set_age_of_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return set_age(path, age_of_all);
}

void tree_age_all(const struct tree *t, time_t changed)
{
	age_of_all = changed;
	assert_int_equal(nftw(t->folder.path, set_age_of_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

void tree_forbid(const struct tree *t, const char *path)
{
	assert_int_equal(chmod(whole(t, path), 0), 0);
}

void tree_allow(const struct tree *t, const char *path)
{
	assert_int_equal(chmod(whole(t, path), 0755), 0);
}

void tree_unprivileged(bool on)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(on ? 65534 : 0), 0);
}

/* ---- where things are ---- */

#define TURN_SIZE 1024

static char *turn_buffer(void)
{
	static char paths[8][TURN_SIZE];
	static unsigned turn;

	return paths[turn++ % ARRAY_SIZE(paths)];
}

struct digest_path {
	char text[REG_DIGEST_MAX]; /* "sha256/<hex>" */
};

static struct digest_path digest_path(const struct tree_blob *b)
{
	struct digest_path ret;

	memcpy(ret.text, b->text, sizeof(ret.text));
	*strchr(ret.text, ':') = '/';
	return ret;
}

const char *tree_blob_path(const struct tree_blob *b)
{
	char *ret = turn_buffer();
	const char *colon = strchr(b->text, ':');

	snprintf(ret, TURN_SIZE, TREE_V2 "blobs/%.*s/%.2s/%s/data", (int)(colon - b->text), b->text,
		 colon + 1, colon + 1);
	return ret;
}

const char *tree_revision_path(const char *repository, const struct tree_blob *b)
{
	char *ret = turn_buffer();

	snprintf(ret, TURN_SIZE, TREE_V2 "repositories/%s/_manifests/revisions/%s/link", repository,
		 digest_path(b).text);
	return ret;
}

const char *tree_layer_path(const char *repository, const struct tree_blob *b)
{
	char *ret = turn_buffer();

	snprintf(ret, TURN_SIZE, TREE_V2 "repositories/%s/_layers/%s/link", repository, digest_path(b).text);
	return ret;
}

const char *tree_tag_path(const char *repository, const char *tag)
{
	char *ret = turn_buffer();

	snprintf(ret, TURN_SIZE, TREE_V2 "repositories/%s/_manifests/tags/%s/current/link", repository, tag);
	return ret;
}

const char *tree_entry_path(const char *repository, const char *tag, const struct tree_blob *b)
{
	char *ret = turn_buffer();

	snprintf(ret, TURN_SIZE, TREE_V2 "repositories/%s/_manifests/tags/%s/index/%s/link", repository, tag,
		 digest_path(b).text);
	return ret;
}

/* ---- what a registry writes ---- */

static struct tree_blob digest_of(enum reg_algorithm algorithm, const void *data, size_t size)
{
	struct tree_blob b = {.size = size};

	assert_int_equal(reg_digest_compute(algorithm, data, size, &b.digest), 0);
	reg_digest_text(&b.digest, b.text);
	return b;
}

struct tree_blob tree_blob_of(const void *data, size_t size)
{
	return digest_of(REG_SHA256, data, size);
}

struct tree_blob tree_blob_512(const struct tree *t, const char *data)
{
	const struct tree_blob b = digest_of(REG_SHA512, data, strlen(data));

	tree_puts(t, tree_blob_path(&b), data);
	return b;
}

struct tree_blob tree_blob(const struct tree *t, const char *data)
{
	const struct tree_blob b = tree_blob_of(data, strlen(data));

	tree_puts(t, tree_blob_path(&b), data);
	return b;
}

void tree_revision(const struct tree *t, const char *repository, const struct tree_blob *b)
{
	tree_puts(t, tree_revision_path(repository, b), b->text);
}

void tree_layer(const struct tree *t, const char *repository, const struct tree_blob *b)
{
	tree_puts(t, tree_layer_path(repository, b), b->text);
}

void tree_tag(const struct tree *t, const char *repository, const char *tag, const struct tree_blob *b)
{
	tree_puts(t, tree_tag_path(repository, tag), b->text);
	tree_puts(t, tree_entry_path(repository, tag, b), b->text);
}

struct tree_blob tree_manifest(const struct tree *t, const char *repository, const char *tag,
			       const char *json)
{
	const struct tree_blob b = tree_blob(t, json);

	tree_revision(t, repository, &b);
	if (tag)
		tree_tag(t, repository, tag, &b);
	return b;
}

void tree_upload(const struct tree *t, const char *repository, const char *id, const char *startedat,
		 const char *data)
{
	char path[TURN_SIZE];

	snprintf(path, sizeof(path), TREE_V2 "repositories/%s/_uploads/%s/data", repository, id);
	tree_puts(t, path, data);
	snprintf(path, sizeof(path), TREE_V2 "repositories/%s/_uploads/%s/startedat", repository, id);
	if (startedat)
		tree_puts(t, path, startedat);
}

/* ---- images ---- */

static void descriptor(FILE *f, const char *type, const struct tree_blob *b)
{
	fprintf(f, "{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%zu", type, b->text, b->size);
}

char *tree_manifest_json(const struct tree_blob *config, const struct tree_blob *layers, size_t n,
			 const struct tree_blob *subject)
{
	char *json = NULL;
	size_t size;
	FILE *f = open_memstream(&json, &size);

	assert_non_null(f);
	fputs("{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"config\":", f);
	descriptor(f, OCI "config.v1+json", config);
	fputs("},\"layers\":[", f);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? "," : "", f);
		descriptor(f, OCI "layer.v1.tar+gzip", &layers[i]);
		fputc('}', f);
	}
	fputc(']', f);
	if (subject) {
		fputs(",\"subject\":", f);
		descriptor(f, OCI "manifest.v1+json", subject);
		fputc('}', f);
	}
	fputc('}', f);
	assert_int_equal(fclose(f), 0);
	return json;
}

static struct tree_blob linked_blob(const struct tree *t, const char *repository, const char *data)
{
	const struct tree_blob b = tree_blob(t, data);

	tree_layer(t, repository, &b);
	return b;
}

struct tree_image tree_image(const struct tree *t, const char *repository, const char *tag, const char *seed)
{
	struct tree_image image;
	auto_free char *json = NULL;
	char data[256];

	snprintf(data, sizeof(data),
		 "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Labels\":{\"seed\":\"%s\"}}}",
		 seed);
	image.config = linked_blob(t, repository, data);
	for (size_t i = 0; i < 2; i++) {
		snprintf(data, sizeof(data), "layer %zu of %s", i, seed);
		image.layers[i] = linked_blob(t, repository, data);
	}
	json = tree_manifest_json(&image.config, image.layers, 2, NULL);
	image.manifest = tree_manifest(t, repository, tag, json);
	return image;
}

struct tree_blob tree_index(const struct tree *t, const char *repository, const char *tag,
			    const struct tree_blob *children, size_t n)
{
	static const char *const platforms[] = {
		",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}",
		",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}",
		",\"platform\":{\"os\":\"linux\",\"architecture\":\"s390x\"}",
	};
	char *json = NULL;
	size_t size;
	FILE *f = open_memstream(&json, &size);
	struct tree_blob b;

	assert_non_null(f);
	fputs("{\"schemaVersion\":2,\"mediaType\":\"" OCI "index.v1+json\",\"manifests\":[", f);
	for (size_t i = 0; i < n; i++) {
		fputs(i ? "," : "", f);
		descriptor(f, OCI "manifest.v1+json", &children[i]);
		fprintf(f, "%s}", i < ARRAY_SIZE(platforms) ? platforms[i] : "");
	}
	fputs("]}", f);
	assert_int_equal(fclose(f), 0);
	b = tree_manifest(t, repository, tag, json);
	free(json);
	return b;
}

struct tree_image tree_referrer(const struct tree *t, const char *repository, const char *tag,
				const char *seed, const struct tree_blob *subject)
{
	struct tree_image image = {0};
	auto_free char *json = NULL;
	char data[256];

	image.config = linked_blob(t, repository, "{}");
	snprintf(data, sizeof(data), "signature %s", seed);
	image.layers[0] = linked_blob(t, repository, data);
	json = tree_manifest_json(&image.config, image.layers, 1, subject);
	image.manifest = tree_manifest(t, repository, tag, json);
	return image;
}
