/* SPDX-License-Identifier: MIT */
#include "storage/collector.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "storage/collector_child.h"

static void check_line(const struct collector_line *l)
{
	const enum collector_event e = l->event;
	const bool pair = e == COLLECTOR_MARK || e == COLLECTOR_MANIFEST || e == COLLECTOR_LAYER_LINK;

	must(e >= COLLECTOR_REPOSITORY && e <= COLLECTOR_UNKNOWN);
	must((pair || e == COLLECTOR_REPOSITORY) == (l->repository[0] != '\0'));
	must(!l->repository[0] || reg_name_is_repository(l->repository));
	must((pair || e == COLLECTOR_BLOB) == (l->digest.algorithm != 0));
	must(e == COLLECTOR_SUMMARY || (!l->marked && !l->blobs && !l->manifests));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), *save = NULL, **words;
	struct collector_parser p = {0};
	struct collector_line l;
	size_t n;

	if (collector_words(text, 1, &words, &n) == 0) {
		must(n > 0 && words[0][0] && !words[n]);
		free(words);
	}
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		collector_parse(&p, line, &l);
		must(l.text == line);
		check_line(&l);
	}
	free(text);
	return 0;
}
