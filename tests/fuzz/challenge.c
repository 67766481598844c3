/* SPDX-License-Identifier: MIT */
#include "challenge.h"

#include <stdlib.h>

#include "fuzz.h"

static bool is_clean(const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *header = fuzz_text(data, size);
	struct reg_challenge c;

	if (reg_challenge_parse(header, &c)) {
		must(c.basic || c.digest || c.other[0] || c.bearer);
		must(c.bearer == !!c.realm[0]);
		must(is_clean(c.realm) && is_clean(c.service) && is_clean(c.scope) && is_clean(c.error));
		must(is_clean(c.description) && is_clean(c.other));
	}
	free(header);
	return 0;
}
