/* SPDX-License-Identifier: MIT */
/* Journals in a folder of a test's own. */
#ifndef JOURNALS_H
#define JOURNALS_H

#include <glob.h>

#include "folder.h"
#include "journal.h"
#include "restore.h"

#define SOURCE "https://reg.example/team"

static inline struct journal_item item_of(const char *text, enum journal_role role, const char *const *tags,
					  size_t ntags)
{
	struct journal_item item = {.role = role,
				    .media_type = "application/vnd.oci.image.manifest.v1+json",
				    .bytes = reg_bytes_copy(text, strlen(text)),
				    .tags = tags,
				    .ntags = ntags};

	assert_int_equal(reg_digest_compute(REG_SHA256, text, strlen(text), &item.digest), 0);
	return item;
}

static inline struct journal *journal_in(const struct folder *f)
{
	struct reg_error error = {0};
	struct journal *j = NULL;

	check_int(journal_new(folder_path(f, "journal"), SOURCE, &j, &error), 0, error.msg);
	return j;
}

/* One removal of an image with one tag, whose manifest is the text. */
static inline int begin_one(struct journal *j, const char *text, uint64_t *ret_id, struct reg_error *error)
{
	static const char *const tags[] = {"v1"};
	const struct journal_item item = item_of(text, JOURNAL_IMAGE, tags, 1);
	const struct journal_entry entry = {.action = JOURNAL_DELETE,
					    .repository = "team/app",
					    .tag = "v1",
					    .items = &item,
					    .nitems = 1,
					    .uid = 1000,
					    .pid = 4711,
					    .command = "find"};
	const int r = journal_begin(j, &entry, ret_id, error);

	reg_bytes_unref(item.bytes);
	return r;
}

static inline void journals_report(void *data, enum restore_severity severity, const char *file, size_t line,
				   const char *message)
{
	(void)data;
	fail_msg("%d %s:%zu: %s", severity, file, line, message);
}

/* Everything in the journal, which must be without a fault. */
static inline struct restore_journal *read_back(const struct folder *f)
{
	struct restore_journal *j = NULL;
	struct reg_error error = {0};

	check_int(restore_read(folder_path(f, "journal"), journals_report, NULL, &j, &error), 0, error.msg);
	for (size_t i = 0; i < j->count; i++) {
		for (size_t k = 0; k < j->entries[i]->nitems; k++) {
			struct reg_bytes *bytes = NULL;

			check_int(restore_bytes(j, j->entries[i], &j->entries[i]->items[k], &bytes, &error),
				  0, error.msg);
			reg_bytes_unref(bytes);
		}
	}
	return j;
}

static inline size_t files(const struct folder *f, const char *pattern)
{
	glob_t found = {0};
	size_t n;

	n = glob(folder_path(f, pattern), GLOB_PERIOD, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return n;
}

static inline mode_t mode_of(const struct folder *f, const char *pattern)
{
	glob_t found = {0};
	struct stat st;

	assert_int_equal(glob(folder_path(f, pattern), 0, NULL, &found), 0);
	assert_int_equal(lstat(found.gl_pathv[0], &st), 0);
	globfree(&found);
	return st.st_mode & 07777;
}

#endif
