/* SPDX-License-Identifier: MIT */
#include "utf8.h"

#include <stdbool.h>
#include <string.h>

size_t utf8_decode(const char *p, unsigned *ret_point)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char first = (unsigned char)p[0];
	const size_t n = first < 0x80   ? 1
			 : first < 0xc0 ? 0
			 : first < 0xe0 ? 2
			 : first < 0xf0 ? 3
			 : first < 0xf8 ? 4
					: 0;
	unsigned point = n < 2 ? first : first & (0x7fU >> n);

	for (size_t i = 1; i < n; i++) {
		const unsigned char c = (unsigned char)p[i];

		if ((c & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (c & 0x3f);
	}
	if (!n || point < least[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
		return 0;
	*ret_point = point;
	return n;
}

/* Controls, line separators, marks that turn the writing direction: they forge what a terminal shows. */
static bool is_control(unsigned point)
{
	return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x061c || point == 0x200e ||
	       point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

void utf8_make_printable(char *text)
{
	const char *in = text;
	char *out = text;
	unsigned point;

	while (*in) {
		const size_t n = utf8_decode(in, &point);

		if (n && !is_control(point)) {
			memmove(out, in, n);
			out += n;
		} else {
			*out++ = n ? ' ' : '?';
		}
		in += n ? n : 1;
	}
	*out = '\0';
}
