/* SPDX-License-Identifier: MIT */
/* What is before the first NUL is the file; after it, variables of the environment, each up to a NUL. */
#include "storage/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { MAX_ENV = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *environment[MAX_ENV + 1];
	const size_t yaml = strlen(text);
	struct reg_error e = {0};
	struct settings s;
	size_t n = 0;
	int r;

	for (size_t at = yaml + 1; at < size && n < MAX_ENV; at += strlen(text + at) + 1)
		environment[n++] = text + at;
	environment[n] = NULL;
	r = settings_parse(text, yaml, environment, &s, &e);
	if (r == 0) {
		must(s.driver && s.prefix && *s.prefix);
		must(!s.root == (strcmp(s.driver, "filesystem") != 0));
		must(!s.root || *s.root);
		must(!s.cache || *s.cache);
		settings_done(&s);
	} else {
		must(r == -EBADMSG || r == -EFBIG);
		must(e.err == r && e.msg[0] && fuzz_is_line(e.msg));
	}
	free(text);
	return 0;
}
