/* SPDX-License-Identifier: MIT */
#include "said.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/cleanup.h"

enum { MAX_SAID = 8192 };

static const struct {
	const char *words, *remedy;
} remedies[] = {
	{"failed to exec fusermount3", "install it: package fuse3"},
	{"could not determine username", "this user id needs a line in /etc/passwd"},
	{"mount failed: Operation not permitted",
	 "fusermount3 must be setuid root, and a container must be allowed to mount: --cap-add SYS_ADMIN"},
	{"/dev/fuse: Permission denied", "every user must be able to open it: chmod 666 /dev/fuse"},
	{"/dev/fuse: Operation not permitted", "a container must be given it: --device /dev/fuse"},
	{"device not found", "a container must be given it: --device /dev/fuse"},
	{"failed to access mountpoint", "is something mounted there already?"},
	{"no write access to mountpoint", "choose a directory of your own"},
	{"not owned by user", "choose a directory of your own"},
};

const char *said_remedy(const char *reason)
{
	for (size_t k = 0; k < ARRAY_SIZE(remedies); k++)
		if (strstr(reason, remedies[k].words))
			return remedies[k].remedy;
	return NULL;
}

void said_begin(struct said *s)
{
	*s = (struct said){.before = -1, .file = memfd_create("said", MFD_CLOEXEC)};
	if (s->file < 0)
		return;
	s->before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (s->before >= 0 && dup2(s->file, STDERR_FILENO) >= 0)
		return;
	if (s->before >= 0)
		close(s->before);
	close(s->file);
	s->file = -1;
}

void said_end(struct said *s, char *ret, size_t size)
{
	char text[MAX_SAID], *rest = NULL;
	ssize_t n;

	if (s->file < 0)
		return;
	dup2(s->before, STDERR_FILENO);
	close(s->before);
	n = pread(s->file, text, sizeof(text) - 1, 0);
	close(s->file);
	text[n > 0 ? n : 0] = '\0';
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "fuse", 4) == 0) /* "fuse: ...", "fusermount3: ..." */
			snprintf(ret, size, "%s", line);
		else
			fprintf(stderr, "%s\n", line);
	}
}
