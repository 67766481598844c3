/* SPDX-License-Identifier: MIT */
#include "storage/collector_child.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 64 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* One word from *from to *to; -EINVAL: a quote without its end. */
static int take_word(const char **from, char **to)
{
	const char *p = *from;
	char *w = *to, quote = '\0';

	for (; *p && (quote || !is_blank(*p)); p++) {
		if (!quote && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (quote && *p == quote)
			quote = '\0';
		else if (quote == '"' && *p == '\\' && p[1])
			*w++ = *++p;
		else
			*w++ = *p;
	}
	if (quote)
		return -EINVAL;
	*w++ = '\0';
	*from = p;
	*to = w;
	return 0;
}

int collector_words(const char *command, size_t more, char ***ret, size_t *ret_count)
{
	const size_t pointers = (MAX_WORDS + more + 1) * sizeof(char *);
	char **words = calloc(1, pointers + strlen(command) + 1);
	char *to;
	size_t n = 0;
	int r = 0;

	if (!words)
		return -ENOMEM;
	to = (char *)words + pointers;
	while (r == 0) {
		command += strspn(command, " \t\n");
		if (!*command)
			break;
		if (n == MAX_WORDS) {
			r = -EINVAL;
			break;
		}
		words[n++] = to;
		r = take_word(&command, &to);
	}
	if (r == 0 && (n == 0 || !words[0][0]))
		r = -EINVAL;
	if (r < 0) {
		free(words);
		return r;
	}
	*ret = words;
	*ret_count = n;
	return 0;
}
