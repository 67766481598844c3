/* SPDX-License-Identifier: MIT */
/* In place of libFuzzer's main: each file that is named is one input. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/buf.h"

static int run(const char *path)
{
	FILE *f = fopen(path, "rb");
	char chunk[4096];
	struct buf b;
	size_t n;
	uint8_t *exact;

	if (!f) {
		perror(path);
		return 1;
	}
	buf_init(&b, 16 << 20);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		must(buf_add(&b, chunk, n) == 0);
	fclose(f);
	exact = malloc(b.size ? b.size : 1); /* so that a sanitizer sees a read past the end */
	must(exact);
	for (size_t i = 0; i < b.size; i++)
		exact[i] = (uint8_t)b.data[i];
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(exact, b.size);
	free(exact);
	buf_done(&b);
	return 0;
}

int main(int argc, char **argv)
{
	int status = argc < 2;

	for (int i = 1; i < argc; i++)
		status |= run(argv[i]);
	return status;
}
