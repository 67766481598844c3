/* SPDX-License-Identifier: MIT */
#include "util/random.h"

#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

void random_hex(char ret[static RANDOM_HEX + 1])
{
	unsigned char noise[RANDOM_HEX / 2] = {0};
	struct timespec now;

	if (getrandom(noise, sizeof(noise), GRND_NONBLOCK) != (ssize_t)sizeof(noise)) {
		/* Just booted: nobody has to be unable to guess it, it only must not be there already. */
		clock_gettime(CLOCK_REALTIME, &now);
		snprintf((char *)noise, sizeof(noise), "%lx.%lx.%x", (unsigned long)now.tv_sec,
			 (unsigned long)now.tv_nsec, (unsigned)getpid());
	}
	for (size_t k = 0; k < sizeof(noise); k++)
		snprintf(ret + 2 * k, 3, "%02x", noise[k]);
}
