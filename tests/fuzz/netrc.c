/* SPDX-License-Identifier: MIT */
#include "netrc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reg_source sources[] = {
		{.host = "registry.example:5000"},
		{.host = "[::1]:5000"},
		{.host = "registry-1.docker.io", .docker_hub = true},
	};
	char *text = fuzz_text(data, size);

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct reg_credentials c = {0};
		struct reg_error e = {0};
		const int r = netrc_parse(text, "FILE", &sources[i], &c, &e);

		must(r == 0 || r == 1 || r == -EBADMSG);
		must((r == 1) == (c.user && c.password));
		must(r >= 0 || (strncmp(e.msg, "FILE, line ", 11) == 0 && fuzz_is_line(e.msg)));
		reg_credentials_done(&c);
	}
	free(text);
	return 0;
}
