/* SPDX-License-Identifier: MIT */
/* The body of a failed request: what of it reaches the log must do no harm there. */
#include "error.h"

#include <errno.h>
#include <string.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = {400, 404, 405, 409, 500};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct reg_error e = {0};

		must(reg_error_from_response(&e, statuses[i], data, size) < 0);
		must(e.err < 0 && e.status == statuses[i] && e.msg[0]);
		/* What a server says is never taken for its failure, nor a failure for what it says. */
		must(statuses[i] != 405 || e.err == (e.code[0] ? -EPERM : -EROFS));
		must(statuses[i] != 500 || e.err == -EIO);
		must(e.err != -EPERM || e.code[0]);
		must(memchr(e.msg, '\0', sizeof(e.msg)) && memchr(e.code, '\0', sizeof(e.code)));
		must(fuzz_is_line(e.msg) && fuzz_is_line(e.code));
		must(reg_fail(&e, -1, "%s", e.msg) == -1 && fuzz_is_line(e.msg));
	}
	return 0;
}
