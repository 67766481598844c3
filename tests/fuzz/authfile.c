/* SPDX-License-Identifier: MIT */
#include "authfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "namelist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reg_source sources[] = {
		{.host = "registry.example:5000", .prefix = "a/b", .https = true},
		{.host = "registry-1.docker.io", .https = true, .docker_hub = true},
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		struct reg_credentials c = {0};
		struct reg_error e = {0}, failure = {0};
		struct namelist deeper;
		struct reg_spaces spaces = {0};
		const struct reg_lookup lookup = {
			.source = &sources[i], .failure = &failure, .deeper = &deeper, .spaces = &spaces};
		int r;

		namelist_init(&deeper);
		r = reg_authfile_parse(data, size, "FILE", &lookup, &c, &e);
		must(spaces.count == deeper.count);
		for (size_t k = 0; k < deeper.count; k++) {
			const struct reg_credentials *const own = &spaces.items[k].credentials;

			must(strlen(deeper.items[k]) < sizeof(sources[i].prefix) &&
			     strncmp(deeper.items[k], sources[i].prefix, strlen(sources[i].prefix)) == 0);
			must(reg_name_is_repository(deeper.items[k]));
			must(!own->lacking || (fuzz_is_line(own->lacking) && !own->user && !own->password));
		}
		must(!failure.msg[0] || fuzz_is_line(failure.msg));
		reg_spaces_done(&spaces);
		namelist_done(&deeper);

		if (r == 1) {
			char *const header = reg_credentials_basic(&c);

			must(!c.user == !c.password && (c.user || c.identity_token || c.registry_token));
			must(!c.identity_token || fuzz_is_line(c.identity_token));
			must(!c.registry_token || fuzz_is_line(c.registry_token));
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
