/* SPDX-License-Identifier: MIT */
#include "protect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* Whatever else is in the file: a plain REPOSITORY:TAG and a digest alone protect what they say. */
static void check_word(const struct protect *p, char *word)
{
	char *colon = strrchr(word, ':');
	struct reg_digest d;

	if (reg_digest_parse(word, &d)) {
		must(protect_has_digest(p, "any/repository", &d));
		return;
	}
	if (!colon)
		return;
	*colon = '\0';
	if (reg_name_is_repository(word) && reg_name_is_tag(colon + 1))
		must(protect_has_tag(p, word, colon + 1));
}

static size_t check_words(const struct protect *p, char *text)
{
	size_t count = 0;
	char *lines = NULL, *words = NULL;

	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		for (char *word = strtok_r(line, " \t\v\f\r", &words); word && *word != '#';
		     word = strtok_r(NULL, " \t\v\f\r", &words)) {
			check_word(p, word);
			count++;
		}
	}
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct reg_error e = {0};
	struct protect *p;
	int r;

	must(protect_new(NULL, 0, NULL, &p, NULL) == 0);
	r = protect_add_text(p, (const char *)data, size, "FILE", &e);
	if (r == 0)
		must(protect_count(p) > 0 &&
		     (strlen(text) != size || check_words(p, text) == protect_count(p)));
	else
		must(r == -EINVAL && strstr(e.msg, "FILE") && fuzz_is_line(e.msg));
	protect_free(p);
	(void)protect_pattern_is_useful(text);
	free(text);
	return 0;
}
