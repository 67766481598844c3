/* SPDX-License-Identifier: MIT */
/* What WWW-Authenticate headers ask for (RFC 9110, 11.6.1; the docker token specification). */
#ifndef REG_CHALLENGE_H
#define REG_CHALLENGE_H

#include <stdbool.h>

struct reg_challenge {
	bool bearer, basic, digest; /* the schemes that it leaves the choice of */
	char other[32]; /* the name of one that regfs does not know; empty: none */
	/* Of Bearer; empty: not said. */
	char realm[2048], service[512], scope[2048], error[128], description[256];
};

/*
 * Parses headers, one a line, each of which may hold several challenges. A header that does not parse, or of
 * which a value does not fit, is passed over. False if nothing is left. Of two Bearers the first counts, and
 * one without a realm not at all.
 */
bool reg_challenge_parse(const char *headers, struct reg_challenge *ret);

#endif
