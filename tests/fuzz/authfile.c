/* SPDX-License-Identifier: MIT */
#include "authfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reg_source sources[] = {
		{.host = "registry.example:5000", .prefix = "a/b", .https = true},
		{.host = "registry-1.docker.io", .https = true, .docker_hub = true},
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct reg_credentials c = {0};
		struct reg_error e = {0};
		const int r = reg_authfile_parse(data, size, "FILE", &sources[i], &c, &e);

		if (r == 1) {
			char *header;

			must(c.user && c.password);
			header = reg_credentials_basic(&c);
			must(header && strncmp(header, "Basic ", 6) == 0 && fuzz_is_line(header));
			reg_wipe(header);
			free(header);
		} else {
			must(!c.user && !c.password);
			must(r == 0 ||
			     (r == -EBADMSG && strncmp(e.msg, "FILE: ", 6) == 0 && fuzz_is_line(e.msg)));
		}
		reg_credentials_done(&c);
	}
	return 0;
}
