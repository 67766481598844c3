/* SPDX-License-Identifier: MIT */
#include "credentials.h"

#include <stdlib.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *reg_base64_encode(const void *data, size_t size)
{
	const uint8_t *p = data;
	char *text, *out;

	if (size > SIZE_MAX / 2)
		return NULL;
	text = out = malloc((size + 2) / 3 * 4 + 1);
	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i += 3) {
		const size_t n = size - i < 3 ? size - i : 3;
		const uint32_t bits =
			(uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);

		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63];
		*out++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
		*out++ = n > 2 ? alphabet[bits & 63] : '=';
	}
	*out = '\0';
	return text;
}

/* Four characters to three bytes, the unused ones 0; false: they are not of the alphabet. '=' counts as 0. */
static bool decode_group(const char *text, uint8_t ret[3])
{
	uint32_t bits = 0;

	for (int i = 0; i < 4; i++) {
		const char *at = strchr(alphabet, text[i]);

		if (text[i] != '=' && (!at || !*at))
			return false;
		bits = bits << 6 | (text[i] == '=' ? 0 : (uint32_t)(at - alphabet));
	}
	ret[0] = (uint8_t)(bits >> 16);
	ret[1] = (uint8_t)(bits >> 8);
	ret[2] = (uint8_t)bits;
	return true;
}

char *reg_base64_decode(const char *text, size_t *ret_size)
{
	const size_t length = text ? strlen(text) : 0;
	size_t padding = 0;
	uint8_t *data;

	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	if (!text || length % 4 || memchr(text, '=', length - padding))
		return NULL;
	data = malloc(length / 4 * 3 + 1);
	if (!data)
		return NULL;
	for (size_t i = 0; i < length / 4; i++) {
		if (decode_group(text + 4 * i, data + 3 * i))
			continue;
		explicit_bzero(data, 3 * i);
		free(data);
		return NULL;
	}
	data[length / 4 * 3 - padding] = '\0';
	*ret_size = length / 4 * 3 - padding;
	return (char *)data;
}
