/* SPDX-License-Identifier: MIT */
#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct reg_platform platform;
	struct reg_error e = {0};
	struct reg_source s, again;

	if (reg_source_parse(text, &s, &e) == 0) {
		must(s.host[0] && !strpbrk(s.host, "/@?# \t\n%\\"));
		must(!s.prefix[0] || reg_name_is_repository(s.prefix));
		must(!s.may_fall_back || s.https);
		must(reg_source_parse(s.host, &again, NULL) == 0 && strcmp(again.host, s.host) == 0);
	} else {
		must(e.err == -EINVAL && e.msg[0] && fuzz_is_line(e.msg));
		must(!strchr(text, '@') || strstr(e.msg, "REGFS_PASSWORD"));
	}
	if (reg_platform_parse(text, &platform) == 0)
		must(platform.os[0] && platform.architecture[0]);
	free(text);
	return 0;
}
