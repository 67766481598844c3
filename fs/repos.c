/* SPDX-License-Identifier: MIT */
#include "repos.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "util/cleanup.h"

enum { MAX_REPOS = 10 << 20 };

static int add(struct repos *r, const char *name)
{
	/* Room for a power of two, and never nothing: an empty file lists no repository, which is not "no
	 * file". */
	if ((r->count & (r->count - 1)) == 0) {
		char **names = realloc(r->names, (r->count ? 2 * r->count : 1) * sizeof(*names));

		if (!names)
			return -ENOMEM;
		r->names = names;
	}
	r->names[r->count] = strdup(name);
	if (!r->names[r->count])
		return -ENOMEM;
	r->count++;
	return 0;
}

static int read_lines(FILE *file, const char *path, struct repos *r, struct reg_error *error)
{
	auto_free char *line = NULL;
	size_t room = 0;

	for (int n = 1; getline(&line, &room, file) >= 0; n++) {
		char *name = line + strspn(line, " \t");

		name[strcspn(name, "# \t\r\n")] = '\0';
		if (!name[0])
			continue;
		if (!reg_name_is_repository(name) || r->count == MAX_REPOS)
			return reg_fail(error, -EINVAL,
					"%s, line %d: '%.60s' is not the name of a repository", path, n,
					name);
		if (add(r, name) < 0)
			return reg_fail(error, -ENOMEM, "out of memory");
	}
	if (!feof(file)) /* a directory, a broken disk: half a list is none */
		return reg_fail(error, -errno, "repos_from=%s cannot be read: %s", path, strerror(errno));
	return 0;
}

int repos_read(const char *path, struct repos *ret, struct reg_error *error)
{
	FILE *file = fopen(path, "re");
	struct repos r = {.names = calloc(1, sizeof(char *))};
	int err;

	if (!file) {
		err = errno;
		free(r.names);
		return reg_fail(error, -err, "repos_from=%s cannot be read: %s", path, strerror(err));
	}
	err = r.names ? read_lines(file, path, &r, error) : reg_fail(error, -ENOMEM, "out of memory");
	fclose(file);
	if (err < 0)
		repos_done(&r);
	else
		*ret = r;
	return err;
}

void repos_done(struct repos *r)
{
	for (size_t k = 0; k < r->count; k++)
		free(r->names[k]);
	free(r->names);
	*r = (struct repos){0};
}
