/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <errno.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reg_error e = {0};
	struct reg_config c;
	const int r = reg_config_parse(data, size, &c, &e);

	if (r < 0) {
		must(r == -EBADMSG && e.err == r && fuzz_is_line(e.msg));
		return 0;
	}
	must(c.created.tv_nsec >= 0 && c.created.tv_nsec < 1000000000);
	must(c.has_created || (!c.created.tv_sec && !c.created.tv_nsec));
	must(c.has_history || (!c.history.tv_sec && !c.history.tv_nsec));
	must(fuzz_is_line(c.platform.os) && fuzz_is_line(c.platform.architecture) &&
	     fuzz_is_line(c.platform.variant));
	for (size_t i = 0; i < c.labels.count; i++)
		must(reg_pairs_get(&c.labels, c.labels.items[i].key));
	reg_config_done(&c);
	return 0;
}
