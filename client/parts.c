/* SPDX-License-Identifier: MIT */
#include "parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool reg_copy(const char *text, char **ret)
{
	char *copy = NULL;

	if (text) {
		copy = strdup(text);
		if (!copy)
			return false;
	}
	*ret = copy;
	return true;
}

void reg_pairs_done(struct reg_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		free(pairs->items[i].key);
		free(pairs->items[i].value);
	}
	free(pairs->items);
	*pairs = (struct reg_pairs){0};
}

int reg_pairs_read(const struct json *object, struct reg_pairs *ret)
{
	const struct json *first = json_is_object(object) ? json_first(object) : NULL;
	struct reg_pairs pairs = {0};
	size_t n = 0;

	for (const struct json *i = first; i; i = json_next(i))
		n += json_text(i) != NULL;
	if (!n) {
		*ret = pairs;
		return 0;
	}
	pairs.items = calloc(n, sizeof(*pairs.items));
	if (!pairs.items)
		return -ENOMEM;
	for (const struct json *i = first; i; i = json_next(i)) {
		struct reg_pair *pair = &pairs.items[pairs.count];

		if (!json_text(i))
			continue;
		pairs.count++;
		if (!reg_copy(json_name(i), &pair->key) || !reg_copy(json_text(i), &pair->value)) {
			reg_pairs_done(&pairs);
			return -ENOMEM;
		}
	}
	*ret = pairs;
	return 0;
}

const char *reg_pairs_get(const struct reg_pairs *pairs, const char *key)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (strcmp(pairs->items[i].key, key) == 0)
			return pairs->items[i].value;
	return NULL;
}

/* They are shown to the user, so a line feed or an escape must not come through. */
static void read_word(const struct json *object, const char *name, char *ret, size_t size)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	const char *text = json_string(object, name);
	const size_t n = text ? strspn(text, word) : 0;

	if (n && n < size && !text[n])
		memcpy(ret, text, n + 1);
}

void reg_platform_read(const struct json *object, struct reg_platform *ret)
{
	*ret = (struct reg_platform){0};
	read_word(object, "os", ret->os, sizeof(ret->os));
	read_word(object, "architecture", ret->architecture, sizeof(ret->architecture));
	read_word(object, "variant", ret->variant, sizeof(ret->variant));
}
