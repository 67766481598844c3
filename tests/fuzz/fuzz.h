/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. With clang, CFLAGS=-fsanitize=fuzzer-no-link and -Db_sanitize=address,undefined
 * they are libFuzzer programs; else main.c runs them over the corpus, as a test.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Also without NDEBUG and without a word: the fuzzer keeps the input. */
#define must(condition)                                                                                      \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			__builtin_trap();                                                                    \
	} while (0)

char *fuzz_text(const uint8_t *data, size_t size); /* a copy with a NUL behind, allocated */

/* Is it one line that can do no harm in a log or on a terminal? */
bool fuzz_is_line(const char *text);

#endif
