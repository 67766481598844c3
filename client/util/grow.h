/* SPDX-License-Identifier: MIT */
/* Arrays that double when they are full. */
#ifndef REG_UTIL_GROW_H
#define REG_UTIL_GROW_H

#include <stdlib.h>

/*
 * The array with room for one more item behind `count`, perhaps in another place; *room is how many it has
 * room for. NULL: no memory, and the array and *room are as they were.
 */
static inline void *grow(void *items, size_t count, size_t *room, size_t size)
{
	const size_t more = *room ? *room * 2 : 16;
	void *grown;

	if (count < *room)
		return items;
	grown = reallocarray(items, more, size);
	if (grown)
		*room = more;
	return grown;
}

#endif
