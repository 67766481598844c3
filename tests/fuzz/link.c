/* SPDX-License-Identifier: MIT */
#include "link.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *header = fuzz_text(data, size), next[512];

	if (reg_link_next(header, "https://registry.example:5000/v2/_catalog?n=100", next, sizeof(next))) {
		must(next[0] && strlen(next) < sizeof(next));
		for (const char *p = next; *p; p++)
			must(*p > ' ' && *p <= '~');
		must(!strchr(next, '#'));
	}
	free(header);
	return 0;
}
