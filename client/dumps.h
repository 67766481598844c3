/* SPDX-License-Identifier: MIT */
/* For programs that hold passwords and tokens. */
#ifndef REG_DUMPS_H
#define REG_DUMPS_H

/*
 * From now on there is no core file of this process, and no other process of the same user can read its memory
 * or attach to it (nor list its open files). What it runs is not held to that, but leaves no core either.
 */
void dumps_off(void);

#endif
