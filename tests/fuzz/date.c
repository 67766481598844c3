/* SPDX-License-Identifier: MIT */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), back[64];
	struct timespec date;
	struct tm tm;

	if (reg_date_parse(text, &date)) {
		must(date.tv_nsec >= 0 && date.tv_nsec < 1000000000);
		/* Written in UTC it is the same second, except for a leap second and where an offset leaves the years. */
		must(gmtime_r(&date.tv_sec, &tm));
		snprintf(back, sizeof(back), "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
			 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		if ((text[strlen(text) - 1] | 32) == 'z' && strncmp(text + 17, "60", 2) != 0)
			must(strncmp(back, text, 10) == 0 && strncmp(back + 11, text + 11, 8) == 0);
	}
	free(text);
	return 0;
}
